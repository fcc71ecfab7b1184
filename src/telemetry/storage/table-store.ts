/** Making the tables of telemetry, as hypertables or as tables of native partitions. Columns are the same on both sides. */
import type pg from 'pg';
import { restrictedRole } from '../../platform/row-security.ts';
import type { EngineKind } from './engine-store.ts';
import { layouts, type TimeTable, timeTables } from './time-table.ts';

const readingColumns = `
  series_id integer not null,
  time timestamptz not null,
  value double precision,
  quality smallint not null default 0,
  primary key (series_id, time)`;

/** Without a number (count = 0) min, max and sum are null; first and last are so where that very reading has none. */
const rollupColumns = `
  series_id integer not null,
  bucket timestamptz not null,
  quality smallint not null,
  count integer not null,
  nulls integer not null,
  first_time timestamptz not null,
  last_time timestamptz not null,
  first double precision,
  last double precision,
  min double precision,
  max double precision,
  sum double precision,
  held_s double precision not null,
  held_sum double precision not null,
  primary key (series_id, bucket, quality)`;

/** Makes, within the caller's transaction and lock, those of the tables that are not there; resolves with their names. */
export async function makeTables(client: pg.ClientBase, kind: EngineKind): Promise<TimeTable[]> {
  const { rows } = await client.query<{ name: TimeTable }>(
    'select name from unnest($1::text[]) as name where to_regclass(name) is null',
    [timeTables],
  );
  for (const { name } of rows) await makeTable(client, { name, table: name, kind });
  return rows.map(({ name }) => name);
}

type Making = { readonly name: string; readonly table: TimeTable; readonly kind: EngineKind };

/** Makes one table of telemetry under a name, which is another than its own while readings are moved between engines. */
export async function makeTable(client: pg.ClientBase, { name, table, kind }: Making): Promise<void> {
  const { timeColumn } = layouts[table];
  const columns = table === 'reading' ? readingColumns : rollupColumns;
  const partitioning = kind === 'partitions' ? ` partition by range (${timeColumn})` : '';
  await client.query(`create table ${name} (${columns})${partitioning}`);
  if (kind === 'hypertable') await makeHypertable(client, { name, table });
  // A btree on time would cost 22 % of the inserts, this nothing; rows come nearly in the order of time.
  await client.query(
    `create index ${name}_${timeColumn} on ${name} using brin (${timeColumn}) with (autosummarize = on)`,
  );
  await client.query(`grant select, insert, update, delete on ${name} to ${restrictedRole}`);
}

async function makeHypertable(client: pg.ClientBase, { name, table }: Omit<Making, 'kind'>): Promise<void> {
  const { timeColumn, chunkDays } = layouts[table];
  const order = table === 'reading' ? 'time desc' : 'bucket desc, quality';
  // The newer `with (tsdb.hypertable)` form adds a btree on time and a compression policy of its own.
  await client.query(
    `select create_hypertable('${name}', by_range('${timeColumn}', interval '${chunkDays} days'), create_default_indexes => false, if_not_exists => true)`,
  );
  await client.query(
    `alter table ${name} set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'series_id', timescaledb.orderby = '${order}')`,
  );
}
