/** Readings as corrections find and change them, and the record of corrections. */
import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { instant } from '../../platform/instant-store.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { repairSpanMsMax } from '../append-store.ts';
import { float8Array, int2Array, timestampArray } from '../binary-arrays.ts';
import { type ReadingColumnsRow, sentColumns, toColumns } from '../reading-columns-store.ts';
import { liftDecompressionLimit } from '../storage/compress-store.ts';
import { Correction, type CorrectionAction } from './correction.ts';
import { countEdits, type Edit, type Row } from './correction-edits.ts';

/** Whether anything is known of a series: readings, or roll-ups of readings that are not kept any more. */
export async function hasReadings(db: Db, seriesId: number): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from reading where series_id = ${seriesId})
      or exists (select from rollup_1d where series_id = ${seriesId}) as has`.execute(db);
  return rows[0]?.has ?? false;
}

/** The readings of a series from `startMs` on and before `endMs`, oldest first, at most `limit`; null: without that bound. */
export async function readSpan(
  db: Db,
  span: { seriesId: number; startMs: number | null; endMs: number | null; limit: number },
): Promise<Row[]> {
  const { rows } = await sql<ReadingColumnsRow>`
    select ${sentColumns} from (
      select time, value, quality from reading
      where series_id = ${span.seriesId}
        ${span.startMs === null ? sql`` : sql`and time >= ${instant(span.startMs)}`}
        ${span.endMs === null ? sql`` : sql`and time < ${instant(span.endMs)}`}
      order by time limit ${span.limit}
    ) r`.execute(db);
  return toRows(rows[0]);
}

/** The readings of a series at these instants, to the microsecond. */
export async function readAt(
  db: Db,
  { seriesId, timesMs }: { seriesId: number; timesMs: readonly number[] },
): Promise<Row[]> {
  const { rows } = await sql<ReadingColumnsRow>`
    select ${sentColumns} from (
      select time, value, quality from reading
      where series_id = ${seriesId} and time = any(${timestampArray(timesMs)}::timestamptz[])
      order by time
    ) r`.execute(db);
  return toRows(rows[0]);
}

/** The readings of a series in the milliseconds that these instants name. */
export async function readMilliseconds(
  db: Db,
  { seriesId, timesMs }: { seriesId: number; timesMs: readonly number[] },
): Promise<Row[]> {
  const { rows } = await sql<ReadingColumnsRow>`
    select ${sentColumns} from (
      select r.time, r.value, r.quality
      from unnest(${timestampArray(timesMs)}::timestamptz[]) as given (time)
      join reading r on r.series_id = ${seriesId} and r.time >= given.time
        and r.time < given.time + interval '1 millisecond'
      order by r.time
    ) r`.execute(db);
  return toRows(rows[0]);
}

function toRows(row: ReadingColumnsRow | undefined): Row[] {
  if (!row) return [];
  const { timesMs, values, qualities } = toColumns(row);
  return timesMs.map((timeMs, i) => ({
    timeMs,
    value: numberOrNull(values[i] as number),
    quality: qualities[i] as number,
  }));
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/**
 * Writes edits of a series into the table, in the order of their times. Readings of closed days may be compressed: what an
 * edit needs of them is unpacked however much it is, since the caller has bounded it.
 */
export async function writeEdits(
  trx: Db,
  { seriesId, edits }: { seriesId: number; edits: readonly Edit[] },
): Promise<void> {
  if (edits.length === 0) return;
  await liftDecompressionLimit(trx);
  const removed = edits.filter(({ after }) => after === null);
  const added = edits.filter(({ before }) => before === null);
  const changed = edits.filter(({ before, after }) => before !== null && after !== null);
  const within = (some: readonly Edit[]) => sql`reading.series_id = ${seriesId}
    and reading.time between ${instant(some[0]?.timeMs ?? 0)} and ${instant(some.at(-1)?.timeMs ?? 0)}`;
  if (removed.length > 0) {
    await sql`delete from reading using unnest(${timesOf(removed)}::timestamptz[]) as given (time)
      where ${within(removed)} and reading.time = given.time`.execute(trx);
  }
  if (changed.length > 0) {
    await sql`update reading set value = given.value, quality = given.quality from ${givenOf(changed)}
      where ${within(changed)} and reading.time = given.time`.execute(trx);
  }
  if (added.length > 0) {
    await sql`insert into reading (series_id, time, value, quality)
      select ${seriesId}, time, value, quality from ${givenOf(added)}
      on conflict (series_id, time) do nothing`.execute(trx);
  }
}

function timesOf(edits: readonly Edit[]): Buffer {
  return timestampArray(edits.map(({ timeMs }) => timeMs));
}

function givenOf(edits: readonly Edit[]) {
  const { values, qualities } = sideOf(edits.map(({ after }) => after));
  return sql`unnest(${timesOf(edits)}::timestamptz[], ${values}::float8[], ${qualities}::int2[]) as given (time, value, quality)`;
}

/** A side of edits as two arrays; a quality of -1 stands for no reading. */
function sideOf(rows: readonly Edit['before'][]): { values: Buffer; qualities: Buffer } {
  return {
    values: float8Array(rows.map((row) => row?.value ?? Number.NaN)),
    qualities: int2Array(rows.map((row) => row?.quality ?? -1)),
  };
}

/**
 * Leaves word for the rules, as late readings do: they evaluate again from the first of these instants on that is not
 * longer ago than they go back by themselves.
 */
export async function noteForRules(
  trx: Db,
  { assetId, shard, timesMs }: { assetId: string; shard: number; timesMs: readonly number[] },
): Promise<void> {
  const afterMs = Date.now() - repairSpanMsMax;
  const leastMs = timesMs.reduce((least, ms) => (ms > afterMs && ms < least ? ms : least), Number.POSITIVE_INFINITY);
  if (leastMs === Number.POSITIVE_INFINITY) return;
  await sql`insert into ingest_batch (asset_ids, least_times, shards)
    values (array[${assetId}]::uuid[], array[${instant(leastMs)}], array[${shard}]::int2[])`.execute(trx);
}

export type NewCorrection = {
  readonly tenantId: string;
  readonly pointId: string;
  readonly action: CorrectionAction;
  readonly request: object;
  readonly reason: string;
  readonly author: string;
  readonly reverts?: string | null;
};

export const editsPerPart = 5_000;

/** Puts a correction on record, with its readings before and after, also with the one that it takes back; gives its id. */
export async function insertCorrection(trx: Db, given: NewCorrection, edits: readonly Edit[]): Promise<string> {
  const id = newId();
  const [first, last] = [edits[0], edits.at(-1)];
  await trx
    .insertInto('point_correction')
    .values({
      id,
      tenant_id: given.tenantId,
      point_id: given.pointId,
      action: given.action,
      request: JSON.stringify(given.request),
      reason: given.reason,
      author: given.author,
      first_at: first ? instant(first.timeMs) : null,
      last_at: last ? instant(last.timeMs) : null,
      ...countEdits(edits),
      reverts: given.reverts ?? null,
    })
    .execute();
  if (given.reverts != null) {
    await trx
      .updateTable('point_correction')
      .set({ updated_at: laterThanBefore(new Date()) })
      .where('tenant_id', '=', given.tenantId)
      .where('id', '=', given.reverts)
      .execute();
  }
  for (let at = 0; at < edits.length; at += editsPerPart) {
    const part = edits.slice(at, at + editsPerPart);
    const before = sideOf(part.map((edit) => edit.before));
    const after = sideOf(part.map((edit) => edit.after));
    await sql`
      insert into point_correction_part
        (correction_id, first_at, times, values_before, qualities_before, values_after, qualities_after)
      values (${id}, ${instant(part[0]?.timeMs ?? 0)}, ${timesOf(part)}::timestamptz[], ${before.values}::float8[],
        ${before.qualities}::int2[], ${after.values}::float8[], ${after.qualities}::int2[])`.execute(trx);
  }
  return id;
}

/** The corrections of a point and of those that were merged into it, newest first. */
export async function listCorrections(
  db: Db,
  { tenantId, pointId }: { tenantId: string; pointId: string },
  page: ListRequest,
): Promise<Rows<Correction>> {
  const all = correctionsOf(db, tenantId).where(
    sql<boolean>`point_correction.point_id in (select id from point where ${pointId}::uuid in (id, merged_into))`,
  );
  const ofPoint = narrowed(all, page);
  const total = await ofPoint.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(ofPoint), page).execute();
  return rowsOf(rows, total, toCorrection);
}

/** One correction of the tenant; the caller checks whether its key may see the point. */
export async function findCorrection(
  db: Db,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<Correction | undefined> {
  const query = shown(correctionsOf(db, tenantId).where('point_correction.id', '=', id));
  const row = await query.executeTakeFirst();
  return row && toCorrection(row);
}

/** Readings of a correction before and after, in the order of time, those after `position` (text, to the microsecond). */
export async function listEdits(
  db: Db,
  { id, after, limit }: { id: string; after?: string | undefined; limit: number },
): Promise<{ edit: Edit; position: string }[]> {
  const { rows } = await sql<EditRow & { position: string }>`
    select ${editColumns}, to_char(time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
    from point_correction_part part, ${partEdits}
    where correction_id = ${id} ${after === undefined ? sql`` : sql`and time > ${after}::timestamptz`}
    order by time limit ${limit}`.execute(db);
  return rows.map((row) => ({ position: row.position, edit: toEdit(row) }));
}

export const editColumns = sql`
  (extract(epoch from time) * 1000)::float8 as "timeMs", before, quality_before, after, quality_after`;
export const partEdits = sql`
  unnest(part.times, part.values_before, part.qualities_before, part.values_after, part.qualities_after)
    as edit (time, before, quality_before, after, quality_after)`;

export type EditRow = {
  timeMs: number;
  before: number | null;
  quality_before: number;
  after: number | null;
  quality_after: number;
};

export function toEdit(row: EditRow): Edit {
  return {
    // As readTimes gives it: a time is a key.
    timeMs: Math.round(row.timeMs * 1_000) / 1_000,
    before: row.quality_before < 0 ? null : { value: row.before, quality: row.quality_before },
    after: row.quality_after < 0 ? null : { value: row.after, quality: row.quality_after },
  };
}

export function correctionsOf(db: Db, tenantId: string) {
  return db.selectFrom('point_correction').where('point_correction.tenant_id', '=', tenantId);
}

// biome-ignore lint/suspicious/noExplicitAny: any query over the table will do.
function shown<Q extends SelectQueryBuilder<any, any, any>>(corrections: Q) {
  return corrections
    .selectAll('point_correction')
    .select(
      sql<string | null>`(select id from point_correction r where r.reverts = point_correction.id)`.as('reverted_by'),
    );
}

type StoredCorrection = { first_at: Date | null; last_at: Date | null; created_at: Date; updated_at: Date };

function toCorrection(row: StoredCorrection): Correction {
  return Correction.parse({
    ...row,
    first_at: row.first_at && formatInstant(row.first_at),
    last_at: row.last_at && formatInstant(row.last_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
