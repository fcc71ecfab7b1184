/**
 * Every operation of the document with the ids of another tenant. What is new in the document is walked by itself; an operation
 * that names something of which tests/support/belongings.ts makes none fails here.
 */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { type Belongings, makeBelongings, marksOf } from './support/belongings.ts';
import { contentOf, listOperations, type Operation, parametersOf, propertiesOf } from './support/operations.ts';

let api: TestApi;
let mine: World;
let theirs: World;
let ours: Belongings;
let other: Belongings;
beforeAll(async () => {
  api = await startTestApi();
  await deployLibrary(api);
  mine = await makeWorld(api.database);
  theirs = await makeWorld(api.database);
  ours = await makeBelongings(api, mine, 'mine-alone');
  other = await makeBelongings(api, theirs, 'only-theirs');
});
afterAll(() => api.close());

/** Steps of a path that are no ids. */
const words: Record<string, string> = { 'assets/kind': 'feeds' };
/** What operations ask for in their query. */
const queryOf: Record<string, string> = { 'DELETE /api/v1/opcua-connections/{id}/items': '?all=true' };

function idOf({ ids }: Belongings, of: string, { name }: Operation): string {
  const id = words[of] ?? ids[of];
  if (id === undefined) throw new Error(`belongings.ts makes nothing of ${of}, so that ${name} cannot be walked`);
  return id;
}

/** The URLs of an operation in which at least one id is theirs, and all others are of what is mine. */
function foreignUrls(operation: Operation): string[] {
  const parameters = parametersOf(operation);
  const ids = parameters.filter(({ of }) => words[of] === undefined);
  return Array.from({ length: 2 ** ids.length - 1 }, (_, i) => {
    const foreign = new Set(ids.filter((_one, bit) => (i + 1) & (1 << bit)).map(({ name }) => name));
    return urlOf(operation, (name) => (foreign.has(name) ? other : ours));
  });
}

function urlOf(operation: Operation, whose: (name: string) => Belongings): string {
  const path = parametersOf(operation).reduce(
    (url, { name, of }) => url.replace(`{${name}}`, encodeURIComponent(idOf(whose(name), of, operation))),
    operation.path,
  );
  return path + (queryOf[operation.name] ?? '');
}

