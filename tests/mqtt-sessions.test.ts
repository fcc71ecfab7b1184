/** Sessions: what outlives a connection, what is sent again, who takes over, and what a client leaves behind. */
import type { IConnackPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectPacket, connectRaw, openRaw, publishPacket, type RawClient } from './support/mqtt-client.ts';

let ingest: TestIngest;
const clients: RawClient[] = [];
let names = 0;

beforeAll(async () => {
  ingest = await startTestIngest();
  await ingest.addDevice('panel', ['#'], ['#']);
  await ingest.addDevice('narrow', ['telemetry/north/#'], ['#']);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});
afterAll(() => ingest.close());

const ownName = () => `client-${++names}`;

async function connected(options: Parameters<typeof connectRaw>[1] = {}): Promise<RawClient> {
  const client = await connectRaw(ingest.port, { username: 'panel', clientId: ownName(), ...options });
  clients.push(client);
  return client;
}

/** Connects to a session that is kept, and tells whether it was there. */
async function resumed(clientId: string, clean = false): Promise<{ client: RawClient; isPresent: boolean }> {
  const client = await openRaw(ingest.port);
  clients.push(client);
  client.send(connectPacket({ username: 'panel', clientId, clean }));
  const connack = (await client.next()) as IConnackPacket;
  expect(connack).toMatchObject({ cmd: 'connack', returnCode: 0 });
  return { client, isPresent: connack.sessionPresent };
}

async function subscribed(client: RawClient, topic: string, qos: 0 | 1 | 2): Promise<RawClient> {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] });
  expect(await client.next()).toMatchObject({ cmd: 'suback', granted: [qos] });
  return client;
}

async function publish(topic: string, payloads: string[], qos: 1 | 2 = 1): Promise<void> {
  const publisher = await connected();
  publisher.send(...payloads.map((payload, i) => publishPacket(topic, payload, i + 1, qos)));
  for (const _ of payloads) await publisher.next();
  publisher.end();
}

async function nextPublish(client: RawClient): Promise<IPublishPacket> {
  const packet = await client.next();
  if (packet.cmd !== 'publish') throw new Error(`expected a PUBLISH, and got ${packet.cmd}`);
  return packet;
}

async function nextPayload(client: RawClient): Promise<string> {
  return `${(await nextPublish(client)).payload}`;
}

async function expectNothing(client: RawClient): Promise<void> {
  client.send({ cmd: 'pingreq' });
  expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
}

/** Goes away in such a way that the broker knows. */
async function disconnect(client: RawClient): Promise<void> {
  client.send({ cmd: 'disconnect' });
  await client.closed();
}

describe('a session that is kept', () => {
  test('has its filters and what came for it, in order, but for QoS 0', async () => {
    const name = ownName();
    const first = await resumed(name);
    expect(first.isPresent).toBe(false);
    await disconnect(await subscribed(first.client, 'away/#', 2));
    await publish('away/a', ['1', '2']);
    const publisher = await connected();
    publisher.send(publishPacket('away/a', 'at most once'), publishPacket('away/a', '3', 1, 2));
    await publisher.next();
    const { client, isPresent } = await resumed(name);
    expect(isPresent).toBe(true);
    const packets = [await nextPublish(client), await nextPublish(client), await nextPublish(client)];
    expect(packets.map(({ payload, qos, dup, retain }) => `${payload} ${qos} ${dup} ${retain}`)).toEqual([
      '1 1 false false',
      '2 1 false false',
      '3 2 false false',
    ]);
    await publish('away/a', ['4']);
    expect(await nextPayload(client)).toBe('4');
  });

  test('does not bring what is retained once more', async () => {
    const name = ownName();
    const publisher = await connected();
    publisher.send({ ...publishPacket('once/a', 'x', 1), retain: true } as Packet);
    await publisher.next();
    const { client } = await resumed(name);
    await subscribed(client, 'once/#', 0);
    expect(await nextPublish(client)).toMatchObject({ retain: true });
    await disconnect(client);
    await expectNothing((await resumed(name)).client);
  });

  test('ends when the client comes back clean, and there is none afterwards', async () => {
    const name = ownName();
    await disconnect(await subscribed((await resumed(name)).client, 'ended/#', 1));
    await publish('ended/a', ['1']);
    const clean = await resumed(name, true);
    expect(clean.isPresent).toBe(false);
    await publish('ended/a', ['2']);
    await expectNothing(clean.client);
    await disconnect(clean.client);
    expect((await resumed(name)).isPresent).toBe(false);
  });

  test('is its device’s own: the same client identifier of another one is another session', async () => {
    const name = ownName();
    await disconnect(await subscribed((await resumed(name)).client, 'owned/#', 1));
    const other = await openRaw(ingest.port);
    clients.push(other);
    other.send(connectPacket({ username: 'narrow', clientId: name, clean: false }));
    expect(await other.next()).toMatchObject({ sessionPresent: false });
  });
});

