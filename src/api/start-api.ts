/** The API as the settings say: made, listening, and closed again with the rest of the program. */
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { reachableUrls } from '../access/reachable-urls.ts';
import { filesOfSettings } from '../files/files-of-settings.ts';
import type { Config } from '../platform/config.ts';
import { type Database, findDatabaseTrouble, openDatabase } from '../platform/database.ts';
import { findFreePort } from '../platform/free-port.ts';
import { secretOf } from '../platform/kept-secret.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { restrictedLending } from '../platform/row-security.ts';
import { listening } from '../platform/setting-errors.ts';
import { keepOfSettings } from '../telemetry/retention/retention-settings.ts';
import type { StorageEngine } from '../telemetry/storage/engine-store.ts';
import { closeApi, createApi } from './server.ts';

export type ApiNeeds = {
  readonly log: Log;
  /** What is to be closed, in the order in which it was opened. */
  readonly opened: (() => Promise<void>)[];
  readonly database: Database;
  readonly databaseUrl: string;
  readonly storage: StorageEngine;
  readonly registry: Metrics;
  readonly mqttUrls: readonly string[];
};

/** For all requests of this process; those who find out who is asking have others. */
const connectionsMax = 15;

/** Serves the API on HTTP_PORT, any free one where it is 0, and gives its URL; throws an error that names the setting. */
export async function startApi(
  config: Config,
  { log, opened, database, databaseUrl, storage, registry, mqttUrls }: ApiNeeds,
): Promise<string> {
  const port = config.HTTP_PORT === 0 ? await findFreePort(config.HOST) : config.HTTP_PORT;
  const apiUrl = `http://${config.HOST}:${port}`;
  const tenantDatabase = openDatabase(databaseUrl, {
    connectionsMax,
    log,
    isPreparing: true,
    lending: restrictedLending(),
  });
  opened.push(() => tenantDatabase.close());
  const app = createApi({
    database,
    tenantDatabase,
    storage,
    graceMs: config.GRACE,
    keep: keepOfSettings(config),
    importsDir: join(config.DATA_DIR, 'imports'),
    files: filesOfSettings(config),
    rateLimits: {
      addressPerMinute: config.ADDRESS_RATE_LIMIT,
      ingestPerMinute: config.INGEST_RATE_LIMIT,
      redisUrl: config.REDIS_URL,
    },
    corsOrigins: config.CORS_ORIGINS,
    pages: { workOrder: config.WORK_ORDER_PAGE, asset: config.ASSET_PAGE },
    trustProxy: config.TRUST_PROXY,
    log,
    registry,
    publicUrl: (config.PUBLIC_URL ?? apiUrl).replace(/\/$/, ''),
    secret: await secretOf(config),
    version: packageJson.version,
    mqttUrls: reachableUrls(mqttUrls, config.PUBLIC_URL),
    metricsOpen: config.HOST === '127.0.0.1' || config.HOST === '::1' || config.HOST === 'localhost',
    readiness: async () => readinessOf(await findDatabaseTrouble(database, log)),
  });
  opened.push(() => closeApi(app));
  await listening('HTTP_PORT', port, () => app.listen({ port, host: config.HOST }));
  return apiUrl;
}

function readinessOf(databaseTrouble: string | undefined) {
  return { ready: databaseTrouble === undefined, checks: { database: databaseTrouble ?? 'ok' } };
}