/** Everything that a tenant has, as text. */
async function dump(tenantId: string): Promise<string> {
  const { db } = api.database;
  const { rows: tables } = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'tenant_id'
      and not a.attisdropped order by 1`.execute(db);
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = sql.raw<{ row: string }>(
      `select t::text as row from ${name} t where tenant_id = '${tenantId}' order by 1`,
    );
    texts.push(name, ...(await rows.execute(db)).rows.map(({ row }) => row));
  }
  return texts.join('\n');
}

/** What of theirs an answer has that was not asked with. */
function foreignBytes(text: string, asked: string): string[] {
  return [theirs.tenantId, ...marksOf(other)].filter((one) => text.includes(one) && !asked.includes(one));
}

describe('with the ids of another tenant', () => {
  test('T14: every operation is 404, says nothing of theirs, and changes nothing', async () => {
    const before = await dump(theirs.tenantId);
    let walked = 0;
    for (const operation of listOperations(api)) {
      for (const url of foreignUrls(operation)) {
        const { method, name } = operation;
        const reply = await api.call(method, url, { key: mine.key, ...contentOf(api, operation) });
        expect([name, url, reply.status, reply.text]).toEqual([name, url, 404, expect.any(String)]);
        const shown = `${reply.text} ${JSON.stringify(reply.headers)}`;
        expect([url, foreignBytes(shown, url)]).toEqual([url, []]);
        walked += 1;
      }
    }
    expect(walked).toBeGreaterThan(150);
    expect(await dump(theirs.tenantId)).toBe(before);
  });

  test('no body can point at theirs, whichever of its properties names them', async () => {
    const before = await dump(theirs.tenantId);
    let walked = 0;
    for (const operation of listOperations(api).filter(({ method }) => method !== 'GET')) {
      const { body } = contentOf(api, operation);
      for (const [property, value] of foreignValues(operation)) {
        const given = { ...(body as object), [property]: value };
        const url = urlOf(operation, () => ours);
        const reply = await api.call(operation.method, url, { key: mine.key, body: given });
        const place = [operation.name, property, JSON.stringify(value)];
        expect([...place, reply.status, reply.text]).toEqual([
          ...place,
          expect.toBeOneOf(filtering.test(operation.path) ? [200] : refusing),
          expect.any(String),
        ]);
        expect([...place, foreignBytes(reply.text, JSON.stringify(given))]).toEqual([...place, []]);
        walked += 1;
      }
    }
    expect(walked).toBeGreaterThan(20);
    expect(await dump(theirs.tenantId)).toBe(before);
    const own = await dump(mine.tenantId);
    for (const mark of marksOf(other)) expect([mark, own.includes(mark)]).toEqual([mark, false]);
  });
});

/** These act on what a filter finds, which is nothing. */
const filtering = /\/quarantine\/(replay|delete)$/;
const refusing = [400, 403, 404, 409, 410, 422];

/** Properties of bodies that name things, and of which collections. */
const linked: Record<string, readonly string[]> = {
  asset_id: ['assets'],
  device_id: ['devices'],
  assigned_to: ['users'],
  assignee: ['users'],
  assignees: ['users'],
  insight: ['insights'],
  insight_id: ['insights'],
  parent: ['work-orders', 'sites', 'locations', 'assets'],
  parent_id: ['assets', 'work-orders/comment_id', 'locations'],
  parent_site: ['slug'],
  site: ['slug'],
  default_site: ['slug'],
  location_id: ['locations'],
  point_id: ['points'],
  target: ['points', 'assets'],
  team_id: ['teams'],
  members: ['users'],
  site_ids: ['site_ids'],
  sites: ['slug'],
  user_id: ['users'],
  work_order_id: ['work-orders'],
};
/** Those that look like one and are not: names in another system, or of what is told apart otherwise. */
const unlinked = ['external_id', 'source_id', 'rule_id', 'timeseries_ids'];

/** Each property of an operation's body that names a thing, with each of theirs that it might name. */
function foreignValues(operation: Operation): [string, unknown][] {
  const { name } = operation;
  return Object.entries(propertiesOf(api, operation)).flatMap(([property, schema]) => {
    const of = linked[property];
    if (of === undefined && /(_ids?|_by|_site)$/.test(property) && !unlinked.includes(property))
      throw new Error(`${name} takes ${property}: say in linked or unlinked what it names`);
    const isMany = JSON.stringify(schema).includes('"array"');
    return (of ?? []).flatMap((collection): [string, unknown][] => {
      const id = collection === 'site_ids' ? theirs.campusId : other.ids[collection];
      return id === undefined ? [] : [[property, isMany ? [id] : id]];
    });
  });
}

test('and all of theirs is really there: their own key finds each thing that was asked for', async () => {
  const all = listOperations(api).filter((operation) => parametersOf(operation).length > 0);
  // What takes things away comes last, and of things that are below others first.
  const steps = ({ path, method }: Operation) => (method === 'DELETE' ? 1_000 : 0) - path.split('/').length;
  for (const operation of all.toSorted((one, another) => steps(one) - steps(another))) {
    const isOfNobody = operation.path.includes('/rules/{id}');
    if (isOfNobody || /\/stream\/?$/.test(operation.path)) continue;
    const url = urlOf(operation, () => other);
    const reply = await api.call(operation.method, url, { key: theirs.key, ...contentOf(api, operation) });
    expect([operation.name, reply.status, reply.text]).toEqual([
      operation.name,
      operation.method === 'DELETE' ? expect.any(Number) : expect.not.toBeOneOf([404, 500, 503]),
      expect.any(String),
    ]);
  }
});