describe('an exchange that was cut off goes on', () => {
  test('at QoS 1 with the same PUBLISH and DUP', async () => {
    const name = ownName();
    const { client } = await resumed(name);
    await subscribed(client, 'cut/1', 1);
    await publish('cut/1', ['a', 'b']);
    const a = await nextPublish(client);
    const b = await nextPublish(client);
    client.send({ cmd: 'puback', messageId: a.messageId as number });
    await expectNothing(client);
    client.end();
    const again = (await resumed(name)).client;
    expect(await nextPublish(again)).toMatchObject({ messageId: b.messageId, dup: true, qos: 1, topic: 'cut/1' });
    again.send({ cmd: 'puback', messageId: b.messageId as number });
    await expectNothing(again);
    again.end();
    await expectNothing((await resumed(name)).client);
  });

  test('at QoS 2 with PUBLISH and DUP before the PUBREC, with PUBREL after it, and is over with the PUBCOMP', async () => {
    const name = ownName();
    const { client } = await resumed(name);
    await subscribed(client, 'cut/2', 2);
    await publish('cut/2', ['a', 'b', 'c'], 2);
    const [a, b, c] = [await nextPublish(client), await nextPublish(client), await nextPublish(client)];
    const ids = [a, b, c].map(({ messageId }) => messageId as number) as [number, number, number];
    for (const messageId of ids.slice(0, 2)) {
      client.send({ cmd: 'pubrec', messageId });
      expect(await client.next()).toMatchObject({ cmd: 'pubrel', messageId });
    }
    client.send({ cmd: 'pubcomp', messageId: ids[0] });
    await expectNothing(client);
    client.end();
    const again = (await resumed(name)).client;
    expect(await again.next()).toMatchObject({ cmd: 'pubrel', messageId: ids[1] });
    expect(await again.next()).toMatchObject({ cmd: 'publish', messageId: ids[2], dup: true, qos: 2 });
    again.send({ cmd: 'pubcomp', messageId: ids[1] }, { cmd: 'pubrec', messageId: ids[2] });
    expect(await again.next()).toMatchObject({ cmd: 'pubrel', messageId: ids[2] });
    again.send({ cmd: 'pubcomp', messageId: ids[2] });
    await expectNothing(again);
    again.end();
    await expectNothing((await resumed(name)).client);
  });

  test('but not in a session that is not kept', async () => {
    const name = ownName();
    const client = await subscribed(await connected({ clientId: name }), 'cut/3', 2);
    await publish('cut/3', ['a']);
    await nextPublish(client);
    client.end();
    await expectNothing((await resumed(name, true)).client);
  });
});

describe('a client with the identifier of another', () => {
  test('takes its session over, with what it has not acknowledged, and its will is published', async () => {
    const name = ownName();
    const witness = await subscribed(await connected(), 'takeover/will', 1);
    const will = { topic: 'takeover/will', payload: 'thrown out', qos: 1, retain: false };
    const first = await connected({ clientId: name, clean: false, will });
    await subscribed(first, 'takeover/a', 1);
    await publish('takeover/a', ['1']);
    const { messageId } = await nextPublish(first);
    const { client, isPresent } = await resumed(name);
    expect(isPresent).toBe(true);
    await first.closed();
    expect(await nextPublish(client)).toMatchObject({ messageId, dup: true });
    expect(await nextPayload(witness)).toBe('thrown out');
    await publish('takeover/a', ['2']);
    expect(await nextPayload(client)).toBe('2');
  });

  test('is none when both leave theirs to the broker', async () => {
    const one = await connected({ clientId: '' });
    const other = await connected({ clientId: '' });
    await expectNothing(one);
    await expectNothing(other);
  });
});

