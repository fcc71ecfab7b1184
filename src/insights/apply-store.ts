import { type NotNull, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { Effect, Finding, WorkOrderRequest } from '../rules/kernel/effect.ts';
import { freshInsight, type InsightMemory } from '../rules/kernel/machine.ts';
import { builtInIds } from '../rules/language/rule.ts';
import type { AssetOwner } from '../rules/live/store.ts';
import type { InsightKey } from './insight-key.ts';
import { begunBefore, isPutAside } from './status-store.ts';

type Opened = Extract<Effect, { kind: 'opened' }>;
type Reopened = Extract<Effect, { kind: 'reopened' }>;
type Flagged = Extract<Effect, { kind: 'flagged' }>;
type Resolved = Extract<Effect, { kind: 'resolved' }>;

/** Adds the insight of an episode. One of that identity begins again, also when it had been withdrawn: a repair found it. */
export async function insertInsight(
  trx: Db,
  { id, owner, finding }: { id: string; owner: AssetOwner; finding: Opened },
): Promise<void> {
  await trx
    .insertInto('insight')
    .values({
      id,
      tenant_id: owner.tenantId,
      site_id: owner.siteId,
      asset_id: finding.assetId,
      rule_id: finding.ruleId,
      rule_version: finding.ruleVersion,
      started_at: new Date(finding.startedAt),
      opened_at: new Date(finding.openedAt),
      suppressed_by: finding.suppressedBy,
      shadow: finding.isShadow,
      last_seen_at: new Date(finding.openedAt),
      ...shownColumns(finding),
    })
    .onConflict((conflict) =>
      conflict.columns(['rule_id', 'asset_id', 'opened_at']).doUpdateSet({
        ...shownColumns(finding),
        ...beginning(finding),
        work_begun_episode: begunBefore,
        updated_at: sql`greatest(now(), insight.updated_at + interval '1 millisecond')`,
      }),
    )
    .execute();
}

function shownColumns(finding: Omit<Finding, 'isShadow'>) {
  const evidence = finding.evidence.map(({ name, value, unit }) => [name, { value, unit }]);
  return {
    title: finding.title,
    message: finding.message,
    severity: finding.severity,
    category: finding.category,
    evidence: JSON.stringify(Object.fromEntries(evidence)),
    causes: finding.causes,
    actions: finding.actions,
    cost_per_hour: finding.costPerHour !== null && Math.abs(finding.costPerHour) > costMax ? null : finding.costPerHour,
  };
}

/** Beyond it nothing is known of the cost: that of a day would be no number. */
const costMax = 1e300;

function beginning(finding: Opened) {
  return {
    started_at: new Date(finding.startedAt),
    suppressed_by: finding.suppressedBy,
    shadow: finding.isShadow,
    episodes: 1,
    flapping: false,
    data_stale: false,
    ended_at: null,
    ended_because: null,
    withdrawn_at: null,
    last_seen_at: new Date(finding.openedAt),
    withheld_work_order: null,
  };
}

/** Begins a new episode of an ended insight; returns its id unless people have dismissed it, to whom that is no news. */
export async function reopenInsight(trx: Db, key: InsightKey, effect: Reopened): Promise<string | undefined> {
  const row = await byKey(trx, key)
    .set({
      ...shownColumns(effect),
      episodes: effect.episodes,
      flapping: effect.flapping,
      shadow: effect.isShadow,
      updated_at: laterThanBefore(new Date()),
    })
    .set({ ended_at: null, ended_because: null, last_seen_at: new Date(effect.at), work_begun_episode: begunBefore })
    .returning(['id', 'decision'])
    .executeTakeFirst();
  return row && row.decision !== 'dismissed' ? row.id : undefined;
}

/** Marks an insight as seen through stale data, as explained by another rule's, as flapping, or as its rule is overridden now. */
export async function flagInsight(trx: Db, key: InsightKey, effect: Flagged): Promise<void> {
  const { stale, suppressedBy, flapping, shown } = effect;
  await byKey(trx, key)
    .set({ data_stale: stale, suppressed_by: suppressedBy, flapping, updated_at: laterThanBefore(new Date()) })
    .set(shown ? { severity: shown.severity, shadow: shown.isShadow } : {})
    .execute();
}

/** Ends an insight at the tick at which its rule cleared, or ceased to run there; returns its id where there is one. */
export async function resolveInsight(
  trx: Db,
  key: InsightKey,
  { clearedAt, because }: Resolved,
): Promise<string | undefined> {
  const row = await byKey(trx, key)
    .set({ ended_at: new Date(clearedAt), data_stale: false, updated_at: laterThanBefore(new Date()) })
    .set({ ended_because: because, ...(because === 'cleared' && { last_seen_at: new Date(clearedAt) }) })
    .returning('id')
    .executeTakeFirst();
  return row?.id;
}

/** Writes the words and the evidence of an open insight anew. */
export async function updateShown(trx: Db, key: InsightKey, finding: Omit<Finding, 'isShadow'>): Promise<void> {
  await byKey(trx, key)
    .set({ ...shownColumns(finding), updated_at: laterThanBefore(new Date()) })
    .execute();
}

/** What a rule asks for, and when it did. */
type Asking = { readonly request: WorkOrderRequest; readonly at: number };

/**
 * A rule asks for the work order of an insight: where people have put that aside, the request waits with it. Returns the id of one
 * that is to have it now; undefined for one that is not there, or put aside. A rule on trial asks for none: its trial is over.
 */
export async function askForWork(trx: Db, key: InsightKey, asking: Asking): Promise<string | undefined> {
  const row = await byKey(trx, key)
    .set({
      shadow: false,
      withheld_work_order: sql`case when ${isPutAside} then ${JSON.stringify(asking)}::jsonb end`,
      updated_at: laterThanBefore(new Date()),
    })
    .where('withdrawn_at', 'is', null)
    .returning(['id', 'withheld_work_order'])
    .executeTakeFirst();
  return row && row.withheld_work_order === null ? row.id : undefined;
}

/** Work on an insight has begun, in its present episode; its status follows when it is settled. */
export async function beginWork(trx: Db, id: string): Promise<void> {
  await trx
    .updateTable('insight')
    .set({ work_begun_episode: sql`episodes`, withheld_work_order: null, updated_at: laterThanBefore(new Date()) })
    .where('id', '=', id)
    .execute();
}

/** An insight of a rule as it is recorded, for comparison with what a repair finds. */
export type RecordedInsight = InsightKey & {
  readonly id: string;
  readonly isWithdrawn: boolean;
  readonly suppressedBy: string | null;
};

/** The insights of rules on some assets that stood at an instant or came later, withdrawn ones included. */
export async function listInsightsSince(
  trx: Db,
  { assetIds, since }: { assetIds: readonly string[]; since: Date },
): Promise<RecordedInsight[]> {
  const rows = await trx
    .selectFrom('insight')
    .select(['id', 'rule_id', 'asset_id', 'opened_at', 'withdrawn_at', 'suppressed_by'])
    .where('asset_id', 'in', [...assetIds])
    .where('rule_id', 'is not', null)
    .where((is) => is.or([is('ended_at', 'is', null), is('ended_at', '>', since), is('opened_at', '>', since)]))
    .orderBy('opened_at')
    .$narrowType<{ rule_id: NotNull; asset_id: NotNull }>()
    .execute();
  return rows.map((row) => ({
    id: row.id,
    ruleId: row.rule_id,
    assetId: row.asset_id,
    openedAt: row.opened_at,
    isWithdrawn: row.withdrawn_at !== null,
    suppressedBy: row.suppressed_by,
  }));
}

/** The insights that stood at an instant, as machines would remember them that saw no more of them than that. */
export async function listStanding(
  trx: Db,
  { assetIds, atMs }: { readonly assetIds: readonly string[]; readonly atMs: number },
): Promise<{ assetId: string; ruleId: string; insight: InsightMemory }[]> {
  const at = new Date(atMs);
  const rows = await trx
    .selectFrom('insight')
    .select(['rule_id', 'asset_id', 'started_at', 'opened_at', 'evidence'])
    .where('asset_id', 'in', [...assetIds])
    .where('rule_id', 'is not', null)
    .where('withdrawn_at', 'is', null)
    .where('opened_at', '<=', at)
    .where((is) => is.or([is('ended_at', 'is', null), is('ended_at', '>', at)]))
    .$narrowType<{ rule_id: NotNull; asset_id: NotNull }>()
    .execute();
  return rows.map(({ rule_id: ruleId, asset_id: assetId, started_at, opened_at, evidence }) => {
    const [startedAt, openedAt] = [started_at.getTime(), opened_at.getTime()];
    const insight = { ...freshInsight, startedAt, openedAt, episodeStarts: [openedAt] };
    const isBuiltIn = builtInIds.some((id) => id === ruleId);
    return { ruleId, assetId, insight: isBuiltIn ? { ...insight, concerned: concernedIn(evidence) } : insight };
  });
}

/** What a built-in insight is about, which is all that its evidence tells. */
function concernedIn(evidence: unknown): Record<string, string> {
  const told = Object.entries(evidence as Record<string, { value: unknown }>);
  return Object.fromEntries(told.map(([what, { value }]) => [what, String(value)]));
}

/** Sets an insight back to how its machine remembers it; what follows is written anew. */
export async function restoreInsight(trx: Db, id: string, memory: InsightMemory): Promise<void> {
  const { endedAt, endedBecause, episodes, episodeStarts, flapping, stale, suppressedBy, shown, workOrder } = memory;
  const lastSeenMs = endedAt ?? episodeStarts.at(-1) ?? memory.openedAt;
  await trx
    .updateTable('insight')
    .set({ ended_at: endedAt === null ? null : new Date(endedAt), episodes, flapping, data_stale: stale })
    .set({ ended_because: endedAt === null ? null : (endedBecause ?? 'cleared'), suppressed_by: suppressedBy })
    .set({ last_seen_at: new Date(lastSeenMs), updated_at: laterThanBefore(new Date()) })
    .set(shown ? { severity: shown.severity, shadow: shown.isShadow } : {})
    .set(workOrder === 'none' ? { withheld_work_order: null } : {})
    .where('id', '=', id)
    .execute();
}

/** What people decided and did about episodes that late readings show never to have been is about none that is to come. */
export async function forgetLostEpisodes(trx: Db, ids: readonly string[]): Promise<void> {
  const atMost = (column: 'decided_episode' | 'work_begun_episode' | 'work_done_episode') =>
    sql<number | null>`case when ${sql.ref(column)} is not null then least(${sql.ref(column)}, episodes) end`;
  await trx
    .updateTable('insight')
    .set({
      decided_episode: atMost('decided_episode'),
      work_begun_episode: atMost('work_begun_episode'),
      work_done_episode: atMost('work_done_episode'),
    })
    .where(sql<boolean>`id = any(${[...ids]}::uuid[])`)
    .where(sql<boolean>`episodes < greatest(decided_episode, work_begun_episode, work_done_episode)`)
    .execute();
}

/** Moves the opening of an insight to where late readings put it; its effects write the rest. */
export async function moveInsight(trx: Db, id: string, openedAt: Date): Promise<void> {
  await trx
    .updateTable('insight')
    .set({ opened_at: openedAt, updated_at: laterThanBefore(new Date()) })
    .where('id', '=', id)
    .execute();
}

/** Ends insights that late readings show never to have been. */
export async function withdrawInsights(trx: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable('insight')
    .set({ withdrawn_at: sql`now()`, withheld_work_order: null, updated_at: laterThanBefore(new Date()) })
    .set({ ended_at: sql`coalesce(ended_at, opened_at)`, ended_because: 'withdrawn' })
    .where('id', 'in', [...ids])
    .execute();
}

function byKey(trx: Db, { ruleId, assetId, openedAt }: InsightKey) {
  return trx
    .updateTable('insight')
    .where('rule_id', '=', ruleId)
    .where('asset_id', '=', assetId)
    .where('opened_at', '=', openedAt);
}
