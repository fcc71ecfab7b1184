/**
 * The SQL of a page. An order becomes sort keys that are never null, so that one comparison of rows finds what follows a
 * position, with the same expressions that its index has. They are leakproof, or row-level security would keep them from it:
 *
 *   sort=-created_at        order by created_at desc, id desc            where (created_at, id) < ($1, $2)
 *   sort=due_date           order by coalesce(due_at, 'infinity'), id    where (coalesce(due_at, 'infinity'), id) > ($1, $2)
 */
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { SortKey } from './list-query.ts';
import type { Column } from './list-range.ts';
import type { ListRequest, PageRequest, RowPosition, Rows } from './paging.ts';

/** A query of rows to which the ranges and the words are added that were asked for. Count these. */
export function narrowed<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  { ranges, words }: Pick<ListRequest, 'ranges' | 'words'>,
): SelectQueryBuilder<DB, TB, O> {
  let cut = query;
  for (const { column, from, before } of ranges) {
    const value = sql.ref(column.column);
    if (from !== null) cut = cut.where(sql<boolean>`${value} >= ${typed(from, column)}`);
    if (before !== null) cut = cut.where(sql<boolean>`${value} < ${typed(before, column)}`);
  }
  if (words?.search !== undefined) {
    const ids = sql`(select ${sql.id(words.search)}(${words.q}))`;
    return cut.where(sql<boolean>`${sql.ref(words.id)} in ${ids}`);
  }
  if (words !== null) {
    const texts = sql.join(
      words.columns.map((column) => sql`coalesce(${sql.ref(column)}, '')`),
      sql` || ' ' || `,
    );
    cut = cut.where(sql<boolean>`search_words(${texts}) @@ search_query(${words.q})`);
  }
  return cut;
}

type Positioned<O> = O & { position_keys: string[]; position_id: string };

/**
 * Orders a query as was asked and cuts out one page plus one row, by which the caller sees whether more follow. Positions are
 * selected as text: a Date has milliseconds, and a cursor made of one would repeat or skip rows of the same millisecond.
 */
export function inOrder<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  page: Omit<ListRequest, 'ranges' | 'words'>,
): SelectQueryBuilder<DB, TB, Positioned<O>> {
  const keys = page.order.map((key) => ({ ...key, value: keyOf(key) }));
  const id = sql.ref<string>(page.id);
  const isDescending = page.order.at(-1)?.isDescending ?? true;
  let cut = query.select([
    sql<string[]>`array[${sql.join(keys.map(({ value, column }) => written(value, column)))}]::text[]`.as(
      'position_keys',
    ),
    sql<string>`${id}::text`.as('position_id'),
  ]);
  for (const key of keys) cut = cut.orderBy(key.value, key.isDescending ? 'desc' : 'asc');
  // Written out: for a number that it does not know, PostgreSQL keeps no plan that reads a few rows.
  cut = cut.orderBy(id, isDescending ? 'desc' : 'asc').limit(sql.lit(page.limit + 1));
  if (page.after) cut = cut.where(following(keys, page.after, { id, idType: page.idType, isDescending }));
  else if (page.offset > 0) cut = cut.offset(page.offset);
  return cut as unknown as SelectQueryBuilder<DB, TB, Positioned<O>>;
}

/** Newest first, for lists that have no order of their own to ask for. */
export function newestFirst<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  { table, column = 'created_at', page }: { table: string; column?: string; page: PageRequest },
): SelectQueryBuilder<DB, TB, Positioned<O>> {
  const newest = { column: { column: `${table}.${column}`, kind: 'instant' }, isDescending: true } as const;
  return inOrder(query, { ...page, order: [newest], id: `${table}.id`, idType: 'uuid' });
}

/** One page of what was found, as it is shown, and how many there are in all; each row as the item that `itemOf` makes of it. */
export async function readPage<DB, TB extends keyof DB, O, SDB, STB extends keyof SDB, R, T>(
  { found, shown }: { found: SelectQueryBuilder<DB, TB, O>; shown: SelectQueryBuilder<SDB, STB, R> },
  page: Omit<ListRequest, 'ranges' | 'words'>,
  itemOf: (row: R) => T,
): Promise<Rows<T>> {
  const total = await found.select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown, page).execute();
  return rowsOf(rows as (R & Positioned<object>)[], total as { count: number }, itemOf);
}

