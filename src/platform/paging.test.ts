import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPaging, type PageRequest } from './paging.ts';

const paging = createPaging('a secret of the tests');

type Row = { readonly at: number; readonly id: number };

/** What a store does, over an array: newest first, behind the position or the offset, one more than the limit. */
function fetch(rows: readonly Row[], { limit, offset, after }: PageRequest) {
  const sorted = [...rows].sort((left, right) => right.at - left.at || right.id - left.id);
  const behind = after
    ? sorted.filter(
        ({ at, id }) => at < Number(after.keys[0]) || (at === Number(after.keys[0]) && id < Number(after.id)),
      )
    : sorted.slice(offset);
  const cut = behind
    .slice(0, limit + 1)
    .map((row) => ({ item: row, position: { keys: [String(row.at)], id: String(row.id) } }));
  return { rows: cut, total: rows.length };
}

/** Follows the cursors from the first page to the last. */
function walk(rows: readonly Row[], limit: number): { seen: Row[]; pages: number } {
  const seen: Row[] = [];
  let cursor: string | undefined;
  for (let pages = 1; ; pages += 1) {
    const { page } = paging.read({ limit, cursor, status: 'open' }, 'a list');
    const { items, offset, nextCursor } = paging.page(page, fetch(rows, page));
    expect(offset).toBe(seen.length);
    seen.push(...items);
    if (nextCursor === null) return { seen, pages };
    cursor = nextCursor;
  }
}

test('cursors walk a list in its order, each row once, also where many rows share an instant', () => {
  // Few instants, so that ties fall on the ends of pages.
  const instants = fc.constantFrom(1, 2, 3);
  const rowsOf = fc.array(instants, { maxLength: 20 }).map((list) => list.map((at, id) => ({ at, id })));
  fc.assert(
    fc.property(rowsOf, fc.integer({ min: 1, max: 21 }), (rows, limit) => {
      const order = [...rows].sort((left, right) => right.at - left.at || right.id - left.id);
      expect(walk(rows, limit)).toEqual({ seen: order, pages: Math.max(1, Math.ceil(rows.length / limit)) });
    }),
  );
});

test('a cursor holds for its list, its filter and its secret', () => {
  const rows = [
    { at: 1, id: 1 },
    { at: 2, id: 2 },
  ];
  const { page } = paging.read({ limit: 1, status: 'open' }, 'a list');
  const { nextCursor } = paging.page(page, fetch(rows, page));
  const cursor = nextCursor ?? '';
  expect(() => paging.read({ cursor, status: 'open' }, 'a list')).not.toThrow();
  expect(() => paging.read({ cursor, status: 'closed' }, 'a list')).toThrow('Use nextCursor as it was given');
  expect(() => paging.read({ cursor }, 'a list')).toThrow('Use nextCursor as it was given');
  expect(() => paging.read({ cursor, status: 'open' }, 'another')).toThrow('Use nextCursor as it was given');
  expect(() => createPaging('another secret').read({ cursor, status: 'open' }, 'a list')).toThrow('Use nextCursor');
});

test('no change of a single character of a cursor goes unnoticed', () => {
  const rows = [
    { at: 1, id: 1 },
    { at: 2, id: 2 },
  ];
  const { page } = paging.read({ limit: 1 }, 'a list');
  const cursor = paging.page(page, fetch(rows, page)).nextCursor ?? '';
  // The last character of a Base64 text may carry unused bits, which say nothing.
  for (let index = 0; index < cursor.length - 1; index += 1) {
    const changed = `${cursor.slice(0, index)}${cursor[index] === 'A' ? 'B' : 'A'}${cursor.slice(index + 1)}`;
    expect(() => paging.read({ cursor: changed }, 'a list')).toThrow('Use nextCursor');
  }
});
