import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let world: World;
let key: string;
let order: string;
let comments: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  key = world.key;
});
afterAll(() => api.close());
beforeEach(async () => {
  const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', asset_id: world.ahuId } });
  order = made.json.data.id;
  comments = `/api/v1/work-orders/${order}/comments`;
});

const say = async (body: object, path = comments) => (await api.call('POST', path, { key, body })).json.data;

describe('comments on a work order', () => {
  test('T12: are listed and added below it, on both mounts, with the body that is documented', async () => {
    const site = `/api/v1/sites/ucl-east-campus/work-orders/${order}/comments/`;
    const created = await api.call('POST', site, { key, body: { body: 'Ordered the actuator.' } });
    expect(created).toMatchObject({
      status: 201,
      json: {
        body: 'Ordered the actuator.',
        parent_id: null,
        author: 'alex',
        created_by: world.alexId,
        edited_at: null,
      },
    });
    expect(created.headers.location).toBe(`http://127.0.0.1:3000${site}${created.json.id}/`);
    const listed = await api.call('GET', site, { key });
    expect([listed.status, listed.json, listed.headers['x-total-count']]).toEqual([200, [created.json], '1']);
    const tenantWide = await api.call('GET', comments, { key });
    expect(tenantWide.json).toMatchObject({ data: [created.json], total: 1, limit: 50, offset: 0, nextCursor: null });
    const one = await api.call('GET', `${comments}/${created.json.id}`, { key });
    expect([one.json.data, one.headers.etag]).toEqual([created.json, expect.stringMatching(/^"\w+"$/)]);
  });

  test('T12: are threaded: an answer names what it answers, of the same work order', async () => {
    const question = await say({ body: 'Which valve?' });
    const answer = await say({ body: 'That of AHU-01.', parent_id: question.id });
    const deeper = await say({ body: 'Thanks.', parent_id: answer.id });
    expect(deeper.parent_id).toBe(answer.id);
    const answers = await api.call('GET', `${comments}?parent_id=${question.id}`, { key });
    expect(answers.json.data).toEqual([answer]);
    const threads = await api.call('GET', `${comments}?is_reply=false&sort=created_at`, { key });
    expect(threads.json).toMatchObject({ data: [question], total: 1 });
    const other = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'y' } });
    const elsewhere = `/api/v1/work-orders/${other.json.data.id}/comments`;
    for (const parent_id of [question.id, newId()]) {
      const refused = await api.call('POST', elsewhere, { key, body: { body: 'x', parent_id } });
      expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/parent_id', code: 'not_found' }] } });
    }
  });

  test('T15: comment_count of the work order rises and falls with them, and is part of its version', async () => {
    const get = () => api.call('GET', `/api/v1/work-orders/${order}`, { key });
    const before = await get();
    const comment = await say({ body: 'one' });
    await say({ body: 'two' });
    const after = await get();
    expect([before.json.data.comment_count, after.json.data.comment_count]).toEqual([0, 2]);
    expect(after.headers.etag).not.toBe(before.headers.etag);
    const cached = { 'if-none-match': String(before.headers.etag) };
    expect((await api.call('GET', `/api/v1/work-orders/${order}`, { key, headers: cached })).status).toBe(200);
    expect((await api.call('DELETE', `${comments}/${comment.id}`, { key })).status).toBe(204);
    expect((await get()).json.data.comment_count).toBe(1);
  });

  test('name users by @username, whoever is active', async () => {
    const comment = await say({ body: 'Can @ALEX or @sam look at it? Write to x@alex, or @nobody.' });
    expect(comment.mentions).toEqual([world.alexId]);
    const mine = await api.call('GET', `${comments}?mentions=${world.alexId}`, { key });
    expect(mine.json.total).toBe(1);
    const changed = await api.call('PATCH', `${comments}/${comment.id}`, { key, body: { body: 'Never mind.' } });
    expect(changed.json.data).toMatchObject({ mentions: [], edited_at: expect.any(String) });
  });

  test('are searched and paged', async () => {
    for (const body of ['a valve', 'a pump', 'another valve']) await say({ body });
    const found = await api.call('GET', `${comments}?q=valv`, { key });
    expect(found.json.total).toBe(2);
    const first = await api.call('GET', `${comments}?limit=2&sort=created_at`, { key });
    const rest = await api.call('GET', `${comments}?limit=2&sort=created_at&cursor=${first.json.nextCursor}`, { key });
    expect([...first.json.data, ...rest.json.data].map(({ body }) => body)).toEqual([
      'a valve',
      'a pump',
      'another valve',
    ]);
    const elsewhere = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'y' } });
    const url = `/api/v1/work-orders/${elsewhere.json.data.id}/comments?limit=2&sort=created_at&cursor=${first.json.nextCursor}`;
    expect(await api.call('GET', url, { key })).toMatchObject({ status: 400, json: { error: 'cursor_invalid' } });
  });

  test('that are deleted leave their answers to what they answered', async () => {
    const root = await say({ body: 'root' });
    const middle = await say({ body: 'middle', parent_id: root.id });
    const leaf = await say({ body: 'leaf', parent_id: middle.id });
    expect((await api.call('DELETE', `${comments}/${middle.id}`, { key })).status).toBe(204);
    expect((await api.call('DELETE', `${comments}/${middle.id}`, { key })).status).toBe(404);
    const moved = await api.call('GET', `${comments}/${leaf.id}`, { key });
    expect(moved.json.data.parent_id).toBe(root.id);
    await api.call('DELETE', `${comments}/${root.id}`, { key });
    expect((await api.call('GET', `${comments}/${leaf.id}`, { key })).json.data.parent_id).toBeNull();
    const { json: log } = await api.call('GET', `/api/v1/events?subject_id=${order}&limit=3`, { key });
    const told = log.data.map(({ type, changes, data }: Record<string, unknown>) => ({ type, changes, data }));
    expect(told).toMatchObject([
      { type: 'comment.updated', changes: [{ field: 'parent_id', from: root.id, to: null }], data: { id: leaf.id } },
      { type: 'comment.deleted', data: { id: root.id } },
      {
        type: 'comment.updated',
        changes: [{ field: 'parent_id', from: middle.id, to: root.id }],
        data: { id: leaf.id, body: 'leaf', parent_id: root.id, mentions: [] },
      },
    ]);
  });

  test.each([
    [{}, '/body', 'required'],
    [{ body: '' }, '/body', 'invalid'],
    [{ body: ' \n' }, '/body', 'invalid'],
    [{ body: 'x'.repeat(10_001) }, '/body', 'too_long'],
    [{ body: 'a\0b' }, '/body', 'invalid'],
    [{ body: 'x', parent_id: 'y' }, '/parent_id', 'invalid_type'],
    [{ body: 'x', mentions: [] }, '/mentions', 'unknown'],
  ])('T14: a body %j is refused at %s', async (body, pointer, code) => {
    const refused = await api.call('POST', comments, { key, body });
    expect(refused).toMatchObject({
      status: 400,
      json: { errors: [{ pointer, code: expect.stringContaining(code.split('_')[0] ?? '') }] },
    });
  });

  test('N4: only what is given changes, and If-Match holds it to a version', async () => {
    const comment = await say({ body: 'x', external_id: 'their-1', metadata: { a: 1 } });
    const url = `${comments}/${comment.id}`;
    const changed = await api.call('PATCH', url, { key, body: { external_id: '' } });
    expect(changed.json.data).toMatchObject({ body: 'x', external_id: null, metadata: { a: 1 }, edited_at: null });
    const stale = { 'if-match': '"0"' };
    for (const method of ['PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { body: 'y' } : undefined;
      expect(await api.call(method, url, { key, headers: stale, ...(body ? { body } : {}) })).toMatchObject({
        status: 412,
      });
    }
    const present = { 'if-match': String(changed.headers.etag) };
    expect((await api.call('PATCH', url, { key, headers: present, body: { body: 'y' } })).status).toBe(200);
  });
});

