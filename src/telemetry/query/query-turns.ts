import { createFairGate, createSlots } from '../../platform/fair-gate.ts';
import { refusals } from '../../platform/refusals.ts';

/**
 * Who may read next, so that queries leave connections of the database and time of this process to others: pages and pieces of
 * streams go a few at a time, and tenants take turns. A stream has a place as long as its client reads.
 */
export type QueryTurns = {
  /** Runs a query that is answered at once; throws query_busy where too many wait. */
  page<T>(tenantId: string, work: () => Promise<T>): Promise<T>;
  /** Takes a place of the tenant for a stream; throws query_busy where there is none. */
  openStream(tenantId: string): StreamTurns;
};

export type StreamTurns = {
  /** Reads the next piece when it is the tenant's turn. */
  next<T>(work: () => Promise<T>): Promise<T>;
  /** Gives the place back; twice is once. */
  leave(): void;
};

const pages = { atOnceMax: 4, waitingMax: 200 };
const pieces = { atOnceMax: 2 };
const streams = { inAllMax: 32, ofPartyMax: 8 };

/** One for a process. */
export function createQueryTurns(): QueryTurns {
  const pageGate = createFairGate(pages);
  // Each stream waits for one piece at most, so none is ever turned away.
  const pieceGate = createFairGate({ ...pieces, waitingMax: streams.inAllMax });
  const places = createSlots(streams);
  return {
    page: (tenantId, work) => passed(pageGate(tenantId, async () => ({ done: await work() }))),
    openStream(tenantId) {
      const leave = places(tenantId);
      if (!leave) throw refusals.queryBusy();
      return { next: (work) => passed(pieceGate(tenantId, async () => ({ done: await work() }))), leave };
    },
  };
}

async function passed<T>(gated: Promise<{ done: T } | undefined>): Promise<T> {
  const through = await gated;
  if (!through) throw refusals.queryBusy();
  return through.done;
}
