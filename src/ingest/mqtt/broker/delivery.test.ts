import { describe, expect, test } from 'vitest';
import type { Qos } from '../packets/packets.ts';
import { createDelivery, type Delivery, type DeliveryBudget, deliveryLimits, type Forwarded } from './delivery.ts';

/** A client that writes down what it is sent, in short: `1#5a!` is QoS 1, identifier 5, payload a, and DUP. */
function createClient({ room = Number.POSITIVE_INFINITY } = {}) {
  const sent: string[] = [];
  let left = room;
  const link = (packet: Buffer) => {
    sent.push(describePacket(packet));
    return --left > 0;
  };
  const take = (count: number) => {
    left = count;
  };
  return { sent, link, take };
}

function describePacket(packet: Buffer): string {
  const first = packet[0] as number;
  if (first === 0x62) return `rel#${packet.readUInt16BE(2)}`;
  const qos = (first >> 1) & 3;
  const topicEnd = 4 + packet.readUInt16BE(2);
  const id = qos > 0 ? `#${packet.readUInt16BE(topicEnd)}` : '';
  const payload = packet.toString('utf8', topicEnd + (qos > 0 ? 2 : 0));
  return `${qos}${id}${payload}${(first & 8) !== 0 ? '!' : ''}${(first & 1) === 1 ? '=' : ''}`;
}

function start({ budget = { bytes: 0, bytesMax: 1e9 } }: { budget?: DeliveryBudget } = {}) {
  let dropped = 0;
  const delivery = createDelivery({ budget, onDropped: () => dropped++ });
  return { delivery, budget, dropped: () => dropped };
}

const message = (payload: string, { topic = 't', bytes = 0 } = {}): Forwarded => ({
  topic,
  payload: Buffer.concat([Buffer.from(payload), Buffer.alloc(bytes)]),
  qos: 2,
  retain: false,
});

const offerAll = (delivery: Delivery, payloads: string, qos: Qos) => {
  for (const payload of payloads) delivery.offer(message(payload), qos);
};

