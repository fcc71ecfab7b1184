import { setImmediate as turn } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { type PlainSteps, plainSteps } from '../../../tests/support/intake-run.ts';
import { createLog } from '../../platform/log.ts';
import { createIngestCounters } from './counters.ts';
import { createIntake, type Intake } from './intake.ts';
import type { Message, Origin } from './message.ts';
import type { CommitSteps, Part } from './persistent-commit.ts';

/** A device that writes down what it is told: a message's identifier, or x and it when it was dropped, and | for a flush. */
function createDevice() {
  const told: string[] = [];
  const origin: Origin = {
    device: { id: 'd', tenantId: 't', username: 'd', grants: [], subscribeGrants: [] },
    settle: ({ messageId }, { isCommitted }) => told.push(`${isCommitted ? '' : 'x'}${messageId}`),
    flush: () => told.push('|'),
  };
  const message = (messageId: number, { qos = 1 as 0 | 1 | 2, bytes = 1 } = {}): Message => ({
    origin,
    topic: 't',
    payload: Buffer.alloc(bytes),
    receivedMs: 0,
    qos,
    messageId,
    isRepeated: false,
  });
  return { told, message };
}

function start(steps: PlainSteps, others: Partial<CommitSteps<Part>> = {}): Intake {
  return createIntake({
    ...plainSteps(steps),
    ...others,
    counters: createIngestCounters(new Registry()),
    log: createLog('silent'),
  });
}

