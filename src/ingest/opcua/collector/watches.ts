/**
 * What is watched at a server: one node at one interval with one dead-band, for all the items that are parts of its
 * value, so that a structure travels once and not once for each of its fields.
 *
 *   new ──▶ monitored          the server samples it and tells us
 *      ├──▶ polled             the server will not: we read it
 *      └──▶ failing, gone      the server cannot: asked again for ever; gone is what it had before
 */
import type { ConnectionSpec, DeadbandKind, GapReason, ItemSpec, ItemState, NodeKey } from '../connection.ts';
import type { KeptItem } from './port.ts';
import type { Subscription } from './subscription.ts';

export type Watch = {
  /** Our number of it in the server's notifications. */
  readonly handle: number;
  readonly asked: string;
  readonly node: NodeKey;
  readonly samplingMs: number;
  readonly deadbandKind: DeadbandKind;
  readonly deadband: number;
  items: readonly ItemSpec[];
  state: ItemState;
  /** The name of the StatusCode that the server answered with last, and what there is to say. */
  status: string | null;
  detail: string | null;
  subscription: Subscription | null;
  monitoredItemId: number;
  revisedSamplingMs: number | null;
  queueSize: number;
  isDeadbandRefused: boolean;
  /** Type and rank of its values, as one number; -1 before the first. */
  shape: number;
  /** That it has changed, and from what. */
  shapeNote: string | null;
  /** The time of the last value, and when it came. */
  lastTimeMs: number | null;
  lastStatus: number;
  lastSeenMs: number;
  /** Items that joined it late and have not had a value yet. */
  isToBeRead: boolean;
  /** By item: why its field is no number and no text. */
  readonly unreadable: Map<number, string>;
  attempts: number;
  retryAtMs: number;
  /** Since when samples may be missing, and why; its next value ends that. */
  missing: { readonly fromMs: number; readonly reason: GapReason } | null;
};

export type Watches = {
  get(handle: number): Watch | undefined;
  all(): Iterable<Watch>;
  readonly size: number;
  /** Makes it so that these items are watched; answers the watches that are no longer needed. */
  set(items: readonly ItemSpec[]): Watch[];
};

/** The watches of a connection; those that a server still keeps for us get the handles that they had. */
export function createWatches(spec: ConnectionSpec, kept: readonly KeptItem[]): Watches {
  const byAsked = new Map<string, Watch>();
  const byHandle = new Map<number, Watch>();
  const handles = new Map(kept.map(({ asked, handle }) => [asked, handle]));
  let handleLast = kept.reduce((highest, { handle }) => Math.max(highest, handle), 0);

  const add = (asked: string, items: readonly ItemSpec[]) => {
    const keptHandle = handles.get(asked);
    handles.delete(asked);
    const [first] = items;
    if (!first) return;
    if (keptHandle === undefined) handleLast += 1;
    const watch = newWatch(keptHandle ?? handleLast, asked, items, first, spec.samplingIntervalMs);
    byAsked.set(asked, watch);
    byHandle.set(watch.handle, watch);
  };
  return {
    get: (handle) => byHandle.get(handle),
    all: () => byHandle.values(),
    get size() {
      return byHandle.size;
    },
    set: (items) => {
      const wanted = Map.groupBy(items, (item) => askedOf(item, spec));
      const obsolete = [...byAsked.values()].filter(({ asked }) => !wanted.has(asked));
      for (const watch of obsolete) {
        byAsked.delete(watch.asked);
        byHandle.delete(watch.handle);
      }
      for (const [asked, those] of wanted) {
        const watch = byAsked.get(asked);
        if (!watch) add(asked, those);
        else join(watch, those);
      }
      return obsolete;
    },
  };
}

/** What a watch asks a server for, as one text. */
function askedOf(item: ItemSpec, spec: ConnectionSpec): string {
  const deadband = item.deadbandKind === 'none' ? '' : `${item.deadbandKind} ${item.deadband}`;
  return `${item.node}|${item.samplingIntervalMs ?? spec.samplingIntervalMs}|${deadband}|${spec.bridgeMs}`;
}

function newWatch(
  handle: number,
  asked: string,
  items: readonly ItemSpec[],
  first: ItemSpec,
  samplingMs: number,
): Watch {
  return {
    handle,
    asked,
    node: first.node,
    samplingMs: first.samplingIntervalMs ?? samplingMs,
    deadbandKind: first.deadbandKind,
    deadband: first.deadband,
    items,
    state: 'new',
    status: null,
    detail: null,
    subscription: null,
    monitoredItemId: 0,
    revisedSamplingMs: null,
    queueSize: 0,
    isDeadbandRefused: false,
    shape: -1,
    shapeNote: null,
    lastTimeMs: null,
    lastStatus: 0,
    lastSeenMs: 0,
    isToBeRead: false,
    unreadable: new Map(),
    attempts: 0,
    retryAtMs: 0,
    missing: null,
  };
}

function join(watch: Watch, items: readonly ItemSpec[]): void {
  const known = new Set(watch.items.map(({ id }) => id));
  if (items.some(({ id }) => !known.has(id))) watch.isToBeRead = watch.lastTimeMs !== null;
  watch.items = items;
}
