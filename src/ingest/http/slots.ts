import { createFairGate } from '../../platform/fair-gate.ts';
import type { Queue } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';

/** Runs pieces of work, some at once, the others in turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/** Turns of which `atOnceMax` run together; those that wait are bounded by who asks. */
export function createTurns(atOnceMax: number): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

/** A queue in which tenants take turns; throws telemetry_busy when too many requests wait. */
export function createQueue(limits: { atOnceMax: number; waitingMax: number }): Queue {
  const gate = createFairGate(limits);
  return async (request, work) => {
    const done = await gate(request.area.caller.tenantId, work);
    if (done === undefined) throw refusals.telemetryBusy();
    return done;
  };
}

/** Places for requests that take long: gives back how to leave one, or undefined where there is none for that tenant. */
export type Slots = (tenantId: string) => (() => void) | undefined;

/** So many in all, and so many of one tenant, so that slow clients keep out nobody but their own. */
export function createSlots({ inAllMax, ofTenantMax }: { inAllMax: number; ofTenantMax: number }): Slots {
  const taken = new Map<string, number>();
  let all = 0;
  return (tenantId) => {
    const own = taken.get(tenantId) ?? 0;
    if (all >= inAllMax || own >= ofTenantMax) return undefined;
    all++;
    taken.set(tenantId, own + 1);
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      all--;
      const left = (taken.get(tenantId) as number) - 1;
      if (left === 0) taken.delete(tenantId);
      else taken.set(tenantId, left);
    };
  };
}
