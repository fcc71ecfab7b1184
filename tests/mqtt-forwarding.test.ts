/** What devices publish reaches those who subscribe and may, of the same tenant, after its commit, and nobody else. */
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectRaw, publishPacket, type RawClient } from './support/mqtt-client.ts';

let ingest: TestIngest;
let otherTenant: string;
const clients: RawClient[] = [];
let names = 0;

beforeAll(async () => {
  ingest = await startTestIngest();
  otherTenant = await ingest.addTenant();
  await ingest.addDevice('panel', ['#'], ['#']);
  await ingest.addDevice('screen', [], ['screens/+/mode', 'telemetry/north/#']);
  await ingest.addDevice('stranger', ['#'], ['#'], otherTenant);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end();
});
afterAll(() => ingest.close());

async function connected(username = 'panel'): Promise<RawClient> {
  const client = await connectRaw(ingest.port, { username, clientId: `${username}-${++names}` });
  clients.push(client);
  return client;
}

async function subscribed(filters: Record<string, 0 | 1 | 2>, username = 'panel'): Promise<RawClient> {
  const client = await connected(username);
  await subscribe(client, filters);
  return client;
}

async function subscribe(client: RawClient, filters: Record<string, 0 | 1 | 2>): Promise<readonly unknown[]> {
  const subscriptions = Object.entries(filters).map(([topic, qos]) => ({ topic, qos }));
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
  const suback = await client.next();
  if (suback.cmd !== 'suback') throw new Error(`expected a SUBACK, and got ${suback.cmd}`);
  return suback.granted;
}

/** Publishes at QoS 1, and waits until that is acknowledged. */
async function publish(client: RawClient, topic: string, payload: string, retain = false): Promise<void> {
  client.send({ ...publishPacket(topic, payload, 1), retain } as Packet);
  expect(await client.next()).toMatchObject({ cmd: 'puback' });
}

/** The next message, in short: topic, payload, QoS, and = when it was retained. */
async function nextMessage(client: RawClient): Promise<string> {
  const packet = (await client.next()) as IPublishPacket;
  if (packet.cmd !== 'publish') throw new Error(`expected a PUBLISH, and got ${packet.cmd}`);
  return `${packet.topic} ${packet.payload} ${packet.qos}${packet.retain ? '=' : ''}`;
}

/** Whatever was sent to a client before now has come before this answer. */
async function expectNothing(client: RawClient): Promise<void> {
  client.send({ cmd: 'pingreq' });
  expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
}

test('where no device is an edge node of Sparkplug, who subscribes to everything hears what devices say and nothing else', async () => {
  const everything = await subscribed({ '#': 0 }, 'stranger');
  const sender = await connected('stranger');
  sender.send(publishPacket('boiler/first', 'heard', 1));
  expect(((await everything.next()) as IPublishPacket).topic).toBe('boiler/first');
});

