/**
 * What every door's messages go through, whichever door it is:
 *
 *   intake ─▶ interpret ─▶ append, with quarantine, in one transaction ─▶ settled, in order
 */
import type { Registry } from 'prom-client';
import { type Database, isConnectionLoss } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { createAppender, isPartitionGone } from '../telemetry/append-store.ts';
import type { StorageEngine } from '../telemetry/engine-store.ts';
import { createDirectory } from './decode/directory.ts';
import { type Interpreted, interpret } from './decode/interpret.ts';
import { createIngestCounters, type IngestCounters } from './intake/counters.ts';
import { createIntake, type Intake } from './intake/intake.ts';
import type { Message } from './intake/message.ts';
import { createQuarantineLimit, type QuarantineEntry } from './quarantine/quarantine.ts';
import { insertQuarantine } from './quarantine/quarantine-store.ts';

export type Pipeline = { readonly intake: Intake; readonly counters: IngestCounters };

export type PipelineOptions = {
  readonly database: Database;
  readonly storage: StorageEngine;
  /** How long a tick waits for its readings, in milliseconds of real time. */
  readonly graceMs: number;
  readonly log: Log;
  readonly registry: Registry;
};

/** An empty pipeline, for any number of doors. */
export function createPipeline({ database, storage, graceMs, log, registry }: PipelineOptions): Pipeline {
  const counters = createIngestCounters(registry);
  const appender = createAppender(database.pool, { engine: storage, graceMs });
  const directory = createDirectory(database.db);
  const mayKeep = createQuarantineLimit();
  /** A batch that is tried again is what it was: neither its readings nor what is kept of its rejections change. */
  const interpreted = new WeakMap<readonly Message[], Interpreted & { kept: QuarantineEntry[] }>();

  const interpretOnce = async (messages: readonly Message[]) => {
    const known = interpreted.get(messages);
    if (known) return known;
    const found = await interpret(messages, directory);
    const result = { ...found, kept: found.rejected.filter((entry) => mayKeep(entry.deviceId, entry.receivedMs)) };
    interpreted.set(messages, result);
    return result;
  };

  const commit = async (messages: readonly Message[], attempt: number): Promise<void> => {
    const { arrivals, rejected, kept } = await interpretOnce(messages);
    const startedAt = performance.now();
    if (arrivals.length + kept.length > 0) {
      const alongside =
        kept.length > 0
          ? (client: Parameters<typeof insertQuarantine>[0]) => insertQuarantine(client, kept)
          : undefined;
      const { stored, duplicates, conflicts } = await appender.append(arrivals, alongside);
      // Of a commit that is tried again, part may have been stored before its answer was lost: that is no repetition.
      counters.committed.inc(attempt > 0 ? stored + duplicates : stored);
      if (attempt === 0) counters.duplicate.inc(duplicates);
      counters.conflict.inc(conflicts);
      counters.batch.observe(arrivals.length);
      counters.commit.observe((performance.now() - startedAt) / 1_000);
      observeLag(counters, arrivals);
    }
    for (const { reason } of rejected) counters.quarantined.inc({ reason });
    counters.suppressed.inc(rejected.length - kept.length);
    counters.acknowledged.inc(messages.reduce((sum, { qos }) => (qos > 0 ? sum + 1 : sum), 0));
  };

  const setAside = async (message: Message, error: unknown): Promise<void> => {
    const entry = notStorable(message, error);
    await appender.append([], (client) => insertQuarantine(client, [entry]));
    counters.quarantined.inc({ reason: entry.reason });
    if (message.qos > 0) counters.acknowledged.inc();
  };

  return { intake: createIntake({ commit, isPoison, setAside, counters, log }), counters };
}

/**
 * Whether an error is about the data: PostgreSQL's classes 22 (data exception) and 23 (integrity), or a fault of our own
 * code. Everything else, from a lost connection to a full disk, will pass, and the same batch is tried again.
 */
function isPoison(error: unknown): boolean {
  if (!(error instanceof Error) || isConnectionLoss(error) || isPartitionGone(error)) return false;
  const { code } = error as { code?: string };
  if (code === undefined) return error instanceof TypeError || error instanceof RangeError || error instanceof URIError;
  return /^2[23]...$/.test(code);
}

function notStorable({ origin, topic, payload, receivedMs }: Message, error: unknown): QuarantineEntry {
  const { tenantId, id: deviceId } = origin.device;
  const detail = `the message could not be stored: ${error instanceof Error ? error.message : String(error)}`;
  return { reason: 'not_storable', detail, tenantId, deviceId, topic, payload, receivedMs };
}

function observeLag(counters: IngestCounters, arrivals: readonly { timeMs: number }[]): void {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const { timeMs } of arrivals) if (timeMs > newestMs) newestMs = timeMs;
  if (arrivals.length > 0) counters.lag.observe(Math.max(0, Date.now() - newestMs) / 1_000);
}
