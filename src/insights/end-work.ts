/**
 * What the end of work means for insights:
 *
 *   the last work order that stood is completed   resolved, once the rule no longer sees the fault; at once where no rule watches it
 *   it ends otherwise, or is unlinked or deleted  open again
 *   one of them stands again                      in progress again, also where its completion had resolved it
 *
 * Work that was done before the fault came back, or before people opened the insight again, is no work on what is there now.
 */
import type { Actor } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import {
  beginWorkAgain,
  giveUpWork,
  noteWorkDone,
  resolveByWork,
  takeBackWork,
  touchInsights,
} from './end-work-store.ts';
import { recordInsightEvents } from './insight-events.ts';

/** An insight of which a work order has just ended, been reopened, linked, unlinked or deleted. */
export type WorkMove = {
  readonly id: string;
  /** Whether a work order that was there already has been linked, which is no work that begins: it is shown, and that is all. */
  readonly isLinked?: boolean;
  /** Whether that work order was completed. */
  readonly isDone?: boolean;
  /** Whether it was completed or had ended, and is so no more. */
  readonly isTakenBack?: boolean;
};

type Ended = {
  readonly tenantId: string;
  readonly moves: readonly WorkMove[];
  readonly actor: Actor;
  readonly at: Date;
};

/**
 * Lets insights follow what has become of their work orders, in the transaction that changed these. Whoever changes several things
 * holds the insights first (lockInsights), then their work orders.
 */
export async function endWorkOnInsights(trx: Db, { tenantId, moves, actor, at }: Ended): Promise<void> {
  if (moves.length === 0) return;
  const idsOf = (some: readonly WorkMove[]) => [...new Set(some.map(({ id }) => id))];
  await recordInsightEvents(trx, { ids: idsOf(moves), actor }, async () => {
    const which = { tenantId, ids: idsOf(moves.filter(({ isLinked }) => !isLinked)), userId: personOf(actor), at };
    await touchInsights(trx, { ...which, ids: idsOf(moves) });
    await noteWorkDone(trx, { ...which, ids: idsOf(moves.filter(({ isDone }) => isDone)) });
    await takeBackWork(trx, { ...which, ids: idsOf(moves.filter(({ isTakenBack }) => isTakenBack)) });
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