describe('a message', () => {
  test.each([0, 1, 2] as const)('of QoS %d comes with no more than that, and no more than was granted', async (qos) => {
    const publisher = await connected();
    for (const granted of [0, 1, 2] as const) {
      const subscriber = await subscribed({ 'levels/#': granted });
      publisher.send(publishPacket('levels/a', 'x', 5 + granted, qos));
      expect(await nextMessage(subscriber)).toBe(`levels/a x ${Math.min(qos, granted)}`);
      subscriber.end();
    }
  });

  test('comes once, with the highest QoS of the filters that match it', async () => {
    const subscriber = await subscribed({ 'twice/a': 0, 'twice/#': 2, 'twice/+': 1 });
    const publisher = await connected();
    publisher.send(publishPacket('twice/a', 'first', 1, 2), publishPacket('twice/a', 'second', 2, 2));
    expect(await nextMessage(subscriber)).toBe('twice/a first 2');
    expect(await nextMessage(subscriber)).toBe('twice/a second 2');
  });

  test('of QoS 2 that comes again before it is released is forwarded once', async () => {
    const subscriber = await subscribed({ 'repeated/a': 0 });
    const publisher = await connected();
    const message = publishPacket('repeated/a', 'x', 1, 2);
    publisher.send(message, { ...message, dup: true } as Packet);
    for (let i = 0; i < 2; i++) expect(await publisher.next()).toMatchObject({ cmd: 'pubrec', messageId: 1 });
    expect(await nextMessage(subscriber)).toBe('repeated/a x 0');
    await expectNothing(subscriber);
  });

  test('comes in the order of its publisher', async () => {
    const subscriber = await subscribed({ 'order/+': 1 });
    const publisher = await connected();
    const payloads = Array.from({ length: 300 }, (_, i) => `${i}`);
    publisher.send(...payloads.map((payload, i) => publishPacket('order/x', payload, i + 1, (i % 3) as 0 | 1 | 2)));
    for (const payload of payloads) {
      const packet = (await subscriber.next()) as IPublishPacket;
      expect(`${packet.payload}`).toBe(payload);
      if (packet.qos > 0) subscriber.send({ cmd: 'puback', messageId: packet.messageId as number });
    }
  });

  test('comes after its commit', async () => {
    const subscriber = await subscribed({ 'telemetry/north/#': 1 }, 'screen');
    const publisher = await connected('gateway');
    publisher.send(publishPacket('telemetry/north/committed/p', '42', 1));
    expect(await nextMessage(subscriber)).toBe('telemetry/north/committed/p 42 1');
    expect(await ingest.readings()).toContain('committed/p=42');
  });

  test('that is not granted, or begins with $, reaches nobody', async () => {
    const subscriber = await subscribed({ '#': 1, '+/secret': 1 });
    await expectNothingBut(subscriber, /^spBv1\.0/);
    await publish(await connected('gateway'), 'plant/secret', 'x', true);
    await publish(await connected(), '$SYS/secret', 'x', true);
    await publish(await connected(), '$share/g/secret', 'x');
    await expectNothing(subscriber);
  });

  test('is not for a filter that was given up', async () => {
    const subscriber = await subscribed({ 'up/a': 1, 'up/b': 1 });
    subscriber.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['up/a', 'up/c'] });
    expect(await subscriber.next()).toMatchObject({ cmd: 'unsuback', messageId: 2 });
    const publisher = await connected();
    await publish(publisher, 'up/a', 'x');
    await publish(publisher, 'up/b', 'y');
    expect(await nextMessage(subscriber)).toBe('up/b y 1');
  });

  test('waits for nobody: a subscriber that does not read is let go, and the publisher does not notice', async () => {
    const frozen = await subscribed({ 'flood/#': 0 });
    frozen.pause();
    const publisher = await connected();
    const payload = 'x'.repeat(500_000);
    for (let i = 1; i <= 60; i++) await publish(publisher, 'flood/x', payload);
    await expect.poll(() => ingest.count('connections_refused', 'does_not_read')).toBe(1);
  });
});

/** Takes what was retained before, which other tests and the server have left. */
async function expectNothingBut(client: RawClient, topics: RegExp): Promise<void> {
  client.send({ cmd: 'pingreq' });
  for (;;) {
    const packet = await client.next();
    if (packet.cmd === 'pingresp') return;
    expect((packet as IPublishPacket).topic).toMatch(topics);
  }
}

describe('a subscription', () => {
  test('is granted within the grants of the device, and to what is its own', async () => {
    const screen = await connected('screen');
    expect(
      await subscribe(screen, {
        'screens/1/mode': 0,
        'screens/+/mode': 1,
        'devices/screen/#': 2,
        'devices/screen/cmd': 1,
        'telemetry/north/+/sat': 0,
        'telemetry/+/ahu/sat': 0,
        'telemetry/#': 0,
        'screens/#': 0,
        'devices/panel/cmd': 1,
        'devices/+/cmd': 1,
        '#': 0,
        '$SYS/#': 0,
        '$share/g/screens/1/mode': 0,
      }),
    ).toEqual([0, 1, 2, 1, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]);
  });

  test('reaches no other tenant: not what is published, not what is retained, not a will', async () => {
    const will = { topic: 'tenants/will', payload: 'x', qos: 1, retain: true };
    const mortal = await connectRaw(ingest.port, { username: 'stranger', clientId: 'mortal', will });
    const stranger = await subscribed({ 'tenants/#': 1 }, 'stranger');
    const subscriber = await subscribed({ 'tenants/#': 1 });
    await publish(await connected('stranger'), 'tenants/a', 'x', true);
    expect(await nextMessage(stranger)).toBe('tenants/a x 1');
    mortal.end();
    expect(await nextMessage(stranger)).toBe('tenants/will x 1');
    await expectNothing(subscriber);
    await expectNothing(await subscribed({ 'tenants/#': 1 }));
    await ingest.publish(otherTenant, { topic: 'tenants/b', payload: Buffer.from('x'), qos: 1, retain: true });
    expect(await nextMessage(stranger)).toBe('tenants/b x 1');
    await expectNothing(subscriber);
  });

  test('of the same filter again is the same one, at the new QoS, and brings what is retained again', async () => {
    const publisher = await connected();
    await publish(publisher, 'again/a', 'kept', true);
    const subscriber = await subscribed({ 'again/a': 1 });
    expect(await nextMessage(subscriber)).toBe('again/a kept 1=');
    expect(await subscribe(subscriber, { 'again/a': 0 })).toEqual([0]);
    expect(await nextMessage(subscriber)).toBe('again/a kept 0=');
    await publish(publisher, 'again/a', 'next');
    expect(await nextMessage(subscriber)).toBe('again/a next 0');
    await expectNothing(subscriber);
  });
});

