import { sql } from 'kysely';
import type { Area } from '../../access/api-key.ts';
import { withinSites } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import type { ImportError, ImportPlace } from './read-batches.ts';
import { type ImportFilter, type ImportState, TelemetryImport } from './telemetry-import.ts';

export type NewImport = {
  readonly id: string;
  readonly tenantId: string;
  readonly siteId: string;
  readonly holderId: string;
  readonly columns: string;
  readonly asset: string | null;
  readonly fileName: string | null;
};

const endedKeptMax = 1_000;
const openMax = 10;

/** Makes an import that is receiving, unless the tenant has as many open ones as it may; forgets the oldest that have ended. */
export async function insertImport(db: Db, { id, tenantId, ...given }: NewImport): Promise<boolean> {
  await sql`
    delete from telemetry_import where id in (
      select id from telemetry_import where tenant_id = ${tenantId} and ended_at is not null
      order by created_at desc, id desc offset ${endedKeptMax})`.execute(db);
  const { numAffectedRows } = await sql`
    insert into telemetry_import (id, tenant_id, site_id, holder_id, state, columns, asset, file_name)
    select ${id}, ${tenantId}, ${given.siteId}, ${given.holderId}, 'receiving', ${given.columns}, ${given.asset}, ${given.fileName}
    where (select count(*) from telemetry_import where tenant_id = ${tenantId} and ended_at is null) < ${openMax}`.execute(
    db,
  );
  return Number(numAffectedRows) === 1;
}

/** Takes back an import whose file was refused, or is that of an earlier request; tells the state of one that is beyond that. */
export async function discardImport(db: Db, id: string): Promise<ImportState | undefined> {
  await db.deleteFrom('telemetry_import').where('id', '=', id).where('state', '=', 'receiving').execute();
  const left = await db.selectFrom('telemetry_import').select('state').where('id', '=', id).executeTakeFirst();
  return left?.state as ImportState | undefined;
}

/** Notes how much has come; false when somebody has cancelled it. */
export async function noteReceived(db: Db, { id, bytes }: { id: string; bytes: number }): Promise<boolean> {
  const noted = await db
    .updateTable('telemetry_import')
    .set({ bytes, updated_at: sql`now()` })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .returning('id')
    .executeTakeFirst();
  return noted !== undefined;
}

/** The file has come; false when somebody has cancelled it. */
export async function startImport(db: Db, { id, bytes }: { id: string; bytes: number }): Promise<boolean> {
  const started = await db
    .updateTable('telemetry_import')
    .set({ state: 'running', bytes, started_at: sql`now()`, updated_at: sql`now()` })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .returning('id')
    .executeTakeFirst();
  return started !== undefined;
}

/** What a batch adds to an import. */
export type Progress = {
  readonly rows: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly errors: readonly ImportError[];
  readonly end: ImportPlace;
  readonly ms: number;
};

const errorsKeptMax = 100;

/**
 * Adds a batch that has been committed; false when the import is not running any more. The same batch again, since the
 * answer was lost, adds nothing. A program that dies between that commit and this one finds the batch again after its start,
 * and counts it as duplicates.
 */
export async function addProgress(db: Db, id: string, progress: Progress): Promise<boolean> {
  const { rows, stored, duplicates, conflicts, errors, end, ms } = progress;
  const lastTimes = Object.fromEntries(Object.entries(end.lastTimes).map(([asset, at]) => [storable(asset), at]));
  const { numAffectedRows } = await sql`
    update telemetry_import set
      bytes_read = ${end.bytes}, rows_read = rows_read + ${rows}, stored = stored + ${stored},
      duplicates = duplicates + ${duplicates}, conflicts = conflicts + ${conflicts},
      refused = refused + ${errors.length}, running_ms = running_ms + ${Math.round(ms)},
      errors = case when jsonb_array_length(errors) >= ${errorsKeptMax} then errors
        else jsonb_path_query_array(errors || ${jsonOf(errors.slice(0, errorsKeptMax))}::jsonb, '$[0 to 99]') end,
      resume_from = ${jsonOf({ line: end.line, lastTimes })}::jsonb,
      updated_at = now()
    where id = ${id} and state = 'running' and bytes_read < ${end.bytes}`.execute(db);
  if (Number(numAffectedRows) === 1) return true;
  const known = await db
    .selectFrom('telemetry_import')
    .select('id')
    .where('id', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  return known !== undefined;
}

function jsonOf(value: object): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? storable(part) : part));
}

