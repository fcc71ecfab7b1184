import { createServer, type Server } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Plant, type PlantOptions, startPlant } from './plant-device.ts';

type Message = { topic: string; payload: unknown };

let broker: Aedes;
let server: Server;
let port = 0;
let plant: Plant | undefined;
let received: Message[] = [];
const clients: Client[] = [];

beforeAll(async () => {
  broker = await Aedes.createBroker();
  broker.authenticate = (_client, _username, password, done) => {
    const refusal: AuthenticateError = Object.assign(new Error('bad password'), { returnCode: 4 });
    if (String(password) === 'right') done(null, true);
    else done(refusal, false);
  };
  broker.on('clientReady', (client) => clients.push(client));
  broker.on('publish', ({ topic, payload }, client) => {
    if (client) received.push({ topic, payload: JSON.parse(String(payload)) });
  });
  server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterEach(async () => {
  await plant?.close();
  plant = undefined;
  received = [];
});
afterAll(async () => {
  await new Promise<void>((resolve) => broker.close(resolve));
  await new Promise((resolve) => server.close(resolve));
});

/** A plant of which a minute passes every five milliseconds, and a while in which so many messages come in. */
async function run(messages: number, options: Partial<PlantOptions> = {}): Promise<Plant> {
  const url = `mqtt://127.0.0.1:${port}`;
  plant = await startPlant({ url, username: 'u', password: 'right', site: 'main', timeScale: 12_000, ...options });
  await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(messages), { timeout: 5000 });
  return plant;
}

const valuesOf = (topic: string) =>
  received.filter((message) => message.topic === topic).map(({ payload }) => payload as Record<string, number>);

test('an air handler sends an object a sample, a pump each point on its own topic, and all is acknowledged', async () => {
  const running = await run(200);
  await running.close();
  expect(running.acknowledged()).toBe(running.published());
  const [first] = received.filter(({ topic }) => topic === 'telemetry/main/ahu-1');
  expect(first?.payload).toMatchObject({
    time: expect.stringMatching(/Z$/),
    values: { sat: expect.any(Number), occupied: true },
  });
  expect(valuesOf('telemetry/main/pump-1/vibration')[0]).toEqual({
    value: expect.any(Number),
    time: expect.stringMatching(/Z$/),
  });
  expect(received.find(({ topic }) => topic === 'telemetry/main/pump-1/run_command')?.payload).toSatisfy(
    (payload) => payload === true || (payload as { value: unknown }).value === true,
  );
});

test('samples are spaced by the interval divided by the time scale, whenever they leave', async () => {
  await run(200);
  const times = received
    .filter(({ topic }) => topic === 'telemetry/main/ahu-1')
    .map(({ payload }) => Date.parse((payload as { time: string }).time));
  const spans = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(new Set(spans)).toEqual(new Set([5]));
});

test('a fault strikes the asset it names, and ends when it is cleared', async () => {
  const running = await run(50, { assets: 2 });
  running.inject('bearing-wear', { asset: 'pump-2' });
  const latest = (topic: string) => valuesOf(topic).at(-1)?.value ?? 0;
  await vi.waitFor(() => expect(latest('telemetry/main/pump-2/vibration')).toBeGreaterThan(7.1), { timeout: 5000 });
  expect(latest('telemetry/main/pump-1/vibration')).toBeLessThan(2);
  running.clear('bearing-wear', { asset: 'pump-2' });
  await vi.waitFor(() => expect(latest('telemetry/main/pump-2/vibration')).toBeLessThan(2), { timeout: 5000 });
});

test('faults that make no sense are refused with what there is', async () => {
  const running = await run(1);
  expect(() => running.inject('bearing-wear', { asset: 'ahu-1' })).toThrow(
    /no asset ahu-1 for this fault; there are pump-1/,
  );
  expect(() => running.inject('sensor-flat', { point: 'humidity' })).toThrow(/no sensor humidity; there are sat, oat,/);
  expect(() => running.inject('damper-stuck', { intensity: 2 })).toThrow(/from 0 to 1, not 2/);
});

test('a plant described first says what it is before any reading', async () => {
  await run(10, { describe: true });
  expect(received.slice(0, 2).map(({ topic }) => topic)).toEqual([
    'telemetry/main/ahu-1/$points',
    'telemetry/main/pump-1/$points',
  ]);
  expect(received[0]?.payload).toMatchObject({ class: 'brick:AHU', params: { min_oa: 0.2 } });
});

test('a wrong password is refused at once', async () => {
  await expect(run(1, { password: 'wrong' })).rejects.toThrow(/refuses the user name or password/);
});

test('a lost connection comes back by itself, and nothing is lost meanwhile', async () => {
  const lines: string[] = [];
  const running = await run(30, { timeScale: 600, onLine: (line) => lines.push(line) });
  for (const client of clients.splice(0)) client.close();
  const before = received.length;
  await vi.waitFor(() => expect(received.length).toBeGreaterThan(before + 30), { timeout: 10_000 });
  await running.close();
  expect(lines.join('\n')).toMatch(/has closed the connection; trying again\n.*is connected again/);
  expect(running.acknowledged()).toBe(running.published());
});