describe('a retained message', () => {
  test('is the last one of its topic, for those who come later, and is an ordinary one to those who are there', async () => {
    const early = await subscribed({ 'kept/#': 1 });
    const publisher = await connected();
    await publish(publisher, 'kept/a', 'first', true);
    await publish(publisher, 'kept/a', 'second', true);
    await publish(publisher, 'kept/a', 'not this one');
    expect(await nextMessage(early)).toBe('kept/a first 1');
    const late = await subscribed({ 'kept/+': 2, 'kept/#': 0, 'other/#': 0 });
    expect(await nextMessage(late)).toBe('kept/a second 1=');
    await expectNothing(late);
  });

  test('is forgotten by an empty one, which reaches those who are there', async () => {
    const publisher = await connected();
    await publish(publisher, 'cleared/a', 'x', true);
    const early = await subscribed({ 'cleared/#': 1 });
    expect(await nextMessage(early)).toBe('cleared/a x 1=');
    await publish(publisher, 'cleared/a', '', true);
    expect(await nextMessage(early)).toBe('cleared/a  1');
    await expectNothing(await subscribed({ 'cleared/#': 1 }));
  });

  test('of more than 64 KiB is forwarded and not retained, nor is the one before it', async () => {
    const publisher = await connected();
    await publish(publisher, 'large/a', 'small', true);
    const early = await subscribed({ 'large/#': 0 });
    await nextMessage(early);
    await publish(publisher, 'large/a', 'x'.repeat(65_537), true);
    expect((await nextMessage(early)).length).toBeGreaterThan(65_537);
    await expectNothing(await subscribed({ 'large/#': 0 }));
    expect(await ingest.count('messages_undelivered', 'retained_too_large')).toBe(1);
  });

  test('of the server cannot be replaced or cleared by a device', async () => {
    await ingest.publish(ingest.tenantId, { topic: 'server/a', payload: Buffer.from('true'), qos: 1, retain: true });
    const publisher = await connected();
    await publish(publisher, 'server/a', 'forged', true);
    await publish(publisher, 'server/a', '', true);
    expect(await nextMessage(await subscribed({ 'server/a': 1 }))).toBe('server/a true 1=');
    await ingest.publish(ingest.tenantId, { topic: 'server/a', payload: Buffer.alloc(0), qos: 1, retain: true });
    await expectNothing(await subscribed({ 'server/a': 1 }));
  });
});

describe('what is no telemetry', () => {
  const quarantined = async () => (await ingest.quarantine()).map(({ topic }) => topic);

  test('is for other devices when somebody listens, is away, or it is retained; else it is in quarantine', async () => {
    await subscribed({ 'command/heard': 1 });
    const away = await connectRaw(ingest.port, { username: 'panel', clientId: 'away', clean: false });
    await subscribe(away, { 'command/later': 1 });
    away.end();
    const publisher = await connected();
    for (const topic of ['command/heard', 'command/later', 'command/alone']) await publish(publisher, topic, 'x');
    await publish(publisher, 'command/kept', 'x', true);
    expect((await quarantined()).filter((topic) => topic.startsWith('command/'))).toEqual(['command/alone']);
  });

  test('and is meant to be is in quarantine, whoever listens', async () => {
    const subscriber = await subscribed({ 'telemetry/#': 0 });
    const publisher = await connected();
    await publish(publisher, 'telemetry/north', '1');
    await publish(publisher, 'telemetry/nowhere/a/p', '1');
    expect(await nextMessage(subscriber)).toBe('telemetry/north 1 0');
    expect(await quarantined()).toEqual(expect.arrayContaining(['telemetry/north', 'telemetry/nowhere/a/p']));
  });
});
