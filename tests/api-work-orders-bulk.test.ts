import { randomUUID } from 'node:crypto';
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
const create = async (body: object = {}, key = world.key): Promise<string> =>
  (await api.call('POST', path, { key, body: { title: 'x', ...body } })).json.data.id;
const bulk = (body: object, key = world.key) => api.call('POST', `${path}/bulk`, { key, body });
const shown = async (id: string) => (await api.call('GET', `${path}/${id}`, { key: world.key })).json.data;
const verdicts = ({ json }: { json: { data: { results: { status: number; error: string | null }[] } } }) =>
  json.data.results.map(({ status, error }) => (error === null ? String(status) : `${status} ${error}`));

test('O4: many are changed in one way, each told as an event of its own', async () => {
  const ids = [await create(), await create({ priority: 'low' }), await create({ assigned_team: 'old' })];
  const given = { priority: 'high', assigned_team: 'hvac', due_date: '2026-12-24' };
  const reply = await bulk({ action: 'change', ids, with: given });
  expect(reply).toMatchObject({ status: 200, json: { data: { done: 3, refused: 0 } } });
  for (const id of ids) expect(await shown(id)).toMatchObject(given);
  const told = await api.database.db
    .selectFrom('event')
    .select(['subject_id', 'type'])
    .where('subject_id', 'in', ids)
    .where('type', '<>', 'work_order.created')
    .execute();
  expect(told).toHaveLength(6);
});

test('each has a verdict of its own, in the order of the ids; what is refused keeps nobody back', async () => {
  const done = await create({ status: 'completed' });
  const unsigned = await create({ requires_signature: true });
  const foreign = await create({}, other.key);
  const [good, unknown] = [await create(), randomUUID()];
  const reply = await bulk({ action: 'complete', ids: [done, unsigned, good, foreign, unknown] });
  expect(verdicts(reply)).toEqual([
    '409 work_order_ended',
    '409 signature_required',
    '200',
    '404 work_order_not_found',
    '404 work_order_not_found',
  ]);
  expect(reply.json.data).toMatchObject({ done: 1, refused: 4 });
  expect(await shown(good)).toMatchObject({ status: 'completed' });
  expect(await shown(unsigned)).toMatchObject({ status: 'open' });
});

test('T11: a parent completes together with its sub-tasks, unless one of them cannot', async () => {
  const parent = await create();
  const child = await create({ parent });
  const below = await create({ parent: child });
  expect(verdicts(await bulk({ action: 'complete', ids: [parent, child, below] }))).toEqual(['200', '200', '200']);
  const second = await create();
  const unsigned = await create({ parent: second, requires_photo: true });
  expect(verdicts(await bulk({ action: 'change', ids: [second, unsigned], with: { status: 'completed' } }))).toEqual([
    '409 subtasks_open',
    '409 photo_required',
  ]);
});

test.each([
  ['assign', { assigned_team: 'hvac' }, { assigned_team: 'hvac' }],
  ['start', undefined, { status: 'in_progress' }],
  ['hold', { reason: 'a part' }, { status: 'on_hold', hold_reason: 'a part' }],
  ['cancel', { reason: 'twice' }, { status: 'cancelled', resolution: 'twice' }],
  ['skip', undefined, { status: 'skipped' }],
])('%s works on many', async (action, given, left) => {
  const ids = [await create(), await create()];
  expect(verdicts(await bulk({ action, ids, ...(given ? { with: given } : {}) }))).toEqual(['200', '200']);
  for (const id of ids) expect(await shown(id)).toMatchObject(left);
});

test('reopen and delete work on many', async () => {
  const ids = [await create({ status: 'skipped' }), await create({ status: 'completed' })];
  expect(verdicts(await bulk({ action: 'reopen', ids }))).toEqual(['200', '200']);
  expect(verdicts(await bulk({ action: 'delete', ids }))).toEqual(['204', '204']);
  expect(verdicts(await bulk({ action: 'delete', ids }))).toEqual([
    '404 work_order_not_found',
    '404 work_order_not_found',
  ]);
});

test('a key that is limited to sites is refused the others', async () => {
  const [near, far] = [await create({ asset_id: world.ahuId }), await create({ asset_id: world.chillerId })];
  const key = await world.makeKey({ siteIds: [world.campusId] });
  expect(verdicts(await bulk({ action: 'start', ids: [near, far] }, key))).toEqual(['200', '403 site_forbidden']);
  const atSite = await api.call('POST', '/api/v1/sites/plant/work-orders/bulk/', {
    key: world.key,
    body: { action: 'hold', ids: [near, far] },
  });
  expect(atSite.json.results.map(({ status }: { status: number }) => status)).toEqual([404, 200]);
});

test('a body that is at fault is refused as a whole, and nothing changes', async () => {
  const id = await create();
  const wrong = [
    { action: 'change', ids: [id], with: { assigned_to: world.retiredId } },
    { action: 'change', ids: [id], with: { title: 'y' } },
    { action: 'change', ids: [id, id.toUpperCase()], with: { priority: 'low' } },
    { action: 'change', ids: [], with: { priority: 'low' } },
    { action: 'change', ids: Array.from({ length: 201 }, randomUUID), with: { priority: 'low' } },
    { action: 'change', ids: [id] },
    { action: 'explode', ids: [id] },
    { action: 'assign', ids: [id], with: {} },
  ];
  const before = await shown(id);
  for (const body of wrong) expect([body, (await bulk(body)).status]).toEqual([body, 400]);
  expect(await shown(id)).toEqual(before);
});

test('two hundred take one update, and go through with an Idempotency-Key once', async () => {
  const ids: string[] = [];
  for (let rest = 200; rest > 0; rest -= 1) ids.push(await create());
  const send = () =>
    api.call('POST', `${path}/bulk`, {
      key: world.key,
      body: { action: 'complete', ids },
      headers: { 'idempotency-key': 'all of them' },
    });
  const replies = [await send(), await send()];
  expect(replies.map((reply) => reply.json.data.done)).toEqual([200, 200]);
  expect(replies[1]?.headers['idempotent-replayed']).toBe('true');
});
