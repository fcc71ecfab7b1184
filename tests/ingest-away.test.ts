/** While nothing can be committed: what waits in memory, what on the disk, who is closed, and who is let in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createIngest } from '../src/ingest/ingest.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { lockReadings } from './support/lock-readings.ts';
import { connectPacket, publishPacket, type RawClient } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

let directory: string;
const folders: string[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'faultline-spool-'));
  folders.push(directory);
});
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const spool = () => ({ directory, bytesMax: 1e9 });
const door = useIngest(undefined, () => ({ spool: spool(), shedAfterMs: 3_000 }));
const patience = { timeout: 60_000, interval: 20 };

/** Reading n of a point, as a message. */
const reading = (n: number, { messageId, qos }: { messageId?: number; qos?: 0 | 1 | 2 } = {}) =>
  publishPacket('telemetry/north/a/p', `{"value":${n},"time":${1_767_225_600 + n}}`, messageId, qos);

async function warmUp(client: RawClient): Promise<void> {
  client.send(reading(0, { messageId: 1 }));
  expect(await client.next()).toMatchObject({ cmd: 'puback' });
}

const inOrder = (count: number) => Array.from({ length: count + 1 }, (_, n) => `a/p=${n}`);

test('devices that wait for a commit are closed after the stated time and nobody is let in; one of QoS 0 stays, and all it sends is stored', async () => {
  const waiting = await door.connected({ clientId: 'waiting' });
  await warmUp(waiting);
  const talking = await door.connected({ clientId: 'talking' });
  const idle = await door.connected({ clientId: 'idle' });
  await using lock = await lockReadings(door.ingest().database.pool);
  waiting.send(reading(1, { messageId: 2 }), reading(2, { messageId: 3, qos: 2 }));
  for (let n = 3; n <= 40; n++) talking.send(reading(n));
  await waiting.closed(20_000);
  expect(waiting.received).toEqual([]);
  const late = await door.opened();
  late.send(connectPacket({ clientId: 'late' }));
  expect(await late.next()).toMatchObject({ cmd: 'connack', returnCode: 3 });
  await late.closed();
  talking.send(reading(41), reading(42));
  await expect.poll(() => door.ingest().count('messages_spooled'), patience).toBe(40);
  for (const client of [talking, idle]) {
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
  }
  await lock.release();
  await expect.poll(() => door.ingest().readings(), patience).toEqual(inOrder(42));
  expect(await door.ingest().count('connections_refused', 'database_away')).toBe(2);
  expect(await door.ingest().count('messages_dropped')).toBe(0);

  const back = await door.connected({ clientId: 'waiting' });
  back.send(reading(1, { messageId: 2 }));
  expect(await back.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
  expect(await door.ingest().readings()).toEqual(inOrder(42));
  expect(await door.ingest().count('readings_duplicate')).toBe(1);
});

test('what the program could not commit when it was stopped is committed by the next one, with the time at which it came', async () => {
  const client = await door.connected();
  await warmUp(client);
  const { database } = door.ingest();
  {
    await using _lock = await lockReadings(database.pool);
    client.send(publishPacket('telemetry/north/a/q', '1'), publishPacket('telemetry/north/a/q', 'no number'));
    await expect.poll(() => door.ingest().count('messages_received'), patience).toBe(3);
    await door.ingest().stop();
  }
  const registry = new Registry();
  const log = createLog('silent');
  const storage = await prepareStorage(database.pool, log);
  const next = await createIngest({ database, storage, graceMs: 5_000, log, registry, spool: spool() });
  const count = async (name: string) =>
    (await registry.getSingleMetric(`faultline_ingest_${name}_total`)?.get())?.values;
  // The commit that was under way may have come through after all, once the table was free: it is the same readings.
  await expect.poll(() => count('messages_completed'), patience).toEqual([{ labels: { qos: 0 }, value: 2 }]);
  expect(await count('messages_recovered')).toMatchObject([{ value: 2 }]);
  await next.close();
  const { rows } = await database.pool.query<{ age: number }>(
    `select extract(epoch from now() - time)::float8 as age from reading where value = 1`,
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]?.age).toBeGreaterThan(9);
  const [entry] = await door.ingest().quarantine();
  expect(entry).toMatchObject({ reason: 'unusable_value', topic: 'telemetry/north/a/q' });
});
