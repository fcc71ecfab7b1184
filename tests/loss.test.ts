/**
 * Nothing that was acknowledged is lost, and nothing is stored twice: the program is killed while twenty devices have
 * twenty messages each in flight, then PostgreSQL is killed under it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DataDir, eventually, makeDataDir, type Program, startProgram } from './support/program.ts';
import { createPublisher, type Publisher } from './support/publisher.ts';

const clients = 20;
const window = 20;

let dataDir: DataDir;
let program: Program;
let publishers: Publisher[];

beforeAll(async () => {
  dataDir = await makeDataDir();
  program = await startProgram({ dataDir: dataDir.path });
  const firstMs = Date.now();
  publishers = Array.from({ length: clients }, (_, i) => createPublisher({ asset: `loss-${i}`, window, firstMs }));
});

afterAll(async () => {
  for (const publisher of publishers) publisher.end();
  await program?.kill('SIGTERM');
  await dataDir?.remove();
});

/** What is stored of each publisher: the numbers of its readings, each as often as it is there. */
async function stored(): Promise<Map<string, number[]>> {
  const password = (await readFile(join(dataDir.path, 'postgres.password'), 'utf8')).trim();
  const [, , , port] = (await readFile(join(dataDir.path, 'postgres/postmaster.pid'), 'utf8')).split('\n');
  const client = new pg.Client({
    host: '127.0.0.1',
    port: Number(port),
    user: 'faultline',
    database: 'faultline',
    password,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ asset: string; numbers: number[] }>(
      `select a.name as asset, array_agg(r.value) as numbers
       from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id group by a.name`,
    );
    return new Map(rows.map(({ asset, numbers }) => [asset, numbers]));
  } finally {
    await client.end();
  }
}

const total = (count: (publisher: Publisher) => number) => publishers.reduce((sum, one) => sum + count(one), 0);

async function untilAcknowledged(more: number): Promise<void> {
  const before = total(({ acknowledged }) => acknowledged.size);
  await eventually(`${more} more acknowledgements`, async () =>
    total(({ acknowledged }) => acknowledged.size) >= before + more ? true : undefined,
  );
}

/** Acknowledged by now and missing, and stored more than once; devices may be sending meanwhile. */
async function faults(): Promise<{ missing: number; twice: number }> {
  const promised = publishers.map(({ asset, acknowledged }) => ({ asset, acknowledged: [...acknowledged] }));
  const readings = await stored();
  let missing = 0;
  let twice = 0;
  for (const { asset, acknowledged } of promised) {
    const numbers = readings.get(asset) ?? [];
    const distinct = new Set(numbers);
    twice += numbers.length - distinct.size;
    for (const n of acknowledged) if (!distinct.has(n)) missing++;
  }
  return { missing, twice };
}

test('the program killed in the middle: all that was acknowledged is there, each once, and the rest follows when it is back', async () => {
  await Promise.all(publishers.map((publisher) => publisher.connect(program.mqttPort)));
  await untilAcknowledged(3_000);
  await program.kill('SIGKILL');
  expect(total((publisher) => publisher.unacknowledged())).toBeGreaterThan(0);
  program = await startProgram({ dataDir: dataDir.path });
  expect(await faults()).toEqual({ missing: 0, twice: 0 });
  await Promise.all(publishers.map((publisher) => publisher.connect(program.mqttPort)));
  await untilAcknowledged(3_000);
  expect(await faults()).toEqual({ missing: 0, twice: 0 });
});

test('PostgreSQL killed under the program: it comes back by itself, no device is cut off, and nothing is lost', async () => {
  await untilAcknowledged(1_000);
  process.kill(await program.postgresPid(), 'SIGKILL');
  await untilAcknowledged(3_000);
  expect(publishers.every((publisher) => publisher.isConnected())).toBe(true);
  for (const publisher of publishers) publisher.finish();
  await eventually('all acknowledgements', async () =>
    total((publisher) => publisher.unacknowledged()) === 0 ? true : undefined,
  );
  expect(await faults()).toEqual({ missing: 0, twice: 0 });
  const numbers = [...(await stored()).values()].flat();
  expect(numbers).toHaveLength(total(({ acknowledged }) => acknowledged.size));
});
