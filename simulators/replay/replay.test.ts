import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ReplayOptions, replayTrendLog } from './replay.ts';

const rowCount = 500;
const map = `time: { column: Datetime, format: "M/d/yyyy H:mm", zone: America/Chicago }
asset: { name: AHU-A, class: brick:AHU, params: { min_oa: 0.4 } }
points: { "Supply Air": { class: brick:Supply_Air_Temperature_Sensor, unit: degF }, "Fan": { unit: bool } }`;

type Message = { topic: string; payload: { time: string; values: Record<string, number> }; qos: number };

let folder: string;
let broker: Aedes;
let server: Server;
let url: string;
let received: Message[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
  const rows = Array.from({ length: rowCount }, (_, index) => {
    return `8/31/2007 ${Math.floor(index / 60)}:${String(index % 60).padStart(2, '0')},${index},True`;
  });
  await writeFile(join(folder, 'log.csv'), ['Datetime,Supply Air,Fan', ...rows].join('\n'));
  await writeFile(join(folder, 'map.yaml'), map);
  broker = await Aedes.createBroker();
  broker.on('publish', ({ topic, payload, qos }, client) => {
    if (client) received.push({ topic, payload: JSON.parse(String(payload)), qos });
  });
  server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `mqtt://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
});
afterAll(async () => {
  await new Promise<void>((resolve) => broker.close(resolve));
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  received = [];
});

function replay(options: Partial<ReplayOptions>) {
  return replayTrendLog({
    file: join(folder, 'log.csv'),
    mapFile: join(folder, 'map.yaml'),
    url,
    site: 'main',
    speed: 'max',
    times: { kind: 'original' },
    ...options,
  });
}

test('a log arrives whole, in order, at QoS 1 and all acknowledged, behind a description of its asset', async () => {
  const summary = await replay({});
  expect(summary).toMatchObject({ rows: rowCount, readings: 2 * rowCount, acknowledged: 2 * rowCount, badRows: 0 });
  const [description, ...rows] = received;
  expect(description?.topic).toBe('telemetry/main/AHU-A/$points');
  expect(description?.payload).toEqual({
    class: 'brick:AHU',
    params: { min_oa: 0.4 },
    points: { 'supply-air': { class: 'brick:Supply_Air_Temperature_Sensor', unit: 'degF' }, fan: { unit: 'bool' } },
  });
  expect(rows.map(({ payload }) => payload.values['supply-air'])).toEqual(rows.map((_, index) => index));
  expect(rows).toHaveLength(rowCount);
  expect(new Set(received.map(({ qos }) => qos))).toEqual(new Set([1]));
  expect(rows[0]).toEqual({
    topic: 'telemetry/main/AHU-A',
    payload: { time: '2007-08-31T05:00:00.000Z', values: { 'supply-air': 0, fan: true } },
    qos: 1,
  });
});

test('a span of local time plays those rows only, under another name', async () => {
  const { rows } = await replay({ from: '2007-08-31 01:00', to: '2007-08-31T06:05:00Z', asset: 'other' });
  expect(rows).toBe(5);
  expect(received.slice(1).map(({ topic, payload }) => `${topic} ${payload.time}`)[0]).toBe(
    'telemetry/main/other 2007-08-31T06:00:00.000Z',
  );
});

test('times shift to a given start with their spacing kept', async () => {
  await replay({ day: '2007-08-31', times: { kind: 'shift', startMs: Date.parse('2026-01-05T12:00:00Z') } });
  const times = received.slice(1).map(({ payload }) => payload.time);
  expect([times[0], times[1], times.at(-1)]).toEqual([
    '2026-01-05T12:00:00.000Z',
    '2026-01-05T12:01:00.000Z',
    '2026-01-05T20:19:00.000Z',
  ]);
});

test('times from now on are spaced by the speed, and no row is sent before its time', async () => {
  const before = Date.now();
  await replay({ to: '2007-08-31 00:05', speed: 1200, times: { kind: 'now' } });
  const times = received.slice(1).map(({ payload }) => Date.parse(payload.time));
  expect(times.map((time) => time - (times[0] ?? 0))).toEqual([0, 50, 100, 150, 200]);
  expect(times[0]).toBeGreaterThanOrEqual(before);
  expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
});

test.each<[Partial<ReplayOptions>, RegExp]>([
  [{ day: '2007-09-01' }, /no row of .*log.csv lies in that span; it goes from 2007-08-31T05:00/],
  [{ day: 'friday' }, /--day is a date such as 2007-08-31, not "friday"/],
  [{ from: 'noon' }, /--from is a time such as .*, not "noon"/],
  [{ day: '2007-08-31', to: '2007-09-01' }, /--day stands alone/],
  [{ file: '/nowhere/log.csv' }, /no such file/],
])('%j is refused with a reason', async (options, message) => {
  await expect(replay(options)).rejects.toThrow(message);
});
