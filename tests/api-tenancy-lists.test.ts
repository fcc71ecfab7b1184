/** Every list of the document: what is another tenant's is neither shown nor counted, however it is asked for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { type Belongings, makeBelongings, marksOf } from './support/belongings.ts';
import { listOperations, type Operation, parametersOf } from './support/operations.ts';

let api: TestApi;
let mine: World;
let theirs: World;
let ours: Belongings;
let other: Belongings;
/** What each list counted before the other tenant had anything. */
let totalsBefore: Map<string, number>;
beforeAll(async () => {
  api = await startTestApi();
  await deployLibrary(api);
  mine = await makeWorld(api.database);
  ours = await makeBelongings(api, mine, 'mine-alone');
  totalsBefore = await totals();
  theirs = await makeWorld(api.database);
  other = await makeBelongings(api, theirs, 'only-theirs');
});
afterAll(() => api.close());

/** What has a cursor is a list; a stream has no end, and tests/live-stream-rights.test.ts says what it tells to whom. */
function lists(): (Operation & { readonly url: string; readonly query: readonly string[] })[] {
  return listOperations(api)
    .filter(({ method, path }) => method === 'GET' && !/\/stream\/?$/.test(path))
    .map((operation) => {
      const query = (operation.described.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name);
      return { ...operation, query, url: urlOf(operation, ours) };
    })
    .filter(({ query }) => query.includes('limit'));
}

function urlOf(operation: Operation, { ids }: Belongings): string {
  return parametersOf(operation).reduce(
    (url, { name, of }) => url.replace(`{${name}}`, of === 'rules' ? 'sat-warm' : (ids[of] ?? 'nothing')),
    operation.path,
  );
}

const get = (url: string, key = mine.key) => api.call('GET', url, { key, headers: { 'accept-version': '1.0.0' } });

async function totals(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { name, url } of lists()) {
    const { json, headers } = await get(url);
    found.set(name, Number(json?.total ?? headers['x-total-count'] ?? 0));
  }
  return found;
}

/** What of theirs an answer has that was not asked with. */
function foreignBytes({ text, headers }: Awaited<ReturnType<typeof get>>, asked: string): string[] {
  const shown = `${text} ${JSON.stringify(headers)}`;
  return [theirs.tenantId, ...marksOf(other)].filter(
    (one) => shown.includes(one) && !decodeURIComponent(asked).includes(one),
  );
}

describe('no list', () => {
  test('counts what another tenant has', async () => {
    expect(await totals()).toEqual(totalsBefore);
    expect(totalsBefore.size).toBeGreaterThan(40);
    expect([...totalsBefore.values()].filter((total) => total > 0).length).toBeGreaterThan(20);
  });

  test('shows it, in any order, of any page, whatever is expanded', async () => {
    for (const { name, url, query, described } of lists()) {
      const asked = [''];
      if (query.includes('q')) asked.push(`?q=${other.secret}`);
      if (query.includes('sort')) asked.push('?sort=created_at', '?sort=-updated_at');
      if (query.includes('expand')) asked.push(...expandsOf(described).map((one) => `?expand=${one}`));
      if (query.includes('offset')) asked.push('?offset=1000', '?limit=200&offset=1');
      for (const one of asked) {
        const reply = await get(url + one);
        expect([name, one, reply.status, reply.text]).toEqual([
          name,
          one,
          expect.toBeOneOf([200, 400]),
          expect.any(String),
        ]);
        expect([name, one, foreignBytes(reply, one)]).toEqual([name, one, []]);
        if (one.startsWith('?q=')) expect([name, countOf(reply)]).toEqual([name, 0]);
      }
    }
  });

  test('finds it by a filter that names it', async () => {
    let asked = 0;
    for (const { name, url, query } of lists()) {
      for (const filter of query) {
        for (const value of namedBy(filter)) {
          const search = `?${filter}=${encodeURIComponent(value)}`;
          const reply = await get(url + search);
          expect([name, search, reply.status]).toEqual([name, search, expect.toBeOneOf([200, 400, 404])]);
          expect([name, search, foreignBytes(reply, search)]).toEqual([name, search, []]);
          const found = reply.status === 200 ? countOf(reply) : 0;
          expect([name, search, found]).toEqual([name, search, 0]);
          asked += 1;
        }
      }
    }
    expect(asked).toBeGreaterThan(50);
  });

  test('takes a cursor that another tenant was given', async () => {
    let tried = 0;
    for (const operation of lists().filter(({ query }) => query.includes('cursor'))) {
      const { name, url } = operation;
      const { json, headers } = await get(`${urlOf(operation, other)}?limit=1`, theirs.key);
      const cursor: string | null = json?.nextCursor ?? headers['x-next-cursor'] ?? null;
      if (cursor === null) continue;
      const reply = await get(`${url}?limit=1&cursor=${cursor}`);
      expect([name, reply.status, reply.json.error]).toEqual([name, 400, 'cursor_invalid']);
      tried += 1;
    }
    expect(tried).toBeGreaterThan(3);
  });
});

function countOf({ json, headers }: Awaited<ReturnType<typeof get>>): number {
  return Number(json.total ?? headers['x-total-count'] ?? (json.data ?? json.values ?? json).length);
}

/** What of theirs a filter might name. */
function namedBy(filter: string): string[] {
  const all = filters[filter];
  if (all === undefined && /(_ids?|_by)$/.test(filter) && !unlinked.includes(filter))
    throw new Error(`a list takes ${filter}: say in filters or unlinked what it names`);
  return (all ?? []).flatMap((of) => other.ids[of] ?? (of === 'uri' ? `urn:${other.secret}` : []));
}

/** Of which collections filters name things. */
const filters: Record<string, readonly string[]> = {
  asset_id: ['assets'],
  assigned_to: ['users'],
  assignee: ['users'],
  actor_id: ['users', 'api-keys'],
  created_by: ['users'],
  device_id: ['devices'],
  equipment_uri: ['uri'],
  insight: ['insights'],
  location_id: ['locations'],
  parent: ['work-orders'],
  parent_id: ['assets', 'work-orders/comment_id'],
  point_id: ['points'],
  site: ['slug'],
  team_id: ['teams'],
  member: ['users'],
  subject_id: ['work-orders', 'assets', 'insights', 'users'],
  uri: ['uri'],
  user_id: ['users'],
};
/** Names in other systems, or of what no tenant has for itself. */
const unlinked = ['external_id', 'source_id', 'rule_id'];

/** The names that the parameter says it takes. */
function expandsOf({ parameters = [] }: Operation['described']): string[] {
  const { schema } = parameters.find(({ name }) => name === 'expand') ?? {};
  const text = JSON.stringify(schema ?? {});
  return [...new Set([...text.matchAll(/"enum":\[([^\]]*)\]/g)].flatMap(([, names = '']) => JSON.parse(`[${names}]`)))];
}

test('R18: the calendar of a key holds nothing of another tenant', async () => {
  const feed = async (key: string) => (await api.call('GET', `/api/v1/calendar.ics?key=${key}`)).text;
  const [own, foreign] = [await feed(await mine.makeKey({ scopes: ['calendar:read'] })), await feed(theirs.key)];
  expect(own).toContain(ours.secret);
  expect(foreign).toContain(other.secret);
  for (const mark of marksOf(other)) expect([mark, own.includes(mark)]).toEqual([mark, false]);
});
