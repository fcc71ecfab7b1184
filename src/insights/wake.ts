/** Insights whose time of being put aside is over are what they would be without it, and have the work orders that waited. */
import type { Db } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { listOverslept } from './decision-store.ts';
import { recordInsightEvents } from './insight-events.ts';
import { openWithheld } from './withheld.ts';
import type { OpenWorkOrder } from './work-order-steps.ts';

const wokenAtOnce = 500;

type Waking = { readonly openWorkOrder: OpenWorkOrder; readonly log: Log; readonly closing: AbortSignal };

/**
 * Wakes what has slept long enough, each in a transaction of its own, since work orders of several tenants are counted in each;
 * one that cannot be woken is tried again the next time. Any number of processes may do so.
 */
export async function wakeInsights(db: Db, { openWorkOrder, log, closing }: Waking): Promise<void> {
  for (const { id } of await listOverslept(db, wokenAtOnce)) {
    if (closing.aborted) return;
    try {
      await db
        .transaction()
        .execute((trx) =>
          recordInsightEvents(trx, { ids: [id], actor: { kind: 'system' } }, () =>
            openWithheld(trx, { ids: [id] }, { openWorkOrder }),
          ),
        );
    } catch (error) {
      log.error({ err: error, insight: id }, 'an insight could not be woken; it is tried again');
    }
  }
}
