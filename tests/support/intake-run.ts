/** The intake with its spool and nothing around them: runs of it in one folder, on a database that comes and goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { createIngestCounters } from '../../src/ingest/intake/counters.ts';
import { createIntake } from '../../src/ingest/intake/intake.ts';
import type { Message, Origin } from '../../src/ingest/intake/message.ts';
import { openSpool } from '../../src/ingest/intake/spool.ts';
import { createLog } from '../../src/platform/log.ts';

const log = createLog('silent');
export const awayMs = 4;

/** A database that can be away, and writes down what is committed: the numbers of the messages. */
export function createNumbersDatabase() {
  const committed: number[] = [];
  const commit = async (messages: readonly Message[]) => {
    await sleep(2);
    if (database.isAway) throw new Error('away');
    committed.push(...messages.map(numberOf));
  };
  const database = { isAway: false, committed, commit };
  return database;
}

export type NumbersDatabase = ReturnType<typeof createNumbersDatabase>;

type RunOptions = Partial<Parameters<typeof createIntake>[0]> & { readonly bytesMax?: number };

export type Run = ReturnType<typeof startIntakeRun>;

/** One run of the program: an intake with its spool in `directory`, and what its one device has been told. */
export function startIntakeRun(
  directory: string,
  database: NumbersDatabase,
  { bytesMax = 1e9, ...steps }: RunOptions = {},
) {
  const registry = new Registry();
  const counters = createIngestCounters(registry);
  const spool = openSpool({ directory, bytesMax, counters, log });
  const told = { committed: [] as number[], spooled: [] as number[], dropped: [] as number[] };
  const intake = createIntake({
    commit: database.commit,
    isPoison: () => false,
    setAside: async () => {},
    counters,
    log,
    spool,
    awayMs,
    ...steps,
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
  const count = async (name: string) =>
    (await registry.getSingleMetric(`faultline_ingest_${name}`)?.get())?.values[0]?.value ?? 0;
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
  return expect.poll(look, { timeout: 10_000 });
}
