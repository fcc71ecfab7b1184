import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeWire } from '../../../tests/support/sparkplug-wire.ts';
import type { Message } from '../intake/message.ts';
import { createOrder, type Order } from './order.ts';

const waitMs = 2_500;
const device = { id: 'plc', tenantId: 't', username: 'plc', grants: ['spBv1.0/#'], subscribeGrants: [] };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A message of the edge node `e`, called by what it is: its type, its number and when it was sent. */
function message(type: string, seq: number | undefined, at: number | undefined, grants = device.grants): Message {
  const payload = encodeWire({ metrics: [], ...(seq !== undefined && { seq }), ...(at !== undefined && { at }) });
  const origin = { device: { ...device, grants }, settle: () => undefined, flush: () => undefined };
  const topic = `spBv1.0/g/${type}/e${type.startsWith('D') ? '/d' : ''}`;
  return { origin, topic, payload, receivedMs: 0, qos: 1, messageId: 1, isRepeated: false } as Message;
}

/** Offers messages given as `type number@time`; `wait` lets the wait go by. Returns what passed, and `gap` for each gap. */
function run(steps: string, order?: Order, passed: string[] = []): string[] {
  const names = new Map<Message, string>();
  const own =
    order ?? createOrder({ pass: (one) => passed.push(names.get(one) ?? ''), waitMs, onGap: () => passed.push('gap') });
  for (const step of steps.split(/, */)) {
    if (step === 'wait') {
      vi.advanceTimersByTime(waitMs);
      continue;
    }
    if (step === 'release') {
      own.release();
      continue;
    }
    const [, type = '', seq, at] = /^(\w+?)(?: (\d+))?(?:@(\d+))?$/.exec(step) ?? [];
    const one = message(type, seq === undefined ? undefined : Number(seq), at === undefined ? undefined : Number(at));
    names.set(one, step);
    own.offer(one);
  }
  return passed;
}

describe('messages of an edge node', () => {
  test.each([
    ['NBIRTH 0, DBIRTH 1, NDATA 2', 'NBIRTH 0, DBIRTH 1, NDATA 2', 'pass in their turn'],
    ['NDATA 77, NDATA 78', 'NDATA 77, NDATA 78', 'begin anywhere when nothing is known of the node'],
    ['NBIRTH 0, NDATA 2, NDATA 1', 'NBIRTH 0, NDATA 1, NDATA 2', 'wait for those before them'],
    ['NBIRTH 0, NDATA 3, NDATA 2, NDATA 1', 'NBIRTH 0, NDATA 1, NDATA 2, NDATA 3', 'wait however many they are'],
    ['NBIRTH 254, NDATA 0, NDATA 255', 'NBIRTH 254, NDATA 255, NDATA 0', 'are numbered in a circle'],
    ['NBIRTH 0, NDATA 2', 'NBIRTH 0', 'are held while one is missing'],
    ['NBIRTH 0, NDATA 3, NDATA 2, wait', 'NBIRTH 0, NDATA 2, NDATA 3, gap', 'pass in order when the wait is over'],
    ['NBIRTH 0, NDATA 2, NDATA 1, wait', 'NBIRTH 0, NDATA 1, NDATA 2', 'make no gap when the missing has come'],
    ['NBIRTH 0, NDATA 2, wait, NDATA 3', 'NBIRTH 0, NDATA 2, gap, NDATA 3', 'go on after a gap'],
    ['NBIRTH 0, NDATA 1, NDATA 1', 'NBIRTH 0, NDATA 1, NDATA 1', 'pass when they come twice'],
    ['NBIRTH 0, NDATA 2, NDATA 2, NDATA 1', 'NBIRTH 0, NDATA 2, NDATA 1, NDATA 2', 'pass when one is held already'],
    ['NBIRTH 0, NDATA 2, wait, NDATA 1', 'NBIRTH 0, NDATA 2, gap, NDATA 1', 'pass when they are late'],
    [
      'NBIRTH 0@10, NDATA 1@11, NDATA 151@12, wait',
      'NBIRTH 0@10, NDATA 1@11, NDATA 151@12, gap',
      'are missed, more than half a circle',
    ],
    [
      'NBIRTH 0@10, NDATA 1@11, NDATA 9@5',
      'NBIRTH 0@10, NDATA 1@11, NDATA 9@5',
      'are not waited for from a session before',
    ],
    ['NBIRTH 0, NDATA 2, NBIRTH 0, wait', 'NBIRTH 0, NDATA 2, NBIRTH 0', 'that are held pass before the next birth'],
    [
      'NBIRTH 7@1, NDATA 8@2, NDATA 2@13, NBIRTH 0@11, DBIRTH 1@12',
      'NBIRTH 7@1, NDATA 8@2, NBIRTH 0@11, DBIRTH 1@12, NDATA 2@13',
      'that have overtaken their birth pass after it',
    ],
    ['NBIRTH 0, NDATA 2, NDEATH', 'NBIRTH 0, NDATA 2, NDEATH', 'pass before the death'],
    ['NBIRTH 0, NDATA, NDATA 300', 'NBIRTH 0, NDATA, NDATA 300', 'without a number pass'],
    ['NBIRTH 0, NDATA 2, release, wait', 'NBIRTH 0, NDATA 2', 'pass when the program ends'],
    ['NBIRTH 0, NCMD 5, NDATA 1', 'NBIRTH 0, NCMD 5, NDATA 1', 'do not wait for commands of others'],
  ])('%s → %s: they %s', (steps, expected) => {
    expect(run(steps)).toEqual(expected.split(', '));
  });
});