describe('whose a comment is', () => {
  test('it is changed by who wrote it, and by an admin, and by nobody else', async () => {
    const { db } = api.database;
    const sam = newId();
    await db
      .insertInto('app_user')
      .values({
        id: sam,
        tenant_id: world.tenantId,
        username: `kim-${sam}`,
        email: 'kim@betacit.com',
        role: 'technician',
      })
      .execute();
    const { id } = await say({ body: 'mine' });
    const url = `${comments}/${id}`;
    const keys = {
      other: await world.makeKey({ createdBy: sam }),
      nobody: await world.makeKey({}),
      again: await world.makeKey({ createdBy: world.alexId }),
      admin: await world.makeKey({ createdBy: sam, scopes: ['read', 'write', 'admin'] }),
    };
    for (const other of [keys.other, keys.nobody]) {
      for (const method of ['PATCH', 'DELETE']) {
        const refused = await api.call(method, url, {
          key: other,
          ...(method === 'PATCH' ? { body: { body: 'y' } } : {}),
        });
        expect(refused).toMatchObject({ status: 403, json: { error: 'comment_not_own' } });
      }
    }
    expect((await api.call('PATCH', url, { key: keys.again, body: { body: 'of the same person' } })).status).toBe(200);
    expect((await api.call('PATCH', url, { key: keys.admin, body: { body: 'moderated' } })).status).toBe(200);
    const machine = await api.call('POST', comments, { key: keys.nobody, body: { body: 'from a program' } });
    expect(machine.json.data).toMatchObject({ author: 'API key some', created_by: null });
    const own = `${comments}/${machine.json.data.id}`;
    expect((await api.call('DELETE', own, { key: await world.makeKey({}) })).status).toBe(403);
    expect((await api.call('DELETE', own, { key: keys.nobody })).status).toBe(204);
  });

  test('people who log in write in their own name, and an admin among them moderates', async () => {
    const tokenOf = async (role: 'technician' | 'admin') =>
      (await enter(api, await makePerson(api, world, role))).access;
    const [writer, other, admin] = [await tokenOf('technician'), await tokenOf('technician'), await tokenOf('admin')];
    const made = await api.call('POST', comments, { key: writer, body: { body: 'by hand' } });
    expect([made.status, made.json.data.created_by_detail.username]).toEqual([201, made.json.data.author]);
    const url = `${comments}/${made.json.data.id}`;
    expect((await api.call('PATCH', url, { key: other, body: { body: 'y' } })).status).toBe(403);
    expect((await api.call('PATCH', url, { key: writer, body: { body: 'y' } })).status).toBe(200);
    expect((await api.call('DELETE', url, { key: admin })).status).toBe(204);
  });

  test('T14: another site is 403, another tenant 404, a deleted work order 404, and nothing is written', async () => {
    const { id } = await say({ body: 'x' });
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    const stranger = (await makeWorld(api.database)).key;
    const calls = [
      ['GET', comments],
      ['POST', comments],
      ['GET', `${comments}/${id}`],
      ['PATCH', `${comments}/${id}`],
      ['DELETE', `${comments}/${id}`],
    ] as const;
    const statuses = async (asking: string) => {
      const replies = [];
      for (const [method, url] of calls) {
        const body = method === 'POST' || method === 'PATCH' ? { body: 'y' } : undefined;
        replies.push((await api.call(method, url, { key: asking, ...(body ? { body } : {}) })).status);
      }
      return replies;
    };
    expect(await statuses(elsewhere)).toEqual([403, 403, 403, 403, 403]);
    expect(await statuses(stranger)).toEqual([404, 404, 404, 404, 404]);
    await api.call('DELETE', `/api/v1/work-orders/${order}`, { key });
    expect(await statuses(key)).toEqual([404, 404, 404, 404, 404]);
    const rows = await api.database.db.selectFrom('comment').select('body').where('subject_id', '=', order).execute();
    expect(rows).toEqual([{ body: 'x' }]);
  });
});

