/**
 * What the query of a list may ask beside its filters. Each noun says once, beside its schema, what its list can do (`listOf`);
 * the schema of the query, its reading and the SQL (page-store.ts) follow from that.
 *
 *   ?sort=-priority,due_date       names of columns, `-` for descending; then by id, so that every order is total
 *   ?q=valve ahu                   each word begins a word of one of the texts
 *   ?created_at[gte]=2026-03-01    gt, gte, lt, lte; a date is the whole of that day
 *   ?expand=asset,site             each item has expanded: {asset, site}
 */
import { z } from 'zod';
import { text, wholeNumber } from './fields.ts';
import { type Column, operators, type Range, rangeField, rangeOf, rangeWords } from './list-range.ts';

export const limitDefault = 50;
const limitMax = 200;
const offsetMax = 1_000_000_000;

/** The query parameters that every list takes. */
export const pageFields = {
  limit: wholeNumber({ min: 1, max: limitMax, default: limitDefault }).describe('How many items at most.'),
  offset: wholeNumber({ min: 0, max: offsetMax }).describe(
    'How many items to skip (0 if absent). Not together with cursor.',
  ),
  // The sort keys of a row stand in it, texts among them.
  cursor: z.string().max(8_192).optional().describe('nextCursor of the page before. Not together with offset.'),
};

export type List<E extends string = string> = {
  /** What the list is called in a cursor, which opens no other one: `work-orders`. */
  readonly name: string;
  /** The column of ids, by which rows are told apart that are equal otherwise. */
  readonly id: string;
  readonly idType: 'uuid' | 'bigint';
  readonly columns: Readonly<Record<string, Column>>;
  /** `-created_at` for most: as `sort` gives it. */
  readonly sort: string;
  /** The columns of texts in which `q` searches; none: the list takes no q. */
  readonly words: readonly string[];
  /**
   * A SQL function that finds the ids of the rows that have all words of a text, for a table without bound: row-level security
   * lets no index find words.
   */
  readonly search?: string;
  /** The names that `expand` takes. */
  readonly expand: readonly E[];
};

/** One key of an order, and the direction in which it goes. */
export type SortKey = { readonly column: Column; readonly isDescending: boolean };

/** What is searched for, and where. */
export type Words = {
  readonly q: string;
  readonly columns: readonly string[];
  readonly id: string;
  readonly search: string | undefined;
};

/** What a request asks of a list beside its filters and its page. */
export type Asked = {
  readonly order: readonly SortKey[];
  readonly ranges: readonly Range[];
  readonly words: Words | null;
};

type GivenList<E extends string> = Pick<List<E>, 'name' | 'id' | 'columns'> & Partial<List<E>>;

/** What a list can do; its order is `-created_at` unless it says otherwise. */
export function listOf<const E extends string = never>(given: GivenList<E>): List<E> {
  return { idType: 'uuid', sort: '-created_at', words: [], expand: [], ...given };
}

const columnOf =
  (kind: Column['kind']) =>
  (column: string, more: Pick<Column, 'isNullable'> = {}): Column => ({ column, kind, ...more });

/** Columns by their kind. A nullable one says so, or its empty rows are lost on the way from page to page. */
export const columns = {
  instant: columnOf('instant'),
  date: columnOf('date'),
  integer: columnOf('integer'),
  number: columnOf('number'),
  text: columnOf('text'),
  ranks: (column: string, ranks: readonly string[], more: Pick<Column, 'isNullable'> = {}): Column => ({
    column,
    kind: 'ranks',
    ranks,
    ...more,
  }),
};

/** When a row was made and when it was changed, which every table says. */
export const timestamps = (table: string) => ({
  created_at: columns.instant(`${table}.created_at`),
  updated_at: columns.instant(`${table}.updated_at`),
});

const sortKeysMax = 4;

type Listed = {
  limit?: number | undefined;
  offset?: number | undefined;
  cursor?: string | undefined;
  sort?: string | undefined;
  q?: string | undefined;
  expand?: string[] | undefined;
};
/** What of a list's query is none of its filters. */
export type ListFields = keyof Omit<Listed, 'q'>;

type ListShape<E extends string> = typeof pageFields & {
  sort: z.ZodOptional<z.ZodString>;
  q: z.ZodOptional<z.ZodString>;
  expand: Expand<E>;
};
type Expand<E extends string> = z.ZodOptional<z.ZodType<E[], string>>;

