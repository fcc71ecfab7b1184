/**
 * What is missing is asked of the server's history, and goes the way of what is live.
 *
 *   [from − slack … to + slack] ─▶ values of a batch ─▶ room? ─▶ intake ─▶ committed ─▶ the next batch
 *                                       the end of it once more, when that is past: a historian may write late
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ItemSpec, Value } from '../connection.ts';
import type { GapResult, OpenGap } from './gap-store.ts';

/** The bounds of a gap are times at which messages were sent, and samples have times of their own. */
export const slackMsMin = 10_000;

/** Reads history of items between two times (ms since 1970), as readHistory does. */
export type ReadHistory = (span: {
  readonly items: readonly ItemSpec[];
  readonly fromMs: number;
  readonly toMs: number;
  /** History has to know something of this time or before. */
  readonly reachMs: number;
  give(values: readonly Value[]): Promise<void>;
  end(itemId: number, why: string | null): void;
}) => Promise<void>;

export type FillOptions = {
  readonly items: readonly ItemSpec[];
  readonly slackMs: number;
  readonly read: ReadHistory;
  /** Resolves when the values are committed. */
  readonly deliver: (values: readonly Value[]) => Promise<void>;
  readonly hasRoom: () => boolean;
  readonly signal: AbortSignal;
};

const roomMs = 100;

/** Fills a gap as far as history goes. Rejects where the link is lost, or values were not kept: the gap is to be tried again. */
export async function fillGap(gap: OpenGap, options: FillOptions): Promise<GapResult> {
  const { slackMs, signal } = options;
  const items = gap.itemId === null ? options.items : options.items.filter(({ id }) => id === gap.itemId);
  const found = createCount(gap);
  const fromMs = gap.fromMs - slackMs;
  const endMs = gap.toMs + slackMs;
  const isEndPast = Date.now() >= endMs;
  const good = await readOnce(items, { fromMs, toMs: endMs, reachMs: gap.fromMs, found, options });
  if (!isEndPast && good.length > 0) {
    await sleep(Math.max(0, endMs - Date.now()), undefined, { signal });
    const lateMs = Math.max(fromMs, gap.toMs - slackMs);
    await readOnce(good, { fromMs: lateMs, toMs: endMs, reachMs: gap.fromMs, found, options });
  }
  return resultOf(items, found);
}

type Found = {
  readonly newestMs: Map<number, number>;
  readonly lost: Map<number, string>;
  count(values: readonly Value[]): void;
  readings(): number;
};

/** Counts values within the bounds, and none of them twice. */
function createCount({ fromMs, toMs }: OpenGap): Found {
  const newestMs = new Map<number, number>();
  let readings = 0;
  return {
    newestMs,
    lost: new Map(),
    count: (values) => {
      for (const { itemId, timeMs } of values) {
        if (timeMs <= (newestMs.get(itemId) ?? Number.NEGATIVE_INFINITY)) continue;
        newestMs.set(itemId, timeMs);
        if (timeMs >= fromMs && timeMs <= toMs) readings++;
      }
    },
    readings: () => readings,
  };
}

type Span = Readonly<Record<'fromMs' | 'toMs' | 'reachMs', number>> & {
  readonly found: Found;
  readonly options: FillOptions;
};

/** Returns the items of which there is history. */
async function readOnce(items: readonly ItemSpec[], { found, options, ...span }: Span): Promise<ItemSpec[]> {
  const { read, deliver, hasRoom, signal } = options;
  await read({
    ...span,
    items,
    give: async (values) => {
      // What is live goes first, and what is old can wait at the server.
      while (!hasRoom()) await sleep(roomMs, undefined, { signal });
      signal.throwIfAborted();
      await deliver(values);
      found.count(values);
    },
    end: (itemId, why) => {
      if (why !== null) found.lost.set(itemId, why);
    },
  });
  return items.filter(({ id }) => !found.lost.has(id));
}

function resultOf(items: readonly ItemSpec[], found: Found): GapResult {
  const itemsLost = found.lost.size;
  const itemsFilled = items.length - itemsLost;
  return {
    state: itemsLost === 0 ? 'filled' : itemsFilled === 0 ? 'lost' : 'partly',
    detail: explain(items, found.lost),
    itemsFilled,
    itemsLost,
    readingsFound: found.readings(),
  };
}

const namedMax = 3;

function explain(items: readonly ItemSpec[], lost: ReadonlyMap<number, string>): string | null {
  if (items.length === 0) return 'The item is read no more.';
  if (lost.size === 0) return null;
  const nodes = new Map(items.map(({ id, node }) => [id, node]));
  const byReason = Map.groupBy([...lost], ([, why]) => why);
  const parts = [...byReason].map(([why, some]) => {
    const named = some.slice(0, namedMax).map(([id]) => nodes.get(id) ?? id);
    return `${some.length} of ${items.length} items (${named.join(', ')}${some.length > namedMax ? ', …' : ''}): ${why}`;
  });
  return `Not out of history: ${parts.join('; ')}.`.slice(0, 2_000);
}
