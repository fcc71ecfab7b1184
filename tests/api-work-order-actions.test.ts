import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let other: World;
const at = new Date('2026-03-15T11:00:00.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => at });
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const create = async (body: object = {}) => {
  const reply = await api.call('POST', path, { key: world.key, body: { title: 'x', due_date: null, ...body } });
  expect(reply.status).toBe(201);
  return reply.json.data;
};
const act = (id: string, action: string, body?: object) =>
  api.call('POST', `${path}/${id}/${action}`, { key: world.key, ...(body ? { body } : {}) });
const change = async (id: string, body: object) => {
  const reply = await api.call('PATCH', `${path}/${id}`, { key: world.key, body });
  expect(reply.status).toBe(200);
  return reply.json.data;
};
const shown = async (id: string) => (await api.call('GET', `${path}/${id}`, { key: world.key })).json.data;

describe('the actions on a work order', () => {
  test('with If-Match act on the version that was seen, and on no later one', async () => {
    const { id, updated_at } = await create();
    const etag = (await api.call('GET', `${path}/${id}`, { key: world.key })).headers.etag;
    const actIf = (action: string, tag: unknown) =>
      api.call('POST', `${path}/${id}/${action}`, { key: world.key, headers: { 'if-match': String(tag) } });
    const started = await actIf('start', etag);
    expect([started.status, started.json.data.status]).toEqual([200, 'in_progress']);
    expect(started.json.data.updated_at).not.toBe(updated_at);
    const late = await actIf('complete', etag);
    expect([late.status, late.json.error, late.headers.etag]).toEqual([
      412,
      'precondition_failed',
      started.headers.etag,
    ]);
    expect((await shown(id)).status).toBe('in_progress');
    const both = await Promise.all(['complete', 'cancel'].map((action) => actIf(action, started.headers.etag)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  test('O4: created, assigned, started, held, started again, completed, reopened: each says what it left', async () => {
    const { id } = await create();
    const steps: [string, object, object][] = [
      ['assign', { assigned_to: world.alexId }, { assigned_to: world.alexId, status: 'open', responded_at: null }],
      [
        'start',
        {},
        { status: 'in_progress', started_at: '2026-03-15T11:00:00Z', responded_at: '2026-03-15T11:00:00Z' },
      ],
      ['hold', { reason: 'a part' }, { status: 'on_hold', hold_reason: 'a part', started_at: '2026-03-15T11:00:00Z' }],
      ['start', {}, { status: 'in_progress', hold_reason: '' }],
      [
        'complete',
        { resolution: 'replaced', failure: { cause: 'worn' }, completed_at: '2026-03-14T12:00+01:00' },
        {
          status: 'completed',
          completed_at: '2026-03-14T11:00:00Z',
          resolution: 'replaced',
          failure: { problem: '', cause: 'worn', remedy: '' },
        },
      ],
      [
        'reopen',
        {},
        { status: 'open', completed_at: null, resolution: '', failure: { problem: '', cause: 'worn', remedy: '' } },
      ],
      [
        'cancel',
        { reason: 'asked for twice' },
        { status: 'cancelled', resolution: 'asked for twice', completed_at: null },
      ],
      ['reopen', {}, { status: 'open', resolution: '' }],
      ['skip', { reason: 'shut down' }, { status: 'skipped', resolution: 'shut down' }],
    ];
    for (const [action, body, left] of steps) {
      const reply = await act(id, action, body);
      expect([action, reply.status]).toEqual([action, 200]);
      expect(reply.json.data).toMatchObject(left);
      expect(reply.headers.etag).toBeDefined();
      expect(await shown(id)).toEqual(reply.json.data);
    }
  });

  test.each(['start', 'hold', 'complete', 'cancel', 'skip'])('%s needs no body', async (action) => {
    const { id } = await create();
    expect((await act(id, action)).status).toBe(200);
    expect(
      (await api.call('GET', '/openapi.json')).json.paths[`${path}/{id}/${action}`].post.requestBody?.required,
    ).toBe(['start'].includes(action) ? undefined : false);
  });

  test.each([
    ['completed', 'start', 'work_order_ended'],
    ['skipped', 'hold', 'work_order_ended'],
    ['cancelled', 'complete', 'work_order_ended'],
    ['completed', 'assign', 'work_order_ended'],
    ['completed', 'complete', 'work_order_ended'],
    ['in_progress', 'start', 'work_order_in_progress'],
    ['on_hold', 'hold', 'work_order_on_hold'],
    ['open', 'reopen', 'work_order_not_ended'],
  ])('what is %s refuses to %s with 409 %s, and stays as it is', async (status, action, code) => {
    const before = await create({ status });
    const reply = await act(before.id, action, action === 'assign' ? { assigned_to: null } : {});
    expect(reply).toMatchObject({ status: 409, json: { error: code } });
    expect(await shown(before.id)).toEqual(before);
  });

  test('T9: a client may set any status by PATCH, whatever the actions say', async () => {
    const { id } = await create({ status: 'completed' });
    for (const status of ['skipped', 'in_progress', 'cancelled', 'completed', 'on_hold', 'open', 'open']) {
      expect(await change(id, { status })).toMatchObject({ status });
    }
  });

  test('an assignment changes what it names, and must name something', async () => {
    const { id } = await create({ assigned_team: 'hvac' });
    expect((await act(id, 'assign', { assigned_to: world.alexId })).json.data).toMatchObject({ assigned_team: 'hvac' });
    const unset = await act(id, 'assign', { assigned_team: '', assigned_to: null });
    expect(unset.json.data).toMatchObject({ assigned_team: null, assigned_to: null, assigned_to_detail: null });
    expect((await act(id, 'assign', {})).status).toBe(400);
    for (const assigned_to of [world.retiredId, other.alexId, randomUUID()]) {
      expect(await act(id, 'assign', { assigned_to })).toMatchObject({
        status: 400,
        json: { errors: [{ pointer: '/assigned_to', code: 'not_found' }] },
      });
    }
  });

  test("another tenant's work order, or a site's below another site, is not found by any action", async () => {
    const { id } = await create();
    for (const action of ['assign', 'start', 'hold', 'complete', 'cancel', 'skip', 'reopen']) {
      const body = action === 'assign' ? { assigned_to: null } : {};
      for (const url of [`${path}/${id}/${action}`, `/api/v1/sites/ucl-east-campus/work-orders/${id}/${action}/`]) {
        expect(await api.call('POST', url, { key: other.key, body })).toMatchObject({
          status: 404,
          json: { error: 'work_order_not_found' },
        });
      }
      const elsewhere = `/api/v1/sites/plant/work-orders/${id}/${action}/`;
      expect((await api.call('POST', elsewhere, { key: world.key, body })).status).toBe(404);
    }
    expect(await shown(id)).toMatchObject({ status: 'open' });
  });

  test('T1: the same below a site, with a bare object and a slash at the end', async () => {
    const { id } = await create();
    const url = `/api/v1/sites/ucl-east-campus/work-orders/${id}/start/`;
    expect((await api.call('POST', url, { key: world.key })).json).toMatchObject({ id, status: 'in_progress' });
    const limited = await world.makeKey({ siteIds: [world.plantId] });
    expect(await api.call('POST', `${path}/${id}/hold`, { key: limited })).toMatchObject({
      status: 403,
      json: { error: 'site_forbidden' },
    });
    const reader = await world.makeKey({ scopes: ['read'] });
    expect((await api.call('POST', `${path}/${id}/hold`, { key: reader })).status).toBe(403);
  });
});

describe('what a work order requires to be completed', () => {
  const completeBy = {
    action: (id: string) => act(id, 'complete'),
    PATCH: (id: string) => api.call('PATCH', `${path}/${id}`, { key: world.key, body: { status: 'completed' } }),
  };
  const lacking = async (property: 'requires_signature' | 'requires_photo') => (await create({ [property]: true })).id;
  const count = (id: string, counts: Partial<Record<string, number>>) =>
    api.database.db.updateTable('work_order').set(counts).where('id', '=', id).execute();

  describe.each(['action', 'PATCH'] as const)('by %s', (way) => {
    const complete = completeBy[way];

    test.each([
      ['requires_signature', 'signature_count', 'signature_required'],
      ['requires_photo', 'photo_count', 'photo_required'],
    ] as const)('%s holds it back with 409 until there is one', async (property, counted, code) => {
      const id = await lacking(property);
      expect(await complete(id)).toMatchObject({ status: 409, json: { error: code } });
      expect(await shown(id)).toMatchObject({ status: 'open', completed_at: null });
      await count(id, { [counted]: 1 });
      expect((await complete(id)).status).toBe(200);
    });

    test('tasks that have to be done hold it back', async () => {
      const { id } = await create();
      await count(id, { task_count: 2, task_missing_count: 1 });
      expect(await complete(id)).toMatchObject({ status: 409, json: { error: 'checklist_incomplete' } });
      await count(id, { task_missing_count: 0 });
      expect((await complete(id)).status).toBe(200);
    });

    test('T11: sub-tasks that still stand hold it back; ended or deleted ones do not', async () => {
      const { id } = await create();
      const [one, two, three] = [
        await create({ parent: id }),
        await create({ parent: id }),
        await create({ parent: id }),
      ];
      await act(one.id, 'cancel');
      expect(await complete(id)).toMatchObject({ status: 409, json: { error: 'subtasks_open' } });
      await act(two.id, 'complete');
      await api.call('DELETE', `${path}/${three.id}`, { key: world.key });
      expect((await complete(id)).status).toBe(200);
    });

    test('all that is missing is named at once', async () => {
      const { id } = await create({ requires_signature: true, requires_photo: true });
      const { json } = await complete(id);
      expect(json.errors.map(({ code }: { code: string }) => code)).toEqual(['signature_required', 'photo_required']);
    });
  });

  test('nothing else is held back, and what is completed may be required more of', async () => {
    const { id } = await create({ requires_signature: true });
    for (const action of ['start', 'hold', 'skip', 'reopen', 'cancel'])
      expect((await act(id, action)).status).toBe(200);
    const done = await create({ status: 'completed' });
    expect(await change(done.id, { requires_signature: true })).toMatchObject({ status: 'completed' });
    expect(await change(done.id, { status: 'completed', title: 'y' })).toMatchObject({ title: 'y' });
  });

  test('it is not created completed when it lacks something', async () => {
    const body = { title: 'x', status: 'completed', requires_photo: true };
    expect(await api.call('POST', path, { key: world.key, body })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/status', code: 'conflict' }] },
    });
  });
});
