/** What a device sends that is against the protocol, or against the program, and what the others notice of it: nothing. */
import { expect, test } from 'vitest';
import { connectPacket, publishPacket, type RawClient } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

const door = useIngest();

test('a session whose identifiers are kept is said to be present, and one that is new or was not kept is not', async () => {
  const sessionPresent = async (clean: boolean) => {
    const client = await door.opened();
    client.send(connectPacket({ clean }));
    const connack = await client.next();
    client.end();
    return connack.cmd === 'connack' && connack.sessionPresent;
  };
  expect(await sessionPresent(false)).toBe(false);
  expect(await sessionPresent(false)).toBe(true);
  expect(await sessionPresent(true)).toBe(false);
  expect(await sessionPresent(false)).toBe(false);
});

test('a session that is said to be present has kept what it subscribed to, and only that', async () => {
  const first = await door.connected({ clean: false });
  first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/gateway/#', qos: 0 }] });
  expect(await first.next()).toMatchObject({ cmd: 'suback', granted: [0] });
  first.end();
  const again = await door.opened();
  again.send(connectPacket({ clean: false }));
  expect(await again.next()).toMatchObject({ cmd: 'connack', sessionPresent: true });
});

test('after a session that was not kept, a QoS 2 message with an identifier of before is another message', async () => {
  const client = await door.connected({ clean: true });
  client.send(publishPacket('telemetry/north/a/p', '1', 1, 2));
  expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 1 });
  client.end();
  const again = await door.opened();
  again.send(connectPacket({ clean: false }));
  expect(await again.next()).toMatchObject({ cmd: 'connack', sessionPresent: false });
  again.send(publishPacket('telemetry/north/a/p', '2', 1, 2));
  expect(await again.next()).toMatchObject({ cmd: 'pubrec', messageId: 1 });
  expect(await door.ingest().readings()).toEqual(['a/p=1', 'a/p=2']);
});

/** Sends a good message, which must be acknowledged. */
async function expectServed(client: RawClient): Promise<void> {
  client.send(publishPacket('telemetry/north/good/p', '1', 77));
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 77 });
}

test.each([101, 5_000])('a topic of %d levels is acknowledged, and in quarantine', async (levels) => {
  const client = await door.connected();
  const topic = `telemetry/north${'/x'.repeat(levels - 2)}`;
  client.send(publishPacket(topic, '1', 1), publishPacket(topic, '1', 2, 2), publishPacket(topic, '1'));
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 2 });
  await expectServed(client);
  const entries = await door.ingest().quarantine();
  expect(entries.map((entry) => [entry.reason, entry.topic === topic])).toEqual([
    ['unknown_topic', true],
    ['unknown_topic', true],
    ['unknown_topic', true],
  ]);
});

test('a will with a topic of many levels, or with wildcards, is in quarantine', async () => {
  for (const topic of [`telemetry/north${'/x'.repeat(200)}`, 'telemetry/north/+/p']) {
    const client = await door.connected({ will: { topic, payload: '1', qos: 1, retain: true } });
    client.end();
  }
  await expect
    .poll(async () => (await door.ingest().quarantine()).map(({ reason }) => reason))
    .toEqual(['unknown_topic', 'unknown_topic']);
  expect(await door.ingest().readings()).toEqual([]);
});

test.each([false, true])(
  'a subscription of many levels is refused or ends the connection, clean: %s',
  async (clean) => {
    const other = await door.connected({ clientId: 'other' });
    const topic = `devices/gateway${'/x'.repeat(150)}`;
    for (const packet of [
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] },
      { cmd: 'unsubscribe', messageId: 2, unsubscriptions: [topic] },
    ]) {
      const client = await door.connected({ clean });
      client.send(packet as never, { cmd: 'pingreq' });
      await client.next();
      client.end();
    }
    await expectServed(other);
  },
);

test.each(['telemetry/north/+/p', 'telemetry/north/#', ''])(
  'a PUBLISH under %j ends the connection, and is counted',
  async (topic) => {
    const other = await door.connected({ clientId: 'other' });
    const client = await door.connected();
    client.send(rawPublish(topic));
    await client.closed();
    expect(await door.ingest().count('connections_refused', 'protocol_violation')).toBe(1);
    await expectServed(other);
  },
);

test('a connection that ends as it should is not counted as refused', async () => {
  const client = await door.connected();
  await expectServed(client);
  client.send({ cmd: 'disconnect' });
  await client.closed();
  const other = await door.connected();
  other.end();
  await expectServed(await door.connected());
  expect(await door.ingest().count('connections_refused')).toBe(0);
});

/** A QoS 0 PUBLISH of which the library that writes packets would refuse the topic. */
function rawPublish(topic: string): Buffer {
  return Buffer.from([0x30, topic.length + 3, 0, topic.length, ...Buffer.from(topic), 0x31]);
}

test.each([
  ['a NUL in a unit', { points: { p: { unit: 'a\0b' } } }],
  ['a NUL in the name of a parameter', { params: { 'a\0b': 1 } }],
  ['a line feed in the name of a parameter', { params: { 'a\nb': 1 } }],
  ['a NUL in the name of a point', { points: { 'a\0b': {} } }],
  ['half of a character in a unit', { points: { p: { unit: '\ud800' } } }],
  ['201 parameters', { params: Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`p${i}`, 1])) }],
  ['1001 points', { points: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`p${i}`, {}])) }],
  ['a name of a megabyte', { points: { ['x'.repeat(900_000)]: {} } }],
])(
  'a description with %s is malformed, and the reason why takes 500 characters at most',
  async (_name, description) => {
    const client = await door.connected();
    client.send(publishPacket('telemetry/north/a/$points', JSON.stringify(description), 1));
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    await expectServed(client);
    const [entry, ...more] = await door.ingest().quarantine();
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ reason: 'malformed' });
    expect(entry?.detail.length).toBeLessThanOrEqual(500);
  },
);

test('a description of 200 parameters and 1000 points is taken', async () => {
  const client = await door.connected();
  const named = <Value>(count: number, value: Value) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, value]));
  const description = { params: named(200, 1), points: named(1_000, { unit: 'µm/s²' }) };
  client.send(publishPacket('telemetry/north/a/$points', JSON.stringify(description), 1));
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  const { rows } = await door.ingest().database.pool.query('select count(*)::integer as points from point');
  expect(rows).toEqual([{ points: 1_000 }]);
  expect(await door.ingest().quarantine()).toEqual([]);
});

test.each([
  ['a line feed', 'gate\nway'],
  ['129 characters', 'x'.repeat(129)],
  ['60,000 characters', 'x'.repeat(60_000)],
])('a user name with %s is refused with return code 4', async (_name, username) => {
  const client = await door.opened();
  client.send(connectPacket({ username }));
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 4 });
  await client.closed();
  expect(await door.ingest().count('connections_refused', 'credentials_wrong')).toBe(1);
});
