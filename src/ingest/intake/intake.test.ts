import { setImmediate as turn } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createLog } from '../../platform/log.ts';
import { createIngestCounters } from './counters.ts';
import { createIntake, type Intake } from './intake.ts';
import type { Message, Origin } from './message.ts';
import type { CommitSteps } from './persistent-commit.ts';

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

function start(steps: Partial<CommitSteps>): Intake {
  return createIntake({
    commit: async () => {},
    isPoison: () => false,
    setAside: async () => {},
    ...steps,
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
});