/** A commit that waits until it is let go. */
function createSlowCommit() {
  const batches: number[][] = [];
  const waiting: (() => void)[] = [];
  const commit = (messages: readonly Message[]) => {
    batches.push(messages.map(({ messageId }) => messageId ?? 0));
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { batches, commit, letGo: () => waiting.shift()?.() };
}

const turns = async () => {
  for (let i = 0; i < 5; i++) await turn();
};

/** Understands every message, and notes of how many it was asked at a time. */
function createCountingInterpret() {
  const asked: number[] = [];
  const interpret = async (messages: readonly Message[]) => {
    asked.push(messages.length);
    return { messages };
  };
  return { asked, interpret };
}

describe('the intake', () => {
  test('gathers the next batch while one is on its way, and settles in order, with one flush a commit', async () => {
    const { told, message } = createDevice();
    const { batches, commit, letGo } = createSlowCommit();
    const intake = start({ commit });
    intake.offer(message(1));
    await turns();
    for (const id of [2, 3, 4]) intake.offer(message(id));
    await turns();
    expect(batches).toEqual([[1]]);
    expect(told).toEqual([]);
    letGo();
    await turns();
    expect(batches).toEqual([[1], [2, 3, 4]]);
    expect(told).toEqual(['1', '|']);
    letGo();
    expect(await intake.drain(1_000)).toBe(true);
    expect(told).toEqual(['1', '|', '2', '3', '4', '|']);
  });

  test('tries the same batch again when the database is away', async () => {
    const { told, message } = createDevice();
    const seen: string[] = [];
    const commit = async (messages: readonly Message[], attempt: number) => {
      seen.push(`${messages.map(({ messageId }) => messageId)} ${attempt}`);
      if (attempt < 2) throw new Error('away');
    };
    const intake = start({ commit });
    intake.offer(message(1));
    intake.offer(message(2));
    expect(await intake.drain(5_000)).toBe(true);
    expect(seen).toEqual(['1,2 0', '1,2 1', '1,2 2']);
    expect(told).toEqual(['1', '2', '|']);
  });

  test('finds the one message that cannot be stored, sets it aside, and keeps the order', async () => {
    const { told, message } = createDevice();
    const poison = new Set([3, 7]);
    const aside: unknown[] = [];
    const commit = async (messages: readonly Message[]) => {
      if (messages.some(({ messageId }) => poison.has(messageId ?? 0))) throw new TypeError('poison');
    };
    const setAside = async ({ messageId }: Message) => {
      aside.push(messageId);
    };
    const intake = start({ commit, setAside, isPoison: (error) => error instanceof TypeError });
    for (let id = 1; id <= 9; id++) intake.offer(message(id));
    expect(await intake.drain(5_000)).toBe(true);
    expect(aside).toEqual([3, 7]);
    expect(told.filter((word) => word !== '|')).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('finds out what the next messages mean while a batch is on its way, a part after the other, and commits them together', async () => {
    const { message } = createDevice();
    const { batches, commit, letGo } = createSlowCommit();
    const asked: string[] = [];
    let atOnce = 0;
    const interpret = async (messages: readonly Message[]) => {
      asked.push(`${messages.length} of ${++atOnce}`);
      await turn();
      atOnce--;
      return { messages };
    };
    const intake = start({ commit }, { interpret });
    let id = 0;
    for (const count of [1, 1_000, 1_500]) {
      for (let n = 0; n < count; n++) intake.offer(message(++id));
      await turns();
    }
    expect(asked).toEqual(['1', '500', '500', '500', '500', '500'].map((count) => `${count} of 1`));
    await turns();
    expect(batches.map(({ length }) => length)).toEqual([1]);
    letGo();
    await turns();
    expect(batches.map(({ length }) => length)).toEqual([1, 2_500]);
    letGo();
    expect(await intake.drain(1_000)).toBe(true);
    expect(asked).toHaveLength(6);
  });

  test('of what waits a third is taken at a time, where that is many', async () => {
    const { message } = createDevice();
    const { batches, commit, letGo } = createSlowCommit();
    const { asked, interpret } = createCountingInterpret();
    const intake = start({ commit }, { interpret });
    for (let id = 1; id <= 4_500; id++) intake.offer(message(id));
    await turns();
    await turns();
    expect(asked).toEqual([1_500, 1_000, 667, 500, 500, 333]);
    letGo();
    await turns();
    expect(batches.map(({ length }) => length)).toEqual([1_500, 3_000]);
    letGo();
    expect(await intake.drain(1_000)).toBe(true);
  });

  test('a few messages are committed together once the commit before is done', async () => {
    const { told, message } = createDevice();
    const { batches, commit, letGo } = createSlowCommit();
    const { asked, interpret } = createCountingInterpret();
    const intake = start({ commit }, { interpret });
    for (const ids of [[1], [2, 3], [4, 5]]) {
      for (const id of ids) intake.offer(message(id));
      await turns();
    }
    expect(asked).toEqual([1, 2, 2]);
    letGo();
    await turns();
    expect(batches).toEqual([[1], [2, 3, 4, 5]]);
    expect(told).toEqual(['1', '|']);
    letGo();
    expect(await intake.drain(1_000)).toBe(true);
  });

  test('takes no more than a batch while one is on its way', async () => {
    const { message } = createDevice();
    const { batches, commit, letGo } = createSlowCommit();
    const intake = start({ commit });
    intake.offer(message(1));
    await turns();
    for (let id = 2; id <= 12_001; id++) intake.offer(message(id));
    for (let n = 0; n < 4; n++) {
      await turns();
      await turns();
      letGo();
    }
    expect(await intake.drain(1_000)).toBe(true);
    expect(batches.map(({ length }) => length)).toEqual([1, 5_000, 5_000, 2_000]);
    expect(batches.flat()).toEqual(Array.from({ length: 12_001 }, (_, i) => i + 1));
  });

  test('a message that cannot be read is refused in its place, and one that cannot be stored is read once', async () => {
    const { told, message } = createDevice();
    const refused: unknown[] = [];
    const asked: number[] = [];
    const stored: unknown[] = [];
    const interpret = async (messages: readonly Message[]) => {
      if (messages.some(({ messageId }) => messageId === 4)) throw new TypeError('cannot be read');
      asked.push(...messages.map(({ messageId = 0 }) => messageId));
      return { messages };
    };
    const commit = async (messages: readonly Message[]) => {
      if (messages.some(({ messageId }) => messageId === 7)) throw new TypeError('cannot be stored');
      stored.push(...messages.map(({ messageId }) => messageId));
    };
    const setAside = async ({ messageId }: Message, error: unknown) => {
      refused.push(`${messageId} ${(error as Error).message}`);
    };
    const isPoison = (error: unknown) => error instanceof TypeError;
    const intake = start({ commit, setAside, isPoison }, { interpret });
    for (let id = 1; id <= 9; id++) intake.offer(message(id));
    expect(await intake.drain(5_000)).toBe(true);
    expect(refused).toEqual(['4 cannot be read', '7 cannot be stored']);
    expect(asked).toEqual([1, 2, 3, 5, 6, 7, 8, 9]);
    expect(stored).toEqual([1, 2, 3, 5, 6, 8, 9]);
    expect(told.filter((word) => word !== '|')).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('asks again what messages mean when the database could not be asked', async () => {
    const { told, message } = createDevice();
    let asked = 0;
    const interpret = async (messages: readonly Message[]) => {
      if (++asked < 3) throw new Error('away');
      return { messages };
    };
    const intake = start({ commit: async () => {} }, { interpret });
    intake.offer(message(1));
    intake.offer(message(2));
    expect(await intake.drain(5_000)).toBe(true);
    expect(asked).toBe(3);
    expect(told).toEqual(['1', '2', '|']);
  });

  test('lets a message go that cannot even be set aside, so that nothing waits behind it', async () => {
    const { told, message } = createDevice();
    const poison = async (messages: readonly Message[]) => {
      if (messages.some(({ messageId }) => messageId === 2)) throw new TypeError('poison');
    };
    const setAside = (one: Message) => poison([one]);
    const intake = start({ commit: poison, setAside, isPoison: (error) => error instanceof TypeError });
    for (let id = 1; id <= 3; id++) intake.offer(message(id));
    expect(await intake.drain(2_000)).toBe(true);
    expect(told.filter((word) => word !== '|')).toEqual(['1', '2', '3']);
  });

  test('is full at its limit, drops QoS 0 and nothing else, and tells when a quarter is free again', async () => {
    const { told, message } = createDevice();
    const { commit, letGo } = createSlowCommit();
    const intake = start({ commit });
    let rooms = 0;
    intake.onRoom(() => rooms++);
    const bytes = 1_048_576;
    for (let id = 1; id <= 64; id++) intake.offer(message(id, { bytes }));
    await turns();
    expect(intake.isFull()).toBe(true);
    // What doors had read by then is taken, and that is bounded, too.
    for (let id = 65; id <= 96; id++) intake.offer(message(id, { bytes, qos: 0 }));
    intake.offer(message(97, { qos: 0 }));
    intake.offer(message(98, { qos: 1 }));
    expect(told).toEqual(['x97']);
    for (let freed = 8; freed <= 56; freed += 8) {
      expect(rooms).toBe(0);
      letGo();
      await turns();
    }
    expect(intake.isFull()).toBe(false);
    expect(rooms).toBe(1);
  });

  test('gives up when it is to close and the database does not come back; nothing is acknowledged then', async () => {
    const { told, message } = createDevice();
    const intake = start({
      commit: async () => {
        throw new Error('away');
      },
    });
    intake.offer(message(1));
    expect(await intake.drain(200)).toBe(false);
    expect(told).toEqual([]);
  });

  test('what is committed in the moment when it gives up is told before it is closed', async () => {
    const { told, message } = createDevice();
    const { commit, letGo } = createSlowCommit();
    const intake = start({ commit });
    intake.offer(message(1));
    await turns();
    setTimeout(letGo, 5);
    const drained = intake.drain(6);
    const bothAreDueAt = performance.now() + 20;
    while (performance.now() < bothAreDueAt);
    await drained;
    expect(told).toEqual(['1', '|']);
  });
});
