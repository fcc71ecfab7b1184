/** Retention policies and the dry run, as integrators see them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { listPieces, recordMade } from '../src/telemetry/storage/piece-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

const dayMs = 86_400_000;

let api: TestApi;
let world: World;
let other: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/telemetry/retention-policies';
const call = (method: string, below: string, body?: object, key = world.key, headers = {}) =>
  api.call(method, `/api/v1${below}`, { key, headers, ...(body && { body }) });
const make = async (body: object, key = world.key) => (await call('POST', path, body, key)).json.data;
const removeAll = async () => {
  for (const { id } of (await call('GET', path)).json.data) await call('DELETE', `${path}/${id}`);
};

test('without policies the settings hold, and are shown', async () => {
  const { status, json } = await call('GET', '/telemetry/retention');
  expect([status, json.data.installation]).toEqual([200, { raw: '400d', '1m': '3y', '15m': '10y', '1h': 'forever' }]);
});

test('a policy is made, read, listed, changed and removed', async () => {
  const made = await call('POST', path, {
    site: 'plant',
    class: 'Status',
    keep: { raw: '90d', '1h': '5y' },
    note: 'why',
  });
  expect([made.status, made.json.data]).toMatchObject([
    201,
    { site: 'plant', class: 'brick:Status', keep: { raw: '90d', '1h': '5y' }, note: 'why', changed_by: 'alex' },
  ]);
  const { id } = made.json.data;
  expect(made.headers.location).toBe(`http://127.0.0.1:3000/api/v1${path}/${id}`);
  expect((await call('GET', `${path}/${id}`)).json.data).toEqual(made.json.data);
  expect((await call('GET', path)).json).toMatchObject({ total: 1, data: [made.json.data] });
  const changed = await call('PATCH', `${path}/${id}`, { keep: { raw: null, '1m': '26w' } });
  expect(changed.json.data).toMatchObject({ keep: { '1m': '182d', '1h': '5y' }, note: 'why' });
  const late = await call('PATCH', `${path}/${id}`, { note: null }, world.key, { 'if-match': made.headers.etag });
  expect(late.json.error).toBe('precondition_failed');
  expect((await call('DELETE', `${path}/${id}`)).status).toBe(204);
  expect((await call('GET', `${path}/${id}`)).json.error).toBe('retention_policy_not_found');
});

test.each<[object, string]>([
  [{ keep: {} }, '/keep'],
  [{ keep: { raw: null } }, '/keep'],
  [{ keep: { raw: '6d' } }, '/keep/raw'],
  [{ keep: { raw: '101y' } }, '/keep/raw'],
  [{ keep: { raw: 'soon' } }, '/keep/raw'],
  [{ keep: { raw: 90 } }, '/keep/raw'],
  [{ keep: { raw: '1y', '1m': '90d' } }, '/keep/1m'],
  [{ keep: { '1m': 'forever', '1h': '9y' } }, '/keep/1h'],
  [{ keep: { '1d': '9y' } }, '/keep'],
  [{ keep: { raw: '90d' }, class: 'brick:No_Such_Class' }, '/class'],
  [{ keep: { raw: '90d' }, class: ' ' }, '/class'],
  [{ keep: { raw: '90d' }, site: 'nowhere' }, '/site'],
])('%j is refused at %s', async (body, pointer) => {
  const { status, json } = await call('POST', path, body);
  expect([status, json.error]).toEqual([400, 'validation_failed']);
  expect(json.errors[0].pointer).toContain(pointer);
});

test('there is one policy for a site and a class, also of all sites and of any class', async () => {
  await make({ keep: { raw: '90d' } });
  const again = await call('POST', path, { keep: { raw: '80d' } });
  expect([again.status, again.json.errors[0].code]).toEqual([400, 'conflict']);
  await removeAll();
});

test('nothing of another tenant is found, nor changed', async () => {
  const theirs = await make({ keep: { raw: '90d' } }, other.key);
  for (const [method, body] of [['GET'], ['PATCH', { keep: { raw: '9d' } }], ['DELETE']] as const)
    expect((await call(method, `${path}/${theirs.id}`, body)).status).toBe(404);
  expect((await call('GET', path)).json.total).toBe(0);
  expect((await call('GET', `${path}/${theirs.id}`, undefined, other.key)).json.data).toEqual(theirs);
});

test('below a site lie its policies and those of the tenant, of which only its own are changed there', async () => {
  const [all, campus] = [
    await make({ keep: { raw: '90d' } }),
    await make({ site: 'ucl-east-campus', keep: { raw: '80d' } }),
  ];
  const at = '/sites/plant/telemetry/retention-policies/';
  const made = (await call('POST', at, { keep: { raw: '70d' } })).json;
  expect(made.site).toBe('plant');
  const ids = (await call('GET', at)).json.map(({ id }: { id: string }) => id);
  expect(ids).toEqual([made.id, all.id]);
  expect((await call('GET', `${at}${campus.id}/`)).status).toBe(404);
  expect((await call('DELETE', `${at}${all.id}/`)).status).toBe(404);
  expect((await call('DELETE', `${at}${made.id}/`)).status).toBe(204);
  await removeAll();
});

test('a key that is limited to sites sets policies there alone', async () => {
  const secret = await world.makeKey({ siteIds: [world.plantId] });
  const all = await make({ keep: { raw: '90d' } });
  for (const [method, below, body] of [
    ['POST', path, { keep: { raw: '30d' } }],
    ['POST', path, { site: 'ucl-east-campus', keep: { raw: '30d' } }],
    ['PATCH', `${path}/${all.id}`, { keep: { raw: '30d' } }],
    ['DELETE', `${path}/${all.id}`, undefined],
  ] as const)
    expect((await call(method, below, body, secret)).json.error).toBe('site_forbidden');
  expect((await make({ site: 'plant', keep: { raw: '30d' } }, secret)).site).toBe('plant');
  expect((await call('GET', path, undefined, secret)).json.total).toBe(2);
  await removeAll();
});

test('a dry run tells what would go with a policy that is not set yet, of what the caller may see, and drops nothing', async () => {
  const engine = await prepareStorage(api.database.pool, createLog('silent'));
  const today = Math.floor(Date.now() / dayMs) * dayMs;
  for (const { seriesId } of [world, other]) {
    for (const table of ['reading', 'rollup_1d'] as const) await engine.ensureSpan(table, today - 20 * dayMs, today);
    await api.database.pool.query(
      `insert into reading (series_id, time, value) select $1, to_timestamp($2::float8 / 1000) + n * interval '24 hours', n
       from generate_series(0, 19) n`,
      [seriesId, today - 20 * dayMs],
    );
    await api.database.pool.query(
      `insert into rollup_1d (series_id, bucket, quality, count, nulls, first_time, last_time, held_s, held_sum)
       select series_id, date_trunc('day', time, 'UTC'), 0, 1, 0, time, time, 0, 0 from reading where series_id = $1`,
      [seriesId],
    );
  }
  const nothing = await call('POST', '/telemetry/retention/dry-run', {});
  expect([nothing.status, nothing.json.data]).toMatchObject([200, { losses: [], held_back: [] }]);
  const policy = { site: 'ucl-east-campus', keep: { raw: '10d' } };
  const fresh = await call('POST', '/telemetry/retention/dry-run', { policy });
  expect(fresh.json.data).toMatchObject({
    losses: [],
    waiting: [{ table: 'raw', site: 'ucl-east-campus', kept_for: '10d', points: 1, rows: 10 }],
  });
  const { db } = api.database;
  const pieces = await listPieces(db, engine.kind, 'reading');
  await recordMade(
    db,
    pieces.map(({ name, fromMs }) => ({ name, madeMs: fromMs })),
  );
  const { json } = await call('POST', '/telemetry/retention/dry-run', { policy });
  const from = new Date(today - 20 * dayMs).toISOString().replace('.000', '');
  const before = new Date(today - 10 * dayMs).toISOString().replace('.000', '');
  expect(json.data.losses).toMatchObject([
    { table: 'raw', site: 'ucl-east-campus', class: null, kept_for: '10d', points: 1, from, before, rows: 10 },
  ]);
  const below = await call('POST', '/sites/plant/telemetry/retention/dry-run/', { policy: { keep: { raw: '10d' } } });
  expect(below.json.losses).toEqual([]);
  const wrong = await call('POST', '/telemetry/retention/dry-run', { policy: { keep: { raw: '1d' } } });
  expect(wrong.json.errors[0].pointer).toBe('/policy/keep/raw');
  expect((await api.database.pool.query('select from reading')).rowCount).toBe(40);
  expect((await call('GET', path)).json.total).toBe(0);
});
