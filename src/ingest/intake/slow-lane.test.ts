import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Message } from './message.ts';
import { createSlowLane } from './slow-lane.ts';

const message = (device: string, messageId: number, bytes = 1): Message => ({
  origin: {
    device: { id: device, tenantId: 't', username: device, grants: [], subscribeGrants: [] },
    settle: () => undefined,
    flush: () => undefined,
  },
  topic: 't',
  payload: Buffer.alloc(bytes),
  receivedMs: 0,
  qos: 1,
  messageId,
  isRepeated: false,
});
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const malformed = { reason: 'malformed', detail: '' } as const;

/** A lane in which `poison` has sent nothing but messages that were rejected. */
function start(tookMs = 1) {
  const passed: string[] = [];
  const lane = createSlowLane(({ origin, messageId }) => passed.push(`${origin.device.id} ${messageId}`));
  const note = (device: string, { bad, good = 0 }: { bad: number; good?: number }) => {
    const messages = upTo(bad + good).map((n) => message(device, n));
    lane.note(
      messages,
      messages.slice(0, bad).map((one) => ({ message: one, rejection: malformed })),
      tookMs,
    );
  };
  note('poison', { bad: 200 });
  return { lane, passed, note };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
afterEach(() => {
  vi.useRealTimers();
});

describe('the slow lane', () => {
  test('a device of which nothing is understood waits for the beat, in its order, and others pass', () => {
    const { lane, passed } = start();
    for (const n of [1, 2]) {
      lane.offer(message('poison', n));
      lane.offer(message('pump', n));
    }
    expect(passed).toEqual(['pump 1', 'pump 2']);
    vi.advanceTimersByTime(1_000);
    expect(passed).toEqual(['pump 1', 'pump 2', 'poison 1', 'poison 2']);
  });

  test.each([
    [{ bad: 90, good: 0 }, 'a few bad messages'],
    [{ bad: 400, good: 400 }, 'as many good ones'],
    [{ bad: 500, good: 4_500 }, 'many bad ones among more good ones'],
  ])('%o: %s slow nobody down', (noted) => {
    const { lane, passed, note } = start();
    note('gateway', noted);
    lane.offer(message('gateway', 1));
    expect(passed).toEqual(['gateway 1']);
  });

  test('what has become good again passes at once, but not before what waits', () => {
    const { lane, passed, note } = start();
    for (const n of upTo(3)) lane.offer(message('poison', n));
    note('poison', { bad: 0, good: 200 });
    lane.offer(message('poison', 4));
    expect(passed).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(passed).toEqual(['poison 1', 'poison 2', 'poison 3', 'poison 4']);
    lane.offer(message('poison', 5));
    expect(passed).toHaveLength(5);
  });

  test('a beat passes some of a flood, and all of it comes', () => {
    const { lane, passed } = start();
    for (const n of upTo(1_000)) lane.offer(message('poison', n));
    vi.advanceTimersToNextTimer();
    expect(passed.length).toBeGreaterThan(0);
    expect(passed.length).toBeLessThan(1_000);
    vi.advanceTimersByTime(1_000);
    expect(passed).toEqual(upTo(1_000).map((n) => `poison ${n}`));
  });

  test('the longer it took to find out what they mean, the longer they wait for their turn', () => {
    const { lane, passed } = start(50);
    lane.offer(message('poison', 1));
    vi.advanceTimersByTime(300);
    expect(passed).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(passed).toHaveLength(1);
  });

  test('what waits is bounded: beyond it all of the device passes, in order', () => {
    const { lane, passed } = start();
    for (const n of upTo(17)) lane.offer(message('poison', n, 1_048_576));
    expect(passed.length).toBeGreaterThanOrEqual(15);
    expect(passed).toEqual(upTo(passed.length).map((n) => `poison ${n}`));
  });

  test('who has fallen silent is forgotten after a while, and leaves room to watch others', () => {
    const { lane, passed, note } = start();
    const once = upTo(50_000).map((n) => message(`once ${n}`, 1));
    lane.note(
      once,
      once.map((one) => ({ message: one, rejection: malformed })),
      1,
    );
    vi.advanceTimersByTime(1_000);
    note('flood', { bad: 200 });
    lane.offer(message('flood', 1));
    expect(passed).toEqual([]);
  });

  test('released, nothing is left behind', () => {
    const { lane, passed } = start();
    for (const n of upTo(900)) lane.offer(message('poison', n));
    lane.release();
    expect(passed).toHaveLength(900);
    vi.advanceTimersByTime(1_000);
    expect(passed).toHaveLength(900);
  });
});