/** PostgreSQL's text and jsonb hold neither NUL nor half a surrogate pair, and a file may. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** Ends an import that is open; false when it has ended already. */
export async function endImport(
  db: Db,
  { id, state, failure = null }: { id: string; state: ImportState; failure?: string | null },
): Promise<boolean> {
  const ended = await db
    .updateTable('telemetry_import')
    .set({
      state,
      failure: failure === null ? null : storable(failure.slice(0, 2_000)),
      ended_at: sql`now()`,
      updated_at: sql`now()`,
    })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return ended !== undefined;
}

/** An import that is to be run. */
export type RunnableImport = {
  readonly id: string;
  readonly tenantId: string;
  readonly state: ImportState;
  readonly site: string;
  readonly timeZone: string;
  readonly columns: string;
  readonly asset: string | null;
  readonly from: ImportPlace;
  readonly receivedMs: number;
};

/** The imports of a holder that have not ended, the oldest first. */
export async function listOpenImports(db: Db, holderId: string): Promise<RunnableImport[]> {
  const rows = await runnable(db).where('holder_id', '=', holderId).where('ended_at', 'is', null).execute();
  return rows.map(toRunnable);
}

/** An import that is to be run. */
export async function getRunnable(db: Db, id: string): Promise<RunnableImport> {
  return toRunnable(await runnable(db).where('i.id', '=', id).executeTakeFirstOrThrow());
}

function runnable(db: Db) {
  return db
    .selectFrom('telemetry_import as i')
    .innerJoin('site as s', 's.id', 'i.site_id')
    .select(['i.id', 'i.tenant_id', 'i.state', 's.slug', 's.time_zone', 'i.columns', 'i.asset'])
    .select(['i.bytes_read', 'i.resume_from', 'i.created_at'])
    .orderBy('i.created_at')
    .orderBy('i.id');
}

type RunnableRow = Awaited<ReturnType<ReturnType<typeof runnable>['executeTakeFirstOrThrow']>>;

function toRunnable(row: RunnableRow): RunnableImport {
  const { line, lastTimes } = row.resume_from as { line: number; lastTimes: Record<string, number> };
  return {
    id: row.id,
    tenantId: row.tenant_id,
    state: row.state as ImportState,
    site: row.slug,
    timeZone: row.time_zone,
    columns: row.columns,
    asset: row.asset,
    from: { bytes: Number(row.bytes_read), line, lastTimes },
    receivedMs: row.created_at.getTime(),
  };
}

/** Imports in the area, newest first. */
export async function listImports(
  db: Db,
  area: Area,
  filter: ImportFilter,
  page: ListRequest,
): Promise<Rows<TelemetryImport>> {
  let imports = narrowed(importsOf(db, area).where(withinSites('telemetry_import.site_id', area.caller)), page);
  if (filter.state !== undefined) imports = imports.where('telemetry_import.state', '=', filter.state);
  const total = await imports.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(imports), page).execute();
  return rowsOf(rows, total, toImport);
}

/** One import of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findImport(
  db: Db,
  area: Area,
  id: string,
): Promise<{ found: TelemetryImport; siteId: string } | undefined> {
  const row = await shown(importsOf(db, area)).where('telemetry_import.id', '=', id).executeTakeFirst();
  return row && { found: toImport(row), siteId: row.site_id };
}

function importsOf(db: Db, area: Area) {
  const imports = db
    .selectFrom('telemetry_import')
    .innerJoin('site', 'site.id', 'telemetry_import.site_id')
    .where('telemetry_import.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? imports : imports.where('telemetry_import.site_id', '=', area.site.id);
}

function shown(imports: ReturnType<typeof importsOf>) {
  return imports.selectAll('telemetry_import').select('site.slug as site');
}

type ImportRow = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toImport(row: ImportRow): TelemetryImport {
  const numbers = Object.fromEntries(counted.map((name) => [name, Number(row[name])])) as Record<
    (typeof counted)[number],
    number
  >;
  const seconds = Number(row.running_ms) / 1_000;
  const { bytes, bytes_read, rows_read } = numbers;
  const isMoving = row.state === 'running' && bytes_read > 0;
  const instants = { created_at: row.created_at, started_at: row.started_at, ended_at: row.ended_at };
  return TelemetryImport.parse({
    ...row,
    ...numbers,
    rows_per_second: seconds > 0 ? Math.round(rows_read / seconds) : null,
    seconds_left: isMoving ? Math.round(((bytes - bytes_read) / bytes_read) * seconds) : null,
    ...Object.fromEntries(Object.entries(instants).map(([name, at]) => [name, at && formatInstant(at)])),
    updated_at: formatInstant(row.updated_at),
  });
}

const counted = ['bytes', 'bytes_read', 'rows_read', 'stored', 'duplicates', 'conflicts', 'refused'] as const;
