/** Ingest stages that take their messages from an external broker: any number of them on one database, as processes would be. */
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { Registry } from 'prom-client';
import { createDevice } from '../../src/access/device.ts';
import { createIngest } from '../../src/ingest/ingest.ts';
import type { Publish } from '../../src/ingest/publish.ts';
import type { UpstreamSettings } from '../../src/ingest/upstream/upstream.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import { countIn } from './counter.ts';
import { createTestDatabase } from './database.ts';
import { eventually } from './program.ts';

export type Member = {
  /** The sum of a counter of this stage, over all labels or the one given. */
  count(counter: string, label?: string): Promise<number>;
  isConnected(): Promise<boolean>;
  /** Resolves once it is connected and subscribed. */
  connected(): Promise<void>;
  /** To the devices behind the broker, as the server publishes. */
  readonly publish: Publish;
  onUp(listener: () => void): void;
  /** What it has logged: messages only. */
  readonly logged: string[];
  close(): Promise<void>;
};

export type Plant = {
  readonly database: Database;
  readonly tenantId: string;
  /** A stage with connections to the database of its own. */
  join(settings: Partial<UpstreamSettings> & { url: string }): Promise<Member>;
  /** Values that are stored, in order of their times. */
  values(): Promise<number[]>;
  close(): Promise<void>;
};

/** A tenant with a site `north`, and a device `outside` that may publish under `telemetry/#`. */
export async function openPlant(): Promise<Plant> {
  const own = await createTestDatabase();
  const open = () => openDatabase(own.url, { connectionsMax: 6, log: createLog('silent') });
  const database = open();
  const storage = await prepareStorage(database.pool, createLog('silent'));
  const tenantId = randomUUID();
  await database.pool.query(`insert into tenant (id, name) values ($1, 'test')`, [tenantId]);
  await database.pool.query(
    `insert into site (id, tenant_id, slug, name, discovery, time_zone, shard) values ($1, $2, 'north', 'north', true, 'UTC', 7)`,
    [randomUUID(), tenantId],
  );
  const device = { tenantId, name: 'outside', username: 'outside', password: 'a password for tests' };
  await createDevice(database.db, { ...device, grants: ['telemetry/#'] });
  const members: Member[] = [];

  return {
    database,
    tenantId,
    join: async (settings) => {
      const logged: string[] = [];
      const lines = new Writable({
        write: (line, _encoding, done) => {
          logged.push((JSON.parse(String(line)) as { msg: string }).msg);
          done();
        },
      });
      const log = createLog('info', lines);
      const registry = new Registry();
      const stage = open();
      const tls = { ca: undefined, cert: undefined, key: undefined };
      const upstream = {
        version: undefined,
        group: 'faultline',
        username: 'outside',
        tls,
        refreshMs: 500,
        ...settings,
      };
      const ingest = await createIngest({ database: stage, storage, graceMs: 1_000, log, registry, upstream });
      const count: Member['count'] = (counter, label) => countIn(registry, counter, label);
      const isConnected = async () => (await count('upstream_connected')) === 1;
      let closed: Promise<void> | undefined;
      const member: Member = {
        count,
        isConnected,
        connected: async () => {
          await eventually('connected to the broker', async () => (await isConnected()) || undefined);
        },
        publish: (ofTenant, message) =>
          ingest.upstream?.publish(ofTenant, message) ?? Promise.reject(new Error('no broker')),
        onUp: (listener) => ingest.upstream?.onUp(listener),
        logged,
        close: () => (closed ??= ingest.close().then(() => stage.close())),
      };
      members.push(member);
      return member;
    },
    values: async () => {
      const { rows } = await database.pool.query<{ value: number }>('select value from reading order by time');
      return rows.map(({ value }) => value);
    },
    close: async () => {
      for (const member of members) await member.close();
      await database.close();
      await own.drop();
    },
  };
}
