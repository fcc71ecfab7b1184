import { connect } from 'node:net';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createLiveStreams } from '../src/api/live-streams.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { openSse } from './support/sse.ts';

const placesOfKey = 3;
let api: TestApi;
let url: string;
let world: World;
beforeAll(async () => {
  api = await startTestApi({ streamLimits: { waitingMax: 200_000, pieceMax: 10_000, ofKeyMax: placesOfKey } });
  url = `${await api.app.listen({ host: '127.0.0.1', port: 0 })}/api/v1/stream?type=reading`;
  world = await makeWorld(api.database);
  const body = [{ value: -1, time: new Date().toISOString() }];
  await api.call('POST', `/api/v1/points/${world.pointId}/readings`, { key: world.key, body });
});
afterAll(() => api.close());

let stored = 0;

/** Readings of the last minutes, in one transaction; their values count on. */
async function store(count: number, point = world): Promise<void> {
  await sql`insert into reading (series_id, time, value, quality)
    select ${point.seriesId}, now() - interval '100 seconds' + ${stored} * interval '100 us' + i * interval '100 us', ${stored} + i, 0
    from generate_series(0, ${count - 1}) i`.execute(api.database.db);
  stored += count;
}

const total = (values: readonly number[]) => ({ all: values.length, distinct: new Set(values).size });

test('a reader who does not read is told to resume, and has lost nothing when it has', async () => {
  const slow = await openSse(url, { key: world.key });
  slow.pause();
  const quick = await openSse(url, { key: world.key });
  const quickValues = () => quick.events.filter(({ type }) => type === 'reading').map(({ data }) => data.value);
  // More than the sockets on both sides hold.
  for (let i = 0; i < 10; i++) {
    await store(10_000);
    await vi.waitFor(() => expect(quickValues().length).toBe(stored), { timeout: 20_000, interval: 20 });
  }
  slow.resume();
  await slow.untilEnd();
  const last = slow.events.at(-1);
  expect([last?.type, last?.data]).toEqual(['resume', { reason: 'too_slow' }]);
  const values = slow.events.slice(0, -1).map(({ data }) => data.value);
  expect(values.length).toBeGreaterThan(1_000);
  expect(values.length).toBeLessThan(stored);
  let { lastId } = slow;
  let gaps = 0;
  while (values.length < stored && gaps === 0) {
    const again = await openSse(url, { key: world.key, lastEventId: lastId });
    await vi.waitFor(
      () => {
        const told = again.events.filter(({ type }) => type === 'reading').length;
        if (told + values.length < stored && !again.isEnded && !again.events.some(({ type }) => type === 'gap'))
          throw new Error('not all has come');
      },
      { timeout: 60_000, interval: 20 },
    );
    again.close();
    gaps += again.events.filter(({ type }) => type === 'gap').length;
    values.push(...again.events.filter(({ type }) => type === 'reading').map(({ data }) => data.value));
    lastId = again.lastId;
  }
  // What it missed is more than a stream tells again, and it says so; or it has all of it, once.
  expect(gaps).toBe(0);
  expect(total(values)).toEqual({ all: stored, distinct: stored });
  expect(total(quickValues())).toEqual({ all: stored, distinct: stored });
  quick.close();
});

test('readers who are gone before their stream begins keep no place from those who come after', async () => {
  const { hostname, port, pathname, search } = new URL(`${url}&site=plant`);
  const head = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${world.key}\r\n\r\n`;
  await api.database.db.transaction().execute(async (trx) => {
    // The site that they ask for cannot be looked up.
    await sql`lock table site in access exclusive mode`.execute(trx);
    const sockets = Array.from({ length: 2 * placesOfKey }, () => connect(Number(port), hostname));
    for (const socket of sockets) socket.write(head);
    await vi.waitFor(async () => {
      const { rows } = await sql`select from pg_locks where not granted and relation = 'site'::regclass`.execute(trx);
      expect(rows.length).toBeGreaterThan(placesOfKey);
    });
    for (const socket of sockets) socket.destroy();
    const count = promisify(api.app.server.getConnections.bind(api.app.server));
    await vi.waitFor(async () => expect(await count()).toBe(0));
  });
  for (let i = 0; i < placesOfKey; i++) {
    const stream = await openSse(url, { key: world.key });
    expect(stream.status).toBe(200);
    stream.close();
  }
});

test('who comes while a server closes is told to come back, and holds it up no longer', async () => {
  const log = createLog('silent');
  const { hub } = createLiveStreams({ db: api.database.db, log, limits: undefined });
  await hub.close();
  const wanted = {
    tenantId: world.tenantId,
    ...{ siteIds: null, assetIds: null, pointIds: null, types: new Set(['reading'] as const) },
  };
  const rights = { id: newId(), scopes: [], siteIds: null };
  const about = { holderId: rights.id, rights, isPerson: false, wanted, since: undefined };
  const heard = { onJoined: vi.fn(), isReady: () => true, put: vi.fn(), end: vi.fn() };
  await expect(hub.join({ ...about, ...heard })).rejects.toMatchObject({ code: 'streams_busy' });
});
