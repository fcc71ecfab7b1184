import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { Whereabouts } from './equipment.ts';
import { begunBefore } from './status-store.ts';

/** What somebody else than a rule has found. */
export type Raised = {
  readonly id: string;
  readonly tenantId: string;
  readonly where: Whereabouts;
  readonly source: string;
  readonly sourceId: string | null;
  readonly words: Words;
  readonly timeseriesIds: readonly string[];
  readonly analysis: Readonly<Record<string, unknown>>;
  readonly causes?: readonly string[];
  readonly actions?: readonly string[];
  readonly createdBy: string | null;
  readonly assigneeId?: string | null;
  readonly externalId?: string | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly occurredAt: Date;
  readonly at: Date;
};

/** What a source says about what it has found, and may say otherwise the next time. */
export type Words = {
  readonly title: string;
  readonly message: string;
  readonly severity: string;
  readonly category: string;
  readonly costPerHour: number | null;
  readonly confidence: number | null;
};

/**
 * Adds an insight; false, and nothing has changed, where its source has one of that id at the site. Of two at once the second
 * waits for the first.
 */
export async function insertRaised(trx: Db, raised: Raised): Promise<boolean> {
  const { where, words, occurredAt, at } = raised;
  const inserted = await trx
    .insertInto('insight')
    .values({
      id: raised.id,
      tenant_id: raised.tenantId,
      site_id: where.siteId,
      asset_id: where.assetId,
      equipment_uri: where.uri,
      source: raised.source,
      source_id: raised.sourceId,
      ...wordColumns(words),
      timeseries_ids: [...raised.timeseriesIds],
      analysis: JSON.stringify(raised.analysis),
      causes: [...(raised.causes ?? [])],
      actions: [...(raised.actions ?? [])],
      created_by: raised.createdBy,
      assignee_id: raised.assigneeId ?? null,
      external_id: raised.externalId ?? null,
      metadata: JSON.stringify(raised.metadata ?? {}),
      started_at: occurredAt,
      opened_at: occurredAt,
      last_seen_at: occurredAt,
      created_at: at,
      updated_at: at,
    })
    .onConflict((conflict) =>
      conflict.columns(['tenant_id', 'site_id', 'source', 'source_id']).where('source_id', 'is not', null).doNothing(),
    )
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

type Named = { readonly tenantId: string; readonly siteId: string; readonly source: string; readonly sourceId: string };

/** The insight that a source calls so at a site. */
export async function getRaisedId(trx: Db, { tenantId, siteId, source, sourceId }: Named): Promise<string> {
  const { id } = await trx
    .selectFrom('insight')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('site_id', '=', siteId)
    .where('source', '=', source)
    .where('source_id', '=', sourceId)
    .executeTakeFirstOrThrow();
  return id;
}

type Again = Pick<Raised, 'tenantId' | 'id' | 'where' | 'words' | 'timeseriesIds' | 'analysis' | 'occurredAt' | 'at'>;

/**
 * A source has found the same again: counted always; what it says is taken over unless something newer was said; and what was
 * resolved before that begins another episode. Returns whether it does; the caller holds the row.
 */
export async function recordAgain(trx: Db, again: Again): Promise<{ isBack: boolean; occurrences: number }> {
  const { tenantId, id, where, occurredAt, at } = again;
  const isBack = sql<boolean>`(insight.status = 'resolved' and insight.resolved_at < ${occurredAt}::timestamptz)`;
  const before = await trx
    .selectFrom('insight')
    .select([isBack.as('isBack'), 'last_seen_at'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const isNewest = occurredAt >= before.last_seen_at;
  const { occurrences } = await trx
    .updateTable('insight')
    .set({ occurrences: sql`occurrences + 1`, updated_at: laterThanBefore(at) })
    .set(isNewest ? { last_seen_at: occurredAt, ...wordColumns(again.words), ...seriesColumns(again) } : {})
    .set(isNewest ? { asset_id: where.assetId, equipment_uri: where.uri } : {})
    .set(before.isBack ? { episodes: sql`episodes + 1`, work_begun_episode: begunBefore } : {})
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('occurrences')
    .executeTakeFirstOrThrow();
  return { isBack: before.isBack, occurrences };
}

function seriesColumns({ timeseriesIds, analysis }: Pick<Raised, 'timeseriesIds' | 'analysis'>) {
  return { timeseries_ids: [...timeseriesIds], analysis: JSON.stringify(analysis) };
}

function wordColumns({ title, message, severity, category, costPerHour, confidence }: Words) {
  return { title, message, severity, category, cost_per_hour: costPerHour, confidence };
}
