/**
 * The composition root: the only file that knows every stage.
 *
 *   MQTT ─▶ ingest ─▶ telemetry ─▶ rules ─▶ insights ─▶ work-orders
 *                                    ▲ woken by jobs          │
 *                                    └── one transaction a shard and tick ──┘      api serves what all of them store
 *
 * Opened from the database outwards to the doors, and closed in reverse: first the doors, then the pipeline behind them,
 * the database last.
 */
import { join } from 'node:path';
import { deleteOldRefusals } from './access/audit/audit-store.ts';
import { bootstrap, type Made } from './access/bootstrap.ts';
import { deleteOldIdempotencyKeys } from './access/idempotency-store.ts';
import { deleteOldDeviceEvents } from './access/presence-store.ts';
import { deleteOldSessions } from './access/sessions/session-store.ts';
import { startApi } from './api/start-api.ts';
import { moveMerged } from './assets/merge/move-merged.ts';
import { appendPresenceEvents } from './events/device-events.ts';
import { deleteOldEvents } from './events/store.ts';
import { createFiles, type Files } from './files/files.ts';
import { filesOfSettings } from './files/files-of-settings.ts';
import { createIngest, type Ingest } from './ingest/ingest.ts';
import { mqttDoors, openDoorSettings } from './ingest/mqtt/door/door-settings.ts';
import { followConnectionFile } from './ingest/opcua/connections/follow-file.ts';
import { deleteOldGaps } from './ingest/opcua/gaps/gap-store.ts';
import { stillMsUsual } from './ingest/opcua/still.ts';
import { deleteOldQuarantine } from './ingest/quarantine/quarantine-store.ts';
import { deleteDeadEdgeNodes } from './ingest/sparkplug/sparkplug-store.ts';
import { upstreamSettings } from './ingest/upstream/upstream-settings.ts';
import { applyEffects } from './insights/apply.ts';
import { listStanding } from './insights/apply-store.ts';
import { keepEvidence, listHolds } from './insights/evidence/evidence-keep-store.ts';
import { rebindEvidence } from './insights/evidence/record-evidence.ts';
import { startFloor } from './insights/floor.ts';
import { moveEndedInsights } from './insights/move-ended.ts';
import { replaceEpisodes } from './insights/replace.ts';
import { wakeInsights } from './insights/wake.ts';
import type { Config } from './platform/config.ts';
import { type Database, openDatabase } from './platform/database.ts';
import { startEmbeddedPostgres } from './platform/embedded-postgres.ts';
import { type Jobs, openJobs } from './platform/jobs.ts';
import { secretOf } from './platform/kept-secret.ts';
import type { Log } from './platform/log.ts';
import { createMetrics, type Metrics } from './platform/metrics.ts';
import { migrate } from './platform/migrate.ts';
import { createSealer, type Sealer } from './platform/sealer.ts';
import { listening, naming } from './platform/setting-errors.ts';
import type { Advanced, Sink } from './rules/live/advance.ts';
import { forgetRuleHistory, runRules, scaleTick } from './rules/live/live.ts';
import { openRuleSets } from './rules/live/rule-sets.ts';
import { seriesMover } from './telemetry/corrections/series-mover.ts';
import { learnIntervals } from './telemetry/learn-intervals.ts';
import { keepStorage } from './telemetry/retention/keep-storage.ts';
import { keepOfSettings } from './telemetry/retention/retention-settings.ts';
import { refreshRollups } from './telemetry/rollups/rollup-refresh.ts';
import { prepareStorage, type StorageEngine } from './telemetry/storage/engine-store.ts';
import { noteOnWorkOrders } from './work-orders/note-store.ts';
import { noteReturn } from './work-orders/notes/return-note-store.ts';
import { openForInsight } from './work-orders/open-for-insight.ts';
import { followClock } from './work-orders/sla/follow-clock.ts';

export type Faultline = {
  readonly apiUrl: string;
  /** Where devices connect, one URL for each way that the settings open. */
  readonly mqttUrls: readonly string[];
  /** Credentials that were made at this start. */
  readonly made: Made;
  readonly storage: StorageEngine['kind'];
  readonly ruleCount: number;
  /** Closes the doors, commits and acknowledges what is in flight, and stops; the database last. */
  stop(): Promise<void>;
};

export type StartOptions = { readonly log: Log; readonly onAdvanced?: (advanced: Advanced) => void };

