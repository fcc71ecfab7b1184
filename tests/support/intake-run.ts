/** The intake with its spool and nothing around them: runs of it in one folder, on a database that comes and goes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect } from 'vitest';
import { createIngestCounters } from '../../src/ingest/intake/counters.ts';
import { createIntake } from '../../src/ingest/intake/intake.ts';
import type { Message, Origin } from '../../src/ingest/intake/message.ts';
import type { CommitSteps, Part } from '../../src/ingest/intake/persistent-commit.ts';
import { openSpool } from '../../src/ingest/intake/spool.ts';
import { createLog } from '../../src/platform/log.ts';
import { countIn } from './counter.ts';

const log = createLog('silent');
export const awayMs = 4;

/**
 * A database that can be away, and writes down what is committed: the numbers of the messages. What an earlier run had on
 * its way when it gave up may be there already, and is not written twice.
 */
export function createNumbersDatabase() {
  const committed: number[] = [];
  const runOf = new Map<number, number>();
  const commit = async (messages: readonly Message[]) => {
    const { isAway: wasAway, run } = database;
    await sleep(2);
    if (wasAway || database.isAway) throw new Error('away');
    const added = messages.map(numberOf).filter((n) => (runOf.get(n) ?? run) === run);
    for (const n of added) runOf.set(n, run);
    committed.push(...added);
  };
  const database = { isAway: false, run: 0, committed, commit };
  return database;
}

export type NumbersDatabase = ReturnType<typeof createNumbersDatabase>;

/** What is done with messages whose meaning is themselves. */
export type PlainSteps = {
  readonly commit: (messages: readonly Message[], attempt: number) => Promise<void>;
  readonly isPoison?: (error: unknown) => boolean;
  /** Commits that a message could not be stored. */
  readonly setAside?: (message: Message, error: unknown) => Promise<void>;
};

type PlainPart = Part & { readonly error?: unknown };

/** They as the steps of an intake. */
export function plainSteps({ commit, isPoison, setAside }: PlainSteps): CommitSteps<PlainPart> {
  return {
    interpret: async (messages) => ({ messages }),
    halve: ({ messages }) => {
      const middle = Math.ceil(messages.length / 2);
      return [{ messages: messages.slice(0, middle) }, { messages: messages.slice(middle) }];
    },
    refuse: (message, error) => ({ messages: [message], error }),
    commit: async (parts, attempt) => {
      const stored = parts.filter(({ error }) => !error).flatMap(({ messages }) => messages);
      if (stored.length > 0) await commit(stored, attempt);
      for (const { messages, error } of parts) if (error) await setAside?.(messages[0] as Message, error);
    },
    isPoison: isPoison ?? (() => false),
  };
}

type RunOptions = Partial<PlainSteps> & {
  readonly bytesMax?: number;
  readonly awayMs?: number;
  readonly shedAfterMs?: number;
};

export type Run = ReturnType<typeof startIntakeRun>;

/** Gives each test of the file an empty folder, and starts runs in it. */
export function useSpoolFolder() {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'faultline-spool-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return {
    directory: () => directory,
    start: (database: NumbersDatabase, options?: RunOptions) => startIntakeRun(directory, database, options),
  };
}

/** One run of the program: an intake with its spool in `directory`, and what its one device has been told. */
function startIntakeRun(
  directory: string,
  database: NumbersDatabase,
  { bytesMax = 1e9, commit = database.commit, isPoison, setAside, ...options }: RunOptions = {},
) {
  database.run++;
  const registry = new Registry();
  const counters = createIngestCounters(registry);
  const spool = openSpool({ directory, bytesMax, counters, log });
  const told = { committed: [] as number[], spooled: [] as number[], dropped: [] as number[] };
  const intake = createIntake({
    ...plainSteps({ commit, ...(isPoison && { isPoison }), ...(setAside && { setAside }) }),
    counters,
    log,
    spool,
    awayMs,
    ...options,
  });
  const origin: Origin = {
    device: { id: 'd', tenantId: 't', username: 'gateway', grants: ['a/#'], subscribeGrants: [] },
    settle: (message, { isCommitted, isSpooled }) => {
      told[isCommitted ? 'committed' : isSpooled ? 'spooled' : 'dropped'].push(numberOf(message));
    },
    flush: () => undefined,
  };
  /** Message n, whose payload is its number unless told otherwise. */
  const offer = (n: number, qos: 0 | 1, { topic = 'a/b', payload = Buffer.from(`${n}`) } = {}) => {
    const messageId = qos > 0 ? n : undefined;
    intake.offer({ origin, topic, payload, receivedMs: 1_000 + n, qos, messageId, isRepeated: false });
  };
  const count = (name: string) => countIn(registry, name);
  return { intake, spool, told, offer, count };
}

export function numberOf({ payload }: Message): number {
  return Number(payload.toString());
}

export const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i);

/** Resolves once the intake has noticed. */
export const untilAway = ({ intake }: Run) => soon(() => intake.state()).not.toBe('working');

/** What becomes so within ten seconds, on a machine that has much else to do. */
export function soon<T>(look: () => T) {
  return expect.poll(look);
}
