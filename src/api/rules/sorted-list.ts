/** Lists that are in memory, such as the rules of a deployment: the same questions, answered as page-store.ts does for tables. */
import type { SortKey } from '../../platform/list-query.ts';
import type { Column } from '../../platform/list-range.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';

/** One page of items in the order that was asked for, then by `idOf`; the columns of the list are names of their properties. */
export function rowsOfItems<T extends object>(
  items: readonly T[],
  idOf: (item: T) => string,
  page: ListRequest,
): Rows<T> {
  const { order, after } = page;
  const found = items
    .filter((item) => isWithin(item, page))
    .map((item) => ({ item, position: { keys: order.map(({ column }) => keyOf(item, column)), id: idOf(item) } }))
    .sort((one, other) => compare(one.position, other.position, order));
  const start = after ? found.findIndex(({ position }) => compare(position, after, order) > 0) : page.offset;
  return { rows: start < 0 ? [] : found.slice(start, start + page.limit + 1), total: found.length };
}

type Position = { readonly keys: readonly string[]; readonly id: string };

function compare(one: Position, other: Position, order: readonly SortKey[]): number {
  for (const [index, { column, isDescending }] of order.entries()) {
    const difference = compareKeys(one.keys[index] ?? '', other.keys[index] ?? '', column);
    if (difference !== 0) return isDescending ? -difference : difference;
  }
  const isDescending = order.at(-1)?.isDescending ?? false;
  if (one.id === other.id) return 0;
  return one.id > other.id === isDescending ? -1 : 1;
}

function compareKeys(one: string, other: string, { kind }: Column): number {
  if (kind === 'integer' || kind === 'number' || kind === 'ranks') return Number(one) - Number(other);
  if (kind === 'text') return alphabet.compare(one, other);
  return one === other ? 0 : one < other ? -1 : 1;
}

const alphabet = new Intl.Collator('und');

function keyOf(item: object, { column, kind, ranks = [] }: Column): string {
  const value = String((item as Record<string, unknown>)[column] ?? '');
  if (kind === 'ranks') return String(ranks.indexOf(value));
  return kind === 'instant' ? new Date(value).toISOString() : value;
}

function isWithin(item: object, { ranges }: ListRequest): boolean {
  return ranges.every(({ column, from, before }) => {
    const key = keyOf(item, column);
    return (from === null || compareKeys(key, from, column) >= 0) && (before === null || isBefore(key, before, column));
  });
}

function isBefore(key: string, before: string, column: Column): boolean {
  return before === 'infinity' || compareKeys(key, before, column) < 0;
}
