import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let other: World;
let mayaId: string;
const at = new Date('2026-03-15T11:00:00.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => at });
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
  mayaId = newId();
  const maya = { id: mayaId, tenant_id: world.tenantId, username: 'maya', email: 'maya@betacit.com' };
  await api.database.db
    .insertInto('app_user')
    .values({ ...maya, role: 'technician' })
    .execute();
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const create = async (body: object = {}, status = 201) => {
  const reply = await api.call('POST', path, { key: world.key, body: { title: 'x', ...body } });
  expect([reply.status, reply.text]).toEqual([status, reply.text]);
  return status === 201 ? reply.json.data : reply.json;
};
const change = async (id: string, body: object, status = 200) => {
  const reply = await api.call('PATCH', `${path}/${id}`, { key: world.key, body });
  expect([reply.status, reply.text]).toEqual([status, reply.text]);
  return status === 200 ? reply.json.data : reply.json;
};
const list = async (query: string, key = world.key) =>
  (await api.call('GET', `${path}?limit=200&${query}`, { key })).json.data.map(({ title }: { title: string }) => title);

describe('the fields of a work order', () => {
  test('plan, estimate, team and requirements are kept as they are given, and unset by null or an empty text', async () => {
    const given = {
      scheduled_start: '2026-03-16T08:00:00Z',
      scheduled_end: '2026-03-16T10:30:00Z',
      estimated_minutes: 150,
      assigned_team: 'hvac',
      requires_signature: true,
      requires_photo: true,
      metadata: { ticket: 7 },
    };
    const order = await create(given);
    expect(order).toMatchObject({ ...given, labor_minutes: 0, checklist: { total: 0, done: 0 } });
    const unset = {
      scheduled_start: null,
      scheduled_end: '',
      estimated_minutes: null,
      assigned_team: '',
      requires_signature: null,
      metadata: null,
    };
    expect(await change(order.id, unset)).toMatchObject({
      ...unset,
      scheduled_end: null,
      assigned_team: null,
      requires_signature: false,
      requires_photo: true,
      metadata: {},
    });
  });

  test("planned times without a zone are read in the site's, and the end is not before the beginning", async () => {
    const order = await create({ asset_id: world.chillerId, scheduled_start: '2026-07-01T12:00' });
    expect(order.scheduled_start).toBe('2026-07-01T06:30:00Z');
    const { errors } = await change(order.id, { scheduled_end: '2026-07-01T06:29:59Z' }, 400);
    expect(errors).toMatchObject([{ pointer: '/scheduled_end', code: 'conflict' }]);
    await change(order.id, { scheduled_end: '2026-07-01T06:30:00Z' });
    const later = await change(order.id, { scheduled_start: '2026-07-01T06:30:01Z' }, 400);
    expect(later.errors).toMatchObject([{ pointer: '/scheduled_start', code: 'conflict' }]);
  });

  test('an instant without a zone is one wherever it is read', async () => {
    for (const name of ['due_date', 'scheduled_start', 'completed_at']) {
      const { errors } = await create({ status: 'completed', [name]: '9999-12-31T23:59:59' }, 400);
      expect(errors).toMatchObject([{ pointer: `/${name}` }]);
    }
  });

  test('of a failure what is given changes, and null empties all of it', async () => {
    const { id } = await create({ failure: { problem: 'noise', cause: 'bearing' } });
    const changed = await change(id, { failure: { cause: '', remedy: 'greased' } });
    expect(changed.failure).toEqual({ problem: 'noise', cause: '', remedy: 'greased' });
    expect((await change(id, { failure: null })).failure).toEqual({ problem: '', cause: '', remedy: '' });
  });

  test('the reason of a hold needs a hold', async () => {
    const { id } = await create();
    expect((await change(id, { hold_reason: 'a part' }, 400)).errors).toMatchObject([{ pointer: '/hold_reason' }]);
    expect(await change(id, { status: 'on_hold', hold_reason: 'a part' })).toMatchObject({ hold_reason: 'a part' });
    expect(await change(id, { title: 'y' })).toMatchObject({ hold_reason: 'a part' });
    expect(await change(id, { status: 'open' })).toMatchObject({ hold_reason: '' });
  });

  test('assignees work on it beside assigned_to: active users, each once', async () => {
    const { alexId } = world;
    const order = await create({ assigned_to: alexId, assignees: [mayaId, mayaId.toUpperCase(), alexId] });
    expect(order).toMatchObject({ assigned_to: alexId, assignees: [mayaId] });
    expect(await change(order.id, { assigned_to: mayaId })).toMatchObject({ assigned_to: mayaId, assignees: [] });
    expect(await change(order.id, { assignees: [alexId] })).toMatchObject({ assigned_to: mayaId, assignees: [alexId] });
    for (const none of [null, '', []])
      expect(await change(order.id, { assignees: none })).toMatchObject({ assignees: [] });
    const { errors } = await change(order.id, { assignees: [alexId, world.retiredId] }, 400);
    expect(errors).toMatchObject([{ pointer: '/assignees/1', code: 'not_found' }]);
    expect(await create({ assigned_to: alexId, assignees: [other.alexId] }, 400)).toMatchObject({
      errors: [{ pointer: '/assignees/0' }],
    });
  });

  test('the last day there is is a deadline everywhere', async () => {
    await api.database.db
      .updateTable('site')
      .set({ time_zone: 'America/New_York' })
      .where('id', '=', other.plantId)
      .execute();
    const url = '/api/v1/sites/plant/work-orders/';
    const due_date = '9999-12-31';
    const { json } = await api.call('POST', url, { key: other.key, body: { title: 'x' } });
    const reply = await api.call('PATCH', `${url}${json.id}/`, { key: other.key, body: { due_date } });
    expect(reply).toMatchObject({ status: 200, json: { due_date } });
  });

  test('it is overdue since its deadline, until that is moved or it ends', async () => {
    const order = await create({ due_date: '2026-03-15T10:00:00Z' });
    expect(order.overdue_at).toBe('2026-03-15T10:00:00Z');
    expect(await change(order.id, { due_date: '2026-03-15T12:00:00Z' })).toMatchObject({ overdue_at: null });
    expect(await change(order.id, { due_date: '2026-03-14' })).toMatchObject({
      overdue_at: '2026-03-14T23:59:59.999Z',
    });
    expect(await change(order.id, { status: 'cancelled' })).toMatchObject({ overdue_at: null });
    expect(await change(order.id, { status: 'open' })).toMatchObject({ overdue_at: '2026-03-14T23:59:59.999Z' });
    expect(await create({ due_date: '2026-03-15' })).toMatchObject({ overdue_at: null });
  });
});

describe('the list of work orders', () => {
  let mine: World;
  beforeAll(async () => {
    mine = await makeWorld(api.database);
    const { alexId, chillerId, ahuId } = mine;
    const bodies = [
      {
        title: 'a',
        status: 'in_progress',
        priority: 'high',
        assigned_to: alexId,
        asset_id: ahuId,
        due_date: '2026-03-10',
      },
      { title: 'b', priority: 'critical', assignees: [alexId], asset_id: chillerId, due_date: null },
      { title: 'c', status: 'skipped', assigned_team: 'hvac', due_date: '2026-04-01' },
    ];
    for (const body of bodies) {
      expect((await api.call('POST', path, { key: mine.key, body })).status).toBe(201);
    }
  });

  test.each([
    ['status=in_progress,skipped', 'c a'],
    ['status=open', 'b'],
    ['priority=critical,high', 'b a'],
    ['site=plant', 'b'],
    ['site=plant,ucl-east-campus', 'c b a'],
    ['site=nowhere', ''],
    ['assigned_to=ALEX', 'a'],
    ['assignee=ALEX', 'b a'],
    ['assigned_team=hvac', 'c'],
    ['asset_id=AHU', 'a'],
    ['overdue=true', 'a'],
    ['overdue=false', 'c b'],
    ['due_date[lt]=2026-03-11', 'a'],
    ['due_date[gte]=2026-03-11', 'c'],
    ['due_date[lte]=2026-03-10', 'a'],
    ['due_date[gt]=2026-03-10', 'c'],
    ['sort=due_date', 'a c b'],
    ['sort=-priority', 'b a c'],
    ['q=b', 'b'],
    ['status=open&priority=critical&assignee=ALEX&site=plant', 'b'],
  ])('O4 T3: ?%s gives %j', async (query, titles) => {
    const asked = query.replace('ALEX', mine.alexId).replace('AHU', mine.ahuId);
    expect((await list(asked, mine.key)).join(' ')).toBe(titles);
  });

  test.each([
    'status=open,done',
    'status=open,',
    'status=',
    'priority=urgent',
    'site=A%20B',
    'sla_status=late',
    'sort=owner',
  ])('R6: ?%s is refused, naming the parameter', async (query) => {
    const { status, json } = await api.call('GET', `${path}?${query}`, { key: mine.key });
    expect([status, json.errors?.[0]?.pointer]).toEqual([400, `/${query.split('=')[0]}`]);
  });

  test('the total is that of the filter, whatever of it is counted by whom', async () => {
    const totalOf = async (query: string) =>
      (await api.call('GET', `${path}?limit=1&${query}`, { key: mine.key })).json.total;
    expect(await totalOf('')).toBe(3);
    expect(await totalOf('status=in_progress,open')).toBe(2);
    expect(await totalOf('status=in_progress,open&priority=high')).toBe(1);
    expect(await totalOf('q=a')).toBe(1);
    expect(await totalOf('site=plant')).toBe(1);
    const limited = await mine.makeKey({ siteIds: [mine.plantId] });
    expect((await api.call('GET', path, { key: limited })).json).toMatchObject({ total: 1, data: [{ title: 'b' }] });
  });

  test('expand shows what each is about, beside its ids', async () => {
    const asked = 'expand=asset,assignee,site,insight';
    const { json } = await api.call('GET', `${path}?q=a&${asked}`, { key: mine.key });
    expect(json.data[0]).toMatchObject({
      asset_id: mine.ahuId,
      expanded: {
        asset: { id: mine.ahuId, name: 'AHU-01' },
        assignee: { id: mine.alexId, username: 'alex' },
        site: { slug: 'ucl-east-campus' },
        insight: null,
      },
    });
    const one = await api.call('GET', `${path}/${json.data[0].id}?${asked}`, { key: mine.key });
    expect(one.json.data).toEqual(json.data[0]);
    const narrow = await mine.makeKey({ scopes: ['work-orders:read'] });
    expect((await api.call('GET', `${path}?expand=asset`, { key: narrow })).status).toBe(403);
  });

  test('T11: the sub-tasks of a work order are a list of their own, wherever they lie', async () => {
    const post = async (body: object) => (await api.call('POST', path, { key: mine.key, body })).json.data;
    const parent = await post({ title: 'parent', asset_id: mine.ahuId });
    const near = await post({ title: 'near', parent: parent.id, asset_id: mine.ahuId });
    await post({ title: 'far', parent: parent.id, asset_id: mine.chillerId });
    await post({ title: 'below', parent: near.id });
    const below = async (url: string, key = mine.key) =>
      (await api.call('GET', url, { key })).json.map?.(({ title }: { title: string }) => title);
    const { json } = await api.call('GET', `${path}/${parent.id}/subtasks`, { key: mine.key });
    expect(json).toMatchObject({ total: 2, data: [{ title: 'far' }, { title: 'near' }] });
    const atSite = `/api/v1/sites/ucl-east-campus/work-orders/${parent.id}/subtasks/`;
    expect(await below(atSite)).toEqual(['far', 'near']);
    expect(await below(`${atSite}?status=completed`)).toEqual([]);
    const limited = await mine.makeKey({ siteIds: [mine.campusId] });
    expect(await below(atSite, limited)).toEqual(['near']);
    expect((await api.call('GET', `${path}/${parent.id}/subtasks`, { key: other.key })).status).toBe(404);
  });
});
