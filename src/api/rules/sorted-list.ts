import type { PageRequest, Rows } from '../../platform/paging.ts';

/** One page, and one item more, of a list that lies in memory in the order of its keys, which are unique. */
export function rowsOfSorted<T>(items: readonly T[], keyOf: (item: T) => string, page: PageRequest): Rows<T> {
  const start = page.after ? firstAfter(items, keyOf, page.after.id) : page.offset;
  const rows = items
    .slice(start, start + page.limit + 1)
    .map((item) => ({ item, position: { at: '', id: keyOf(item) } }));
  return { rows, total: items.length };
}

function firstAfter<T>(items: readonly T[], keyOf: (item: T) => string, key: string): number {
  const found = items.findIndex((item) => keyOf(item) > key);
  return found < 0 ? items.length : found;
}
