import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const priorities = ['none', 'low', 'medium', 'high', 'critical'];
const statuses = ['open', 'in_progress', 'on_hold', 'completed', 'skipped', 'cancelled'];
// Few values, on both sides of a bound, so that rows are equal at the ends of pages; in small letters and capitals, with marks.
const instants = [
  '2026-03-01T00:00:00Z',
  '2026-03-01T23:59:59.999Z',
  '2026-03-02T00:00:00Z',
  '2026-03-02T00:00:00.001Z',
];
const titles = [
  'Ventil prüfen',
  'ventil pruefen',
  'Valve, actuator',
  'valve actuator stuck',
  'Äther',
  'zeta',
  'Zeta 12',
  'a',
];

type Row = {
  id: string;
  number: number;
  title: string;
  status: string;
  priority: string;
  created_at: string;
  /** Microseconds, which no reply shows and every order heeds. */
  micros: number;
  due_at: string | null;
};

const rowOf: fc.Arbitrary<Omit<Row, 'id' | 'number'>> = fc.record({
  title: fc.constantFrom(...titles),
  status: fc.constantFrom(...statuses),
  priority: fc.constantFrom(...priorities),
  created_at: fc.constantFrom(...instants),
  micros: fc.constantFrom(0, 1, 999),
  due_at: fc.constantFrom(null, ...instants),
});

let lastNumber = 0;

async function insert(rows: readonly Omit<Row, 'id' | 'number'>[]): Promise<Row[]> {
  const made = rows.map((row) => {
    lastNumber += 1;
    return { ...row, id: randomUUID(), number: lastNumber };
  });
  const values = made.map(({ micros, ...row }) => ({
    ...row,
    tenant_id: world.tenantId,
    site_id: world.campusId,
    type: 'reactive',
    due_date: row.due_at,
    created_at: withMicros(row.created_at, micros),
  }));
  if (values.length > 0) await api.database.db.insertInto('work_order').values(values).execute();
  return made;
}

function withMicros(at: string, micros: number): string {
  const [seconds = '', fraction = ''] = at.replace('Z', '').split('.');
  return `${seconds}.${fraction.padEnd(3, '0')}${String(micros).padStart(3, '0')}Z`;
}

/** The keys of an order, written anew: numbers and texts, each with how two are compared; null comes last in both directions. */
const keys: Record<string, (row: Row) => number | string | null> = {
  created_at: (row) => Date.parse(row.created_at) * 1_000 + row.micros,
  due_date: (row) => row.due_at && Date.parse(row.due_at),
  number: (row) => row.number,
  title: (row) => row.title,
  priority: (row) => priorities.indexOf(row.priority),
  status: (row) => statuses.indexOf(row.status),
};
const alphabet = new Intl.Collator('und');

function compareBy(sort: string): (one: Row, other: Row) => number {
  const order = sort.split(',').map((key) => ({ name: key.replace('-', ''), sign: key.startsWith('-') ? -1 : 1 }));
  return (one, other) => {
    for (const { name, sign } of order) {
      const [left, right] = [keys[name]?.(one) ?? null, keys[name]?.(other) ?? null];
      if (left === right) continue;
      if (left === null || right === null) return left === null ? 1 : -1;
      const difference = typeof left === 'string' ? alphabet.compare(left, String(right)) : left - Number(right);
      if (difference !== 0) return sign * difference;
    }
    return (order.at(-1)?.sign ?? 1) * (one.id < other.id ? -1 : 1);
  };
}

const names = Object.keys(keys);
const sorts = fc
  .tuple(
    fc.shuffledSubarray(names, { minLength: 1, maxLength: 3 }),
    fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  )
  .map(([some, signs]) => some.map((name, index) => `${signs[index] ? '-' : ''}${name}`).join(','));

const boundAt = Date.parse('2026-03-02T00:00:00Z');
/** Questions, and which rows they are about. */
const filters: readonly (readonly [query: string, holds: (row: Row) => boolean])[] = [
  ['', () => true],
  ['status=open', ({ status }) => status === 'open'],
  [
    'status=open,completed&priority=high',
    (row) => ['open', 'completed'].includes(row.status) && row.priority === 'high',
  ],
  ['created_at[gte]=2026-03-02', ({ created_at }) => Date.parse(created_at) >= boundAt],
  ['created_at[gt]=2026-03-02T00:00:00Z', ({ created_at }) => Date.parse(created_at) > boundAt],
  ['created_at[lte]=2026-03-02T00:00:00Z', ({ created_at }) => Date.parse(created_at) <= boundAt],
  ['created_at[lt]=2026-03-02', ({ created_at }) => Date.parse(created_at) < boundAt],
  ['due_date[lte]=2026-03-01', ({ due_at }) => due_at !== null && Date.parse(due_at) < boundAt],
  ['q=valve', ({ title }) => /valve/i.test(title)],
  ['q=ACTU%20val', ({ title }) => /actuator/i.test(title)],
  ['q=zet%2012', ({ title }) => title === 'Zeta 12'],
  ['q=alve', () => false],
  ['q=zeta&priority=none,low', (row) => /zeta/i.test(row.title) && ['none', 'low'].includes(row.priority)],
];

