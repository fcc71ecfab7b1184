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

  test('T11: sub-tasks of a work order that is deleted stand by themselves, wherever they lie, but for those that go with it', async () => {
    const parent = await create({ title: 'parent' });
    const [near, gone] = [
      await create({ title: 'near', parent: parent.id }),
      await create({ parent: parent.id, title: 'x' }),
    ];
    const below = await create({ title: 'below', parent: near.id });
    const body = { title: 'far', parent: parent.id, asset_id: world.chillerId };
    const { data: far } = (await api.call('POST', '/api/v1/work-orders', { key: world.key, body })).json;
    const removal = { action: 'delete', ids: [parent.id, gone.id, randomUUID()] };
    const { json } = await api.call('POST', `${path}bulk/`, { key: world.key, body: removal });
    expect(json).toMatchObject({ done: 2, refused: 1 });
    const shown = async (id: string) => (await api.call('GET', `/api/v1/work-orders/${id}`, { key: world.key })).json;
    for (const { id } of [near, far]) {
      expect((await shown(id)).data.parent).toBe(null);
      const { json: told } = await api.call('GET', `/api/v1/work-orders/${id}/activity`, { key: world.key });
      expect(told.data[0]).toMatchObject({
        type: 'work_order.updated',
        changes: [{ field: 'parent', from: parent.id, to: null }],
      });
    }
    expect((await shown(below.id)).data.parent).toBe(near.id);
    expect((await shown(gone.id)).error).toBe('work_order_not_found');
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
    expect(moved.json.data).toMatchObject({
      ...{ site: 'plant', equipment_uri: `${world.base}#Chiller-01` },
      // It is not on the roof of the building that it was in.
      location_uri: '',
    });
    expect((await api.call('GET', `${path}${id}/`, { key: world.key })).status).toBe(404);
  });

  test.each([
    ['what it had', '2026-07-01', {}, '2026-07-01T18:29:59.999Z'],
    ['what it gets', null, { due_date: '2026-07-01T12:00' }, '2026-07-01T06:30:00.000Z'],
  ])('one that moves is due by the clock of the site to which it moves: %s', async (_, due_date, more, dueAt) => {
    const { id } = await create({ title: 'x', asset_id: world.ahuId, due_date });
    const body = { asset_id: world.chillerId, scheduled_start: '2026-07-01T12:00', ...more };
    const moved = await api.call('PATCH', `/api/v1/work-orders/${id}`, { key: world.key, body });
    expect(moved.json.data).toMatchObject({ site: 'plant', scheduled_start: '2026-07-01T06:30:00Z' });
    const row = await api.database.db.selectFrom('work_order').select('due_at').where('id', '=', id).executeTakeFirst();
    expect(row?.due_at?.toISOString()).toBe(dueAt);
  });

  test('it does not move away from the site of its insight, but where it is unlinked', async () => {
    const insight = await world.makeInsight();
    const { id } = await create({ title: 'x', insight });
    const move = (more: object) =>
      api.call('PATCH', `/api/v1/work-orders/${id}`, { key: world.key, body: { asset_id: world.chillerId, ...more } });
    for (const more of [{}, { insight: insight.toUpperCase() }])
      expect(await move(more)).toMatchObject({ status: 400, json: { errors: [{ code: 'other_site' }] } });
    expect(await change(id, { insight: insight.toUpperCase(), title: 'y' })).toMatchObject({ insight });
    expect((await move({ insight: null })).json.data).toMatchObject({ site: 'plant', insight: null });
  });
});

