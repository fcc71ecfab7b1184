/**
 * What every door's messages go through, whichever door it is:
 *
 *   intake ─▶ interpret ─▶ append, with quarantine, in one transaction ─▶ settled, in order
 */
import type { Registry } from 'prom-client';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { type Appender, createAppender } from '../telemetry/append-store.ts';
import type { StorageEngine } from '../telemetry/engine-store.ts';
import { withoutMessagesBetweenDevices } from './between-devices.ts';
import { createDirectory } from './decode/directory.ts';
import { createInterpret, type Interpreted } from './decode/interpret.ts';
import { createTenants } from './decode/tenants.ts';
import { createIngestCounters, type IngestCounters } from './intake/counters.ts';
import { createIntake, type Intake } from './intake/intake.ts';
import type { Message } from './intake/message.ts';
import { openSpool, type SpoolOptions } from './intake/spool.ts';
import { createForwarding, type Forwarding } from './mqtt/broker/forwarding.ts';
import { isPoison, notStorable } from './not-storable.ts';
import { createQuarantineLimit, type QuarantineEntry } from './quarantine/quarantine.ts';
import { insertQuarantine } from './quarantine/quarantine-store.ts';
import { createSparkplug, defaultSparkplug, type Sparkplug, type SparkplugSettings } from './sparkplug/sparkplug.ts';
import { type BirthChange, saveBirths } from './sparkplug/sparkplug-store.ts';

export type Pipeline = {
  readonly intake: Intake;
  readonly counters: IngestCounters;
  /** To the devices that subscribe here. */
  readonly forwarding: Forwarding;
  /** The host application of the tenants' Sparkplug edge nodes; silent until it is opened. */
  readonly sparkplug: Sparkplug;
};

export type PipelineOptions = {
  readonly database: Database;
  readonly storage: StorageEngine;
  /** How long a tick waits for its readings, in milliseconds of real time. */
  readonly graceMs: number;
  readonly log: Log;
  readonly registry: Registry;
  /** Where what nobody sends again waits while the database is away; absent: in memory, as far as that goes. */
  readonly spool?: SpoolOptions | undefined;
  /** After so long without a commit connections whose messages wait are closed, in milliseconds. */
  readonly shedAfterMs?: number | undefined;
  readonly sparkplug?: SparkplugSettings | undefined;
};

/** A pipeline for any number of doors, empty but for what an earlier run left in the spool. Throws when that cannot be opened. */
export function createPipeline({ database, storage, graceMs, log, registry, ...options }: PipelineOptions): Pipeline {
  const counters = createIngestCounters(registry);
  const forwarding = createForwarding({ counters, log });
  const appender = createAppender(database.pool, { engine: storage, graceMs });
  const { db } = database;
  const names = { directory: createDirectory(db), tenants: createTenants(db) };
  const sparkplug = createSparkplug({ db, ...names, log, settings: options.sparkplug ?? defaultSparkplug });
  const interpret = createInterpret({ ...names, sparkplug: sparkplug.read });
  const mayKeep = createQuarantineLimit();
  /** A batch that is tried again is what it was: neither its readings nor what is kept of its rejections change. */
  const interpreted = new WeakMap<readonly Message[], Interpreted & { kept: QuarantineEntry[] }>();

  const interpretOnce = async (messages: readonly Message[]) => {
    const known = interpreted.get(messages);
    if (known) return known;
    const found = await interpret(messages);
    const rejected = withoutMessagesBetweenDevices(found.rejected, { messages, isHeard: forwarding.isHeard });
    const kept = rejected.filter((entry) => mayKeep(entry.deviceId, entry.receivedMs));
    const result = { ...found, rejected, kept };
    interpreted.set(messages, result);
    return result;
  };

  const commit = async (messages: readonly Message[], attempt: number): Promise<void> => {
    const { arrivals, rejected, kept } = await interpretOnce(messages);
    const births = sparkplug.birthsOf(messages);
    const startedAt = performance.now();
    if (arrivals.length + kept.length + births.length > 0) {
      const { stored, duplicates, conflicts } = await appender.append(arrivals, beside(kept, births));
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
    countCompleted(counters, messages);
  };

  const setAside = async (message: Message, error: unknown): Promise<void> => {
    const { origin, topic, payload, receivedMs } = message;
    const { tenantId, id: deviceId } = origin.device;
    const entry = { ...notStorable(error), tenantId, deviceId, topic, payload, receivedMs };
    await appender.append([], (client) => insertQuarantine(client, [entry]));
    counters.quarantined.inc({ reason: entry.reason });
    countCompleted(counters, [message]);
  };

  const spool = options.spool && openSpool({ ...options.spool, counters, log });
  const { shedAfterMs } = options;
  const intake = createIntake({ commit, isPoison, setAside, counters, log, spool, shedAfterMs });
  const order = sparkplug.createOrder(intake.offer);
  const drain: Intake['drain'] = (waitMsMax) => {
    order.release();
    return intake.drain(waitMsMax);
  };
  return { intake: { ...intake, offer: order.offer, drain }, counters, forwarding, sparkplug };
}

/** What is written in the transaction of the readings; undefined when there is nothing, since they need none by themselves. */
function beside(kept: readonly QuarantineEntry[], births: readonly BirthChange[]): Parameters<Appender['append']>[1] {
  if (kept.length + births.length === 0) return undefined;
  return async (client) => {
    if (kept.length > 0) await insertQuarantine(client, kept);
    if (births.length > 0) await saveBirths(client, births);
  };
}

function countCompleted(counters: IngestCounters, messages: readonly Message[]): void {
  const counts = [0, 0, 0] as [number, number, number];
  for (const { qos } of messages) counts[qos]++;
  for (const qos of [0, 1, 2] as const) if (counts[qos] > 0) counters.completed.inc({ qos }, counts[qos]);
  counters.acknowledged.inc(counts[1] + counts[2]);
}

function observeLag(counters: IngestCounters, arrivals: readonly { timeMs: number }[]): void {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const { timeMs } of arrivals) if (timeMs > newestMs) newestMs = timeMs;
  if (arrivals.length > 0) counters.lag.observe(Math.max(0, Date.now() - newestMs) / 1_000);
}
