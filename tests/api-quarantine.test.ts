/** What devices sent and nobody could use: searched, replayed as if it came for the first time, deleted. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deleteOldQuarantine } from '../src/ingest/quarantine/quarantine-store.ts';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { refuseReadings, unstorable } from './support/refuse-readings.ts';

let api: TestApi;
let world: World;
let deviceId: string;
const path = '/api/v1/quarantine';
const campus = 'ucl-east-campus';
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  await api.database.pool.query('delete from quarantine');
  world = await makeWorld(api.database);
  // Sites of several tenants share the slug here; each test has its own.
  deviceId = await addDevice(['telemetry/#']);
});

async function addDevice(grants: string[], tenantId = world.tenantId): Promise<string> {
  const id = newId();
  const row = { id, tenant_id: tenantId, name: 'gateway', username: id, password_argon2id: '-' };
  await api.database.db
    .insertInto('device')
    .values({ ...row, publish_grants: grants })
    .execute();
  return id;
}

type Entry = {
  topic: string;
  payload: string;
  receivedAt?: string;
  reason?: string;
  truncated?: boolean;
  device?: string | null;
};

async function quarantined({
  topic,
  payload,
  receivedAt = '2026-03-01T10:00:00.250Z',
  ...more
}: Entry): Promise<string> {
  const id = newId();
  const { reason = 'unknown_point', truncated = false, device = deviceId } = more;
  const row = { id, tenant_id: world.tenantId, device_id: device, reason, detail: `why ${reason}`, topic };
  await api.database.db
    .insertInto('quarantine')
    .values({ ...row, payload: Buffer.from(payload), payload_truncated: truncated, received_at: new Date(receivedAt) })
    .execute();
  return id;
}

const call = (method: string, url: string, body?: unknown, key = world.key) =>
  api.call(method, url, { key, ...(body === undefined ? {} : { body }) });
const replay = (id: string) => call('POST', `${path}/${id}/replay`);

async function readings(): Promise<string[]> {
  const { rows } = await api.database.pool.query<{ line: string }>(
    `select a.name || '/' || p.name || '=' || coalesce(r.value::text, 'null') || '@' ||
       to_char(r.time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS') as line
     from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id
     where p.tenant_id = $1 order by r.time, p.name`,
    [world.tenantId],
  );
  return rows.map(({ line }) => line);
}

describe('the list', () => {
  test.each([
    ['reason=malformed', ['c']],
    ['topic=telemetry/a/b/c', ['a']],
    ['topic_prefix=telemetry/a/', ['b', 'a']],
    ['topic_prefix=telemetry/%25', []],
    ['topic_contains=AHU', ['b']],
    ['q=WHY%20mal', ['c']],
    ['received_at[gte]=2026-03-02T00:00:00Z', ['c', 'b']],
    ['received_at[lt]=2026-03-02T00:00:00Z', ['a']],
    ['received_at[gte]=2026-03-02T00:00:00Z&received_at[lt]=2026-03-03T00:00:00Z', ['b']],
    ['device_id=00000000-0000-0000-0000-000000000000', []],
  ])('finds by %s', async (query, expected) => {
    await quarantined({ topic: 'telemetry/a/b/c', payload: 'a', receivedAt: '2026-03-01T00:00:00Z' });
    await quarantined({ topic: 'telemetry/a/ahu-1', payload: 'b', receivedAt: '2026-03-02T00:00:00Z' });
    await quarantined({ topic: 'x/y', payload: 'c', receivedAt: '2026-03-03T00:00:00Z', reason: 'malformed' });
    const { json } = await call('GET', `${path}?${query}`);
    expect(json.data.map(({ payload }: { payload: string }) => payload)).toEqual(expected);
    expect(json.total).toBe(expected.length);
  });

  test('one has its payload, and is nobody else’s', async () => {
    const id = await quarantined({ topic: 'telemetry/a/b/c', payload: '{"value": "21,5"}' });
    const { json, headers } = await call('GET', `${path}/${id}`);
    expect(json.data).toMatchObject({ id, payload: '{"value": "21,5"}', device: 'gateway', replays: 0 });
    expect(headers.etag).toMatch(/^".+"$/);
    const { key } = await makeWorld(api.database);
    for (const [method, url] of [
      ['GET', `${path}/${id}`],
      ['DELETE', `${path}/${id}`],
      ['POST', `${path}/${id}/replay`],
    ] as const) {
      expect((await call(method, url, undefined, key)).json.error).toBe('quarantined_message_not_found');
    }
  });

  test('a key that is limited to sites gets none of it', async () => {
    const key = await world.makeKey({ siteIds: [world.campusId] });
    const id = await quarantined({ topic: 'telemetry/a/b/c', payload: '1' });
    for (const [method, url, body] of [
      ['GET', path, undefined],
      ['GET', `${path}/${id}`, undefined],
      ['POST', `${path}/${id}/replay`, undefined],
      ['POST', `${path}/replay`, {}],
      ['POST', `${path}/delete`, { reason: 'x' }],
      ['DELETE', `${path}/${id}`, undefined],
    ] as const) {
      expect([url, (await call(method, url, body, key)).json.error]).toEqual([url, 'site_forbidden']);
    }
  });
});

describe('a replay', () => {
  test('stores what the message says once its point is there, at its own time of arrival, and removes it', async () => {
    const bare = await quarantined({ topic: `telemetry/${campus}/AHU-01/rat`, payload: '20.5' });
    const timed = await quarantined({
      topic: `telemetry/${campus}/AHU-01`,
      payload: '{"rat": 21, "time": "2026-03-01T09:00:00"}',
    });
    expect((await replay(bare)).json.data).toMatchObject({ outcome: 'kept', reason: 'unknown_point', stored: 0 });
    expect((await call('GET', `${path}/${bare}`)).json.data.replays).toBe(1);
    const point = { id: newId(), tenant_id: world.tenantId, asset_id: world.ahuId, name: 'rat' };
    await api.database.db.insertInto('point').values(point).execute();
    expect((await replay(bare)).json.data).toEqual({
      ...{ id: bare, outcome: 'replayed', stored: 1, duplicates: 0, conflicts: 0, reason: null, detail: null },
    });
    expect((await replay(timed)).json.data.outcome).toBe('replayed');
    // London is at UTC in winter; the bare number has the time at which it came.
    expect(await readings()).toEqual([
      'AHU-01/rat=21@2026-03-01T09:00:00.000',
      'AHU-01/rat=20.5@2026-03-01T10:00:00.250',
    ]);
    expect((await replay(bare)).status).toBe(404);
    expect((await call('GET', path)).json.total).toBe(0);
  });

  test('sees a site’s discovery, a grant and a point’s states as they are now', async () => {
    const discovered = await quarantined({ topic: 'telemetry/plant/Pump-9/flow', payload: '3' });
    const forbidden = await quarantined({ topic: `telemetry/${campus}/AHU-01/sat`, payload: '"ON"' });
    expect((await replay(discovered)).json.data.reason).toBe('unknown_point');
    expect((await replay(forbidden)).json.data.reason).toBe('unusable_value');
    const { pool } = api.database;
    await pool.query('update site set discovery = true where id = $1', [world.plantId]);
    await pool.query(`update point set states = '{"ON": 1}' where id = $1`, [world.pointId]);
    await pool.query(`update device set publish_grants = '{telemetry/plant/#}' where id = $1`, [deviceId]);
    expect((await replay(discovered)).json.data.outcome).toBe('replayed');
    expect((await replay(forbidden)).json.data.reason).toBe('not_granted');
    await pool.query(`update device set publish_grants = '{telemetry/#}' where id = $1`, [deviceId]);
    expect((await replay(forbidden)).json.data.outcome).toBe('replayed');
    expect((await readings()).map((line) => line.split('@')[0])).toEqual(['Pump-9/flow=3', 'AHU-01/sat=1']);
  });

  test('of a message of which a part is bad stores the rest, keeps it, and stores nothing twice', async () => {
    const id = await quarantined({ topic: `telemetry/${campus}/AHU-01`, payload: '{"sat": 12, "rat": 20}' });
    expect((await replay(id)).json.data).toMatchObject({ outcome: 'kept', stored: 1, reason: 'unknown_point' });
    expect((await replay(id)).json.data).toMatchObject({ outcome: 'kept', stored: 0, duplicates: 1 });
    expect(await readings()).toHaveLength(1);
  });

  test.each([
    [{ truncated: true }, 'only the beginning'],
    [{ device: null }, 'device is not known'],
  ])('is refused for %j, and says why', async (more, why) => {
    const id = await quarantined({ topic: `telemetry/${campus}/AHU-01/sat`, payload: '1', ...more });
    const reply = await replay(id);
    expect([reply.status, reply.json.error]).toEqual([409, 'message_not_replayable']);
    expect(reply.json.detail).toContain(why);
    const { json } = await call('POST', `${path}/replay`, {});
    expect(json.data).toMatchObject({ kept: 1, results: [{ outcome: 'kept', reason: 'not_replayable' }] });
    expect(await readings()).toEqual([]);
  });

  test('of many takes those that a filter matches, the oldest first, so many at a time', async () => {
    for (let i = 0; i < 5; i++) {
      const receivedAt = new Date(Date.UTC(2026, 2, 1) + i * 1_000).toISOString();
      await quarantined({
        topic: `telemetry/${campus}/AHU-01/${i === 2 ? 'rat' : 'sat'}`,
        payload: `${i}`,
        receivedAt,
      });
    }
    await quarantined({ topic: 'elsewhere', payload: '1', reason: 'unknown_topic' });
    const body = { reason: 'unknown_point', limit: 2 };
    const outcomes: string[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await call('POST', `${path}/replay`, { ...body, ...(cursor === null ? {} : { cursor }) });
      outcomes.push(json.data.results.map(({ outcome }: { outcome: string }) => outcome).join(' '));
      cursor = json.data.nextCursor;
    } while (cursor !== null);
    expect(outcomes).toEqual(['replayed replayed', 'kept replayed', 'replayed']);
    expect((await readings()).map((line) => line.split('@')[0])).toEqual([0, 1, 3, 4].map((i) => `AHU-01/sat=${i}`));
    expect((await call('GET', path)).json.total).toBe(2);
  });

  test('of a message that the database does not take keeps it, and goes on with the next', async () => {
    await refuseReadings(api.database.pool);
    const topic = `telemetry/${campus}/AHU-01/sat`;
    const ids = [await quarantined({ topic, payload: String(unstorable) }), await quarantined({ topic, payload: '7' })];
    const { json, status } = await call('POST', `${path}/replay`, { reason: 'unknown_point' });
    await api.database.pool.query('drop trigger refuse_reading on reading; drop function refuse_reading');
    expect([status, json.data?.results]).toMatchObject([
      200,
      [
        { id: ids[0], outcome: 'kept', reason: 'not_storable', detail: expect.stringContaining('not this one') },
        { id: ids[1], outcome: 'replayed', stored: 1 },
      ],
    ]);
    expect((await call('GET', `${path}/${ids[0]}`)).json.data).toMatchObject({ reason: 'not_storable', replays: 1 });
  });

  test('with an Idempotency-Key gives its first answer again', async () => {
    const id = await quarantined({ topic: `telemetry/${campus}/AHU-01/sat`, payload: '1' });
    const headers = { 'idempotency-key': newId() };
    const send = () => api.call('POST', `${path}/${id}/replay`, { key: world.key, headers });
    const first = await send();
    expect((await send()).json).toEqual(first.json);
    expect(first.json.data.outcome).toBe('replayed');
  });
});

describe('deleting', () => {
  test('takes one, with If-Match only the version that was seen', async () => {
    const id = await quarantined({ topic: `telemetry/${campus}/AHU-01/rat`, payload: '1' });
    const { headers } = await call('GET', `${path}/${id}`);
    await replay(id);
    const remove = (more = {}) => api.call('DELETE', `${path}/${id}`, { key: world.key, headers: more });
    expect((await remove({ 'if-match': String(headers.etag) })).status).toBe(412);
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
  });

  test('takes those that a filter matches, and needs one', async () => {
    for (const reason of ['malformed', 'malformed', 'unknown_point'])
      await quarantined({ topic: 'x', payload: '', reason });
    expect((await call('POST', `${path}/delete`, {})).status).toBe(400);
    expect((await call('POST', `${path}/delete`, { reason: 'malformed' })).json.data).toEqual({
      deleted: 2,
      remaining: 0,
    });
    expect((await call('GET', path)).json.total).toBe(1);
  });

  test('by age, number and bytes goes on by itself: a tenant keeps its newest 64 MiB', async () => {
    await api.database.pool.query(
      `insert into quarantine (id, tenant_id, reason, detail, topic, payload, received_at)
       select gen_random_uuid(), $1, 'malformed', '', 't', convert_to(repeat('x', 65536), 'utf8'), now() - n * interval '1 second'
       from generate_series(1, 1100) n`,
      [world.tenantId],
    );
    await deleteOldQuarantine(api.database.db);
    const { rows } = await api.database.pool.query(
      `select count(*)::integer as kept, min(received_at) > now() - interval '1100 seconds' as newest from quarantine`,
    );
    expect(rows).toEqual([{ kept: 1_023, newest: true }]);
  });
});
