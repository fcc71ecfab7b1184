/** What is promised about work orders: the policy, the instants, and what the clock makes of them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openForInsight } from '../src/work-orders/open-for-insight.ts';
import { followClock } from '../src/work-orders/sla/follow-clock.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
// A Friday afternoon; London is at UTC then, Kolkata five and a half hours ahead.
const start = Date.UTC(2026, 1, 27, 16);
let now = new Date(start);
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
});
beforeEach(async () => {
  now = new Date(start);
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const send = async (method: string, url: string, body?: object, status = 200) => {
  const reply = await api.call(method, url, { key: world.key, ...(body ? { body } : {}) });
  expect([reply.status, reply.text]).toEqual([status, reply.text]);
  return reply.json?.data ?? reply.json;
};
const create = (body: object = {}) => send('POST', path, { title: 'x', due_date: null, ...body }, 201);
const shown = (id: string) => send('GET', `${path}/${id}`);
const passTo = (minutes: number) => {
  now = new Date(start + minutes * 60_000);
};
const follow = () => followClock(api.database.db, { at: now, closing: new AbortController().signal });
const toldOf = async (id: string) => {
  const events = await api.database.db
    .selectFrom('event')
    .select(['type', 'actor', 'changes'])
    .where('subject_id', '=', id)
    .where('type', '<>', 'work_order.created')
    .orderBy('id')
    .execute();
  return events.map(({ type }) => type.replace('work_order.', ''));
};

const targets = [
  { priority: 'critical', response_minutes: 10, resolution_minutes: 100, hours: '24x7' },
  { priority: 'high', response_minutes: null, resolution_minutes: 240, hours: 'business' },
];
const promise = (body: object = { targets }) => send('PUT', '/api/v1/sla-policy', body);

describe('the policy', () => {
  test('promises nothing until it is set, and is set as a whole', async () => {
    expect(await send('GET', '/api/v1/sla-policy')).toMatchObject({
      id: world.tenantId,
      targets: [],
      at_risk_percent: 80,
    });
    const set = await promise({ targets, at_risk_percent: 50 });
    expect(set).toMatchObject({ targets, at_risk_percent: 50 });
    expect(set.business_hours).toHaveLength(5);
    expect(await send('GET', '/api/v1/sla-policy')).toEqual(set);
    expect(await promise({ targets: [] })).toMatchObject({ targets: [], at_risk_percent: 80 });
    await promise({ targets: [] });
    const told = await api.database.db
      .selectFrom('event')
      .select('type')
      .where('subject_id', '=', world.tenantId)
      .execute();
    expect(told).toEqual([{ type: 'sla_policy.updated' }, { type: 'sla_policy.updated' }]);
  });

  test('with If-Match replaces the version that was seen alone: of two at once one, also where there was none yet', async () => {
    for (const tags of [[], ['again']]) {
      const { headers } = await api.call('GET', '/api/v1/sla-policy', { key: world.key });
      const put = () =>
        api.call('PUT', '/api/v1/sla-policy', {
          ...{ key: world.key, body: { targets, at_risk_percent: 10 + tags.length } },
          headers: { 'if-match': String(headers.etag) },
        });
      const replies = await Promise.all([put(), put(), put()]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    }
  });

  test('is read by whoever reads work orders, and set by administrators of the whole tenant alone', async () => {
    const statusOf = async (method: string, more: object) => {
      const key = await world.makeKey(more);
      const body = method === 'PUT' ? { body: { targets } } : {};
      return (await api.call(method, '/api/v1/sla-policy', { key, ...body })).status;
    };
    expect(await statusOf('GET', { scopes: ['work-orders:read'] })).toBe(200);
    expect(await statusOf('PUT', { scopes: ['read', 'write'] })).toBe(403);
    expect(await statusOf('PUT', { scopes: ['tenant:write'] })).toBe(200);
    expect(await statusOf('PUT', { scopes: ['tenant:write'], siteIds: [world.campusId] })).toBe(403);
  });

  test.each([
    [{ targets: [targets[0], targets[0]] }, '/targets'],
    [{ targets: [{ ...targets[0], response_minutes: 0 }] }, '/targets/0/response_minutes'],
    [{ targets, business_hours: [] }, '/business_hours'],
    [{ targets, business_hours: [{ day: 'mon', from: '10:00', to: '10:00' }] }, '/business_hours/0'],
    [{ targets, business_hours: [{ day: 'mon', from: '10:00', to: '10:30' }] }, '/business_hours'],
    [
      {
        targets,
        business_hours: [
          { day: 'mon', from: '08:00', to: '12:01' },
          { day: 'mon', from: '12:00', to: '18:00' },
        ],
      },
      '/business_hours',
    ],
    [{ targets, at_risk_percent: 100 }, '/at_risk_percent'],
  ])('refuses %j', async (body, pointer) => {
    const { errors } = await send('PUT', '/api/v1/sla-policy', body, 400);
    expect(errors[0].pointer).toBe(pointer);
  });
});

describe('the promises about a work order', () => {
  beforeEach(() => promise());

  test('are of its priority, in the hours that the policy counts, on the clock of its site', async () => {
    expect(await create({ priority: 'critical' })).toMatchObject({
      sla_status: 'ok',
      sla_response_due_at: '2026-02-27T16:10:00Z',
      sla_due_at: '2026-02-27T17:40:00Z',
    });
    // Two hours are left on Friday in London; in Kolkata the week is over.
    const high = { priority: 'high', sla_response_due_at: null, sla_status: 'ok' };
    expect(await create({ priority: 'high' })).toMatchObject({ ...high, sla_due_at: '2026-03-02T10:00:00Z' });
    const far = { priority: 'high', asset_id: world.chillerId };
    expect(await create(far)).toMatchObject({ ...high, sla_due_at: '2026-03-02T06:30:00Z' });
    const none = { sla_status: null, sla_response_due_at: null, sla_due_at: null };
    expect(await create({ priority: 'low' })).toMatchObject(none);
  });

  test('follow the clock: at risk, breached, each told once, by the system', async () => {
    const { id } = await create({ priority: 'critical' });
    const seen: (string | null)[] = [];
    for (const minute of [0, 8, 9, 10, 200]) {
      passTo(minute);
      await follow();
      await follow();
      seen.push((await shown(id)).sla_status);
    }
    expect(seen).toEqual(['ok', 'at_risk', 'at_risk', 'breached', 'breached']);
    expect(await toldOf(id)).toEqual(['sla_at_risk', 'sla_breached']);
    const told = await api.database.db
      .selectFrom('event')
      .select(['actor', 'changes'])
      .where('subject_id', '=', id)
      .where('type', '=', 'work_order.sla_breached')
      .executeTakeFirst();
    expect(told).toEqual({
      actor: { kind: 'system' },
      changes: [{ field: 'sla_status', from: 'at_risk', to: 'breached' }],
    });
  });

  test('are kept by whoever begins and completes in time, and broken once for ever', async () => {
    const [kept, late] = [await create({ priority: 'critical' }), await create({ priority: 'critical' })];
    passTo(9);
    await follow();
    expect(await send('POST', `${path}/${kept.id}/start`)).toMatchObject({ sla_status: 'ok' });
    passTo(99);
    expect(await send('POST', `${path}/${kept.id}/complete`)).toMatchObject({ sla_status: 'ok' });
    await send('POST', `${path}/${late.id}/start`);
    passTo(500);
    await follow();
    expect(await shown(kept.id)).toMatchObject({ sla_status: 'ok' });
    expect(await send('POST', `${path}/${late.id}/complete`)).toMatchObject({ sla_status: 'breached' });
    expect(await toldOf(kept.id)).toEqual(['sla_at_risk', 'status_changed', 'status_changed', 'completed']);
  });

  test('T9: count from when the client says that it was completed', async () => {
    const { id } = await create({ priority: 'critical' });
    passTo(5);
    await send('POST', `${path}/${id}/start`);
    passTo(300);
    const done = { status: 'completed', completed_at: new Date(start + 99 * 60_000).toISOString() };
    expect(await send('PATCH', `${path}/${id}`, done)).toMatchObject({ sla_status: 'ok' });
    const later = { completed_at: new Date(start + 101 * 60_000).toISOString() };
    expect(await send('PATCH', `${path}/${id}`, later)).toMatchObject({ sla_status: 'breached' });
  });

  test('that were kept stay so when what was completed turns out to be skipped', async () => {
    const { id } = await create({ priority: 'critical' });
    await send('POST', `${path}/${id}/complete`);
    passTo(10_000);
    expect(await send('PATCH', `${path}/${id}`, { status: 'skipped' })).toMatchObject({
      completed_at: null,
      sla_status: 'ok',
    });
  });

  test('are made anew with the priority, from when it was created; reopened, they go on', async () => {
    const { id } = await create({ priority: 'low' });
    passTo(50);
    const raised = await send('PATCH', `${path}/${id}`, { priority: 'critical' });
    expect(raised).toMatchObject({ sla_status: 'breached', sla_due_at: '2026-02-27T17:40:00Z' });
    expect(await send('PATCH', `${path}/${id}`, { priority: 'high' })).toMatchObject({ sla_status: 'ok' });
    expect(await send('PATCH', `${path}/${id}`, { priority: 'none' })).toMatchObject({
      sla_status: null,
      sla_due_at: null,
    });
    const other = await create({ priority: 'high' });
    await send('POST', `${path}/${other.id}/complete`);
    passTo(10_000);
    expect(await send('POST', `${path}/${other.id}/reopen`)).toMatchObject({ sla_status: 'breached' });
  });

  test('another policy holds for what is created from then on', async () => {
    const before = await create({ priority: 'critical' });
    await promise({ targets: [] });
    expect(await shown(before.id)).toEqual(before);
    expect(await create({ priority: 'critical' })).toMatchObject({ sla_status: null });
  });

  test('O4: lists are filtered and sorted by them', async () => {
    await create({ title: 'a', priority: 'high' });
    await create({ title: 'b', priority: 'critical' });
    await create({ title: 'c', priority: 'low' });
    passTo(8);
    await follow();
    const titles = async (query: string) =>
      (await send('GET', `${path}?${query}`)).map(({ title }: { title: string }) => title).join(' ');
    expect(await titles('sla_status=at_risk')).toBe('b');
    expect(await titles('sla_status=at_risk,ok&sort=title')).toBe('a b');
    expect(await titles('sla_due_at[lt]=2026-02-28')).toBe('b');
    expect(await titles('sort=sla_due_at')).toBe('b a c');
  });

  test('hold for the work orders of rules, too, which may name a person', async () => {
    const byRule = (insightId: string, assign: string) =>
      api.database.db.transaction().execute((trx) => {
        const { tenantId, plantId: siteId, chillerId: assetId } = world;
        const insight = { id: insightId, tenantId, siteId, assetId, ruleId: 'r', name: 'x', uri: '', locationUri: '' };
        const words = { type: 'inspection', category: 'HVAC', title: 'x', description: '' };
        return openForInsight(trx, insight, { ...words, priority: 'critical', dueAt: Date.UTC(2030, 0, 1), assign });
      });
    const [event] = await byRule(await world.makeInsight(), 'user:alex');
    const order = await shown(event?.subject.id ?? '');
    expect(order).toMatchObject({
      assigned_to: world.alexId,
      assigned_team: null,
      due_date: '2030-01-01T00:00:00Z',
      overdue_at: null,
      sla_status: 'ok',
    });
    expect(Date.parse(order.sla_due_at) - Date.parse(order.created_at)).toBe(100 * 60_000);
    const [second] = await byRule(await world.makeInsight(), 'user:sam');
    expect(await shown(second?.subject.id ?? '')).toMatchObject({ assigned_to: null, assigned_team: 'user:sam' });
    const team = await send('POST', '/api/v1/teams', { name: 'hvac-east' }, 201);
    const [third] = await byRule(await world.makeInsight(), 'hvac-east');
    expect(await shown(third?.subject.id ?? '')).toMatchObject({ team_id: team.id, assigned_team: 'hvac-east' });
  });
});

describe('deadlines', () => {
  test('that pass while a work order stands are told once', async () => {
    const due_date = new Date(start + 30 * 60_000).toISOString();
    const [late, done] = [await create({ due_date }), await create({ due_date })];
    passTo(29);
    await follow();
    await send('POST', `${path}/${done.id}/cancel`);
    const { headers } = await api.call('GET', `${path}/${late.id}`, { key: world.key });
    passTo(31);
    await follow();
    await follow();
    expect(await shown(late.id)).toMatchObject({ overdue_at: '2026-02-27T16:30:00Z' });
    expect(await toldOf(late.id)).toEqual(['overdue']);
    expect(await toldOf(done.id)).toEqual(['status_changed']);
    const again = await api.call('GET', `${path}/${late.id}`, { key: world.key });
    expect(again.headers.etag).not.toBe(headers.etag);
  });

  test('of many, and deleted ones, are followed in one go, by several at once', async () => {
    const due_date = new Date(start + 30 * 60_000).toISOString();
    const ids: string[] = [];
    for (let rest = 40; rest > 0; rest -= 1) ids.push((await create({ due_date })).id);
    await send('DELETE', `${path}/${ids[0]}`, undefined, 204);
    passTo(31);
    await Promise.all([follow(), follow(), follow()]);
    await follow();
    const told = await Promise.all(ids.map(toldOf));
    expect(told[0]).toEqual(['deleted']);
    expect(told.slice(1)).toEqual(ids.slice(1).map(() => ['overdue']));
  });
});
