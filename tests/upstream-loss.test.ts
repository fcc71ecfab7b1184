/** Behind an external broker nothing is lost and nothing is stored twice, while the processes that share it are killed. */
import type { MqttClient } from 'mqtt';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { isMosquittoMissing, type Mosquitto, needsMosquitto, startMosquitto } from './support/mosquitto.ts';
import { type DataDir, eventually, ingestMetric, makeDataDir, type Program, startProgram } from './support/program.ts';

let own: TestDatabase;
let client: pg.Client;
let broker: Mosquitto;
let device: MqttClient;
const dataDirs: DataDir[] = [];
const programs: Program[] = [];
const firstMs = Date.now() - 3_600_000;

beforeEach(async () => {
  own = await createTestDatabase();
  client = new pg.Client({ connectionString: own.url });
  await client.connect();
  broker = await startMosquitto();
  device = await broker.connect({ clientId: 'device', protocolVersion: 4 });
});
afterEach(async () => {
  await device?.endAsync(true);
  for (const program of programs.splice(0)) await program.kill('SIGTERM');
  for (const dataDir of dataDirs.splice(0)) await dataDir.remove();
  await client?.end();
  await broker?.remove();
  await own?.drop();
});

/** A process of its own, with a folder of its own: what it finds again is in the database and at the broker. */
async function start(): Promise<Program> {
  const dataDir = await makeDataDir();
  dataDirs.push(dataDir);
  const env = { DATABASE_URL: own.url, MQTT_URL: broker.url(), ROLES: 'ingest,api' };
  const program = await startProgram({ dataDir: dataDir.path, env });
  programs.push(program);
  await eventually('connected', async () =>
    (await ingestMetric(program, 'upstream_connected')) === 1 ? true : undefined,
  );
  return program;
}

async function publish(from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 100) {
    const some = Array.from({ length: Math.min(100, to - n + 1) }, (_, i) => n + i);
    const payloadOf = (value: number) => JSON.stringify({ value, time: firstMs + value });
    await Promise.all(
      some.map((value) => device.publishAsync('telemetry/main/pump-1/count', payloadOf(value), { qos: 1 })),
    );
  }
}

async function stored(total: number): Promise<number[]> {
  const find = async () => {
    const { rows } = await client.query<{ value: number }>('select value from reading order by value');
    return rows.length >= total ? rows.map(({ value }) => value) : undefined;
  };
  return eventually(`${total} readings`, find, 60_000);
}

const numbers = (to: number) => Array.from({ length: to }, (_, i) => i + 1);

describe.skipIf(isMosquittoMissing)(`behind an external broker${needsMosquitto}`, () => {
  test('what a process has taken and not committed is delivered again when it is killed', async () => {
    const killed = await start();
    await publish(1, 1);
    await stored(1);
    await client.query('begin; lock table reading in access exclusive mode');
    await publish(2, 301);
    await eventually('delivered', async () =>
      (await ingestMetric(killed, 'messages_received_total')) === 301 ? true : undefined,
    );
    await killed.kill('SIGKILL');
    await client.query('rollback');
    const next = await start();
    expect(await stored(301)).toEqual(numbers(301));
    expect(await ingestMetric(next, 'messages_received_total')).toBe(300);
  });

  test('two processes that are killed in turn, while devices publish, store everything once', async () => {
    const total = 6_000;
    const running = [await start(), await start()];
    let published = 0;
    const publishing = (async () => {
      for (; published < total; published += 100) await publish(published + 1, published + 100);
    })();
    for (const [i, killAt] of [500, 1_500, 2_500].entries()) {
      await eventually(`${killAt} published`, async () => (published >= killAt ? true : undefined));
      await (running[i % 2] as Program).kill('SIGKILL');
      running[i % 2] = await start();
    }
    await publishing;
    expect(await stored(total)).toEqual(numbers(total));
    await (running[0] as Program).kill('SIGTERM');
    await publish(total + 1, total + 100);
    running[0] = await start();
    expect(await stored(total + 100)).toEqual(numbers(total + 100));
  });
});
