import { type SqlBool, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { InsightStatus } from './insight.ts';

/** What people set of an insight beside deciding about it; absent is left as it is. */
export type InsightColumns = {
  readonly assignee_id?: string | null;
  readonly external_id?: string | null;
  readonly metadata?: string;
  readonly title?: string;
  readonly message?: string;
  readonly severity?: string;
  readonly category?: string;
  readonly cost_per_hour?: number | null;
  readonly confidence?: number | null;
};

/** Who decides about which insight, and when. */
export type By = {
  readonly tenantId: string;
  readonly id: string;
  readonly userId: string | null;
  readonly at: Date;
};

/** The statuses in which somebody has to do something about an insight, or will have. */
const standing: readonly InsightStatus[] = ['open', 'in_progress', 'snoozed'];

/** People decide that it is none, or that it is over; false, and nothing has changed, where it does not stand. */
export async function endInsight(
  trx: Db,
  { by, decision, because, reason }: { by: By; decision: 'dismissed' | 'resolved'; because: Because; reason: string },
): Promise<boolean> {
  const decided = { decision, decided_because: because, decided_reason: reason, ...decidedBy(by) };
  return didChange(
    await one(trx, by)
      .where('status', 'in', standing)
      .set({ ...decided, snoozed_until: null })
      .executeTakeFirst(),
  );
}

/** What made it end, beside its detector. */
export type Because = 'person' | 'work_order_completed';

/**
 * People open it again: of what its detector still sees the decision is taken back, of what has ended they decide that it is there.
 * False, and nothing has changed, where it is neither resolved nor dismissed nor snoozed, or was withdrawn.
 */
export async function reopenByPeople(trx: Db, by: By): Promise<boolean> {
  return didChange(
    await one(trx, by)
      .where('status', 'in', ['resolved', 'dismissed', 'snoozed'])
      .where('withdrawn_at', 'is', null)
      .set({
        ...openedAgain(by),
        snoozed_until: null,
        // Work that has ended was not enough.
        work_begun_episode: sql`case when exists (select from work_order w where w.insight_id = insight.id
          and w.deleted_at is null and w.status in ('open', 'in_progress', 'on_hold')) then episodes end`,
        work_done_episode: null,
      })
      .executeTakeFirst(),
  );
}

/** People put it aside until an instant; false, and nothing has changed, where it does not stand. */
export async function snoozeInsight(trx: Db, by: By, until: Date): Promise<boolean> {
  const snoozed = one(trx, by).where('status', 'in', standing).set({ snoozed_until: until });
  return didChange(await snoozed.executeTakeFirst());
}

/** Somebody has seen it; who did so first stays. False where it does not stand. */
export async function acknowledgeInsight(trx: Db, by: By): Promise<boolean> {
  const acknowledged = one(trx, by)
    .where('status', 'in', standing)
    .set({
      acknowledged_at: sql`coalesce(acknowledged_at, ${by.at}::timestamptz)`,
      acknowledged_by: sql`case when acknowledged_at is null then ${by.userId}::uuid else acknowledged_by end`,
    });
  return didChange(await acknowledged.executeTakeFirst());
}

/** Writes what people set. */
export async function updateInsight(trx: Db, by: By, columns: InsightColumns): Promise<void> {
  await one(trx, by).set(columns).execute();
}

/** Insights whose time of being put aside is over and that still count as such, those that waited longest first. */
export async function listOverslept(db: Db, countMax: number): Promise<{ id: string }[]> {
  const { rows } = await sql<{ id: string }>`
    select id from insight
    where status = 'snoozed' and snoozed_until <= now() order by snoozed_until limit ${countMax}`.execute(db);
  return rows;
}

/** Holds an insight of the tenant until the transaction ends. */
export async function lockInsightOf(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<void> {
  await trx
    .selectFrom('insight')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forNoKeyUpdate()
    .execute();
}

/** Counts comments on an insight, so many more or less, which is a change of it. */
export async function addComments(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
  difference: 1 | -1,
): Promise<void> {
  await one(trx, { tenantId, id, at })
    .set({ comment_count: sql`comment_count + ${difference}` })
    .execute();
}

function one(trx: Db, { tenantId, id, at }: Omit<By, 'userId'>) {
  return trx
    .updateTable('insight')
    .set({ updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id);
}

/** That it is there: where its detector sees it, nobody has to say so. */
export function openedAgain(by: Pick<By, 'userId' | 'at'>) {
  const hasEnded = sql<SqlBool>`ended_at is not null`;
  return {
    ...decidedBy(by),
    decision: sql<string | null>`case when ${hasEnded} then 'reopened' end`,
    decided_because: sql<string | null>`case when ${hasEnded} then 'person' end`,
    decided_reason: '',
  };
}

function decidedBy({ userId, at }: Pick<By, 'userId' | 'at'>) {
  return { decided_at: at, decided_by: userId, decided_episode: sql<number>`episodes` };
}

function didChange({ numUpdatedRows }: { numUpdatedRows: bigint }): boolean {
  return numUpdatedRows > 0n;
}