test('each change of a comment is an event of its work order, in one transaction with it', async () => {
  const { id } = await say({ body: 'before' });
  await api.call('PATCH', `${comments}/${id}`, { key, body: { body: 'after' } });
  await api.call('PATCH', `${comments}/${id}`, { key, body: { body: 'after' } });
  await api.call('DELETE', `${comments}/${id}`, { key });
  const events = await api.database.db
    .selectFrom('event')
    .select(['type', 'site_id', 'asset_id', 'changes', 'data'])
    .where('subject_kind', '=', 'work_order')
    .where('subject_id', '=', order)
    .where('type', 'like', 'comment.%')
    .orderBy('id')
    .execute();
  const place = { site_id: world.campusId, asset_id: world.ahuId };
  expect(events).toEqual([
    { type: 'comment.created', ...place, changes: [], data: { id, body: 'before', parent_id: null, mentions: [] } },
    {
      type: 'comment.updated',
      ...place,
      changes: [{ field: 'body', from: 'before', to: 'after' }],
      data: { id, body: 'after', parent_id: null, mentions: [] },
    },
    { type: 'comment.deleted', ...place, changes: [], data: { id, body: 'after', parent_id: null, mentions: [] } },
  ]);
});

test('of fifty at once each is kept, and counted once', async () => {
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) => api.call('POST', comments, { key, body: { body: `${index}` } })),
  );
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
  expect((await api.call('GET', `/api/v1/work-orders/${order}`, { key })).json.data.comment_count).toBe(50);
});

test('an idempotent POST says a thing once', async () => {
  const headers = { 'idempotency-key': newId() };
  const first = await api.call('POST', comments, { key, headers, body: { body: 'once' } });
  const again = await api.call('POST', comments, { key, headers, body: { body: 'once' } });
  expect([again.status, again.headers['idempotent-replayed'], again.json]).toEqual([201, 'true', first.json]);
  expect((await api.call('GET', comments, { key })).json.total).toBe(1);
});
