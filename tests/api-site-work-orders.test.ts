import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
const at = new Date('2026-03-15T11:00:00.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => at });
  world = await makeWorld(api.database);
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

describe('the site mount', () => {
  test('T1 T14: list, create, get, change and delete answer with and without the slash at the end', async () => {
    const { id } = await create({ title: 'x' });
    for (const slash of ['/', '']) {
      const one = `${path}${id}${slash}`;
      expect((await api.call('GET', path.replace(/\/$/, slash), { key: world.key })).status).toBe(200);
      expect((await api.call('GET', one, { key: world.key })).status).toBe(200);
      expect((await api.call('PATCH', one, { key: world.key, body: { title: 'y' } })).status).toBe(200);
    }
    expect((await api.call('DELETE', `${path}${id}/`, { key: world.key })).status).toBe(204);
  });

  test('T5 T7 T8 R2: the documented request is answered with the documented object', async () => {
    const body = {
      title: 'Inspect cooling coil valve actuator on AHU-01',
      description: 'Valve stuck at 87% open. Check actuator for mechanical failure.',
      priority: 'high',
      type: 'reactive',
      category: 'HVAC',
      equipment_uri: `${world.base}#AHU-01`,
      assigned_to: world.alexId,
      due_date: '2026-03-17T17:00:00Z',
    };
    const order = await create(body);
    const alex = { id: world.alexId, username: 'alex', email: 'alex@betacit.com' };
    expect(order).toMatchObject({
      ...body,
      site: 'ucl-east-campus',
      status: 'open',
      location_uri: `${world.base}#Roof`,
      created_by: world.alexId,
      created_by_detail: alex,
      assigned_to_detail: alex,
      requester_name: '',
      requester_email: '',
      insight: null,
      parent: null,
      started_at: null,
      completed_at: null,
      created_at: '2026-03-15T11:00:00Z',
      updated_at: '2026-03-15T11:00:00Z',
      comment_count: 0,
    });
    expect((await api.call('GET', `${path}${order.id}/`, { key: world.key })).json).toEqual(order);
  });

  test('T5: with a title alone, priority is none, type reactive, texts are empty and due_date is null', async () => {
    expect(await create({ title: 'x' })).toMatchObject({
      status: 'open',
      priority: 'none',
      type: 'reactive',
      description: '',
      category: '',
      equipment_uri: '',
      location_uri: '',
      requester_name: '',
      requester_email: '',
      due_date: null,
    });
  });

  test('T4: a list is a bare array; status and priority filter together; its headers page it', async () => {
    const { key } = await makeWorld(api.database);
    const bodies = [
      { title: 'a', priority: 'high' },
      { title: 'b' },
      { title: 'c', priority: 'high', status: 'on_hold' },
    ];
    for (const body of bodies) await api.call('POST', path, { key, body });
    const { json } = await api.call('GET', `${path}?status=open&priority=high`, { key });
    expect(json.map((order: { title: string }) => order.title)).toEqual(['a']);
    const first = await api.call('GET', `${path}?limit=2`, { key });
    expect(first.headers).toMatchObject({ 'x-total-count': '3' });
    expect(first.json.map((order: { title: string }) => order.title)).toEqual(['c', 'b']);
    const [, next] = /^<http:\/\/127\.0\.0\.1:3000([^>]+)>; rel="next"$/.exec(String(first.headers.link)) ?? [];
    const second = await api.call('GET', next ?? '', { key });
    expect(second.json.map((order: { title: string }) => order.title)).toEqual(['a']);
    expect(second.headers.link).toBeUndefined();
    expect(second.headers['x-next-cursor']).toBeUndefined();
  });

  test('the link to the next page asks the same, also where a value has a question mark', async () => {
    const { key } = await makeWorld(api.database);
    const equipment_uri = 'http://graph/?id=7';
    for (const title of ['a', 'b']) await api.call('POST', path, { key, body: { title, equipment_uri } });
    const first = await api.call('GET', `${path}?limit=1&equipment_uri=${equipment_uri}`, { key });
    const [, next = ''] = /^<http:\/\/127\.0\.0\.1:3000([^>]+)>/.exec(String(first.headers.link)) ?? [];
    expect(await api.call('GET', next, { key })).toMatchObject({ status: 200, json: [{ title: 'a', equipment_uri }] });
  });

  test('T3: type, equipment_uri with %23, and assigned_to filter', async () => {
    const { key, base, alexId } = await makeWorld(api.database);
    const body = { title: 'a', type: 'inspection', equipment_uri: `${base}#AHU-01`, assigned_to: alexId };
    await api.call('POST', path, { key, body });
    await api.call('POST', path, { key, body: { title: 'b' } });
    const uri = encodeURIComponent(body.equipment_uri);
    for (const query of ['type=inspection', 'wo_type=inspection', `equipment_uri=${uri}`, `assigned_to=${alexId}`]) {
      const { json } = await api.call('GET', `${path}?${query}`, { key });
      expect(json.map((order: { title: string }) => order.title)).toEqual(['a']);
    }
  });

  test.each([
    '2026-03-17T17:00:00Z',
    '2026-03-17',
    '2026-03-17T17:00:00+01:00',
    '2026-03-17T17:00',
    '2026-03-17T17:00:00.250Z',
  ])('T8: the due_date %s comes back as it was sent', async (due_date) => {
    const { id } = await create({ title: 'x', due_date });
    expect((await api.call('GET', `${path}${id}/`, { key: world.key })).json.due_date).toBe(due_date);
  });

  test("a due_date without a zone is compared in the site's", async () => {
    const body = { title: 'x', due_date: '2026-07-01T12:00' };
    const { json } = await api.call('POST', '/api/v1/sites/plant/work-orders/', { key: world.key, body });
    const row = await api.database.db
      .selectFrom('work_order')
      .select('due_at')
      .where('id', '=', json.id)
      .executeTakeFirst();
    expect(row?.due_at?.toISOString()).toBe('2026-07-01T06:30:00.000Z');
  });

  test('T9: a change touches what is given and nothing else, and updated_at moves', async () => {
    const before = await create({ title: 'x', description: 'kept', category: 'HVAC', priority: 'low' });
    const after = await change(before.id, { priority: 'high' });
    expect(Date.parse(after.updated_at)).toBeGreaterThan(Date.parse(before.updated_at));
    expect(after).toEqual({ ...before, priority: 'high', updated_at: after.updated_at });
  });

  test('T9: completed from open, with the completed_at that the client gives', async () => {
    const { id } = await create({ title: 'x' });
    const done = await change(id, { status: 'completed', completed_at: '2026-03-16T14:30:00Z' });
    expect(done).toMatchObject({ status: 'completed', completed_at: '2026-03-16T14:30:00Z', started_at: null });
  });

  test('N4: null and an empty text unset what can be unset', async () => {
    const uri = `${world.base}#AHU-01`;
    const given = {
      title: 'x',
      equipment_uri: uri,
      due_date: '2026-03-17',
      assigned_to: world.alexId,
      external_id: 'a',
    };
    const { id } = await create({ ...given, description: 'long', category: 'HVAC' });
    const unset = { due_date: '', assigned_to: null, asset_id: null, description: null, external_id: '' };
    expect(await change(id, unset)).toMatchObject({
      due_date: null,
      assigned_to: null,
      assigned_to_detail: null,
      asset_id: null,
      equipment_uri: '',
      description: '',
      external_id: null,
      category: 'HVAC',
    });
  });

  test('T16: a documented id that is of no version of RFC 9562 is looked up, not refused', async () => {
    const id = 'b2c3d4e5-6789-0abc-def1-234567890abc';
    for (const method of ['GET', 'DELETE']) {
      const reply = await api.call(method, `${path}${id}/`, { key: world.key });
      expect(reply).toMatchObject({ status: 404, json: { error: 'work_order_not_found' } });
    }
    expect((await api.call('GET', `${path}not-an-id/`, { key: world.key })).status).toBe(400);
  });

  test('a work order of one site is not found below another', async () => {
    const { id } = await create({ title: 'x' });
    const reply = await api.call('GET', `/api/v1/sites/plant/work-orders/${id}/`, { key: world.key });
    expect(reply).toMatchObject({ status: 404, json: { error: 'work_order_not_found' } });
  });

  test('deleting hides it from every list and look-up, and keeps its row', async () => {
    const { id } = await create({ title: 'x', external_id: 'gone' });
    expect((await api.call('DELETE', `${path}${id}/`, { key: world.key })).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      expect((await api.call(method, `${path}${id}/`, { key: world.key })).status).toBe(404);
    }
    expect((await api.call('GET', `${path}?external_id=gone`, { key: world.key })).json).toEqual([]);
    const row = await api.database.db
      .selectFrom('work_order')
      .select('deleted_at')
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row?.deleted_at).toEqual(at);
  });
});
