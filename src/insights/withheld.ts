/** Work orders that rules asked for while people had put their insights aside: a rule asks once, so what it asked for is kept. */
import type { NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { beginWork } from './apply-store.ts';
import { takeWithheld, type Withheld, type Withholding } from './withheld-store.ts';
import type { OpenWorkOrder } from './work-order-steps.ts';

/**
 * Opens what waits of insights that are put aside no more, in the transaction that holds them; the time until it is due begins
 * now. Returns what is to be told of it.
 */
export async function openWithheld(
  trx: Db,
  which: Withholding,
  { openWorkOrder }: { readonly openWorkOrder: OpenWorkOrder },
): Promise<NewEvent[]> {
  const events: NewEvent[] = [];
  for (const { asking, ...insight } of await takeWithheld(trx, which)) {
    const opened = await openWorkOrder(trx, insight, dueFromNow(asking));
    if (opened.length > 0) await beginWork(trx, insight.id);
    events.push(...opened);
  }
  return events;
}

function dueFromNow({ request, at }: Withheld['asking']): Withheld['asking']['request'] {
  return request.dueAt === null ? request : { ...request, dueAt: request.dueAt - at + Date.now() };
}
