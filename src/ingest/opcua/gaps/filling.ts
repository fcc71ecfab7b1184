/**
 * The gaps of one connection: recorded when they are found, and filled one after the other while the server is connected.
 *
 *   record ─▶ open ─▶ filling ─▶ filled, partly, lost
 *                       └─ the link is lost, or the program: open again, from its beginning
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../../platform/database.ts';
import type { Log } from '../../../platform/log.ts';
import type { ConnectionSpec, FoundGap } from '../connection.ts';
import type { OpcuaCounters } from '../counters.ts';
import { type FillOptions, fillGap } from './fill-gap.ts';
import { type GapResult, giveUpGaps, insertGap, takeGap, updateGap } from './gap-store.ts';

export type Filling = {
  /** Resolves when the gap is written down; rejects while the database is away. */
  record(gap: FoundGap): Promise<void>;
  /** The server is connected: what waits is asked for. */
  wake(): void;
  close(): Promise<void>;
};

export type FillingOptions = Omit<FillOptions, 'signal' | 'items' | 'read'> & {
  readonly db: Db;
  readonly log: Log;
  readonly counters: OpcuaCounters;
  readonly spec: Pick<ConnectionSpec, 'id' | 'tenantId' | 'name' | 'history'>;
  readonly items: () => FillOptions['items'];
  /** Told how often reading has failed before. */
  readonly read: (
    span: Parameters<FillOptions['read']>[0],
    how: { readonly signal: AbortSignal; readonly failures: number },
  ) => Promise<void>;
  readonly isConnected: () => boolean;
  /** Of many connections some are filled at a time. */
  readonly inTurn: (work: () => Promise<void>) => Promise<unknown>;
};

const retryMs = { min: 5_000, max: 60_000 };
/** A server that closes the connection whenever it is asked for history would disturb for ever what is live. */
const failuresMax = 10;
const closeMsMax = 3_000;
const historyIsOff = 'The connection does not ask for history.';

/** Nothing is asked until it is woken. */
export function createFilling(options: FillingOptions): Filling {
  const { db, log, counters, spec, isConnected, inTurn } = options;
  const which = { tenantId: spec.tenantId, connectionId: spec.id };
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  let isWokenAgain = false;
  /** Of the gap that is the oldest, in a row. */
  let failed = { gapId: '', times: 0 };

  const fillNext = async (): Promise<boolean> => {
    if (spec.history === 'off') {
      await giveUpGaps(db, which, historyIsOff);
      return false;
    }
    const gap = await takeGap(db, which);
    if (!gap) return false;
    const fill = { ...options, items: options.items(), signal: closing.signal };
    if (failed.gapId !== gap.id) failed = { gapId: gap.id, times: 0 };
    const read: FillOptions['read'] = async (span) => {
      let isTaken = true;
      const give: typeof span.give = async (values) => {
        isTaken = false;
        await span.give(values);
        isTaken = true;
      };
      try {
        await options.read({ ...span, give }, { signal: closing.signal, failures: failed.times });
      } catch (error) {
        if (isTaken) failed = { gapId: gap.id, times: failed.times + 1 };
        throw error;
      }
    };
    const result = failed.times < failuresMax ? await fillGap(gap, { ...fill, read }) : givenUp(fill.items.length);
    await updateGap(db, { tenantId: spec.tenantId, id: gap.id }, result);
    return true;
  };
  const run = async () => {
    while (isConnected() && !closing.signal.aborted) {
      isWokenAgain = false;
      try {
        let isMore = true;
        await inTurn(async () => {
          isMore = await fillNext();
        });
        if (!isMore && !isWokenAgain) return;
      } catch (error) {
        if (closing.signal.aborted) return;
        log.debug({ err: error, connection: spec.name }, 'a gap of an OPC-UA connection is tried again');
        const waitMs = Math.min(retryMs.max, retryMs.min * 2 ** failed.times);
        await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {});
      }
    }
  };
  const wake = () => {
    isWokenAgain = true;
    if (closing.signal.aborted) return;
    running ??= run().finally(() => {
      running = undefined;
      if (isWokenAgain && isConnected()) wake();
    });
  };

  return {
    record: async (gap) => {
      const lost = spec.history === 'off' ? historyIsOff : null;
      const isNew = await insertGap(db, gap, { ...which, lost });
      if (isNew) counters.gaps.inc({ reason: gap.reason });
      wake();
    },
    wake,
    close: async () => {
      closing.abort(new Error('the connection is read no more'));
      // A server that does not answer keeps nobody waiting.
      await Promise.race([running, sleep(closeMsMax, undefined, { ref: false })]);
    },
  };
}

function givenUp(itemsLost: number): GapResult {
  const detail = `The connection was lost ${failuresMax} times while the server's history was being read.`;
  return { state: 'lost', detail, itemsFilled: 0, itemsLost, readingsFound: 0 };
}
