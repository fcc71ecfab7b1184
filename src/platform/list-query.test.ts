import { expect, test } from 'vitest';
import { z } from 'zod';
import { columns, listOf, listQuery, readListQuery, timestamps } from './list-query.ts';
import { createPaging } from './paging.ts';

const list = listOf({
  name: 'things',
  id: 'thing.id',
  columns: {
    ...timestamps('thing'),
    made_on: columns.date('thing.made_on', { isNullable: true }),
    count: columns.integer('thing.count'),
    weight: columns.number('thing.weight'),
    name: columns.text('thing.name'),
    size: columns.ranks('thing.size', ['small', 'large']),
  },
  words: ['thing.name'],
  expand: ['owner', 'place'],
});
const Query = listQuery(list, { colour: z.string().optional() });

const read = (query: Record<string, string>, timeZone = 'UTC') => readListQuery(list, Query.parse(query), timeZone);
const rangesOf = (query: Record<string, string>, timeZone?: string) =>
  read(query, timeZone).asked.ranges.map(({ column, from, before }) => [column.column, from, before]);

test.each([
  ['created_at[gte]', '2026-03-17T17:00:00Z', ['2026-03-17T17:00:00.000Z', null], 'an instant'],
  [
    'created_at[gt]',
    '2026-03-17T17:00:00.250Z',
    ['2026-03-17T17:00:00.251Z', null],
    'above it: the next millisecond on',
  ],
  ['created_at[lte]', '2026-03-17T17:00:00Z', [null, '2026-03-17T17:00:00.001Z'], 'up to it: its millisecond too'],
  ['created_at[lt]', '2026-03-17 19:00:00+0200', [null, '2026-03-17T17:00:00.000Z'], 'another form, with an offset'],
  [
    'created_at[lt]',
    '2026-03-17T19:00:00 02:00',
    [null, '2026-03-17T17:00:00.000Z'],
    'a plus sign that became a space',
  ],
  ['created_at[gte]', '2026-03-17T17:00', ['2026-03-17T11:30:00.000Z', null], 'without a zone: the local time'],
  ['created_at[gte]', '2026-03-17', ['2026-03-16T18:30:00.000Z', null], 'from the beginning of a local day'],
  ['created_at[gt]', '2026-03-17', ['2026-03-17T18:30:00.000Z', null], 'after the end of a local day'],
  ['created_at[lte]', '2026-03-17', [null, '2026-03-17T18:30:00.000Z'], 'to the end of a local day'],
  ['created_at[lt]', '2026-03-17', [null, '2026-03-16T18:30:00.000Z'], 'before the beginning of a local day'],
  ['created_at[lte]', '9999-12-31', [null, 'infinity'], 'the last day there is'],
  ['made_on[gt]', '2028-02-28', ['2028-02-29', null], 'a date by itself, in a leap year'],
  ['made_on[lte]', '2026-12-31', [null, '2027-01-01'], 'a date at the end of a year'],
  ['count[gt]', '-3', ['-2', null], 'above a whole number'],
  ['count[lte]', '7', [null, '8'], 'up to a whole number'],
  ['weight[gte]', '0.1', ['0.1', null], 'a number'],
])('%s=%s is %j in Kolkata: %s', (name, value, range) => {
  expect(rangesOf({ [name]: value }, 'Asia/Kolkata').map(([, ...bounds]) => bounds)).toEqual([range]);
});

test('a number is above or not above another one, with nothing between', () => {
  for (const value of ['0', '-0.5', '0.1', '3', '-1000000']) {
    const [[, , before] = []] = rangesOf({ 'weight[lte]': value });
    expect(Number(before)).toBeGreaterThan(Number(value));
    expect((Number(before) + Number(value)) / 2).toBeOneOf([Number(before), Number(value)]);
  }
});

test.each([
  [{ sort: 'colour' }],
  [{ sort: '' }],
  [{ sort: '--name' }],
  [{ sort: 'name,-name' }],
  [{ sort: 'name,' }],
  [{ sort: 'created_at,updated_at,count,weight,name' }],
  [{ expand: 'owner,colour' }],
  [{ 'created_at[gte]': 'yesterday' }],
  [{ 'created_at[ge]': '2026-03-17' }],
  [{ 'made_on[gte]': '2026-02-30' }],
  [{ 'made_on[gte]': '2026-02-03T00:00:00Z' }],
  [{ 'count[gte]': '1.5' }],
  [{ 'name[gte]': 'a' }],
  [{ 'size[lt]': 'large' }],
  [{ limit: '201' }],
])('%j is refused', (query) => {
  expect(Query.safeParse(query).success).toBe(false);
});

test('an order is what was asked for, or else the one of the list', () => {
  const orderOf = (sort?: string) =>
    read(sort === undefined ? {} : { sort }).asked.order.map(({ column, isDescending }) => [
      column.column,
      isDescending,
    ]);
  expect(orderOf()).toEqual([['thing.created_at', true]]);
  expect(orderOf('-size,name')).toEqual([
    ['thing.size', true],
    ['thing.name', false],
  ]);
});

test('filters are what is left, and words of blanks are none', () => {
  const { filter, asked } = read({ colour: 'red', q: '  ', sort: 'name', expand: 'place,owner,place', limit: '5' });
  expect(filter).toEqual({ colour: 'red' });
  expect(asked.words).toBeNull();
  expect(Query.parse({ expand: 'place,owner,place' }).expand).toEqual(['place', 'owner']);
});

test.each<[Record<string, string>, boolean, string]>([
  [{}, true, 'nothing else'],
  [{ expand: 'owner' }, true, 'what is shown along with it'],
  [{ limit: '7' }, true, 'a longer page'],
  [{ sort: '-name' }, false, 'another order'],
  [{ q: 'valve' }, false, 'words'],
  [{ 'created_at[gte]': '2026-03-17' }, false, 'a range'],
  [{ colour: 'red' }, false, 'a filter'],
])('a cursor with %j opens the list: %s (%s)', (more, isOpen) => {
  const paging = createPaging('a secret of the tests');
  const reader = { of: ['a tenant'], timeZone: 'UTC' };
  const { page } = paging.list(list, Query.parse({ sort: 'name' }), reader);
  const position = { keys: ['a'], id: '1' };
  const rows = Array.from({ length: page.limit + 1 }, () => ({ item: {}, position }));
  const { nextCursor } = paging.page(page, { rows, total: rows.length });
  const open = () => paging.list(list, Query.parse({ sort: 'name', ...more, cursor: nextCursor }), reader);
  if (isOpen) expect(open().page).toMatchObject({ after: position, offset: 50 });
  else expect(open).toThrow('Use nextCursor as it was given');
  const elsewhere = { of: ['another tenant'], timeZone: 'UTC' };
  expect(() => paging.list(list, Query.parse({ sort: 'name', cursor: nextCursor }), elsewhere)).toThrow(
    'Use nextCursor',
  );
});
