/** What cannot be understood is acknowledged, kept with its reason, and stops nobody. */
import { expect, test } from 'vitest';
import { deleteOldQuarantine } from '../src/ingest/quarantine/quarantine-store.ts';
import { publishPacket } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

const door = useIngest();

test.each([
  ['telemetry/south/a/p', '1', 'not_granted', 'a topic of another'],
  ['telemetry/north', '1', 'unknown_topic', 'a topic that names no asset'],
  ['telemetry/north/a/p', '{"value":', 'malformed', 'a payload cut off'],
  ['telemetry/north/a/p', 'ON', 'unusable_value', 'a text that stands for no number'],
  ['telemetry/north/a/p', '{"value":1,"time":4102444800}', 'time_in_future', 'a clock that is ahead'],
  ['telemetry/north/a/p', '{"value":1,"time":10}', 'time_too_old', 'a clock that was never set'],
  ['telemetry/north/a/$points', '{"class":7}', 'malformed', 'a description that is none'],
  ['telemetry/north/a\u0001/p', '1', 'unknown_topic', 'a control character in a topic'],
])('%s %s is acknowledged, and in quarantine as %s: %s', async (topic, payload, reason) => {
  const client = await door.connected();
  client.send(publishPacket(topic, payload, 1), publishPacket('telemetry/north/good/p', '1', 2));
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
  expect(await door.ingest().readings()).toEqual(['good/p=1']);
  const [entry, ...more] = await door.ingest().quarantine();
  expect(more).toEqual([]);
  expect(entry).toMatchObject({ reason, topic, payload: Buffer.from(payload), truncated: false });
  expect(entry?.detail.length).toBeGreaterThan(10);
  expect(await door.ingest().count('messages_quarantined', reason)).toBe(1);
});

test('a site that nobody made, and a point that a site without discovery does not have', async () => {
  await door.ingest().addSite('closed', { discovery: false });
  await door.ingest().addDevice('wide', ['telemetry/#']);
  const client = await door.connected({ username: 'wide' });
  client.send(
    publishPacket('telemetry/nowhere/a/p', '1', 1),
    publishPacket('telemetry/closed/a/p', '1', 2),
    publishPacket('telemetry/closed/a/$points', '{"class":"brick:AHU"}', 3),
  );
  for (const messageId of [1, 2, 3]) expect(await client.next()).toMatchObject({ cmd: 'puback', messageId });
  expect((await door.ingest().quarantine()).map(({ reason }) => reason)).toEqual([
    'unknown_site',
    'unknown_point',
    'unknown_point',
  ]);
  expect(await door.ingest().readings()).toEqual([]);
});

test('of a message of which a part is bad the rest is stored', async () => {
  const client = await door.connected();
  client.send(publishPacket('telemetry/north/a', '{"good":1,"odd":"x","worse":[1]}', 1));
  await client.next();
  expect(await door.ingest().readings()).toEqual(['a/good=1']);
  expect((await door.ingest().quarantine()).map(({ reason }) => reason).sort()).toEqual([
    'unusable_value',
    'unusable_value',
  ]);
});

test('a long payload is kept in part, and says so', async () => {
  const client = await door.connected();
  client.send(publishPacket('telemetry/north/a/p', 'x'.repeat(100_000), 1));
  await client.next();
  const [entry] = await door.ingest().quarantine();
  expect(entry).toMatchObject({ truncated: true });
  expect(entry?.payload).toHaveLength(65_536);
});

test('a device that sends nothing else fills the quarantine to a limit, and is acknowledged all the same', async () => {
  const client = await door.connected();
  const messages = Array.from({ length: 1_000 }, (_, i) => publishPacket('elsewhere', '1', i + 1));
  const startedAt = Date.now();
  client.send(...messages);
  for (const _ of messages) expect(await client.next()).toMatchObject({ cmd: 'puback' });
  expect(await door.ingest().count('messages_quarantined')).toBe(1_000);
  const kept = (await door.ingest().quarantine()).length;
  // 200 at once, and 5 a second for as long as it took.
  expect(kept).toBeGreaterThanOrEqual(200);
  expect(kept).toBeLessThanOrEqual(Math.min(999, 200 + 5 * ((Date.now() - startedAt) / 1_000)));
  expect(await door.ingest().count('quarantine_suppressed')).toBe(1_000 - kept);
});

test('a NUL in a name or a payload is no way to stop a batch', async () => {
  const client = await door.connected();
  client.send(
    publishPacket('telemetry/north/a', '{"a\\u0000b":1,"ok":2}', 1),
    publishPacket('telemetry/north/a/p', Buffer.from([0, 1]), 2),
  );
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 2 });
  expect(await door.ingest().readings()).toEqual(['a/ok=2']);
  expect(await door.ingest().count('commits_retried')).toBe(0);
});

test('of each tenant the quarantine keeps the newest ten thousand entries of the last thirty days', async () => {
  const { database, tenantId } = door.ingest();
  await database.pool.query(`insert into tenant (id, name) values (gen_random_uuid(), 'other')`);
  const fill = (count: number, newestAgo: string, isOwn: boolean) =>
    database.pool.query(
      `insert into quarantine (id, tenant_id, reason, detail, topic, payload, received_at)
       select gen_random_uuid(), t.id, 'malformed', '', 't', '', now() - $2::interval - n * interval '1 second'
       from tenant t, generate_series(1, $1) n where (t.id = $3) = $4`,
      [count, newestAgo, tenantId, isOwn],
    );
  await fill(10_500, '1 hour', true);
  await fill(300, '29 days', false);
  await fill(200, '30 days', false);
  await deleteOldQuarantine(database.db);
  const { rows } = await database.pool.query(
    `select tenant_id = $1 as own, count(*)::integer as kept, min(received_at) > now() - interval '1 hour 10001 seconds' as newest
     from quarantine group by 1 order by 1`,
    [tenantId],
  );
  expect(rows).toEqual([
    { own: false, kept: 300, newest: false },
    { own: true, kept: 10_000, newest: true },
  ]);
});
