import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { followResolved } from './evidence/detected-series-store.ts';

/** Whether a work order of the insight has not ended. */
export const hasStandingWork = sql<boolean>`exists (
  select from work_order where work_order.insight_id = insight.id and work_order.deleted_at is null
    and work_order.status in ('open', 'in_progress', 'on_hold')
)`;

/** When work on an insight that is there again began: a work order that has not ended is work on it. */
export const begunBefore = sql<
  number | null
>`coalesce(insight.work_begun_episode, case when ${hasStandingWork} then 0 end)`;

/** Whether what people decided last still holds: the fault has not come back since. */
const holds = sql<boolean>`insight.episodes <= insight.decided_episode`;

/** Whether people have put the insight aside, so that its rule's work order waits. */
export const isPutAside = sql<boolean>`(
  coalesce(insight.decision = 'dismissed' or (insight.decision = 'resolved' and ${holds}), false)
  or coalesce(insight.snoozed_until > now(), false)
)`;

/**
 * What an insight is, by its facts, the first that applies:
 *
 *   dismissed by people                                             dismissed
 *   late readings showed that it never was                          resolved
 *   resolved by people, or by its last work order, and not back     resolved
 *   its detector has seen it end, and nobody opened it again since  resolved
 *   put aside until an instant to come                              snoozed
 *   work on it has begun in this episode, or one stands             in_progress
 *   anything else                                                   open
 */
const statusNow = sql<string>`case
  when insight.decision = 'dismissed' then 'dismissed'
  when insight.withdrawn_at is not null then 'resolved'
  when insight.decision = 'resolved' and ${holds} then 'resolved'
  when insight.ended_at is not null and not coalesce(insight.decision = 'reopened' and ${holds}, false) then 'resolved'
  when insight.snoozed_until > now() then 'snoozed'
  when insight.work_begun_episode >= insight.episodes then 'in_progress'
  when insight.work_begun_episode is not null and ${hasStandingWork} then 'in_progress'
  else 'open'
end`;

const resolvedAtNow = sql<Date | null>`case when ${statusNow} <> 'resolved' then null
  when insight.withdrawn_at is null and insight.decision = 'resolved' and ${holds} then insight.decided_at
  else insight.ended_at end`;

/**
 * Writes the status that follows from what is known of insights, after any of it was changed; those of which it is what it was
 * stay as they are. Whoever holds the rows calls it last. Returns whether any has changed.
 */
export async function settleInsights(trx: Db, ids: readonly string[]): Promise<boolean> {
  if (ids.length === 0) return false;
  const { numUpdatedRows } = await trx
    .updateTable('insight')
    .set({ status: statusNow, resolved_at: resolvedAtNow, updated_at: laterThanBefore(new Date()) })
    .where(sql<boolean>`insight.id = any(${[...ids]}::uuid[])`)
    .where(sql<boolean>`(insight.status, insight.resolved_at) is distinct from (${statusNow}, ${resolvedAtNow})`)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await followResolved(trx, ids);
  return numUpdatedRows > 0n;
}