describe('a will', () => {
  const willOf = (topic: string) => ({ topic, payload: 'gone', qos: 1, retain: true });

  test.each<[string, (client: RawClient, name: string) => unknown]>([
    ['the connection is lost', (client) => client.end()],
    ['the protocol is violated', (client) => client.send(Buffer.from([0xf0, 0]))],
    ['a packet is malformed', (client) => client.send(Buffer.from([0x82, 2, 0, 1]))],
    ['a DISCONNECT is malformed', (client) => client.send(Buffer.from([0xe1, 0]))],
    ['another takes the session over', (_client, name) => connected({ clientId: name })],
    ['the client says nothing for one and a half times its keep-alive', () => undefined],
  ])('is published when %s, and retained if it says so', async (why, end) => {
    const topic = `wills/${names}`;
    const name = ownName();
    const witness = await subscribed(await connected(), topic, 2);
    const keepalive = why.includes('keep-alive') ? 1 : 0;
    const mortal = await connected({ clientId: name, keepalive, will: willOf(topic) });
    await end(mortal, name);
    expect(await nextPublish(witness)).toMatchObject({ topic, qos: 1, retain: false });
    const late = await subscribed(await connected(), topic, 0);
    expect(await nextPublish(late)).toMatchObject({ topic, qos: 0, retain: true });
  });

  test('is published when its device is revoked', async () => {
    await ingest.addDevice('revoked', ['wills/revoked'], []);
    const witness = await subscribed(await connected(), 'wills/revoked', 1);
    await connected({ username: 'revoked', will: willOf('wills/revoked') });
    await ingest.database.pool.query(`
      with gone as (update device set revoked_at = now() where username = 'revoked' returning id)
      select pg_notify('faultline_device', id::text) from gone`);
    expect(await nextPayload(witness)).toBe('gone');
  });

  test('is not published when it is the program that ends', async () => {
    await using other = await startTestIngest();
    const will = { topic: 'telemetry/north/mortal/online', payload: 'false', qos: 1, retain: false };
    const client = await connectRaw(other.port, { will });
    await other.stop();
    await client.closed();
    expect(await other.readings()).toEqual([]);
  });

  test('is not published after a DISCONNECT', async () => {
    const witness = await subscribed(await connected(), 'wills/none', 1);
    await disconnect(await connected({ will: willOf('wills/none') }));
    await publish('wills/none', ['the next one']);
    expect(await nextPayload(witness)).toBe('the next one');
  });

  test('is stored when it is telemetry', async () => {
    const will = { topic: 'telemetry/north/mortal/online', payload: 'false', qos: 1, retain: false };
    (await connected({ username: 'narrow', will })).end();
    await expect.poll(() => ingest.readings()).toContain('mortal/online=0');
  });

  test.each([
    ['plant/stop', 'not_granted'],
    ['telemetry/north/+/p', 'unknown_topic'],
  ])(
    'under %s, where the device may not publish or nobody can, is in quarantine and reaches nobody',
    async (topic, reason) => {
      const witness = await subscribed(await connected(), '#', 0);
      (await connected({ username: 'narrow', will: willOf(topic) })).end();
      await expect
        .poll(async () =>
          (await ingest.quarantine()).filter((entry) => entry.topic === topic).map((entry) => entry.reason),
        )
        .toEqual([reason]);
      witness.send({ cmd: 'pingreq' });
      for (let packet = await witness.next(); packet.cmd !== 'pingresp'; packet = await witness.next()) {
        expect((packet as IPublishPacket).topic).not.toBe(topic);
      }
    },
  );
});

test('a client may not leave more than 2,000 messages of QoS 2 without a PUBREL', async () => {
  const client = await connected();
  // The one with which there are more is answered still.
  const packets = Array.from({ length: 2_002 }, (_, i) => publishPacket('endless/a', '', i + 1, 2));
  client.send(...packets.slice(0, 2_001));
  for (let i = 1; i <= 2_001; i++) expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: i });
  client.send(...packets.slice(2_001));
  await client.closed();
  expect(client.received).toEqual([]);
});
