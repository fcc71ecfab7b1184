/**
 * The pieces of the tables of telemetry, alike on both sides of the seam: a chunk of TimescaleDB's or a native partition, each
 * with a span of time.
 *
 *   open ──its end has passed──▶ closed ──compress──▶ compressed ──late rows──▶ partial ──compress──▶ compressed
 *                                  │  └───sort──▶ sorted
 *                                  └──────────────────────────────── drop ──▶ gone
 */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import type { EngineKind } from './engine-store.ts';
import { layouts, type TimeTable } from './time-table.ts';

export type Piece = {
  readonly table: TimeTable;
  /** With its schema, quoted where it must be. */
  readonly name: string;
  /** From this instant on and before that one, in milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** When it was made, which may be long after the times in it; -Infinity where nobody knows. */
  readonly madeMs: number;
  /** With its indexes. */
  readonly bytes: number;
  /** As many as the last analysis or compression counted; null before either. */
  readonly rows: number | null;
  /** `partial` is compressed, with rows beside that came later; `sorted` is a partition in the order of its points. */
  readonly state: 'plain' | 'compressed' | 'partial' | 'sorted';
};

/** The pieces of one table, the oldest first; `parent` is its name, where it is being moved and has another. */
export async function listPieces(db: Db, kind: EngineKind, table: TimeTable, parent: string = table): Promise<Piece[]> {
  const { rows } = await (kind === 'hypertable' ? chunksOf(parent) : partitionsOf(parent)).execute(db);
  return rows.map(({ bytes, rows: count, madeMs, ...row }) => ({
    ...row,
    table,
    madeMs: madeMs ?? Number.NEGATIVE_INFINITY,
    bytes: Number(bytes),
    rows: count === null || count < 0 ? null : count,
  }));
}

type Row = Pick<Piece, 'name' | 'fromMs' | 'toMs' | 'rows' | 'state'> & {
  readonly madeMs: number | null;
  readonly bytes: string;
};

function partitionsOf(parent: string) {
  return sql<Row>`
    with bound as (
      select c.oid, c.reltuples, regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) as ends
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = ${parent}::regclass
    )
    select
      oid::regclass::text as name,
      (extract(epoch from ends[1]::timestamptz) * 1000)::float8 as "fromMs",
      (extract(epoch from ends[2]::timestamptz) * 1000)::float8 as "toMs",
      (select (extract(epoch from made_at) * 1000)::float8 from storage_piece where name = oid::regclass::text) as "madeMs",
      pg_total_relation_size(oid) as bytes,
      reltuples::float8 as rows,
      case when exists (select from pg_index x where x.indrelid = oid and x.indisprimary and x.indisclustered)
        then 'sorted' else 'plain' end as state
    from bound order by 2`;
}

/** Bit 8 of a chunk's status says that rows have come beside the compressed ones (TimescaleDB, chunk.h). */
function chunksOf(parent: string) {
  return sql<Row>`
    select
      format('%I.%I', i.chunk_schema, i.chunk_name) as name,
      (extract(epoch from i.range_start) * 1000)::float8 as "fromMs",
      (extract(epoch from i.range_end) * 1000)::float8 as "toMs",
      (extract(epoch from coalesce(made.made_at, i.chunk_creation_time)) * 1000)::float8 as "madeMs",
      s.total_bytes as bytes,
      case when i.is_compressed then coalesce(z.numrows_pre_compression, 0) + greatest(0, r.reltuples) else r.reltuples end::float8 as rows,
      case when not i.is_compressed then 'plain' when c.status & 8 = 8 then 'partial' else 'compressed' end as state
    from timescaledb_information.chunks i
    join chunks_detailed_size(${parent}::regclass) s on s.chunk_schema = i.chunk_schema and s.chunk_name = i.chunk_name
    join _timescaledb_catalog.chunk c on c.schema_name = i.chunk_schema and c.table_name = i.chunk_name
    left join _timescaledb_catalog.compression_chunk_size z on z.chunk_id = c.id
    left join storage_piece made on made.name = format('%I.%I', i.chunk_schema, i.chunk_name)
    join pg_class r on r.oid = format('%I.%I', i.chunk_schema, i.chunk_name)::regclass
    where i.hypertable_schema = current_schema() and i.hypertable_name = ${parent}
    order by 2`;
}

/** Records when pieces were made, in the place of what is known of them. */
export async function recordMade(
  trx: Db,
  pieces: readonly { readonly name: string; readonly madeMs: number }[],
): Promise<void> {
  await sql`
    insert into storage_piece (name, made_at)
    select name, to_timestamp(made_ms / 1000)
    from unnest(${pieces.map(({ name }) => name)}::text[], ${pieces.map(({ madeMs }) => madeMs)}::float8[]) as given (name, made_ms)
    on conflict (name) do update set made_at = excluded.made_at`.execute(trx);
}

/** How long a drop or a compression waits for those who read and write; everybody else would wait behind it. */
const lockWaitMsMax = 3_000;

/** From now to the end of the transaction no statement waits longer for a lock: it fails with the code 55P03. */
export async function limitLockWait(trx: Db): Promise<void> {
  await sql`select set_config('lock_timeout', ${String(lockWaitMsMax)}, true)`.execute(trx);
}

/** Drops a piece, within the caller's transaction where there is one; `parent` as in `listPieces`. */
export async function dropPiece(
  trx: Db,
  kind: EngineKind,
  { name, table, fromMs, toMs }: Piece,
  parent: string = table,
): Promise<void> {
  await sql`delete from storage_piece where name = ${name}`.execute(trx);
  if (kind === 'partitions') {
    await sql`drop table ${sql.raw(name)}`.execute(trx);
    return;
  }
  await sql`
    select drop_chunks(${parent}::regclass,
      older_than => ${instant(toMs)}, newer_than => ${instant(fromMs)})`.execute(trx);
}

export type Doomed = { readonly seriesIds: readonly number[]; readonly fromMs: number; readonly beforeMs: number };

/** Deletes the rows of some series in a span of a table; resolves with their number. */
export async function deleteRows(trx: Db, table: TimeTable, { seriesIds, fromMs, beforeMs }: Doomed): Promise<number> {
  const column = sql.ref(layouts[table].timeColumn);
  const { numAffectedRows } = await sql`
    delete from ${sql.table(table)}
    where series_id = any(${[...seriesIds]}::integer[])
      and ${column} >= ${instant(fromMs)} and ${column} < ${instant(beforeMs)}`.execute(trx);
  return Number(numAffectedRows ?? 0);
}
