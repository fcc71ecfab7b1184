/**
 * Readings of years ago, by each door, with the settings of a fresh installation: they are stored and stay for as long as if they
 * had been measured now. Once they have been dropped, what is from before that is refused, with the reason.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { keepStorage } from '../src/telemetry/retention/keep-storage.ts';
import { keepDefault } from '../src/telemetry/retention/retention.ts';
import { readBuckets } from '../src/telemetry/rollups/bucket-store.ts';
import { refreshRollups } from '../src/telemetry/rollups/rollup-refresh.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { listPieces, recordMade } from '../src/telemetry/storage/piece-store.ts';
import { timeTables } from '../src/telemetry/storage/time-table.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { publishPacket } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';
import { eventually } from './support/program.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const noonMs = Date.UTC(2007, 7, 31, 12);
const midnightMs = noonMs - 12 * hourMs;
const log = createLog('silent');
const keepers = { listHolds: async () => [], keepEvidence: async () => undefined };

const door = useIngest();
let api: TestApi;
let world: World;
beforeEach(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterEach(() => api.close());

/** Rolls up and keeps the storage as the jobs do, at the database's present. */
async function keep({ db, pool }: Database) {
  const engine = await prepareStorage(pool, log);
  await refreshRollups(db, { engine });
  const retention = { kind: engine.kind, installation: keepDefault, keepers };
  const kept = await keepStorage(
    db,
    { retention, compressAfterMs: 7 * dayMs, log },
    { signal: new AbortController().signal },
  );
  return kept?.dropped;
}

/** Makes it look as if all that is stored had been so for some days. */
async function storedBefore({ db, pool }: Database, days: number): Promise<void> {
  const { kind } = await prepareStorage(pool, log);
  for (const table of timeTables) {
    const pieces = await listPieces(db, kind, table);
    await recordMade(
      db,
      pieces.map(({ name }) => ({ name, madeMs: Date.now() - days * dayMs })),
    );
  }
}

/** The readings of that day, as they came and as the count of each of its hours. */
async function stored({ db, pool }: Database): Promise<{ raw: number[]; hours: number[] }> {
  const { rows } = await pool.query<{ series_id: number; value: number }>(
    'select series_id, value from reading where time < $1 order by time',
    [new Date(midnightMs + dayMs)],
  );
  const { rows: points } = await pool.query<{ series_id: number }>('select series_id from point');
  const { series } = await readBuckets(db, {
    seriesIds: points.map(({ series_id }) => series_id),
    width: { unit: 'fixed', ms: hourMs },
    startMs: midnightMs,
    endMs: midnightMs + dayMs,
  });
  const hours = [...series.values()].flatMap(({ count }) => [...count]);
  return { raw: rows.map(({ value }) => value), hours };
}

const refusal =
  /2007-08-31T12:\d\d:00\.000Z is before 20\d\d-\d\d-\d\dT00:00:00\.000Z, .*dropped, as RETAIN_RAW or a retention policy says$/;

test('by MQTT they are stored and stay, and are in quarantine once that day has been dropped', async () => {
  const { database } = door.ingest();
  const client = await door.connected();
  const send = async (name: string, minute: number) => {
    const time = new Date(noonMs + minute * 60_000).toISOString();
    client.send(publishPacket(`telemetry/north/ahu/${name}`, JSON.stringify({ value: minute, time }), minute + 1));
    await client.next();
  };
  await send('sat', 1);
  await send('sat', 2);
  expect(await keep(database)).toBe(0);
  expect(await stored(database)).toEqual({ raw: [1, 2], hours: [2] });
  await storedBefore(database, 399);
  expect(await keep(database)).toBe(0);
  await storedBefore(database, 402);
  expect(await keep(database)).toBe(1);
  expect(await stored(database)).toEqual({ raw: [], hours: [2] });
  expect(await door.ingest().quarantine()).toEqual([]);
  // Another point: what is known of one is remembered for half a minute.
  await send('rat', 3);
  const [entry, ...others] = await door.ingest().quarantine();
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ reason: 'time_too_old', detail: expect.stringMatching(refusal) });
  expect(await stored(database)).toEqual({ raw: [], hours: [2] });
});

const columns = JSON.stringify({
  time: { column: 'time' },
  asset: { name: 'AHU-01', class: 'brick:AHU' },
  points: { T: { class: 'brick:Supply_Air_Temperature_Sensor', name: 'sat' } },
});

/** Imports a row; gives how many were stored, and the errors. */
async function importRow(by: TestApi, minute: number): Promise<{ stored: number; errors: object[] }> {
  const csv = `time,T\n2007-08-31T12:0${minute}Z,${minute}\n`;
  const url = `/api/v1/imports/telemetry?columns=${encodeURIComponent(columns)}&site=ucl-east-campus`;
  const sent = await by.call('POST', url, { key: world.key, payload: csv, headers: { 'content-type': 'text/csv' } });
  return eventually('the end of the import', async () => {
    const { json } = await by.call('GET', `/api/v1/imports/${sent.json.data.id}`, { key: world.key });
    return json.data.state === 'done' ? json.data : undefined;
  });
}

test('by HTTP and by import they are stored and stay, and are refused row by row once that day has been dropped', async () => {
  const post = async (by: TestApi, minute: number) => {
    const row = { point_id: world.pointId, value: minute, time: new Date(noonMs + minute * 60_000).toISOString() };
    return (await by.call('POST', '/api/v1/telemetry', { key: world.key, body: row })).json.data.verdicts[0];
  };
  expect(await post(api, 1)).toMatchObject({ verdict: 'stored' });
  expect(await importRow(api, 2)).toMatchObject({ stored: 1, errors: [] });
  expect(await keep(api.database)).toBe(0);
  expect(await stored(api.database)).toEqual({ raw: [1, 2], hours: [2] });
  const range = 'start=2007-08-31T12:00:00Z&end=2007-08-31T13:00:00Z';
  const url = `/api/v1/points/${world.pointId}/readings?${range}`;
  const read = async () =>
    (await api.call('GET', url, { key: world.key })).json.data.map((one: { value: number }) => one.value);
  expect((await read()).toSorted()).toEqual([1, 2]);
  await storedBefore(api.database, 402);
  expect(await keep(api.database)).toBe(1);
  expect(await stored(api.database)).toEqual({ raw: [], hours: [2] });
  const reason = { reason: 'time_too_old', detail: expect.stringMatching(refusal) };
  expect(await post(api, 3)).toMatchObject({ verdict: 'refused', ...reason });
  const restarted = await api.restart();
  expect(await importRow(restarted, 4)).toMatchObject({ stored: 0, errors: [{ line: 2, column: 'T', ...reason }] });
  await restarted.app.close();
});
