import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let other: World;
const at = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => at });
  world = await makeWorld(api.database, { timeZone: 'Pacific/Auckland' });
  other = await makeWorld(api.database);
});
afterAll(() => api.close());

const tenantPath = '/api/v1/work-orders';
const create = async (body: object, status = 201) => {
  const reply = await api.call('POST', tenantPath, { key: world.key, body });
  expect(reply.status).toBe(status);
  return status === 201 ? reply.json.data : reply.json;
};

describe('the tenant mount', () => {
  test('R4: the path answers without a slash at its end, and with one, and never redirects', async () => {
    for (const path of [tenantPath, `${tenantPath}/`]) {
      expect((await api.call('GET', path, { key: world.key })).status).toBe(200);
    }
  });

  test('R5 R7 R8 N5: a list is {data, total, limit, offset}, most recent first, 50 from 0 unless asked', async () => {
    const { key } = await makeTenantWith(3);
    const { json } = await api.call('GET', tenantPath, { key });
    expect(json).toMatchObject({ total: 3, limit: 50, offset: 0, nextCursor: null });
    expect(json.data.map((order: { number: number }) => order.number)).toEqual([3, 2, 1]);
  });

  test('R8: status=open&limit=25 answers with that limit, offset 0 and the number that matches the filter', async () => {
    const { key, ids } = await makeTenantWith(4);
    await api.call('PATCH', `${tenantPath}/${ids[0]}`, { key, body: { status: 'on_hold' } });
    const { json } = await api.call('GET', `${tenantPath}?status=open&limit=25`, { key });
    expect(json).toMatchObject({ total: 3, limit: 25, offset: 0 });
    const { json: second } = await api.call('GET', `${tenantPath}?status=open&limit=2&offset=2`, { key });
    expect(second).toMatchObject({ total: 3, limit: 2, offset: 2 });
    expect(second.data).toHaveLength(1);
  });

  test.each(['open', 'in_progress', 'on_hold', 'completed', 'skipped', 'cancelled'])(
    'R6 T3: the status %s filters',
    async (status) => {
      const { id } = await create({ title: 'filtered', status });
      const { json } = await api.call('GET', `${tenantPath}?status=${status}&limit=200`, { key: world.key });
      expect(json.data.map((order: { id: string }) => order.id)).toContain(id);
      expect(new Set(json.data.map((order: { status: string }) => order.status))).toEqual(new Set([status]));
    },
  );

  test.each(['status=done', 'status=', 'limit=0', 'limit=201', 'limit=abc', 'limit=-1', 'limit=1.5', 'offset=-1'])(
    'R6 R7: ?%s is refused with 400, naming the parameter',
    async (query) => {
      const { status, json } = await api.call('GET', `${tenantPath}?${query}`, { key: world.key });
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: 'validation_failed', errors: [{ in: 'query' }] });
      expect(json.errors[0].pointer).toBe(`/${query.split('=')[0]}`);
    },
  );

  test('R9: a work order has every field that the document shows, nulls included', async () => {
    const order = await create({ title: 'Weekly hydraulic press inspection', wo_type: 'preventive', due_date: null });
    expect(order).toMatchObject({
      description: '',
      wo_type: 'preventive',
      status: 'open',
      priority: 'medium',
      due_date: null,
      assigned_to: null,
      asset_id: null,
      started_at: null,
      completed_at: null,
      created_at: '2026-04-11T18:22:33Z',
    });
  });

  test('R10: the documented request is answered with 201 and what it asked for', async () => {
    const body = {
      title: 'Bearing replacement on CNC #1',
      priority: 'high',
      wo_type: 'corrective',
      asset_id: world.ahuId,
      due_date: '2026-04-15',
    };
    const reply = await api.call('POST', tenantPath, { key: world.key, body });
    expect(reply.status).toBe(201);
    expect(reply.json.data).toMatchObject({ ...body, status: 'open', created_at: '2026-04-11T18:22:33Z' });
    expect(reply.headers.location).toBe(`http://127.0.0.1:3000${tenantPath}/${reply.json.data.id}`);
  });

  test.each([{}, { title: '' }, { title: '  ' }, { title: null }, { title: 7 }, { title: 'x'.repeat(501) }])(
    'R11: the body %j is refused for its title',
    async (body) => {
      expect(await create(body, 400)).toMatchObject({ errors: [{ in: 'body', pointer: '/title' }] });
    },
  );

  test.each([
    ['priority', ['none', 'low', 'medium', 'high', 'critical']],
    ['wo_type', ['reactive', 'corrective', 'preventive', 'inspection', 'emergency']],
  ])('R12 R13: %s takes %j and nothing else', async (property, values) => {
    for (const value of values)
      expect(await create({ title: 'x', [property]: value })).toMatchObject({ [property]: value });
    expect(await create({ title: 'x', [property]: 'urgent' }, 400)).toMatchObject({
      errors: [{ pointer: `/${property}` }],
    });
  });

  test('R12 R13: priority is medium and wo_type reactive unless said', async () => {
    expect(await create({ title: 'x' })).toMatchObject({ priority: 'medium', wo_type: 'reactive', type: 'reactive' });
  });

  test('type and wo_type are one property: either sets both, and two that differ are refused', async () => {
    expect(await create({ title: 'x', type: 'inspection' })).toMatchObject({ wo_type: 'inspection' });
    expect(await create({ title: 'x', type: 'inspection', wo_type: 'inspection' })).toMatchObject({
      type: 'inspection',
    });
    const both = { title: 'x', type: 'inspection', wo_type: 'reactive' };
    expect(await create(both, 400)).toMatchObject({ errors: [{ pointer: '/wo_type', code: 'conflict' }] });
  });

  test("R14: an asset_id that is unknown, or another tenant's, is refused in the same words", async () => {
    const errors = [{ in: 'body', pointer: '/asset_id', code: 'not_found', message: 'there is no such asset' }];
    for (const asset_id of [randomUUID(), other.ahuId]) {
      expect(await create({ title: 'x', asset_id }, 400)).toMatchObject({ errors });
    }
  });

  test("R15: an assignee who is inactive, unknown or another tenant's is refused in the same words", async () => {
    const errors = [{ pointer: '/assigned_to', code: 'not_found', message: 'there is no such active user' }];
    for (const assigned_to of [world.retiredId, randomUUID(), other.alexId]) {
      expect(await create({ title: 'x', assigned_to }, 400)).toMatchObject({ errors });
    }
    const detail = { id: world.alexId, username: 'alex', email: 'alex@betacit.com' };
    expect(await create({ title: 'x', assigned_to: world.alexId })).toMatchObject({ assigned_to_detail: detail });
  });

  test("R16: due_date is today in the tenant's time zone unless said, and null where null is said", async () => {
    // It is already the 12th in Auckland.
    expect(await create({ title: 'x' })).toMatchObject({ due_date: '2026-04-12' });
    expect(await create({ title: 'x', due_date: null })).toMatchObject({ due_date: null });
  });

  test.each(['2026-02-29', '15.04.2026', 'tomorrow', '2026-04-15T25:00:00Z', '20260415'])(
    'R16: the due_date %s is refused',
    async (due_date) => {
      expect(await create({ title: 'x', due_date }, 400)).toMatchObject({ errors: [{ pointer: '/due_date' }] });
    },
  );

  test('its site is that of its equipment, or else the default site of the tenant', async () => {
    expect(await create({ title: 'x', asset_id: world.chillerId })).toMatchObject({ site: 'plant' });
    expect(await create({ title: 'x' })).toMatchObject({ site: 'ucl-east-campus' });
  });

  test('its number counts the work orders of the tenant without gaps, also where one is refused', async () => {
    const { key } = await makeTenantWith(1);
    await api.call('POST', tenantPath, { key, body: { title: 'x', asset_id: randomUUID() } });
    const { json } = await api.call('POST', tenantPath, { key, body: { title: 'x' } });
    expect(json.data.number).toBe(2);
  });

  test('twenty created at once have twenty numbers', async () => {
    const { key } = await makeTenantWith(0);
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => api.call('POST', tenantPath, { key, body: { title: 'x' } })),
    );
    const numbers = replies.map((reply) => reply.json.data.number).sort((left, right) => left - right);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  test('a property that does not exist is refused by its name', async () => {
    const reply = await create({ title: 'x', asignee: 1, wo_typ: 2 }, 400);
    expect(reply.errors).toMatchObject([
      { pointer: '/asignee', code: 'unknown' },
      { pointer: '/wo_typ', code: 'unknown' },
    ]);
  });

  test('metadata and external_id come back as they were given', async () => {
    const given = { metadata: { sap: { order: 4711, tags: ['a', null, true] } }, external_id: 'SAP-4711' };
    const order = await create({ title: 'x', ...given });
    expect(order).toMatchObject(given);
    const { json } = await api.call('GET', `${tenantPath}?external_id=SAP-4711`, { key: world.key });
    expect(json).toMatchObject({ total: 1, data: [{ id: order.id, ...given }] });
  });
});

async function makeTenantWith(count: number) {
  const { key } = await makeWorld(api.database);
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { json } = await api.call('POST', tenantPath, { key, body: { title: `number ${index}` } });
    ids.push(json.data.id);
  }
  return { key, ids };
}
