import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApi } from '../src/api/server.ts';
import { openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, openTenantDatabase, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
  await sql`create sequence attempt`.execute(api.database.db);
  await sql`grant usage on sequence attempt to faultline_api`.execute(api.database.db);
  await sql`
    create function break_off() returns trigger language plpgsql as $$
    declare allowed integer := substring(new.title from 'after (\\d+)')::integer;
    begin
      -- A sequence does not roll back, so it counts attempts.
      if nextval('attempt') <= allowed then raise exception 'broken off' using errcode = '40P01'; end if;
      return new;
    end $$`.execute(api.database.db);
  await sql`create trigger break_off before insert on work_order for each row when (new.title like 'after %')
    execute function break_off()`.execute(api.database.db);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';

test.each([
  [0, 201, 1],
  [1, 201, 2],
  [3, 201, 4],
  [4, 500, 4],
])(
  'a write that PostgreSQL breaks off %i times for a deadlock is %i after %i attempts',
  async (times, status, attempts) => {
    await sql`alter sequence attempt restart`.execute(api.database.db);
    const headers = { 'idempotency-key': `broken off ${times}` };
    const reply = await api.call('POST', path, { key: world.key, body: { title: `after ${times}` }, headers });
    expect(reply.status).toBe(status);
    const { rows } = await sql<{ last_value: string }>`select last_value from attempt`.execute(api.database.db);
    expect(Number(rows[0]?.last_value)).toBe(attempts);
    const { json } = await api.call('GET', `${path}?limit=200`, { key: world.key });
    const made = json.data.filter((order: { title: string }) => order.title === `after ${times}`);
    expect(made).toHaveLength(status === 201 ? 1 : 0);
  },
);

test('an answer is kept with its write: where the commit fails there is neither', async () => {
  const { db } = api.database;
  await sql`create function refuse() returns trigger language plpgsql as 'begin raise exception using message = new.title; end'`.execute(
    db,
  );
  await sql`create constraint trigger refuse after insert on work_order deferrable initially deferred
    for each row when (new.title = 'fails at the commit') execute function refuse()`.execute(db);
  const post = () =>
    api.call('POST', path, {
      key: world.key,
      body: { title: 'fails at the commit' },
      headers: { 'idempotency-key': 'fails at the commit' },
    });
  expect((await post()).status).toBe(500);
  await sql`drop trigger refuse on work_order`.execute(db);
  const second = await post();
  expect([second.status, second.headers['idempotent-replayed']]).toEqual([201, undefined]);
  expect((await api.call('GET', `${path}/${second.json.data.id}`, { key: world.key })).status).toBe(200);
});

test('of a slow request and the one that took over its idempotency key after a minute, one writes', async () => {
  const { db } = api.database;
  await sql`create function wait() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(42); return new; end'`.execute(
    db,
  );
  await sql`create trigger wait before insert on work_order for each row when (new.title = 'slow') execute function wait()`.execute(
    db,
  );
  const post = () =>
    api.call('POST', path, { key: world.key, body: { title: 'slow' }, headers: { 'idempotency-key': 'slow' } });
  const blocked = async (count: number) => {
    const waiting = sql<{ count: string }>`select count(*) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    while (Number((await waiting.execute(db)).rows[0]?.count) < count) await setTimeout(5);
  };
  const holder = await api.database.pool.connect();
  await holder.query('select pg_advisory_lock(42)');
  const slow = post();
  await blocked(1);
  now = new Date(now.getTime() + 61_000);
  const second = post();
  await blocked(2);
  await holder.query('select pg_advisory_unlock(42)');
  holder.release();
  const replies = await Promise.all([slow, second]);
  expect(replies.map((reply) => reply.status)).toEqual([409, 201]);
  const { json } = await api.call('GET', `${path}?limit=200`, { key: world.key });
  expect(json.data.filter((order: { title: string }) => order.title === 'slow')).toHaveLength(1);
});

test('while the database does not answer, every route that needs it is 503 with Retry-After, and the others answer', async () => {
  const log = createLog('silent');
  const database = openDatabase('postgresql://nobody:nothing@127.0.0.1:1/none', { connectionsMax: 1, log });
  const storage = {
    kind: 'partitions' as const,
    ensureDays: async () => {},
    ensureSpan: async () => {},
    forgetDays: () => {},
  };
  const tenantDatabase = openTenantDatabase('postgresql://nobody:nothing@127.0.0.1:1/none');
  const app = createApi({
    database,
    tenantDatabase,
    storage,
    graceMs: 5_000,
    importsDir: join(tmpdir(), 'faultline-imports-of-nobody'),
    files: { folder: join(tmpdir(), 'faultline-files-of-nobody'), bytesMax: 1_000_000 },
    log,
    registry: new Registry(),
    publicUrl: 'http://127.0.0.1:3000',
    secret: 'a secret of the tests, long enough',
    version: '0.0.0',
    metricsOpen: false,
    readiness: async () => ({ ready: false, checks: { database: 'no answer' } }),
  });
  for (const url of [path, '/api/v1/assets', '/metrics']) {
    const reply = await app.inject({ url, headers: { authorization: 'Bearer x' } });
    expect([reply.statusCode, reply.json().error, reply.headers['retry-after']]).toEqual([
      503,
      'database_unavailable',
      '2',
    ]);
    expect(reply.body).not.toMatch(/ECONNREFUSED|127\.0\.0\.1:1\b/);
  }
  for (const url of ['/healthz', '/openapi.json', '/problems']) expect((await app.inject(url)).statusCode).toBe(200);
  await app.close();
  await tenantDatabase.close();
  await database.close();
});
