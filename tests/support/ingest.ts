/** The ingest stage by itself, on a database of its own, for tests that look at it from both of its ends. */
import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { createDevice } from '../../src/access/device.ts';
import { createIngest, type IngestOptions } from '../../src/ingest/ingest.ts';
import type { DoorSettings } from '../../src/ingest/mqtt/door/door.ts';
import type { DoorKind } from '../../src/ingest/mqtt/door/visitor.ts';
import type { Publish } from '../../src/ingest/publish.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import { countIn } from './counter.ts';
import { createTestDatabase } from './database.ts';

export const password = 'a password for tests';
const graceMs = 5_000;

export type TestIngest = AsyncDisposable & {
  readonly port: number;
  readonly database: Database;
  readonly tenantId: string;
  /** Publishes as the server does. */
  readonly publish: Publish;
  /** The sum of a counter over its labels, or of those with one label's value. */
  count(counter: string, label?: string): Promise<number>;
  /** All readings, as `asset/point=value quality`, ordered by time. */
  readings(): Promise<string[]>;
  quarantine(): Promise<{ reason: string; detail: string; topic: string; payload: Buffer; truncated: boolean }[]>;
  /** Another site of the tenant. */
  addSite(slug: string, site: { discovery: boolean; timeZone?: string }): Promise<void>;
  addDevice(username: string, grants: string[], subscribeGrants?: string[], tenantId?: string): Promise<void>;
  /** Another tenant, without anything. */
  addTenant(): Promise<string>;
  /** Opens another door; resolves with its port. */
  listen(kind: DoorKind): Promise<number>;
  /** What has been logged from level `info` up, a line each. */
  readonly logged: readonly string[];
  /** Closes the stage, and leaves its database as it is. */
  stop(): Promise<void>;
  close(): Promise<void>;
};

/** Starts it with a tenant that has a site `north`, where discovery is on, and a device `gateway` that may publish there. */
export async function startTestIngest(
  doors: DoorSettings = {},
  pipeline: Pick<IngestOptions, 'spool' | 'shedAfterMs' | 'sealer'> = {},
): Promise<TestIngest> {
  const own = await createTestDatabase();
  const logged: string[] = [];
  const log = createLog('info', {
    write: (line) => {
      logged.push(line);
      if (process.env.LOG_LEVEL) process.stderr.write(line);
    },
  });
  const database = openDatabase(own.url, { connectionsMax: 8, log });
  const storage = await prepareStorage(database.pool, log);
  const tenantId = randomUUID();
  await database.pool.query(`insert into tenant (id, name) values ($1, 'test')`, [tenantId]);
  const registry = new Registry();
  const ingest = await createIngest({
    ...pipeline,
    database,
    databaseUrl: own.url,
    storage,
    graceMs,
    log,
    registry,
    doors,
  });

  const addSite: TestIngest['addSite'] = async (slug, { discovery, timeZone = 'UTC' }) => {
    await database.pool.query(
      `insert into site (id, tenant_id, slug, name, discovery, time_zone, shard) values ($1, $2, $3, $3, $4, $5, 7)`,
      [randomUUID(), tenantId, slug, discovery, timeZone],
    );
  };
  const addDevice: TestIngest['addDevice'] = async (username, grants, subscribeGrants = [], ofTenant = tenantId) => {
    const device = { tenantId: ofTenant, name: username, username, password, grants, subscribeGrants };
    await createDevice(database.db, device);
  };
  const addTenant = async () => {
    const id = randomUUID();
    await database.pool.query(`insert into tenant (id, name) values ($1, 'another')`, [id]);
    return id;
  };
  await addSite('north', { discovery: true });
  await addDevice('gateway', ['telemetry/north/#']);
  const { port } = await ingest.listen(0, '127.0.0.1');

  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= ingest.close());
  const close = async () => {
    await stop();
    await database.close();
    await own.drop();
  };
  return {
    port,
    database,
    tenantId,
    publish: ingest.publish,
    addSite,
    addDevice,
    addTenant,
    listen: async (kind) => (await ingest.listen(0, '127.0.0.1', kind)).port,
    logged,
    count: (counter, label) => countIn(registry, `${counter}_total`, label),
    readings: async () => {
      const { rows } = await database.pool.query<{ line: string }>(`
        select a.name || '/' || p.name || '=' || coalesce(r.value::text, 'null') || (array['', ' uncertain', ' bad'])[r.quality + 1] as line
        from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id
        order by r.time, p.name`);
      return rows.map(({ line }) => line);
    },
    quarantine: async () => {
      const { rows } = await database.pool.query(
        'select reason, detail, topic, payload, payload_truncated as truncated from quarantine order by id',
      );
      return rows;
    },
    stop,
    close,
    [Symbol.asyncDispose]: close,
  };
}
