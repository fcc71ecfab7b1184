import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let key: string;
let order: string;
let tasks: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  key = world.key;
});
afterAll(() => api.close());
beforeEach(async () => {
  const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', asset_id: world.ahuId } });
  order = `/api/v1/work-orders/${made.json.data.id}`;
  tasks = `${order}/tasks`;
});

const add = async (body: object) => (await api.call('POST', tasks, { key, body })).json.data;
const change = (id: string, body: object, headers = {}) => api.call('PATCH', `${tasks}/${id}`, { key, body, headers });
const checklist = async () => (await api.call('GET', order, { key })).json.data.checklist;

describe('the checklist of a work order', () => {
  test('tasks come in their order, on both mounts, and the work order counts them', async () => {
    const first = await api.call('POST', tasks, { key, body: { title: 'Isolate' } });
    expect([first.status, first.json.data]).toEqual([
      201,
      {
        ...{
          id: expect.any(String),
          position: 1,
          title: 'Isolate',
          kind: 'check',
          required: true,
          options: [],
          unit: '',
        },
        ...{
          min: null,
          max: null,
          value: null,
          note: '',
          done: false,
          done_at: null,
          done_by: null,
          done_by_detail: null,
        },
        ...{ external_id: null, metadata: {}, created_at: expect.any(String), updated_at: expect.any(String) },
      },
    ]);
    await add({ title: 'Measure', kind: 'number', unit: '°C', min: 10, max: 18, required: false });
    await add({ title: 'Before all', position: 1 });
    const path = order.replace('/api/v1/', '/api/v1/sites/ucl-east-campus/');
    const listed = await api.call('GET', `${path}/tasks/?sort=position,title`, { key });
    expect(listed.json.map(({ title }: { title: string }) => title)).toEqual(['Before all', 'Isolate', 'Measure']);
    expect((await api.call('GET', `${tasks}?required=false`, { key })).json.total).toBe(1);
    expect(await checklist()).toMatchObject({ total: 3, done: 0 });
  });

  test.each([
    [{ kind: 'check' }, true, false],
    [{ kind: 'text' }, 'Filter is clean', ' '],
    [{ kind: 'number', min: 1, max: 3 }, 2.5, undefined],
    [{ kind: 'meter', unit: 'kWh' }, 0, undefined],
    [{ kind: 'choice', options: ['pass', 'fail'] }, 'fail', undefined],
  ])('a task %j is done by the answer %j, by whom and when', async (question, value, unfinished) => {
    const { id } = await add({ title: 'x', ...question });
    const done = await change(id, { value });
    expect(done.json.data).toMatchObject({
      value,
      done: true,
      done_by: world.alexId,
      done_by_detail: { username: 'alex' },
    });
    expect(done.json.data.done_at).toBe(done.json.data.updated_at);
    expect((await api.call('GET', `${tasks}?done=true`, { key })).json.total).toBe(1);
    expect(await checklist()).toMatchObject({ total: 1, done: 1 });
    const kept = await change(id, { note: 'really', value });
    expect(kept.json.data.done_at).toBe(done.json.data.done_at);
    const back = await change(id, { value: unfinished ?? null });
    expect(back.json.data).toMatchObject({ value: unfinished ?? null, done: false, done_at: null, done_by: null });
    expect(await checklist()).toMatchObject({ total: 1, done: 0 });
  });

  test.each([
    [{}, '/title'],
    [{ title: '' }, '/title'],
    [{ title: 'x', kind: 'essay' }, '/kind'],
    [{ title: 'x', kind: 'choice' }, '/options'],
    [{ title: 'x', kind: 'choice', options: ['a', 'a'] }, '/options'],
    [{ title: 'x', options: ['a', 'b'] }, '/options'],
    [{ title: 'x', kind: 'number', min: 2, max: 1 }, '/max'],
    [{ title: 'x', value: 'yes' }, '/value'],
    [{ title: 'x', position: 0 }, '/position'],
    [{ title: 'x', done: true }, '/done'],
  ])('T14: a task %j is refused at %s', async (body, pointer) => {
    expect(await api.call('POST', tasks, { key, body })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer }] },
    });
    expect(await checklist()).toMatchObject({ total: 0 });
  });

  test('N4: a change is checked with what stays: bounds with the answer, options with the choice', async () => {
    const number = await add({ title: 'x', kind: 'number', value: 5 });
    expect(await change(number.id, { max: 4 })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/value' }] },
    });
    expect((await change(number.id, { max: 4, value: 3 })).json.data).toMatchObject({ max: 4, value: 3, title: 'x' });
    expect((await change(number.id, { max: null, unit: null })).json.data).toMatchObject({ max: null, unit: '' });
    const choice = await add({ title: 'y', kind: 'choice', options: ['a', 'b'], value: 'b' });
    expect((await change(choice.id, { options: ['a', 'c'] })).status).toBe(400);
    const present = await api.call('GET', `${tasks}/${choice.id}`, { key });
    expect((await change(choice.id, { value: 'a' }, { 'if-match': String(present.headers.etag) })).status).toBe(200);
    expect((await change(choice.id, { value: 'b' }, { 'if-match': String(present.headers.etag) })).status).toBe(412);
  });

  test('O4: what is required and not done holds the completion back, and what it rested on stays', async () => {
    const required = await add({ title: 'must' });
    const optional = await add({ title: 'may', required: false });
    const complete = () => api.call('PATCH', order, { key, body: { status: 'completed' } });
    expect(await complete()).toMatchObject({ status: 409, json: { error: 'checklist_incomplete' } });
    await change(required.id, { required: false });
    await change(required.id, { required: true });
    expect((await complete()).status).toBe(409);
    await change(required.id, { value: true });
    expect((await complete()).status).toBe(200);
    const ended = { status: 409, json: { error: 'work_order_ended' } };
    expect(await change(required.id, { value: false })).toMatchObject(ended);
    expect(await api.call('DELETE', `${tasks}/${optional.id}`, { key })).toMatchObject(ended);
    expect(await api.call('POST', tasks, { key, body: { title: 'z' } })).toMatchObject(ended);
    await api.call('PATCH', order, { key, body: { status: 'open' } });
    expect((await api.call('DELETE', `${tasks}/${required.id}`, { key })).status).toBe(204);
    expect(await checklist()).toMatchObject({ total: 1, done: 0 });
    expect((await complete()).status).toBe(200);
  });

  test('of fifty answers at once each is counted', async () => {
    const ids = [];
    for (let index = 0; index < 10; index++) ids.push((await add({ title: `${index}` })).id);
    const replies = await Promise.all(ids.flatMap((id) => [true, false, true].map((value) => change(id, { value }))));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const listed = (await api.call('GET', `${tasks}?limit=200`, { key })).json.data;
    const done = listed.filter((task: { done: boolean }) => task.done).length;
    expect(await checklist()).toMatchObject({ total: 10, done });
  });

  test('each change is an event of the work order', async () => {
    const { id } = await add({ title: 'x' });
    await change(id, { value: true });
    const counted = await api.call('GET', order, { key });
    await change(id, { value: true });
    await change(id, { metadata: { meter: 7 } });
    // What a work order shows of its tasks is how many there are and how many are done.
    expect((await api.call('GET', order, { key })).headers.etag).toBe(counted.headers.etag);
    await api.call('DELETE', `${tasks}/${id}`, { key });
    const events = await api.database.db
      .selectFrom('event')
      .select(['type', 'changes', 'data'])
      .where('subject_id', '=', order.split('/').at(-1) ?? '')
      .where('type', 'like', 'task.%')
      .orderBy('id')
      .execute();
    const data = { id, title: 'x', kind: 'check' };
    expect(events).toEqual([
      { type: 'task.created', changes: [], data: { ...data, value: null, done: false } },
      {
        type: 'task.updated',
        changes: [
          { field: 'value', from: null, to: true },
          { field: 'done', from: false, to: true },
        ],
        data: { ...data, value: true, done: true },
      },
      {
        type: 'task.updated',
        changes: [{ field: 'metadata', from: {}, to: { meter: 7 } }],
        data: { ...data, value: true, done: true },
      },
      { type: 'task.deleted', changes: [], data: { ...data, value: true, done: true } },
    ]);
  });

  test('O1: tasks of others are out of reach', async () => {
    const { id } = await add({ title: 'x' });
    const stranger = (await makeWorld(api.database)).key;
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    for (const [asking, status] of [
      [stranger, 404],
      [elsewhere, 403],
    ] as const) {
      for (const [method, url] of [
        ['GET', tasks],
        ['POST', tasks],
        ['GET', `${tasks}/${id}`],
        ['PATCH', `${tasks}/${id}`],
        ['DELETE', `${tasks}/${id}`],
      ] as const) {
        const body = method === 'POST' || method === 'PATCH' ? { body: { title: 'y' } } : {};
        expect([method, url, (await api.call(method, url, { key: asking, ...body })).status]).toEqual([
          method,
          url,
          status,
        ]);
      }
    }
    expect((await api.call('GET', `${tasks}/${newId()}`, { key })).json.error).toBe('task_not_found');
  });
});
