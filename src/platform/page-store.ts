import { type SelectQueryBuilder, sql } from 'kysely';
import type { PageRequest, Position, Rows } from './paging.ts';

/**
 * Orders a query newest first and cuts out one page plus one row, by which the caller sees whether more follow. The
 * position is selected as text with its microseconds: a Date has milliseconds, and a cursor made of one would repeat or
 * skip rows of the same millisecond.
 */
export function newestFirst<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  { table, column = 'created_at', page }: { table: string; column?: string; page: PageRequest },
): SelectQueryBuilder<DB, TB, O & { position_at: string; position_id: string }> {
  const at = sql.ref<Date>(`${table}.${column}`);
  const id = sql.ref<string>(`${table}.id`);
  let cut = query
    .select([
      sql<string>`to_char(${at} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('position_at'),
      sql<string>`${id}::text`.as('position_id'),
    ])
    .orderBy(at, 'desc')
    .orderBy(id, 'desc')
    .limit(page.limit + 1);
  if (page.after)
    cut = cut.where(sql<boolean>`(${at}, ${id}) < (${page.after.at}::timestamptz, ${page.after.id}::uuid)`);
  else cut = cut.offset(page.offset);
  return cut as SelectQueryBuilder<DB, TB, O & { position_at: string; position_id: string }>;
}

/** The rows of a query made by newestFirst, each as the item that `itemOf` makes of it, with its position. */
export function rowsOf<R extends { position_at: string; position_id: string }, T>(
  rows: readonly R[],
  total: { count: string | number | bigint },
  itemOf: (row: R) => T,
): Rows<T> {
  const positioned = rows.map((row) => {
    const position: Position = { at: row.position_at, id: row.position_id };
    return { item: itemOf(row), position };
  });
  return { rows: positioned, total: Number(total.count) };
}
