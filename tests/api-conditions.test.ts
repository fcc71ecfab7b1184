/** What is promised of every noun alike, walked through the whole document: conditions on versions, and values that unset. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { makeBelongings } from './support/belongings.ts';
import { contentOf, listOperations, type Operation, propertiesOf, urlOf } from './support/operations.ts';

let api: TestApi;
let world: World;
let ids: Readonly<Record<string, string>>;
beforeAll(async () => {
  api = await startTestApi();
  await deployLibrary(api);
  world = await makeWorld(api.database);
  ({ ids } = await makeBelongings(api, world, 'walked'));
  await api.call('PUT', `/api/v1/assets/${ids.assets}/relations/feeds/${ids['assets/other_id']}`, { key: world.key });
});
afterAll(() => api.close());

type Asked = { readonly body?: object; readonly ifMatch?: unknown; readonly method?: string };

function ask(operation: Operation, { body, ifMatch, method = operation.method }: Asked) {
  const content = contentOf(api, operation);
  const headers = { ...content.headers, ...(ifMatch !== undefined && { 'if-match': String(ifMatch) }) };
  const given = method === 'GET' ? {} : { ...content, ...(body && { body }) };
  return api.call(method, urlOf(operation, ids), { key: world.key, ...given, headers });
}

/** A key has logged in nowhere; and a picture is looked at before its place is. */
const heldOtherwise = /\/auth\/sessions\/|\/image\/?$/;
const takesIfMatch = ({ described }: Operation) => described.parameters?.some(({ name }) => name === 'If-Match');

test('every operation that takes If-Match is 412 for a version that there never was', async () => {
  const operations = listOperations(api).filter((one) => takesIfMatch(one) && !heldOtherwise.test(one.path));
  expect(operations.length).toBeGreaterThan(90);
  for (const operation of operations) {
    const body = operation.method === 'PATCH' ? { body: changeOf(operation, 1) } : {};
    const { status, text } = await ask(operation, { ifMatch: '"never"', ...body });
    expect([operation.name, status, text]).toEqual([operation.name, 412, expect.any(String)]);
  }
});

const changing = () => listOperations(api).filter((one) => one.method === 'PATCH' && takesIfMatch(one));

test('N4: whatever carries metadata and an external_id loses them by null and by an empty text', async () => {
  const carrying = changing().filter((one) => propertiesOf(api, one).metadata);
  expect(carrying.length).toBeGreaterThan(20);
  for (const operation of carrying) {
    const own = { metadata: { asset: 7 }, external_id: 'X-1' };
    for (const [body, shown] of [
      [own, own],
      [{ external_id: '' }, { ...own, external_id: null }],
      [{ metadata: null }, { metadata: {}, external_id: null }],
    ] as const) {
      const { status, json } = await ask(operation, { body });
      expect([operation.name, body, status, json.data ?? json]).toMatchObject([operation.name, body, 200, shown]);
    }
  }
});

/** A change of one thing that nobody makes twice. */
function changeOf(operation: Operation, count: number): object {
  const text = `for the ${count}th time`;
  const changes = { metadata: { count }, tags: { count }, note: text, name: text, reason: text };
  const known = propertiesOf(api, operation);
  const [change] = Object.entries(changes).filter(([property]) => property in known);
  if (!change) throw new Error(`${operation.name} has nothing to change that is known here`);
  return Object.fromEntries([change]);
}

test('of changes at once with one ETag one wins, and the others are 412, whatever they change', async () => {
  for (const operation of changing()) {
    const { headers } = await ask(operation, { method: 'GET' });
    const replies = await Promise.all(
      [1, 2, 3, 4].map((count) => ask(operation, { ifMatch: headers.etag, body: changeOf(operation, count) })),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect([operation.name, ...statuses]).toEqual([operation.name, 200, 412, 412, 412]);
  }
});