describe('what is delivered to a client', () => {
  test('goes in order, each with an identifier of its own where it has to be acknowledged', () => {
    const { delivery } = start();
    const { sent, link } = createClient();
    delivery.attach(link);
    delivery.offer(message('a'), 0);
    delivery.offer(message('b'), 1);
    delivery.offer(message('c'), 2);
    expect(sent).toEqual(['0a', '1#1b', '2#2c']);
  });

  test('waits while the client is away, but for QoS 0', () => {
    const { delivery } = start();
    const { sent, link } = createClient();
    delivery.offer(message('a'), 0);
    delivery.offer(message('b'), 1);
    delivery.attach(link);
    expect(sent).toEqual(['1#1b']);
  });

  test('is sent again with DUP to a client that comes back, with its identifiers and in its order', () => {
    const { delivery } = start();
    const first = createClient();
    delivery.attach(first.link);
    offerAll(delivery, 'abc', 2);
    delivery.acknowledge('pubrec', 1);
    delivery.acknowledge('pubrec', 2);
    delivery.acknowledge('pubcomp', 1);
    delivery.detach();
    delivery.offer(message('d'), 1);
    const second = createClient();
    delivery.attach(second.link);
    expect(first.sent).toEqual(['2#1a', '2#2b', '2#3c', 'rel#1', 'rel#2']);
    expect(second.sent).toEqual(['rel#2', '2#3c!', '1#4d']);
  });

  test('is no more than a window of unacknowledged messages', () => {
    const { delivery } = start();
    const { sent, link } = createClient();
    delivery.attach(link);
    for (let i = 0; i <= deliveryLimits.windowMax; i++) delivery.offer(message('x'), 1);
    expect(sent).toHaveLength(deliveryLimits.windowMax);
    delivery.acknowledge('puback', 40);
    expect(sent.at(-1)).toBe(`1#${deliveryLimits.windowMax + 1}x`);
  });

  test('waits for a client that takes nothing, and goes on when it does', () => {
    const { delivery } = start();
    const { sent, link, take } = createClient({ room: 2 });
    delivery.attach(link);
    offerAll(delivery, 'abcd', 0);
    expect(sent).toEqual(['0a', '0b']);
    take(10);
    delivery.pump();
    expect(sent).toEqual(['0a', '0b', '0c', '0d']);
  });

  test.each<['puback' | 'pubrec' | 'pubcomp', Qos]>([
    ['puback', 2],
    ['pubcomp', 2],
    ['pubcomp', 1],
    ['pubrec', 1],
  ])('is not acknowledged by a %s at QoS %d', (type, qos) => {
    const { delivery } = start();
    const first = createClient();
    delivery.attach(first.link);
    delivery.offer(message('a'), qos);
    expect(delivery.acknowledge(type, 1)).toBe('unknown');
    expect(first.sent).toHaveLength(1);
    const second = createClient();
    delivery.detach();
    delivery.attach(second.link);
    expect(second.sent).toEqual([`${qos}#1a!`]);
  });

  test('is released once, and a PUBREC of anything else is left to others to answer', () => {
    const { delivery } = start();
    const { sent, link } = createClient();
    delivery.attach(link);
    delivery.offer(message('a'), 2);
    const outcomes = [1, 1, 77].map((messageId) => delivery.acknowledge('pubrec', messageId));
    expect(outcomes).toEqual(['taken', 'unknown', 'unknown']);
    expect(sent).toEqual(['2#1a', 'rel#1']);
  });

  test('is at most so many messages, and the oldest makes room', () => {
    const { delivery, dropped } = start();
    for (let i = 0; i < deliveryLimits.waitingMax + 2; i++) delivery.offer(message(`${i},`), 1);
    const { sent, link } = createClient();
    delivery.attach(link);
    expect(dropped()).toBe(2);
    expect(sent[0]).toBe('1#12,');
  });

  test('is at most so many bytes, those in flight included, and weighs nothing once it is acknowledged', () => {
    const { delivery, budget, dropped } = start();
    const { link } = createClient();
    delivery.attach(link);
    const bytes = deliveryLimits.bytesMax / 4;
    for (let i = 0; i < 6; i++) delivery.offer(message('x', { bytes }), 1);
    expect(dropped()).toBe(3);
    expect(budget.bytes).toBeLessThanOrEqual(deliveryLimits.bytesMax);
    for (const id of [1, 2, 3]) delivery.acknowledge('puback', id);
    expect(budget.bytes).toBe(0);
  });

  test('shares a budget with all others, and gives it back', () => {
    const budget = { bytes: 0, bytesMax: 100_000 };
    const one = start({ budget });
    const other = start({ budget });
    one.delivery.offer(message('x', { bytes: 70_000 }), 1);
    other.delivery.offer(message('x', { bytes: 70_000 }), 1);
    expect([one.dropped(), other.dropped()]).toEqual([0, 1]);
    one.delivery.clear();
    expect(budget.bytes).toBe(0);
    other.delivery.offer(message('x', { bytes: 70_000 }), 1);
    expect(other.dropped()).toBe(1);
  });

  test('is let through while it is little, whatever others of its tenant and of all let lie', () => {
    const all = { bytes: 200_000, bytesMax: 200_000 };
    const tenant = { bytes: 0, bytesMax: 50_000, within: all };
    const { delivery, dropped } = start({ budget: tenant });
    for (let i = 0; i < 10; i++) delivery.offer(message('x', { bytes: 300 }), 1);
    expect(dropped()).toBe(0);
    delivery.offer(message('x', { bytes: deliveryLimits.reservedBytes }), 1);
    expect([dropped() > 0, all.bytes]).toEqual([true, 200_000 + tenant.bytes]);
    delivery.clear();
    expect([tenant.bytes, all.bytes]).toEqual([0, 200_000]);
  });

  test('is what is retained first, each topic once, and what is left of it when the client goes waits with the rest', () => {
    const { delivery } = start();
    const first = createClient({ room: 1 });
    delivery.attach(first.link);
    const retained = [message('a', { topic: 'a' }), message('b', { topic: 'b' }), message('c', { topic: 'c' })];
    delivery.offerRetained(retained.map((one) => ({ message: one, qos: 1 as const })));
    delivery.offerRetained([{ message: message('B', { topic: 'b' }), qos: 1 }]);
    delivery.offer(message('d'), 1);
    delivery.detach();
    const second = createClient();
    delivery.attach(second.link);
    expect(first.sent).toEqual(['1#1a=']);
    expect(second.sent).toEqual(['1#1a!=', '1#2B=', '1#3c=', '1#4d']);
  });
});
