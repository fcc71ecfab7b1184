import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let other: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/sites/ucl-east-campus/work-orders/';
const create = async (body: object, status = 201) => {
  const reply = await api.call('POST', path, { key: world.key, body });
  expect(reply.status).toBe(status);
  return reply.json;
};
const change = async (id: string, body: object, status = 200) => {
  const reply = await api.call('PATCH', `${path}${id}/`, { key: world.key, body });
  expect(reply.status).toBe(status);
  return reply.json;
};
const insightOf = async (id: string) => (await api.call('GET', `/api/v1/insights/${id}`, { key: world.key })).json.data;

describe('what a work order points at', () => {
  test('equipment: asset_id and equipment_uri fill in each other, and an unknown URI is kept as it is', async () => {
    const uri = `${world.base}#AHU-01`;
    expect(await create({ title: 'x', equipment_uri: uri })).toMatchObject({ asset_id: world.ahuId });
    expect(await create({ title: 'x', asset_id: world.ahuId })).toMatchObject({ equipment_uri: uri });
    const external = 'http://elsewhere/graph#Pump';
    expect(await create({ title: 'x', equipment_uri: external })).toMatchObject({
      asset_id: null,
      equipment_uri: external,
    });
    const both = { title: 'x', asset_id: world.ahuId, equipment_uri: external };
    expect(await create(both, 400)).toMatchObject({ errors: [{ pointer: '/equipment_uri', code: 'conflict' }] });
    const elsewhere = { title: 'x', asset_id: world.chillerId };
    expect(await create(elsewhere, 400)).toMatchObject({ errors: [{ pointer: '/asset_id', code: 'other_site' }] });
    expect(await create({ title: 'x', asset_id: world.ahuId, location_uri: 'mine' })).toMatchObject({
      location_uri: 'mine',
    });
  });

  test("another tenant's equipment URI is an unknown one: it links nothing of that tenant", async () => {
    const id = randomUUID();
    const uri = 'http://fuseki:3030/other#Pump';
    const asset = { id, tenant_id: other.tenantId, site_id: other.campusId, name: 'Pump', uri, shard: 0 };
    await api.database.db
      .insertInto('asset')
      .values({ ...asset, location_uri: 'secret' })
      .execute();
    const order = await create({ title: 'x', equipment_uri: uri });
    expect(order).toMatchObject({ asset_id: null, location_uri: '' });
  });

  test('T10: creating with an insight links it, and moves it from open to in_progress', async () => {
    const insight = await world.makeInsight();
    const body = {
      title: 'Replace chiller compressor — efficiency below threshold',
      priority: 'high',
      type: 'reactive',
      equipment_uri: `${world.base}#AHU-01`,
      insight,
    };
    const order = await create(body);
    expect(order.insight).toBe(insight);
    expect(await insightOf(insight)).toMatchObject({ status: 'in_progress', work_order_ids: [order.id] });
  });

  test.each(['in_progress', 'resolved', 'dismissed', 'snoozed'])(
    'T10: an insight that is %s stays so',
    async (status) => {
      const insight = await world.makeInsight({ status });
      await create({ title: 'x', insight });
      expect(await insightOf(insight)).toMatchObject({ status });
    },
  );

  test('T10: an insight that is unknown, foreign or of another site is refused, and stays as it is', async () => {
    const elsewhere = await world.makeInsight({ siteId: world.plantId, assetId: world.chillerId });
    const foreign = await other.makeInsight();
    for (const insight of [randomUUID(), foreign, elsewhere]) {
      expect(await create({ title: 'x', insight }, 400)).toMatchObject({ errors: [{ pointer: '/insight' }] });
    }
    expect(await insightOf(elsewhere)).toMatchObject({ status: 'open', work_order_ids: [] });
  });

  test('an insight that is linked by a change does not move', async () => {
    const insight = await world.makeInsight();
    const { id } = await create({ title: 'x' });
    expect(await change(id, { insight })).toMatchObject({ insight });
    expect(await insightOf(insight)).toMatchObject({ status: 'open', work_order_ids: [id] });
  });

  test('T11: a parent makes a sub-task; itself, a cycle, a foreign one and an unknown one are refused', async () => {
    const a = await create({ title: 'a' });
    const b = await create({ title: 'b', parent: a.id });
    const c = await create({ title: 'c', parent: b.id });
    expect(c.parent).toBe(b.id);
    for (const parent of [a.id, b.id, c.id]) {
      expect(await change(a.id, { parent }, 400)).toMatchObject({ errors: [{ pointer: '/parent', code: 'cycle' }] });
    }
    const { json } = await api.call('POST', path, { key: other.key, body: { title: 'foreign' } });
    for (const parent of [json.id, randomUUID()]) {
      expect(await change(a.id, { parent }, 400)).toMatchObject({
        errors: [{ pointer: '/parent', code: 'not_found' }],
      });
    }
    expect(await change(c.id, { parent: null })).toMatchObject({ parent: null });
  });

  test('T11: changes at the same moment that would close a circle together do not all succeed', async () => {
    const parentOf = (id: string, parent: string) =>
      api.call('PATCH', `${path}${id}/`, { key: world.key, body: { parent } });
    for (let round = 0; round < 8; round += 1) {
      const a = await create({ title: 'a' });
      const top = await create({ title: 'top' });
      const b = await create({ title: 'b', parent: top.id });
      const replies = await Promise.all([parentOf(a.id, b.id), parentOf(top.id, a.id)]);
      expect(replies.map((reply) => reply.status).sort()).toEqual([200, 400]);
    }
  });

  test('with an insight and no equipment it is about the equipment of the insight, and lies there', async () => {
    const insight = await world.makeInsight({ siteId: world.plantId, assetId: world.chillerId });
    const reply = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x', insight } });
    expect(reply.json.data).toMatchObject({ site: 'plant', asset_id: world.chillerId, insight });
  });

  test("on the tenant's mount, other equipment moves a work order to the site of that equipment", async () => {
    const { id } = await create({ title: 'x', asset_id: world.ahuId });
    const body = { asset_id: world.chillerId };
    const moved = await api.call('PATCH', `/api/v1/work-orders/${id}`, { key: world.key, body });
    expect(moved.json.data).toMatchObject({ site: 'plant', equipment_uri: `${world.base}#Chiller-01` });
    expect((await api.call('GET', `${path}${id}/`, { key: world.key })).status).toBe(404);
  });
});