/** The rows of a query made by inOrder, each as the item that `itemOf` makes of it, with its position. */
export function rowsOf<R extends { position_keys: string[]; position_id: string }, T>(
  rows: readonly R[],
  total: { count: string | number | bigint },
  itemOf: (row: R) => T,
): Rows<T> {
  const positioned = rows.map((row) => {
    const position: RowPosition = { keys: row.position_keys, id: row.position_id };
    return { item: itemOf(row), position };
  });
  return { rows: positioned, total: Number(total.count) };
}

/** What a column is ordered by. Where it is empty, that is what comes last in this direction. */
function keyOf({
  column: { column, kind, ranks = [], isNullable = false },
  isDescending,
}: SortKey): RawBuilder<unknown> {
  const value = sql.ref(column);
  const last = (shown: RawBuilder<unknown>, most: string, least: string) =>
    isNullable ? sql`coalesce(${shown}, ${sql.raw(isDescending ? least : most)})` : shown;
  switch (kind) {
    case 'instant':
      return last(value, "'infinity'::timestamptz", "'-infinity'::timestamptz");
    case 'date':
      return last(value, "'infinity'::date", "'-infinity'::date");
    case 'integer':
      return last(value, '2147483647', '-2147483648');
    case 'number':
      return last(value, "'infinity'::double precision", "'-infinity'::double precision");
    case 'text':
      // Texts have no last one, so of these an empty one is the first.
      return sql`${isNullable ? sql`coalesce(${value}, '')` : value} collate alphabet`;
    case 'ranks':
      return last(sql`(case ${value} ${sql.join(ranks.map(rankOf), sql` `)} end)`, '2147483647', '-2147483648');
  }
}

const rankOf = (rank: string, index: number) => sql`when ${sql.lit(rank)} then ${sql.lit(index)}`;

/** What comes after a position. Where all keys go in one direction it is one comparison of rows, which an index can answer. */
function following(
  keys: readonly (SortKey & { value: RawBuilder<unknown> })[],
  after: RowPosition,
  { id, idType, isDescending }: { id: RawBuilder<string>; idType: 'uuid' | 'bigint'; isDescending: boolean },
): RawBuilder<boolean> {
  const all = [
    ...keys.map(({ value, column, isDescending }, index) => ({
      value,
      isDescending,
      bound: typed(after.keys[index] ?? '', column),
    })),
    { value: id, isDescending, bound: sql`${after.id}::${sql.raw(idType)}` },
  ];
  const sign = (descending: boolean) => sql.raw(descending ? '<' : '>');
  if (all.every((key) => key.isDescending === isDescending)) {
    const [values, bounds] = [all.map(({ value }) => value), all.map(({ bound }) => bound)];
    return sql<boolean>`(${sql.join(values)}) ${sign(isDescending)} (${sql.join(bounds)})`;
  }
  const alternatives = all.map(({ value, bound, ...key }, index) => {
    const equal = all.slice(0, index).map((before) => sql`${before.value} = ${before.bound}`);
    return sql`(${sql.join([...equal, sql`${value} ${sign(key.isDescending)} ${bound}`], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join(alternatives, sql` or `)})`;
}

/** A key as text, from which `typed` makes the same value again. */
function written(value: RawBuilder<unknown>, { kind }: Column): RawBuilder<string> {
  if (kind !== 'instant') return sql<string>`${value}::text`;
  // Infinity has no form.
  return sql<string>`coalesce(to_char(${value} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ${value}::text)`;
}

function typed(text: string, { kind }: Column): RawBuilder<unknown> {
  switch (kind) {
    case 'instant':
      return sql`${text}::timestamptz`;
    case 'date':
      return sql`${text}::date`;
    case 'integer':
    case 'ranks':
      return sql`${text}::integer`;
    case 'number':
      return sql`${text}::double precision`;
    case 'text':
      return sql`${text}::text`;
  }
}
