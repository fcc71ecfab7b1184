import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createLog } from '../../../platform/log.ts';
import { createIngestCounters } from '../../intake/counters.ts';
import { createDelivery } from './delivery.ts';
import { createForwarding, type Subscriber, subscriptionLimits } from './forwarding.ts';
import { createRetainedMessages, retainedLimits } from './retained.ts';

function start() {
  return createForwarding({ counters: createIngestCounters(new Registry()), log: createLog('silent') });
}

function createSubscriber(tenantId = 't'): Subscriber {
  const budget = { bytes: 0, bytesMax: 1e9 };
  return { tenantId, subscriptions: new Map(), delivery: createDelivery({ budget, onDropped: () => {} }) };
}

describe('filters', () => {
  test('of one session are so many; one that it has may change all the same', () => {
    const forwarding = start();
    const subscriber = createSubscriber();
    const outcomes = Array.from({ length: subscriptionLimits.filtersMax + 1 }, (_, i) =>
      forwarding.subscribe(subscriber, { filter: `a/${i}`, qos: 0 }),
    );
    expect(outcomes.filter((isAdded) => isAdded).length).toBe(subscriptionLimits.filtersMax);
    expect(forwarding.subscribe(subscriber, { filter: 'a/0', qos: 2 })).toBe(true);
    forwarding.unsubscribe(subscriber, ['a/0']);
    expect(forwarding.subscribe(subscriber, { filter: 'b', qos: 0 })).toBe(true);
  });

  test('of one tenant are so many, and another tenant does not notice', () => {
    const forwarding = start();
    const { filtersMax, filtersOfTenantMax, levelsMax } = subscriptionLimits;
    for (let i = 0; i < filtersOfTenantMax; i += filtersMax) {
      const subscriber = createSubscriber();
      for (let k = i; k < i + filtersMax; k++) forwarding.subscribe(subscriber, { filter: `${k}`, qos: 0 });
    }
    expect(forwarding.subscribe(createSubscriber(), { filter: 'one more', qos: 0 })).toBe(false);
    expect(forwarding.subscribe(createSubscriber(), { filter: '0', qos: 0 })).toBe(true);
    expect(forwarding.subscribe(createSubscriber('other'), { filter: 'one more', qos: 0 })).toBe(true);
    const deep = (levels: number) => Array.from({ length: levels }, () => '+').join('/');
    expect(forwarding.subscribe(createSubscriber('other'), { filter: deep(levelsMax), qos: 0 })).toBe(true);
    expect(forwarding.subscribe(createSubscriber('other'), { filter: deep(levelsMax + 1), qos: 0 })).toBe(false);
  });

  test('make messages of their tenant wanted, and of no other, as long as they are there', () => {
    const forwarding = start();
    const subscriber = createSubscriber();
    const wanted = () => [forwarding.isWanted('t', { retain: false }), forwarding.isWanted('u', { retain: false })];
    expect(wanted()).toEqual([false, false]);
    forwarding.subscribe(subscriber, { filter: 'a', qos: 0 });
    expect(wanted()).toEqual([true, false]);
    forwarding.unsubscribe(subscriber, ['a']);
    expect(wanted()).toEqual([false, false]);
  });
});

describe('retained messages', () => {
  const message = (topic: string, bytes: number) => ({
    topic,
    payload: Buffer.alloc(bytes),
    qos: 0 as const,
    retain: true,
  });

  test('of the server may be as large as a packet, such as a list of all that is open at an asset', async () => {
    const forwarding = start();
    const subscriber = createSubscriber();
    forwarding.subscribe(subscriber, { filter: 'insights/#', qos: 0 });
    await forwarding.publish('t', message('insights/a', 400_000));
    const sent: number[] = [];
    subscriber.delivery.attach((packet) => sent.push(packet.length) > 0);
    forwarding.offerRetained(subscriber, [{ filter: 'insights/#', qos: 0 }]);
    await expect.poll(() => sent).toEqual([400_000 + 4 + 2 + 'insights/a'.length]);
  });

  test('are so many of a tenant', () => {
    const retained = createRetainedMessages({ bytes: 0, bytesMax: 1e9 }, { ...retainedLimits, messagesMax: 2 });
    const put = (topic: string, bytes: number) => retained.put(message(topic, bytes));
    expect([put('a', 1), put('b', 1), put('c', 1), put('a', 2)]).toEqual(['retained', 'retained', 'full', 'retained']);
    expect([put('a', 0), put('c', 1), retained.has('a')]).toEqual(['cleared', 'retained', false]);
  });

  test('are so many bytes of a tenant, and of all tenants', () => {
    const budget = { bytes: 0, bytesMax: 5_000 };
    const limits = { ...retainedLimits, bytesMax: 3_000 };
    const [one, other] = [createRetainedMessages(budget, limits), createRetainedMessages(budget, limits)];
    expect([one.put(message('a', 2_000)), one.put(message('b', 2_000))]).toEqual(['retained', 'full']);
    expect(other.put(message('a', 2_000))).toBe('retained');
    expect(other.put(message('b', 500))).toBe('full');
    one.put(message('a', 0));
    expect(other.put(message('b', 10))).toBe('retained');
    for (const topic of ['a', 'b']) other.put(message(topic, 0));
    expect(budget.bytes).toBe(0);
  });

  test('that are too large, or too deep, are none, and end the one before them', () => {
    const retained = createRetainedMessages({ bytes: 0, bytesMax: 1e9 });
    const deep = Array.from({ length: retainedLimits.levelsMax + 1 }, () => 'a').join('/');
    retained.put(message('a', 1));
    expect(retained.put(message('a', retainedLimits.payloadBytesMax + 1))).toBe('too_large');
    expect(retained.has('a')).toBe(false);
    expect(retained.put(message(deep, 1))).toBe('too_large');
    expect(retained.put(message(Array.from({ length: 60_000 }, () => '').join('/'), 0))).toBe('cleared');
  });
});