describe('what work orders are to each other', () => {
  const linksOf = (id: string, query = '', key = world.key) =>
    api.call('GET', `/api/v1/work-orders/${id}/links${query}`, { key });
  const link = (id: string, body: object, key = world.key) =>
    api.call('POST', `/api/v1/work-orders/${id}/links`, { key, body });
  const seen = async (id: string) =>
    (await linksOf(id)).json.data.map((one: { kind: string; work_order_id: string }) => [one.kind, one.work_order_id]);

  test.each([
    ['blocks', 'blocked_by'],
    ['blocked_by', 'blocks'],
    ['duplicate_of', 'duplicated_by'],
    ['duplicated_by', 'duplicate_of'],
    ['related_to', 'related_to'],
  ])('one that %s another: that one is %s, once, whoever says it; both are told', async (kind, inverse) => {
    const [a, b] = [await create({ title: 'a' }), await create({ title: 'b' })];
    const made = await link(a.id, { kind, work_order_id: b.id.toUpperCase(), metadata: { why: 'x' } });
    expect([made.status, made.json.data]).toEqual([
      201,
      expect.objectContaining({ kind, work_order_id: b.id, title: 'b', number: expect.any(Number), status: 'open' }),
    ]);
    expect(made.headers.location).toBe(`http://127.0.0.1:3000/api/v1/work-orders/${a.id}/links/${made.json.data.id}`);
    expect([await seen(a.id), await seen(b.id)]).toEqual([[[kind, b.id]], [[inverse, a.id]]]);
    for (const [from, body] of [
      [a, { kind, work_order_id: b.id }],
      [a, { kind: inverse, work_order_id: b.id }],
      [b, { kind: inverse, work_order_id: a.id }],
    ] as const) {
      expect(await link(from.id, body)).toMatchObject({ status: 409, json: { error: 'work_order_link_exists' } });
    }
    expect((await linksOf(b.id, `?kind=${inverse}`)).json.total).toBe(1);
    expect((await linksOf(b.id, `?kind=${kind}`)).json.total).toBe(kind === inverse ? 1 : 0);
    const below = `/api/v1/work-orders/${b.id}/links/${made.json.data.id}`;
    const found = await api.call('GET', below, { key: world.key });
    expect(found.json.data).toMatchObject({ kind: inverse, title: 'a', metadata: { why: 'x' } });
    const drop = (tag: unknown) => api.call('DELETE', below, { key: world.key, headers: { 'if-match': String(tag) } });
    expect((await drop('"x"')).status).toBe(412);
    expect((await drop(found.headers.etag)).status).toBe(204);
    expect([await seen(a.id), await seen(b.id), (await drop('*')).status]).toEqual([[], [], 404]);
    for (const [own, is, others] of [
      [a.id, kind, b.id],
      [b.id, inverse, a.id],
    ]) {
      const { json } = await api.call('GET', `/api/v1/work-orders/${own}/activity`, { key: world.key });
      const data = { id: made.json.data.id, kind: is, work_order_id: others };
      expect(json.data.slice(0, 2)).toMatchObject([
        { type: 'link.deleted', data },
        { type: 'link.created', data },
      ]);
    }
  });

  test('one that is unknown, foreign, deleted, out of sight or the same is refused', async () => {
    const { id } = await create({ title: 'x' });
    const gone = await create({ title: 'x' });
    await api.call('DELETE', `${path}${gone.id}/`, { key: world.key });
    const { json: foreign } = await api.call('POST', path, { key: other.key, body: { title: 'x' } });
    const far = await api.call('POST', '/api/v1/sites/plant/work-orders/', { key: world.key, body: { title: 'x' } });
    const key = await world.makeKey({ siteIds: [world.campusId] });
    for (const work_order_id of [randomUUID(), foreign.id, gone.id, far.json.id, id]) {
      const refused = await link(id, { kind: 'blocks', work_order_id }, key);
      expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/work_order_id' }] } });
    }
    expect(await seen(id)).toEqual([]);
  });

  test('one that the key may not see, or that is deleted, is in no list, no total and no event', async () => {
    const { id } = await create({ title: 'x' });
    const far = (await api.call('POST', '/api/v1/sites/plant/work-orders/', { key: world.key, body: { title: 'far' } }))
      .json.id;
    const near = await create({ title: 'near' });
    const made = (await link(id, { kind: 'blocks', work_order_id: far })).json.data;
    await link(id, { kind: 'related_to', work_order_id: near.id });
    const key = await world.makeKey({ siteIds: [world.campusId] });
    const listed = await linksOf(id, '', key);
    expect([listed.json.total, listed.json.data.map(({ title }: { title: string }) => title)]).toEqual([1, ['near']]);
    for (const method of ['GET', 'DELETE']) {
      const one = await api.call(method, `/api/v1/work-orders/${id}/links/${made.id}`, { key });
      expect([method, one.status, one.json.error]).toEqual([method, 404, 'link_not_found']);
    }
    const { text } = await api.call('GET', `/api/v1/work-orders/${id}/activity`, { key });
    expect(text).not.toContain('far');
    await api.call('DELETE', `${path}${near.id}/`, { key: world.key });
    expect(await seen(id)).toEqual([['blocks', far]]);
  });

  test('of many at once that say the same of two, from both sides, one is made, and taken away once', async () => {
    const [a, b] = [await create({ title: 'a' }), await create({ title: 'b' })];
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        i % 2 === 0
          ? link(a.id, { kind: 'blocks', work_order_id: b.id })
          : link(b.id, { kind: 'blocked_by', work_order_id: a.id }),
      ),
    );
    const made = replies.filter(({ status }) => status === 201);
    expect([made.length, replies.filter(({ status }) => status === 409).length]).toEqual([1, 7]);
    const gone = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        api.call('DELETE', `/api/v1/work-orders/${[a, b][i % 2]?.id}/links/${made[0]?.json.data.id}`, {
          key: world.key,
        }),
      ),
    );
    expect(gone.map(({ status }) => status).sort()).toEqual([204, ...Array.from({ length: 7 }, () => 404)]);
  });
});
