/**
 * What every door's messages go through, whichever door it is:
 *
 *   order of Sparkplug ─▶ slow lane ─▶ intake ─▶ interpret ─▶ append, with quarantine, in one transaction ─▶ settled, in order
 */
import type { Registry } from 'prom-client';
import type { Database } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import { type Appender, createAppender } from '../telemetry/append-store.ts';
import type { StorageEngine } from '../telemetry/storage/engine-store.ts';
import { withoutMessagesBetweenDevices } from './between-devices.ts';
import { createDirectory } from './decode/directory.ts';
import { createInterpret, type Interpret, type Interpreted } from './decode/interpret.ts';
import type { Rejected } from './decode/protocol.ts';
import { createTenants } from './decode/tenants.ts';
import { createIngestCounters, type IngestCounters } from './intake/counters.ts';
import { createIntake, type Intake } from './intake/intake.ts';
import type { Message } from './intake/message.ts';
import type { CommitSteps, Part } from './intake/persistent-commit.ts';
import { createSlowLane, type SlowLane } from './intake/slow-lane.ts';
import { openSpool, type SpoolOptions } from './intake/spool.ts';
import { createForwarding, type Forwarding } from './mqtt/broker/forwarding.ts';
import { isPoison, notStorable } from './not-storable.ts';
import { createOpcuaReader } from './opcua/read-values.ts';
import { createQuarantineLimit, type QuarantineEntry, type QuarantineLimit } from './quarantine/quarantine.ts';
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
  const opcua = createOpcuaReader({ db, directory: names.directory });
  const interpret = createInterpret({ ...names, protocols: { sparkplug: sparkplug.read, opcua } });
  const mayKeep = createQuarantineLimit();
  const noteOutcome: SlowLane['note'] = (...outcome) => lane.note(...outcome);
  const steps = createSteps({ interpret, sparkplug, forwarding, mayKeep, appender, counters, noteOutcome });

  const spool = options.spool && openSpool({ ...options.spool, counters, log });
  const { shedAfterMs } = options;
  const intake = createIntake({ ...steps, counters, log, spool, shedAfterMs });
  const lane = createSlowLane(intake.offer);
  const order = sparkplug.createOrder(lane.offer);
  const drain: Intake['drain'] = (waitMsMax) => {
    order.release();
    lane.release();
    return intake.drain(waitMsMax);
  };
  return { intake: { ...intake, offer: order.offer, drain }, counters, forwarding, sparkplug };
}

/** What messages mean: readings, what is rejected of them, and what of that is kept in quarantine. */
type Meaning = Part &
  Readonly<Record<'rejected' | 'kept', readonly Rejected[]>> &
  Pick<Interpreted, 'arrivals' | 'cameIn'>;

type Commit = {
  readonly interpret: Interpret;
  readonly sparkplug: Sparkplug;
  readonly forwarding: Forwarding;
  readonly mayKeep: QuarantineLimit;
  readonly appender: Appender;
  readonly counters: IngestCounters;
  readonly noteOutcome: SlowLane['note'];
};

function createSteps({ interpret, sparkplug, forwarding, mayKeep, ...rest }: Commit): CommitSteps<Meaning> {
  const { appender, counters, noteOutcome } = rest;
  return {
    isPoison,
    halve,
    interpret: async (messages) => {
      const startedAt = performance.now();
      const found = await interpret(messages);
      const rejected = withoutMessagesBetweenDevices(found.rejected, forwarding.isHeard);
      noteOutcome(messages, rejected, performance.now() - startedAt);
      const kept = rejected.filter(({ message }) => mayKeep(message.origin.device.id, message.receivedMs));
      return { ...found, messages, rejected, kept };
    },
    refuse: (message, error) => {
      const refused = [{ message, rejection: notStorable(error) }];
      return { messages: [message], arrivals: [], cameIn: [], rejected: refused, kept: refused };
    },
    commit: async (parts, attempt) => {
      const { messages, arrivals, rejected, kept } = join(parts);
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
      for (const { rejection } of rejected) counters.quarantined.inc({ reason: rejection.reason });
      counters.suppressed.inc(rejected.length - kept.length);
      countCompleted(counters, messages);
    },
  };
}

function join(parts: readonly Meaning[]): Omit<Meaning, 'cameIn'> {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return {
    messages: parts.flatMap(({ messages }) => messages),
    arrivals: parts.flatMap(({ arrivals }) => arrivals),
    rejected: parts.flatMap(({ rejected }) => rejected),
    kept: parts.flatMap(({ kept }) => kept),
  };
}

/** A message means the same alone as among others: nothing is found out, discovered or counted twice. */
function halve({ messages, arrivals, cameIn, rejected, kept }: Meaning): readonly [Meaning, Meaning] {
  const middle = Math.ceil(messages.length / 2);
  const ofFirst = new Set(messages.slice(0, middle));
  const half = (some: readonly Message[], isIn: (message: Message) => boolean): Meaning => ({
    messages: some,
    arrivals: arrivals.filter((_, i) => isIn(cameIn[i] as Message)),
    cameIn: cameIn.filter(isIn),
    rejected: rejected.filter(({ message }) => isIn(message)),
    kept: kept.filter(({ message }) => isIn(message)),
  });
  return [
    half(messages.slice(0, middle), (message) => ofFirst.has(message)),
    half(messages.slice(middle), (message) => !ofFirst.has(message)),
  ];
}

/** What is written in the transaction of the readings; undefined when there is nothing, since they need none by themselves. */
function beside(kept: readonly Rejected[], births: readonly BirthChange[]): Parameters<Appender['append']>[1] {
  if (kept.length + births.length === 0) return undefined;
  return async (client) => {
    if (kept.length > 0) await insertQuarantine(client, kept.map(entryOf));
    if (births.length > 0) await saveBirths(client, births);
  };
}

function entryOf({ message, rejection }: Rejected): QuarantineEntry {
  const { origin, topic, payload, receivedMs } = message;
  const { tenantId, id: deviceId } = origin.device;
  return { ...rejection, tenantId, deviceId, topic, payload, receivedMs };
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
