/**
 * What the end of work means for insights:
 *
 *   the last work order that stood is completed   resolved, once the rule no longer sees the fault; at once where no rule watches it
 *   it ends otherwise, or is unlinked or deleted  open again
 *   one of them stands again                      in progress again
 */
import type { Actor } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { beginWorkAgain, giveUpWork, resolveByWork } from './end-work-store.ts';
import { recordInsightEvents } from './insight-events.ts';

type Ended = {
  readonly tenantId: string;
  /** Insights of which a work order has just ended, been reopened, unlinked or deleted. */
  readonly ids: readonly string[];
  readonly actor: Actor;
  readonly at: Date;
};

/**
 * Lets insights follow what has become of their work orders, in the transaction that changed these. Whoever changes several things
 * holds the insights first (lockInsights), then their work orders.
 */
export async function endWorkOnInsights(trx: Db, { tenantId, ids, actor, at }: Ended): Promise<void> {
  if (ids.length === 0) return;
  await recordInsightEvents(trx, { ids, actor }, async () => {
    const which = { tenantId, ids, userId: personOf(actor), at };
    await resolveByWork(trx, which);
    await giveUpWork(trx, which);
    await beginWorkAgain(trx, which);
    return [];
  });
}

function personOf(actor: Actor): string | null {
  switch (actor.kind) {
    case 'user':
      return actor.id;
    case 'key':
      return actor.user_id;
    case 'rule':
    case 'device':
    case 'system':
      return null;
  }
}
