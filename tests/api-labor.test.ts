import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let key: string;
let order: string;
let labor: string;
let at = new Date('2026-03-16T15:00:00Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => at });
  world = await makeWorld(api.database);
  key = world.key;
});
afterAll(() => api.close());
beforeEach(async () => {
  at = new Date('2026-03-16T15:00:00Z');
  await api.database.db.deleteFrom('labor_entry').execute();
  order = await makeOrder();
  labor = `${order}/labor`;
});

const makeOrder = async () => {
  const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', asset_id: world.ahuId } });
  return `/api/v1/work-orders/${made.json.data.id}`;
};
const post = (url: string, body: object = {}, asking = key) => api.call('POST', url, { key: asking, body });
const minutes = async () => (await api.call('GET', order, { key })).json.data.labor_minutes;

describe('the time worked on a work order', () => {
  test('is entered, listed on both mounts, and summed up on the work order', async () => {
    const made = await post(labor, { started_at: '2026-03-16T13:00:00Z', minutes: 90, note: 'Changed the actuator' });
    expect([made.status, made.json.data]).toEqual([
      201,
      {
        ...{
          id: expect.any(String),
          user_id: world.alexId,
          started_at: '2026-03-16T13:00:00Z',
          ended_at: '2026-03-16T14:30:00Z',
        },
        user_detail: { id: world.alexId, username: 'alex', email: 'alex@betacit.com' },
        ...{
          minutes: 90,
          running: false,
          note: 'Changed the actuator',
          created_by: world.alexId,
          external_id: null,
          metadata: {},
        },
        ...{ created_at: expect.any(String), updated_at: expect.any(String) },
      },
    ]);
    await post(labor, { minutes: 15 });
    const site = order.replace('/api/v1/', '/api/v1/sites/ucl-east-campus/');
    const listed = await api.call('GET', `${site}/labor/?sort=-minutes`, { key });
    expect(listed.json.map((entry: { minutes: number }) => entry.minutes)).toEqual([90, 15]);
    expect(await minutes()).toBe(105);
    await api.call('DELETE', `${labor}/${made.json.data.id}`, { key });
    expect(await minutes()).toBe(15);
  });

  test('a time without a zone is read in that of the site', async () => {
    const made = await post(labor, { started_at: '2026-07-01T08:00', ended_at: '2026-07-01T09:00' });
    expect(made.status).toBe(400);
    at = new Date('2026-07-02T00:00:00Z');
    const later = await post(labor, { started_at: '2026-07-01T08:00', ended_at: '2026-07-01T09:00' });
    expect(later.json.data.started_at).toBe('2026-07-01T07:00:00Z');
  });

  test('a timer starts and stops, and its time counts from then on', async () => {
    const started = await post(`${labor}/start`, { note: 'On the roof' });
    expect([started.status, started.json.data]).toEqual([
      201,
      expect.objectContaining({
        running: true,
        ended_at: null,
        minutes: 0,
        started_at: '2026-03-16T15:00:00Z',
        note: 'On the roof',
      }),
    ]);
    expect(started.headers.location).toBe(`http://127.0.0.1:3000${labor}/${started.json.data.id}`);
    expect((await api.call('GET', `${labor}?running=true`, { key })).json.total).toBe(1);
    at = new Date('2026-03-16T15:44:40Z');
    const stopped = await post(`${labor}/stop`);
    expect([stopped.status, stopped.json.data]).toEqual([
      200,
      expect.objectContaining({
        id: started.json.data.id,
        running: false,
        minutes: 45,
        ended_at: '2026-03-16T15:44:40Z',
        note: 'On the roof',
      }),
    ]);
    expect(await minutes()).toBe(45);
    expect(await post(`${labor}/stop`)).toMatchObject({ status: 409, json: { error: 'labor_timer_not_running' } });
  });

  test('a person has one timer, wherever it runs; of fifty starts at once one wins', async () => {
    const other = await makeOrder();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) => post(`${index % 2 === 0 ? order : other}/labor/start`)),
    );
    const statuses = replies.map(({ status }) => status);
    expect([statuses.filter((status) => status === 201).length, new Set(statuses)]).toEqual([1, new Set([201, 409])]);
    const winner = replies
      .find(({ status }) => status === 201)
      ?.headers.location?.toString()
      .includes(order)
      ? order
      : other;
    const loser = winner === order ? other : order;
    expect((await post(`${loser}/labor/stop`)).status).toBe(409);
    expect((await post(`${winner}/labor/stop`)).status).toBe(200);
    expect((await post(`${loser}/labor/start`)).status).toBe(201);
    await post(`${loser}/labor/stop`);
  });

  test('a timer ends with the work order on which it runs, so that its person can start another', async () => {
    const id = order.split('/').at(-1) ?? '';
    const started = (await post(`${labor}/start`)).json.data;
    at = new Date('2026-03-16T15:20:00Z');
    await api.call('DELETE', order, { key });
    const ended = await api.database.db
      .selectFrom('labor_entry')
      .innerJoin('work_order', 'work_order.id', 'labor_entry.work_order_id')
      .select(['labor_entry.ended_at', 'labor_entry.minutes', 'work_order.labor_minutes'])
      .where('labor_entry.id', '=', started.id)
      .executeTakeFirst();
    expect(ended).toEqual({ ended_at: at, minutes: 20, labor_minutes: 20 });
    const events = await api.database.db
      .selectFrom('event')
      .select(['type', 'changes', 'data'])
      .where('subject_id', '=', id)
      .orderBy('id', 'desc')
      .limit(2)
      .execute();
    const times = { started_at: '2026-03-16T15:00:00Z', ended_at: '2026-03-16T15:20:00Z', minutes: 20 };
    expect(events).toMatchObject([
      { type: 'work_order.deleted' },
      {
        type: 'labor.updated',
        changes: [
          { field: 'ended_at', from: null, to: times.ended_at },
          { field: 'minutes', from: 0, to: 20 },
        ],
        data: { id: started.id, user_id: world.alexId, ...times },
      },
    ]);
    const other = await makeOrder();
    expect((await post(`${other}/labor/start`)).status).toBe(201);
  });

  test('is that of whoever is named, an active user, or of who asks', async () => {
    const machine = await world.makeKey({});
    for (const url of [labor, `${labor}/start`]) {
      expect(await post(url, { minutes: 5 }, machine)).toMatchObject({ status: 400 });
      for (const user_id of [world.retiredId, newId(), (await makeWorld(api.database)).alexId]) {
        const body = url === labor ? { minutes: 5, user_id } : { user_id };
        expect(await post(url, body)).toMatchObject({
          status: 400,
          json: { errors: [{ pointer: '/user_id', code: 'not_found' }] },
        });
      }
    }
    expect((await post(labor, { minutes: 5 }, machine)).json.errors).toMatchObject([
      { pointer: '/user_id', code: 'required' },
    ]);
    expect((await post(labor, { minutes: 5, user_id: world.alexId }, machine)).json.data).toMatchObject({
      user_id: world.alexId,
      created_by: null,
    });
    expect((await api.call('GET', `${labor}?user_id=${world.alexId}`, { key })).json.total).toBe(1);
  });

  test('N4: only what is given changes: a length moves the end, an end stops a timer', async () => {
    const { id } = (await post(labor, { started_at: '2026-03-16T13:00:00Z', minutes: 90 })).json.data;
    const change = (which: string, body: object) => api.call('PATCH', `${labor}/${which}`, { key, body });
    expect((await change(id, { minutes: 30 })).json.data).toMatchObject({
      minutes: 30,
      ended_at: '2026-03-16T13:30:00Z',
    });
    expect((await change(id, { started_at: '2026-03-16T12:30:00Z' })).json.data).toMatchObject({
      minutes: 60,
      ended_at: '2026-03-16T13:30:00Z',
    });
    expect((await change(id, { note: 'x', external_id: 'e' })).json.data).toMatchObject({
      minutes: 60,
      note: 'x',
      external_id: 'e',
    });
    expect(await change(id, { ended_at: '2026-03-16T12:00:00Z' })).toMatchObject({ status: 400 });
    expect(await minutes()).toBe(60);
    const timer = (await post(`${labor}/start`)).json.data.id;
    expect((await change(timer, { note: 'still' })).json.data).toMatchObject({ running: true, note: 'still' });
    expect((await change(timer, { started_at: '2026-03-16T14:40:00Z' })).json.data).toMatchObject({
      running: true,
      minutes: 0,
    });
    for (const started_at of ['2026-03-16T15:40:00Z', '2026-02-13T14:59:00Z'])
      expect((await change(timer, { started_at })).status).toBe(400);
    expect((await change(timer, { ended_at: '2026-03-16T15:00:00Z' })).json.data).toMatchObject({
      running: false,
      minutes: 20,
    });
    expect(await minutes()).toBe(80);
  });

  test('may be entered after the end, but no timer starts then', async () => {
    await api.call('PATCH', order, { key, body: { status: 'completed' } });
    expect((await post(labor, { minutes: 10 })).status).toBe(201);
    expect(await post(`${labor}/start`)).toMatchObject({ status: 409, json: { error: 'work_order_ended' } });
    expect(await minutes()).toBe(10);
  });

  test('each change is an event of the work order', async () => {
    await post(`${labor}/start`);
    at = new Date('2026-03-16T15:10:00Z');
    const { id } = (await post(`${labor}/stop`)).json.data;
    await api.call('PATCH', `${labor}/${id}`, { key, body: { metadata: { sheet: 7 } } });
    await api.call('DELETE', `${labor}/${id}`, { key });
    const events = await api.database.db
      .selectFrom('event')
      .select(['type', 'changes'])
      .where('subject_id', '=', order.split('/').at(-1) ?? '')
      .where('type', 'like', 'labor.%')
      .orderBy('id')
      .execute();
    expect(events).toEqual([
      { type: 'labor.created', changes: [] },
      {
        type: 'labor.updated',
        changes: [
          { field: 'ended_at', from: null, to: '2026-03-16T15:10:00Z' },
          { field: 'minutes', from: 0, to: 10 },
        ],
      },
      { type: 'labor.updated', changes: [{ field: 'metadata', from: {}, to: { sheet: 7 } }] },
      { type: 'labor.deleted', changes: [] },
    ]);
  });

  test('O1: labour of others is out of reach', async () => {
    const { id } = (await post(labor, { minutes: 5 })).json.data;
    const stranger = (await makeWorld(api.database)).key;
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    for (const [asking, status] of [
      [stranger, 404],
      [elsewhere, 403],
    ] as const) {
      for (const [method, url] of [
        ['GET', labor],
        ['POST', labor],
        ['POST', `${labor}/start`],
        ['POST', `${labor}/stop`],
        ['GET', `${labor}/${id}`],
        ['PATCH', `${labor}/${id}`],
        ['DELETE', `${labor}/${id}`],
      ] as const) {
        const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
        expect([method, url, (await api.call(method, url, { key: asking, ...body })).status]).toEqual([
          method,
          url,
          status,
        ]);
      }
    }
  });
});
