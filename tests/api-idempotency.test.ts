import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteOldIdempotencyKeys } from '../src/access/idempotency-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const post = (idempotencyKey: string, body: object, { key = world.key, url = path } = {}) =>
  api.call('POST', url, { key, body, headers: { 'idempotency-key': idempotencyKey } });
const countOf = async (title: string) => {
  const { json } = await api.call('GET', `${path}?limit=200`, { key: world.key });
  return json.data.filter((order: { title: string }) => order.title === title).length;
};

test('the same key and body give the first answer again, quoted or bare, and create once', async () => {
  const first = await post('once', { title: 'once' });
  expect([first.status, first.headers['idempotent-replayed']]).toEqual([201, undefined]);
  for (const key of ['once', '"once"']) {
    const again = await post(key, { title: 'once' });
    expect([again.status, again.headers['idempotent-replayed'], again.text]).toEqual([201, 'true', first.text]);
    expect([again.headers.etag, again.headers.location]).toEqual([first.headers.etag, first.headers.location]);
  }
  expect(await countOf('once')).toBe(1);
});

test('another body with the same key is 422', async () => {
  await post('reused', { title: 'a' });
  expect(await post('reused', { title: 'b' })).toMatchObject({
    status: 422,
    json: { error: 'idempotency_key_reused' },
  });
});

test('a key belongs to its tenant and path', async () => {
  const other = await makeWorld(api.database);
  await post('scoped', { title: 'scoped' });
  const foreign = await post('scoped', { title: 'scoped' }, { key: other.key });
  expect([foreign.status, foreign.headers['idempotent-replayed']]).toEqual([201, undefined]);
  const elsewhere = await post('scoped', { title: 'scoped' }, { url: '/api/v1/sites/plant/work-orders/' });
  expect([elsewhere.status, elsewhere.headers['idempotent-replayed']]).toEqual([201, undefined]);
  const withoutSlash = await post('scoped', { title: 'scoped' }, { url: '/api/v1/sites/plant/work-orders' });
  expect(withoutSlash.headers['idempotent-replayed']).toBe('true');
});

test('fifty at once create one; the others are its answer or 409 with Retry-After', async () => {
  const replies = await Promise.all(Array.from({ length: 50 }, () => post('race', { title: 'race' })));
  const made = replies.filter((reply) => reply.status === 201 && reply.headers['idempotent-replayed'] === undefined);
  expect(made).toHaveLength(1);
  for (const reply of replies) {
    expect([201, 409]).toContain(reply.status);
    if (reply.status === 201) expect(reply.text).toBe(made[0]?.text);
    else expect(reply.headers['retry-after']).toBe('1');
  }
  expect(await countOf('race')).toBe(1);
});

test('a refusal is not kept: the same key works once the request is right', async () => {
  expect((await post('mended', { title: 'x', asset_id: world.alexId })).status).toBe(400);
  expect((await post('mended', { title: 'mended' })).status).toBe(201);
});

test('a key is forgotten after 24 hours', async () => {
  const first = await post('a day', { title: 'a day' });
  now = new Date(now.getTime() + 24 * 3_600_000);
  expect((await post('a day', { title: 'a day' })).headers['idempotent-replayed']).toBe('true');
  now = new Date(now.getTime() + 1);
  const second = await post('a day', { title: 'a day' });
  expect(second.headers['idempotent-replayed']).toBeUndefined();
  expect(second.json.data.id).not.toBe(first.json.data.id);
});

test('housekeeping forgets answers after 24 hours, of all tenants and of keys that never come again', async () => {
  await post('once', { title: 'once' });
  const { db } = api.database;
  const count = async () =>
    (await db.selectFrom('idempotency_key').where('key', '=', 'once').select('key').execute()).length;
  await deleteOldIdempotencyKeys(db, new Date(now.getTime() + 24 * 3_600_000));
  expect(await count()).toBe(1);
  await deleteOldIdempotencyKeys(db, new Date(now.getTime() + 24 * 3_600_000 + 1));
  expect(await count()).toBe(0);
});

test('a claim whose process died holds the key for a minute, then it is free', async () => {
  const row = { tenant_id: world.tenantId, key: 'crashed', method: 'POST', path, request_sha256: Buffer.alloc(32) };
  await api.database.db
    .insertInto('idempotency_key')
    .values({ ...row, created_at: now })
    .execute();
  expect(await post('crashed', { title: 'x' })).toMatchObject({
    status: 409,
    json: { error: 'idempotency_in_progress' },
  });
  now = new Date(now.getTime() + 60_001);
  expect((await post('crashed', { title: 'x' })).status).toBe(201);
});

test.each(['', '""', 'x'.repeat(256), 'tab\there', 'schön'])('the key %j is 400', async (key) => {
  expect(await post(key, { title: 'x' })).toMatchObject({ status: 400, json: { error: 'idempotency_key_invalid' } });
});
