import { afterAll, beforeAll, expect, test } from 'vitest';
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

const path = '/api/v1/work-orders';
const create = async (body: object = {}) =>
  (await api.call('POST', path, { key: world.key, body: { title: 'x', due_date: null, ...body } })).json.data;
const send = (method: string, url: string, body: object = {}) => api.call(method, url, { key: world.key, body });

test('O4: says who did what, when, and from which value to which, the newest first', async () => {
  const { id } = await create();
  await send('PATCH', `${path}/${id}`, { priority: 'high', title: 'y' });
  await send('POST', `${path}/${id}/assign`, { assigned_to: world.alexId });
  await send('POST', `${path}/${id}/complete`, { resolution: 'done' });
  const { json } = await api.call('GET', `${path}/${id}/activity`, { key: world.key });
  expect(json).toMatchObject({ total: 5, offset: 0, nextCursor: null });
  expect(json.data.map(({ type }: { type: string }) => type)).toEqual([
    'work_order.completed',
    'work_order.status_changed',
    'work_order.assigned',
    'work_order.updated',
    'work_order.created',
  ]);
  const actor = { kind: 'key', name: 'all', user_id: world.alexId, username: 'alex' };
  for (const entry of json.data) expect(entry).toMatchObject({ actor, data: { id } });
  expect(json.data[3].changes).toEqual([
    { field: 'title', from: 'x', to: 'y' },
    { field: 'priority', from: 'medium', to: 'high' },
  ]);
  expect(json.data[2].changes).toEqual([{ field: 'assigned_to', from: null, to: world.alexId }]);
  const sequence = json.data.map(({ seq }: { seq: number }) => seq);
  expect(sequence).toEqual([...sequence].sort((one, two) => two - one));
});

test('is paged by cursor and by offset, and agrees with itself', async () => {
  const { id } = await create();
  for (const title of ['a', 'b', 'c', 'd']) await send('PATCH', `${path}/${id}`, { title });
  const url = `/api/v1/sites/ucl-east-campus/work-orders/${id}/activity/`;
  const all = (await api.call('GET', url, { key: world.key })).json;
  expect(all).toHaveLength(5);
  const first = await api.call('GET', `${url}?limit=2`, { key: world.key });
  expect(first.headers['x-total-count']).toBe('5');
  const second = await api.call('GET', `${url}?limit=2&cursor=${first.headers['x-next-cursor']}`, { key: world.key });
  const third = await api.call('GET', `${url}?limit=2&offset=4`, { key: world.key });
  expect([...first.json, ...second.json, ...third.json]).toEqual(all);
  const { id: another } = await create();
  const borrowed = `/api/v1/sites/ucl-east-campus/work-orders/${another}/activity/?cursor=${first.headers['x-next-cursor']}`;
  expect(await api.call('GET', borrowed, { key: world.key })).toMatchObject({
    status: 400,
    json: { error: 'cursor_invalid' },
  });
});

test('names rules and the system, and a key that is gone by its id', async () => {
  const { id } = await create();
  const actors = [
    { kind: 'rule', id: 'too-high' },
    { kind: 'system' },
    { kind: 'key', id: world.alexId, user_id: null },
  ];
  const event = { tenant_id: world.tenantId, type: 'work_order.updated', subject_kind: 'work_order', subject_id: id };
  for (const actor of actors) {
    await api.database.db
      .insertInto('event')
      .values({ ...event, actor: JSON.stringify(actor) })
      .execute();
  }
  const { json } = await api.call('GET', `${path}/${id}/activity?limit=3`, { key: world.key });
  expect(json.data.map(({ actor }: { actor: object }) => actor)).toEqual([
    expect.objectContaining({ kind: 'key', id: world.alexId }),
    { kind: 'system', id: null, name: 'system', user_id: null, username: null },
    { kind: 'rule', id: 'too-high', name: 'too-high', user_id: null, username: null },
  ]);
});

test("of another tenant's work order there is none, and nothing of one tenant is in another's", async () => {
  const { id } = await create();
  expect((await api.call('GET', `${path}/${id}/activity`, { key: other.key })).status).toBe(404);
  await api.database.db
    .insertInto('event')
    .values({
      tenant_id: other.tenantId,
      type: 'work_order.updated',
      subject_kind: 'work_order',
      subject_id: id,
      actor: JSON.stringify({ kind: 'system' }),
    })
    .execute();
  expect((await api.call('GET', `${path}/${id}/activity`, { key: world.key })).json.total).toBe(1);
});