/** The schema of a list's query: the page, sort, q, ranges and expand as the list has them, and its own filters. */
export function listQuery<E extends string, F extends z.core.$ZodShape>(
  list: List<E>,
  filters: F,
): z.ZodObject<ListShape<E> & F, z.core.$strict> {
  const shape: Record<string, z.ZodType> = { ...pageFields, sort: sortField(list) };
  if (list.words.length > 0) {
    shape.q = text(200).optional().describe('Words, each of which begins a word of one of its texts.');
  }
  if (list.expand.length > 0) shape.expand = expandField(list);
  for (const [name, column] of Object.entries(list.columns)) {
    for (const operator of operators) {
      const field = rangeField(column);
      if (field) shape[`${name}[${operator}]`] = field.describe(rangeWords[operator]);
    }
  }
  return z.strictObject({ ...shape, ...filters }) as never;
}

function sortField({ columns: known, sort }: List) {
  const one = `-?(${Object.keys(known).join('|')})`;
  const example = sort.replace(/,.*/, '');
  return z
    .string()
    .max(200)
    .regex(
      new RegExp(`^${one}(,${one}){0,${sortKeysMax - 1}}$`),
      `must be one to ${sortKeysMax} of ${Object.keys(known).join(', ')}, with commas between, each with - before it for descending`,
    )
    .refine((value) => areDistinct(value.split(',').map(nameOfKey)), 'must name nothing twice')
    .optional()
    .describe(`The order: ${sort} if absent. What has no value comes last.`)
    .meta({ examples: [example] });
}

const nameOfKey = (key: string) => key.replace(/^-/, '');
const areDistinct = (names: readonly string[]) => new Set(names).size === names.length;

function expandField<E extends string>({ expand }: List<E>) {
  const one = `(${expand.join('|')})`;
  return z
    .string()
    .max(200)
    .regex(new RegExp(`^${one}(,${one})*$`), `must be of ${expand.join(', ')}, with commas between`)
    .transform((value) => [...new Set(value.split(','))] as E[])
    .optional()
    .describe('What is shown along with each item, in `expanded`: names with commas between.');
}

/** The parameter `expand` of a GET of one of a list's objects. */
export function oneQuery<E extends string>(list: List<E>): z.ZodObject<{ expand: Expand<E> }> {
  return z.strictObject({ expand: expandField(list) });
}

/**
 * The property `expanded` of an object: what `expand` names, each whole, or null where there is none or the caller may not see
 * it; absent where nothing was asked for.
 */
export function expandedField<S extends Readonly<Record<string, z.ZodType>>>(shape: S) {
  const fields = Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name, schema.nullable().optional()]),
  );
  return z
    .object(fields as { [name in keyof S]: z.ZodOptional<z.ZodNullable<S[name]>> })
    .optional()
    .describe('What `expand` asked for; null where there is none, or none that the caller may see.');
}

type Read<Q> = { readonly asked: Asked; readonly filter: Omit<Q, ListFields>; readonly bound: unknown };

/**
 * Takes apart what was asked of a list: what its store needs, its own filters, and what a cursor is bound to. Instants and dates
 * without a zone are read in `timeZone`.
 */
export function readListQuery<Q extends Listed>(list: List, query: Q, timeZone: string): Read<Q> {
  const { limit: _, offset: __, cursor: ___, expand: ____, sort, q, ...rest } = query;
  const isRange = ([name]: [string, unknown]) => name.includes('[');
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const ranges = given.filter(isRange) as [string, string][];
  // A list without words may have a filter q of its own.
  const own = list.words.length === 0 && q !== undefined ? [['q', q] as [string, unknown]] : [];
  const filter = Object.fromEntries([...given.filter((entry) => !isRange(entry)), ...own]);
  const words =
    list.words.length === 0 || q === undefined || q.trim() === ''
      ? null
      : { id: list.id, search: list.search, columns: list.words, q };
  return {
    asked: {
      order: orderOf(list, sort ?? list.sort),
      ranges: ranges.map(([name, value]) => rangeOf(list.columns, name, { value, timeZone })),
      words,
    },
    filter: filter as Omit<Q, ListFields>,
    bound: [sort ?? list.sort, words?.q ?? null, ranges.sort(), Object.entries(filter).sort()],
  };
}

function orderOf(list: List, sort: string): SortKey[] {
  return sort.split(',').map((key) => {
    const column = list.columns[nameOfKey(key)];
    if (!column) throw new TypeError(`the list ${list.name} has no column ${key}`);
    return { column, isDescending: key.startsWith('-') };
  });
}
