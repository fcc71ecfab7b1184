import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let orderId: string;
let insightId: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  insightId = await world.makeInsight();
  const body = { title: 'x', asset_id: world.ahuId, assigned_to: world.alexId, insight: insightId };
  orderId = (await call('POST', '/api/v1/work-orders', body)).json.data.id;
});
afterAll(() => api.close());

const call = (method: string, url: string, body?: unknown, key = world.key) =>
  api.call(method, url, { key, ...(body === undefined ? {} : { body }) });
const linkTo = (assetId: string | null) =>
  api.database.db.updateTable('work_order').set({ asset_id: assetId }).where('id', '=', orderId).execute();

test.each([
  ['/api/v1/work-orders?', (json: { data: object[] }) => json.data],
  ['/api/v1/sites/ucl-east-campus/work-orders/?', (json: object[]) => json],
] as const)('%s shows what is linked beside the ids, whole, as its own path shows it', async (path, itemsOf) => {
  const { json } = await call('GET', `${path}expand=asset,site,insight,assignee`);
  const [item] = itemsOf(json) as [Record<string, unknown>];
  const shown = async (url: string) => (await call('GET', url)).json.data;
  expect(item).toMatchObject({ asset_id: world.ahuId, site: 'ucl-east-campus', insight: insightId });
  expect(item.expanded).toEqual({
    asset: await shown(`/api/v1/assets/${world.ahuId}`),
    site: await shown('/api/v1/sites/ucl-east-campus'),
    insight: await shown(`/api/v1/insights/${insightId}`),
    assignee: await shown(`/api/v1/users/${world.alexId}`),
  });
});

test('without expand there is none of it, and with one name that one alone', async () => {
  const list = await call('GET', '/api/v1/work-orders');
  expect('expanded' in list.json.data[0]).toBe(false);
  const one = await call('GET', `/api/v1/work-orders/${orderId}?expand=site`);
  expect(Object.keys(one.json.data.expanded)).toEqual(['site']);
});

test('one object with what is linked has no ETag, which would speak of itself alone', async () => {
  const { headers } = await call('GET', `/api/v1/work-orders/${orderId}`);
  expect(headers.etag).toBeDefined();
  expect((await call('GET', `/api/v1/work-orders/${orderId}?expand=asset`)).headers.etag).toBeUndefined();
});

test('a link between work orders shows the other as it is, also to who knows its ETag', async () => {
  const { json } = await call('POST', '/api/v1/work-orders', { title: 'y' });
  const links = `/api/v1/work-orders/${orderId}/links`;
  const made = await call('POST', links, { kind: 'blocks', work_order_id: json.data.id });
  await call('PATCH', `/api/v1/work-orders/${json.data.id}`, { status: 'completed' });
  const headers = { 'if-none-match': String(made.headers.etag) };
  const found = await api.call('GET', `${links}/${made.json.data.id}`, { key: world.key, headers });
  expect([found.status, found.json?.data.status, found.headers.etag]).toEqual([200, 'completed', made.headers.etag]);
});

test('O1: what the caller may not see is null: of another tenant, of another site; and what there is none of', async () => {
  const other = await makeWorld(api.database);
  const atCampus = await world.makeKey({ siteIds: [world.campusId] });
  const expandedFor = async (key: string) =>
    (await call('GET', `/api/v1/work-orders/${orderId}?expand=asset`, undefined, key)).json.data.expanded;
  for (const assetId of [other.ahuId, null]) {
    await linkTo(assetId);
    expect(await expandedFor(world.key)).toEqual({ asset: null });
  }
  await linkTo(world.chillerId);
  expect(await expandedFor(world.key)).toMatchObject({ asset: { id: world.chillerId } });
  expect(await expandedFor(atCampus)).toEqual({ asset: null });
  const list = await call('GET', '/api/v1/work-orders?expand=asset', undefined, atCampus);
  expect(list.json.data[0].expanded).toEqual({ asset: null });
  await linkTo(world.ahuId);
});

test('what is linked needs its own scope', async () => {
  const key = await world.makeKey({ scopes: ['work-orders:read', 'sites:read'] });
  expect((await call('GET', '/api/v1/work-orders?expand=site', undefined, key)).status).toBe(200);
  for (const url of ['/api/v1/work-orders?expand=site,asset', `/api/v1/work-orders/${orderId}?expand=asset`]) {
    const { status, json } = await call('GET', url, undefined, key);
    expect([status, json.error]).toEqual([403, 'scope_missing']);
  }
});

test('points show their equipment and site', async () => {
  const { json } = await call('GET', '/api/v1/points?expand=asset,site');
  expect(json.data[0]).toMatchObject({
    asset: 'AHU-01',
    expanded: { asset: { id: world.ahuId }, site: { slug: 'ucl-east-campus' } },
  });
  const one = await call('GET', `/api/v1/points/${world.pointId}?expand=asset`);
  expect(one.json.data.expanded.asset.id).toBe(world.ahuId);
});

test.each(['expand=colour', 'expand=asset,', 'expand=', 'expand=asset&expand=site'])('%s is refused', async (query) => {
  const { status, json } = await call('GET', `/api/v1/work-orders?${query}`);
  expect([status, json.errors[0].pointer]).toEqual([400, '/expand']);
});
