/**
 * Costly work of many parties, a few pieces at a time. Whoever waits, waits in the lane of its party; lanes take turns, so
 * that one party with much to do keeps the others waiting for one piece of its work and not for all.
 * What takes long and waits for nobody, such as a stream, takes a place instead.
 */

export type FairGate = <T>(party: string, work: () => Promise<T>) => Promise<T | undefined>;

/**
 * A gate through which `atOnceMax` pieces of work go at a time while `waitingMax` wait. Beyond that the longest lane gives
 * up its last piece, which comes out as undefined without having been begun.
 */
export function createFairGate({ atOnceMax, waitingMax }: { atOnceMax: number; waitingMax: number }): FairGate {
  /** In the order of their turns; no lane is empty. */
  const lanes = new Map<string, ((isTurn: boolean) => void)[]>();
  let waiting = 0;
  let running = 0;

  const pass = () => {
    const [next] = lanes;
    if (!next) {
      running--;
      return;
    }
    const [party, lane] = next;
    const begin = lane.shift();
    lanes.delete(party);
    if (lane.length > 0) lanes.set(party, lane);
    waiting--;
    begin?.(true);
  };
  const wait = (party: string) =>
    new Promise<boolean>((resolve) => {
      const lane = lanes.get(party) ?? [];
      lane.push(resolve);
      lanes.set(party, lane);
      waiting++;
      if (waiting > waitingMax) giveUp();
    });
  const giveUp = () => {
    const [longest] = [...lanes].sort(([, a], [, b]) => b.length - a.length);
    if (!longest) return;
    const [party, lane] = longest;
    const last = lane.pop();
    if (lane.length === 0) lanes.delete(party);
    waiting--;
    last?.(false);
  };

  return async (party, work) => {
    if (running < atOnceMax) running++;
    else if (!(await wait(party))) return undefined;
    try {
      return await work();
    } finally {
      pass();
    }
  };
}

/** Places for requests that take long: gives back how to leave one, or undefined where there is none for that party. */
export type Slots = (party: string) => (() => void) | undefined;

/** So many in all, and so many of one party, so that slow clients keep out nobody but their own. */
export function createSlots({ inAllMax, ofPartyMax }: { inAllMax: number; ofPartyMax: number }): Slots {
  const taken = new Map<string, number>();
  let all = 0;
  return (party) => {
    const own = taken.get(party) ?? 0;
    if (all >= inAllMax || own >= ofPartyMax) return undefined;
    all++;
    taken.set(party, own + 1);
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      all--;
      const left = (taken.get(party) as number) - 1;
      if (left === 0) taken.delete(party);
      else taken.set(party, left);
    };
  };
}

/** How long somebody waits for a place, and how many may wait at a time. */
type Patience = { readonly waitMsMax: number; readonly waitingMax: number };

/** The places of createSlots, for one of which who finds none waits a while; undefined where there was none in all that time. */
export function createPatientSlots(places: Parameters<typeof createSlots>[0], { waitMsMax, waitingMax }: Patience) {
  const slots = createSlots(places);
  /** In the order in which they came. */
  const waiting = new Set<() => void>();
  const oneLeft = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  return async (party: string): Promise<(() => void) | undefined> => {
    let signal: AbortSignal | undefined;
    for (;;) {
      const leave = slots(party);
      if (leave) {
        return () => {
          leave();
          for (const wake of [...waiting]) wake();
        };
      }
      signal ??= AbortSignal.timeout(waitMsMax);
      if (signal.aborted || waiting.size >= waitingMax) return undefined;
      await oneLeft(signal);
    }
  };
}