test('a message that is held and comes again waits behind itself, since passing means that it is acknowledged', () => {
  const passed: string[] = [];
  const order = createOrder({
    pass: ({ isRepeated }) => passed.push(isRepeated ? 'again' : 'once'),
    waitMs,
    onGap: () => undefined,
  });
  const early: Message = { ...message('NDATA', 2, undefined), qos: 2, messageId: 7 };
  order.offer(message('NBIRTH', 0, undefined));
  order.offer(early);
  order.offer({ ...early, isRepeated: true });
  expect(passed).toEqual(['once']);
  order.offer({ ...early, messageId: 8, isRepeated: true });
  expect(passed).toEqual(['once', 'again']);
  vi.advanceTimersByTime(waitMs);
  expect(passed).toEqual(['once', 'again', 'once', 'again']);
  order.offer({ ...early, isRepeated: true });
  expect(passed).toEqual(['once', 'again', 'once', 'again', 'again']);
});

test('nobody who may not publish for a node disturbs its order', () => {
  const passed: string[] = [];
  const order = createOrder({ pass: ({ topic }) => passed.push(topic), waitMs, onGap: () => passed.push('gap') });
  order.offer(message('NBIRTH', 0, undefined));
  order.offer(message('NBIRTH', 200, undefined, ['spBv1.0/g/+/another']));
  order.offer(message('NDATA', 1, undefined));
  expect(passed).toEqual(['spBv1.0/g/NBIRTH/e', 'spBv1.0/g/NBIRTH/e', 'spBv1.0/g/NDATA/e']);
});

test('what is held is bounded in bytes', () => {
  let passed = 0;
  const order = createOrder({ pass: () => passed++, waitMs, onGap: () => undefined });
  const heavy = (edge: string, seq: number) => ({
    ...message('NDATA', seq, undefined),
    topic: `spBv1.0/g/NDATA/${edge}`,
    payload: Buffer.concat([
      encodeWire({ seq, metrics: [] }),
      Buffer.from([0x7a, 0x80, 0x80, 0x40]),
      Buffer.alloc(2 ** 20),
    ]),
  });
  for (let i = 0; i < 100; i++) {
    order.offer({ ...message('NBIRTH', 0, undefined), topic: `spBv1.0/g/NBIRTH/e${i}` });
    order.offer(heavy(`e${i}`, 2));
  }
  expect(200 - passed).toBeLessThanOrEqual(16);
  expect(200 - passed).toBeGreaterThan(10);
});
