import pg from 'pg';

export type InsertLimit = {
  readonly rowsPerSecond: number;
  /** Readings that the program had stored when this began. */
  readonly stored: number;
};

const batchRows = 5_000;
const rowsMax = 500_000;

/**
 * What one connection can do: the rows that the program has stored, in the order in which they were stored, inserted again
 * with `on conflict do nothing` into a table of the same shape and indexes, 5,000 a commit. The parameters are made before
 * the clock starts, so that it is the database's time and little else.
 */
export async function measureInsertLimit(databaseUrl: string): Promise<InsertLimit> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: counted } = await client.query<{ count: number }>('select count(*)::integer as count from reading');
    await client.query('drop table if exists bench_insert_limit');
    await client.query('create table bench_insert_limit (like reading including all)');
    const { rows: batches } = await client.query<Record<'series' | 'times' | 'values' | 'qualities', string>>(
      `select array_agg(series_id order by series_id, time)::text as series, array_agg(time order by series_id, time)::text as times,
         array_agg(value order by series_id, time)::text as values, array_agg(quality order by series_id, time)::text as qualities
       from (select *, (row_number() over (order by time) - 1) / $1 as batch from reading order by time limit $2) numbered
       group by batch order by batch`,
      [batchRows, rowsMax],
    );
    const startedAt = performance.now();
    let rows = 0;
    for (const { series, times, values, qualities } of batches) {
      const { rowCount } = await client.query({
        name: 'insert-limit',
        text: `insert into bench_insert_limit (series_id, time, value, quality)
          select * from unnest($1::int4[], $2::timestamptz[], $3::float8[], $4::int2[]) on conflict do nothing`,
        values: [series, times, values, qualities],
      });
      rows += rowCount ?? 0;
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    await client.query('drop table bench_insert_limit');
    return { rowsPerSecond: rows / seconds, stored: counted[0]?.count ?? 0 };
  } finally {
    await client.end();
  }
}