const paths = ['/api/v1/work-orders?', '/api/v1/sites/ucl-east-campus/work-orders/?'];

/** One page of either mount. */
async function pageOf(url: string) {
  const { status, json, headers } = await api.call('GET', url, { key: world.key });
  expect([url, status]).toEqual([url, 200]);
  const items: { id: string }[] = Array.isArray(json) ? json : json.data;
  const total: number = Array.isArray(json) ? Number(headers['x-total-count']) : json.total;
  const next = Array.isArray(json) ? (headers['x-next-cursor'] as string | undefined) : json.nextCursor;
  return { ids: items.map(({ id }) => id), total, next: next ?? null };
}

test('any order and any filter, page by page, gives each row once and in that order, while rows are added', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(rowOf, { minLength: 1, maxLength: 14 }),
      fc.array(rowOf, { maxLength: 4 }),
      fc.record({
        sort: sorts,
        filter: fc.constantFrom(...filters),
        path: fc.constantFrom(...paths),
        limit: fc.integer({ min: 1, max: 6 }),
      }),
      async (rows, added, { sort, filter: [filter, holds], path, limit }) => {
        await api.database.db.deleteFrom('work_order').execute();
        const before = await insert(rows);
        const sorted = before
          .filter(holds)
          .sort(compareBy(sort))
          .map(({ id }) => id);
        const asked = `${path}sort=${sort}&${filter}&limit=${limit}`;

        const byOffset: string[] = [];
        for (let offset = 0; offset === 0 || byOffset.length === offset; offset += limit) {
          const { ids, total } = await pageOf(`${asked}&offset=${offset}`);
          expect(total).toBe(sorted.length);
          byOffset.push(...ids);
        }
        expect(byOffset).toEqual(sorted);

        const seen: string[] = [];
        const all = [...before];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const { ids, next, total } = await pageOf(cursor === '' ? asked : `${asked}&cursor=${cursor}`);
          expect(total).toBe(all.filter(holds).length);
          seen.push(...ids);
          cursor = next;
          // Each time one more, before, between and behind what was seen.
          all.push(...(await insert(added.slice(all.length - before.length, all.length - before.length + 1))));
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen.filter((id) => sorted.includes(id))).toEqual(sorted);
        const place = new Map(all.sort(compareBy(sort)).map(({ id }, index) => [id, index]));
        const places = seen.map((id) => place.get(id) ?? -1);
        expect(places).toEqual(places.toSorted((one, other) => one - other));
      },
    ),
    { numRuns: 60 },
  );
});

test('by offset, rows that are added push others on, and none is lost', async () => {
  await api.database.db.deleteFrom('work_order').execute();
  const row = { title: 'a', status: 'open', priority: 'low', micros: 0, due_at: null };
  const before = await insert(Array.from({ length: 9 }, () => ({ ...row, created_at: '2026-03-01T00:00:00Z' })));
  const seen = new Set<string>();
  for (let offset = 0; offset < 20; offset += 2) {
    for (const id of (await pageOf(`/api/v1/work-orders?limit=2&offset=${offset}`)).ids) seen.add(id);
    await insert([{ ...row, created_at: '2026-03-02T00:00:00Z' }]);
  }
  expect(before.filter(({ id }) => !seen.has(id))).toEqual([]);
});

test('a cursor goes on although the row at which it ended is gone, or has moved', async () => {
  await api.database.db.deleteFrom('work_order').execute();
  const row = { status: 'open', priority: 'low', micros: 0, due_at: null, created_at: '2026-03-01T00:00:00Z' };
  const made = await insert(['a', 'b', 'c', 'd', 'e', 'f'].map((title) => ({ ...row, title })));
  const list = '/api/v1/work-orders?sort=title&limit=2';
  const first = await pageOf(list);
  expect(first.ids).toEqual([made[0]?.id, made[1]?.id]);
  await api.call('DELETE', `/api/v1/work-orders/${first.ids[1]}`, { key: world.key });
  const second = await pageOf(`${list}&cursor=${first.next}`);
  expect(second.ids).toEqual([made[2]?.id, made[3]?.id]);
  await api.call('PATCH', `/api/v1/work-orders/${second.ids[1]}`, { key: world.key, body: { title: 'z' } });
  expect((await pageOf(`${list}&cursor=${second.next}`)).ids).toEqual([made[4]?.id, made[5]?.id]);
});
