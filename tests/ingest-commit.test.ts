/** Acknowledged means committed: what is answered while the database is locked, away, or refuses a row. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { lockReadings } from './support/lock-readings.ts';
import { publishPacket, type RawClient } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';
import { refuseReadings, unstorable } from './support/refuse-readings.ts';

const door = useIngest();

/** Resolves once a commit waits for the lock, with the process of its connection. */
async function aCommitWaits(): Promise<number> {
  const { pool } = door.ingest().database;
  const find = async () => {
    const { rows } = await pool.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows[0]?.pid;
  };
  return (await vi.waitUntil(find, patience)) as number;
}

/** Resolves once so many messages have been read from the devices' connections. */
async function received(count: number): Promise<void> {
  await vi.waitUntil(async () => (await door.ingest().count('messages_received')) >= count, patience);
}

const patience = { timeout: 60_000, interval: 20 };

const messageIds = async (client: RawClient, count: number) => {
  const found: (number | undefined)[] = [];
  while (found.length < count) found.push((await client.next(20_000)).messageId);
  return found;
};

/** The point is known, so that nothing but the insert of the reading has to wait. */
async function warmUp(client: RawClient): Promise<void> {
  client.send(publishPacket('telemetry/north/a/p', '0', 1));
  await client.next();
}

test('no PUBACK comes before the commit, and pings are answered meanwhile; then they come in order', async () => {
  const client = await door.connected();
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  for (const [i, qos] of ([1, 2, 1, 1, 2] as const).entries()) {
    client.send(publishPacket('telemetry/north/a/p', `{"value":${i},"time":${1_767_225_600 + i}}`, 11 + i, qos));
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
  }
  await aCommitWaits();
  await sleep(300);
  expect(client.received).toEqual([]);
  await lock.release();
  const answers = [];
  while (answers.length < 5) answers.push(await client.next());
  expect(answers.map(({ cmd, messageId }) => `${cmd} ${messageId}`)).toEqual([
    'puback 11',
    'pubrec 12',
    'puback 13',
    'puback 14',
    'pubrec 15',
  ]);
  expect(await door.ingest().readings()).toHaveLength(6);
});

test('a device that sends without end while nothing can be committed is not read any further, and is still answered', async () => {
  const client = await door.connected({ keepalive: 1 });
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  const sentMax = 20_000;
  for (let sent = 0; sent < sentMax; sent += 500) {
    const some = Array.from({ length: 500 }, (_, i) => {
      const n = sent + i;
      return publishPacket('telemetry/north/a/p', `{"value":1,"time":${1_767_225_600_000 + n}}`, 2 + n);
    });
    client.send(...some);
    await sleep(1);
  }
  await sleep(2_500);
  expect(client.isClosed()).toBe(false);
  // What has been taken in is bounded, and a long way below what was sent.
  expect(await door.ingest().count('messages_received')).toBeLessThan(5_000);
  await lock.release();
  expect(await messageIds(client, sentMax)).toEqual(Array.from({ length: sentMax }, (_, n) => 2 + n));
  expect(await door.ingest().readings()).toHaveLength(sentMax + 1);
});

test('a device that waits for its acknowledgements is answered its pings, though it has used up its window', async () => {
  const client = await door.connected();
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  const window = Array.from({ length: 4_000 }, (_, i) =>
    publishPacket('telemetry/north/a/p', `{"value":1,"time":${1_767_225_600_000 + i}}`, 2 + i),
  );
  client.send(...window.slice(0, 1_100));
  await received(1_000);
  client.send(...window.slice(1_100), { cmd: 'pingreq' });
  expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
  await lock.release();
  expect(await messageIds(client, 4_000)).toEqual(window.map((_, i) => 2 + i));
});

test('connections to the database that break do not lose a message', async () => {
  const client = await door.connected();
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  const count = 50;
  client.send(
    ...Array.from({ length: count }, (_, i) =>
      publishPacket('telemetry/north/a/p', `{"value":${i},"time":${1_767_225_600 + i}}`, 2 + i),
    ),
  );
  await door.ingest().database.pool.query('select pg_terminate_backend($1)', [await aCommitWaits()]);
  await vi.waitUntil(async () => (await door.ingest().count('commits_retried')) > 0, patience);
  expect(client.received).toEqual([]);
  await lock.release();
  expect(await messageIds(client, count)).toEqual(Array.from({ length: count }, (_, i) => 2 + i));
  expect(await door.ingest().readings()).toHaveLength(count + 1);
});

test('a reading that the database refuses is set aside, and holds up neither its batch nor its device', async () => {
  await refuseReadings(door.ingest().database.pool);
  const client = await door.connected();
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  const values = Array.from({ length: 40 }, (_, i) => (i === 17 || i === 30 ? unstorable : i));
  client.send(
    ...values.map((value, i) =>
      publishPacket('telemetry/north/a/p', `{"value":${value},"time":${1_767_225_600 + i}}`, 2 + i),
    ),
  );
  await received(1 + values.length);
  await aCommitWaits();
  await lock.release();
  expect(await messageIds(client, 40)).toEqual(values.map((_, i) => 2 + i));
  expect(await door.ingest().readings()).toHaveLength(39);
  const entries = await door.ingest().quarantine();
  expect(entries.map(({ reason }) => reason)).toEqual(['not_storable', 'not_storable']);
  expect(entries[0]?.detail).toContain('not this one');
});

test('what a batch cannot store does not make its other rejections count twice against what is kept of a device', async () => {
  await refuseReadings(door.ingest().database.pool);
  const client = await door.connected();
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  const malformed = 150; // Of the 200 that are kept at once.
  client.send(
    publishPacket('telemetry/north/a/p', '{"value":1,"time":1767225600}', 2),
    ...Array.from({ length: malformed }, (_, i) => publishPacket('telemetry/north/a/p', '{', 3 + i)),
    publishPacket('telemetry/north/a/p', `{"value":${unstorable},"time":1767225601}`, 3 + malformed),
  );
  await received(malformed + 3);
  await aCommitWaits();
  await lock.release();
  await messageIds(client, malformed + 2);
  expect(await door.ingest().count('quarantine_suppressed')).toBe(0);
  const entries = await door.ingest().quarantine();
  expect(entries.filter(({ reason }) => reason === 'malformed')).toHaveLength(malformed);
  expect(entries.filter(({ reason }) => reason === 'not_storable')).toHaveLength(1);
  expect(await door.ingest().readings()).toHaveLength(2);
});

test('closing commits and acknowledges what has come in', async () => {
  const client = await door.connected();
  await warmUp(client);
  await using lock = await lockReadings(door.ingest().database.pool);
  client.send(publishPacket('telemetry/north/a/p', '{"value":1,"time":1767225600}', 2));
  await aCommitWaits();
  const stopping = door.ingest().stop();
  expect(await Promise.race([stopping, sleep(100, 'waits')])).toBe('waits');
  await lock.release();
  await stopping;
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
  await client.closed();
  expect(await door.ingest().readings()).toHaveLength(2);
});