const migrations = join(import.meta.dirname, '../migrations');
const connectionsMax = 20;
const housekeepingMs = 60_000;
/** How late people may hear that a deadline has passed. */
const clockMs = 15_000;
const upkeepMs = 3_600_000;
const upkeepStatementMsMax = 3_600_000;

/** Starts what ROLES asks for; rejects with an error that names the setting when a port is taken or a folder unusable. */
export async function startFaultline(config: Config, { log, onAdvanced }: StartOptions): Promise<Faultline> {
  const opened: (() => Promise<void>)[] = [];
  const stop = async () => {
    const failures: unknown[] = [];
    // What cannot be closed keeps nothing behind it open, the database least of all.
    for (const close of opened.splice(0).reverse()) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed');
  };
  try {
    return { ...(await open(config, { log, onAdvanced, opened })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Opening = {
  readonly log: Log;
  readonly onAdvanced: StartOptions['onAdvanced'] | undefined;
  readonly opened: (() => Promise<void>)[];
};

async function open(config: Config, { log, onAdvanced, opened }: Opening): Promise<Omit<Faultline, 'stop'>> {
  // Settings that contradict one another are refused before anything is opened.
  keepOfSettings(config);
  const files = createFiles({ ...filesOfSettings(config), log });
  const databaseUrl = config.DATABASE_URL ?? (await openEmbedded(config, log, opened));
  await naming(config.DATABASE_URL === undefined ? 'DATA_DIR' : 'DATABASE_URL', () => migrate(databaseUrl, migrations));
  const database = openDatabase(databaseUrl, { connectionsMax, log });
  opened.push(() => database.close());
  const storage = await prepareStorage(database.pool, log);
  const made = await bootstrap(database.db, config);
  const registry = createMetrics();

  // Opened before the jobs that use it, so that it is closed after them.
  const patient = openDatabase(databaseUrl, { connectionsMax: 3, log, statementMsMax: upkeepStatementMsMax });
  opened.push(() => patient.close());
  const jobs = openJobs({ databaseUrl, redisUrl: config.REDIS_URL, log });
  opened.push(() => jobs.close());
  if (config.ROLES.includes('jobs')) {
    await jobs.schedule('housekeeping', housekeepingMs, () => keepHouse(database, files));
    await jobs.schedule('roll-ups', housekeepingMs, (closing) =>
      refreshRollups(database.db, { engine: storage, log, closing }),
    );
    await jobs.schedule('points', housekeepingMs, (closing) => keepPoints(database, closing));
    await jobs.schedule('work-orders', clockMs, (closing) => followClock(database.db, { at: new Date(), closing }));
    await jobs.schedule('insights', clockMs, (closing) =>
      wakeInsights(database.db, { openWorkOrder: openForInsight, log, closing }),
    );
    await scheduleUpkeep(config, { log, patient, storage, jobs });
  }
  const ruleCount = config.ROLES.includes('rules')
    ? await openRules(config, { log, opened, onAdvanced, database, jobs })
    : 0;
  const mqttUrls = config.ROLES.includes('ingest')
    ? await openIngest(config, { log, opened, database, databaseUrl, storage, registry })
    : [];
  const apiUrl = config.ROLES.includes('api')
    ? await startApi(config, { log, opened, database, databaseUrl, storage, registry, mqttUrls })
    : '';
  return { apiUrl, mqttUrls, made, storage: storage.kind, ruleCount };
}

async function openEmbedded(config: Config, log: Log, opened: Opening['opened']): Promise<string> {
  const server = await naming('DATA_DIR', () => startEmbeddedPostgres(config.DATA_DIR, log));
  opened.push(() => server.stop());
  return server.url;
}

type Within = Omit<Opening, 'onAdvanced'> & { readonly database: Database };

/** Merged points and assets give up what they have left, and others tell how often they report; any number of processes may do so. */
async function keepPoints({ db }: Database, closing: AbortSignal): Promise<void> {
  await moveMerged(db, { mover: seriesMover, closing });
  await moveEndedInsights(db);
  await learnIntervals(db);
}

/** Forgets what nothing will ask for again; any number of processes may do so. */
async function keepHouse({ db }: Database, files: Files): Promise<void> {
  await forgetRuleHistory(db);
  await deleteOldQuarantine(db);
  await deleteOldGaps(db);
  await deleteOldDeviceEvents(db);
  await deleteDeadEdgeNodes(db);
  await deleteOldEvents(db);
  await deleteOldSessions(db);
  await deleteOldRefusals(db);
  await deleteOldIdempotencyKeys(db);
  // The last, since it may have to wait for a store that is not ours.
  await files.sweep(db);
}

type UpkeepNeeds = { log: Log; patient: Database; storage: StorageEngine; jobs: Jobs };

/** Drops what is kept no longer and compresses what is closed, on connections that may take long. */
async function scheduleUpkeep(config: Config, { log, patient, storage, jobs }: UpkeepNeeds): Promise<void> {
  const retention = { kind: storage.kind, installation: keepOfSettings(config), keepers: { listHolds, keepEvidence } };
  const upkeep = { retention, compressAfterMs: config.COMPRESS_AFTER * 86_400_000, log };
  await jobs.schedule('storage', upkeepMs, async (signal) => {
    await keepStorage(patient.db, upkeep, { signal });
    storage.forgetDays();
  });
}

/** What insights ask of work orders. */
const workOrderSteps = { openWorkOrder: openForInsight, noteOnWorkOrders, noteReturn };

async function openRules(
  config: Config,
  { log, opened, database, jobs, onAdvanced }: Opening & { database: Database; jobs: Jobs },
): Promise<number> {
  const tickMs = scaleTick(config.TICK, config.TIME_SCALE);
  const { RULES_DIR: directory, TIME_SCALE: timeScale } = config;
  const ruleSets = await naming('RULES_DIR', () =>
    openRuleSets({ db: database.db, log, directory, timeScale, tickMs }),
  );
  opened.push(() => ruleSets.close());
  const sink: Sink = {
    apply: (trx, effects, owners, ran) => applyEffects(trx, effects, { owners, ...workOrderSteps, ranAt: () => ran }),
    replace: (trx, repaired, owners) => replaceEpisodes(trx, repaired, { owners, ...workOrderSteps }),
    rebind: rebindEvidence,
    listStanding,
  };
  await runRules({ database, jobs, log, ruleSets, sink, tickMs, graceMs: config.GRACE, onAdvanced });
  return ruleSets.ruleCount;
}

type IngestNeeds = { readonly databaseUrl: string; readonly storage: StorageEngine; readonly registry: Metrics };

async function openIngest(
  config: Config,
  { log, opened, database, databaseUrl, storage, registry }: Within & IngestNeeds,
): Promise<string[]> {
  const spool = { directory: join(config.DATA_DIR, 'spool'), bytesMax: config.SPOOL_BYTES_MAX };
  const { GRACE: graceMs, SHED_AFTER: shedAfterMs } = config;
  const upstream = upstreamSettings(config);
  const sparkplug = { hostId: config.SPARKPLUG_HOST_ID, reorderMs: config.SPARKPLUG_REORDER };
  const sealer = createSealer(await secretOf(config));
  await followFile(config, { log, opened, database, sealer });
  // What is unknown after a quarter of an hour is so sooner where time is made to run faster.
  const stillMs = stillMsUsual / config.TIME_SCALE;
  const options = {
    graceMs,
    spool,
    sealer,
    stillMs,
    shedAfterMs,
    sparkplug,
    upstream,
    tellPresence: appendPresenceEvents,
  };
  const doors = await openDoorSettings(config, log);
  opened.push(async () => doors.close());
  const ingest = await createIngest({ database, databaseUrl, doors, storage, log, registry, ...options });
  opened.push(() => ingest.close());
  const urls: string[] = [];
  for (const { setting, kind, scheme } of mqttDoors) {
    const { [setting]: wanted, HOST: host } = config;
    if (wanted === undefined) continue;
    const { port } = await listening(setting, wanted, () => ingest.listen(wanted, host, kind));
    urls.push(`${scheme}://${host}:${port}`);
  }
  openFloors(ingest, { log, opened, database });
  return urls;
}

/** Connections to OPC-UA servers are made as OPCUA_FILE says, now and when it changes. */
async function followFile(
  { OPCUA_FILE: path }: Config,
  { log, opened, database: { db }, sealer }: Within & { readonly sealer: Sealer },
): Promise<void> {
  if (path === undefined) return;
  const file = await naming('OPCUA_FILE', () => followConnectionFile({ db, path, env: process.env, sealer, log }));
  opened.push(() => file.close());
}

/** Open insights go to the panels at the broker of our own, and to those at an external one. */
function openFloors({ publish, upstream }: Ingest, { log, opened, database: { db } }: Within): void {
  const here = startFloor({ db, publish, isKept: false, log });
  opened.push(() => here.close());
  if (!upstream) return;
  const there = startFloor({ db, publish: upstream.publish, isKept: true, log });
  upstream.onUp(there.republish);
  opened.push(() => there.close());
}
