import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { openedAgain } from './decision-store.ts';
import { hasStandingWork } from './status-store.ts';

type Which = {
  readonly tenantId: string;
  readonly ids: readonly string[];
  readonly userId: string | null;
  readonly at: Date;
};

const hasCompletedWork = sql<boolean>`exists (
  select from work_order where work_order.insight_id = insight.id and work_order.deleted_at is null
    and work_order.status = 'completed'
)`;

/** Whether work was done on what is there now, and none is left. */
const isDone = sql<boolean>`(coalesce(insight.work_done_episode >= insight.episodes, false) and ${hasCompletedWork}
  and not ${hasStandingWork})`;

/** What is shown of these has changed: they name their work orders. */
export async function touchInsights(trx: Db, which: Which): Promise<void> {
  await someOf(trx, which).execute();
}

/** Work on these has been done. */
export async function noteWorkDone(trx: Db, which: Which): Promise<void> {
  await someOf(trx, which).set({ work_done_episode: sql`episodes`, work_begun_episode: sql`episodes` }).execute();
}

/** Those that the completion of work resolved are no more resolved by it, where some stands again, or nothing of it is left. */
export async function takeBackWork(trx: Db, which: Which): Promise<void> {
  await someOf(trx, which)
    .set(openedAgain(which))
    .where('decision', '=', 'resolved')
    .where('decided_because', '=', 'work_order_completed')
    .where(sql<boolean>`(${hasStandingWork} or not ${hasCompletedWork})`)
    .execute();
}

/** Those of which the work is done are resolved, but where a rule still sees the fault: that one's end resolves them. */
export async function resolveByWork(trx: Db, which: Which): Promise<void> {
  await someOf(trx, which)
    .set({
      decision: 'resolved',
      decided_because: 'work_order_completed',
      decided_at: which.at,
      decided_by: which.userId,
      decided_reason: '',
      decided_episode: sql`episodes`,
      snoozed_until: null,
    })
    .where('status', 'in', ['open', 'in_progress', 'snoozed'])
    .where((is) => is.or([is('ended_at', 'is not', null), is('rule_id', 'is', null)]))
    .where(isDone)
    .execute();
}

/** On those of which no work is left, and none was done, it has not begun. */
export async function giveUpWork(trx: Db, which: Which): Promise<void> {
  await someOf(trx, which)
    .set({ work_begun_episode: null })
    .where('work_begun_episode', 'is not', null)
    .where(sql<boolean>`not ${hasStandingWork} and not ${isDone}`)
    .execute();
}

/** On those of which a work order stands it has begun. */
export async function beginWorkAgain(trx: Db, which: Which): Promise<void> {
  await someOf(trx, which)
    .set({ work_begun_episode: sql`episodes` })
    .where(sql<boolean>`work_begun_episode is distinct from episodes and ${hasStandingWork}`)
    .execute();
}

function someOf(trx: Db, { tenantId, ids, at }: Which) {
  return trx
    .updateTable('insight')
    .set({ updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`insight.id = any(${[...ids]}::uuid[])`);
}
