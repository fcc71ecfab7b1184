import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { createApiKey } from '../../src/access/store.ts';
import { type ApiOptions, createApi } from '../../src/api/server.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { newId } from '../../src/platform/id.ts';
import { createLog } from '../../src/platform/log.ts';
import { restrictedLending } from '../../src/platform/row-security.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createDocumentCheck } from './document-check.ts';

type Request = {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly payload?: string | Buffer;
};

type Reply = {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
  /** The body, byte by byte. */
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON came, and says itself what it must be.
  readonly json: any;
};

export type TestApi = {
  readonly app: FastifyInstance;
  readonly database: Database;
  /** Sends a request; every answer is held against the OpenAPI document. */
  call(method: string, url: string, request?: Request): Promise<Reply>;
  /** Another API over the same database, as the program makes at its next start; it is closed by its `app` alone. */
  restart(options?: Partial<ApiOptions>): Promise<TestApi>;
  close(): Promise<void>;
};

/** An API over a fresh database of its own, or one that is given, which it drops when it is closed. */
export async function startTestApi(options: Partial<ApiOptions> = {}, given?: TestDatabase): Promise<TestApi> {
  const testDatabase = given ?? (await createTestDatabase());
  const database = openDatabase(testDatabase.url, { connectionsMax: 10, log: createLog('silent') });
  const tenantDatabase = openTenantDatabase(testDatabase.url);
  const importsDir = join(tmpdir(), `faultline-imports-${newId()}`);
  const files = { folder: join(importsDir, 'files'), bytesMax: 10_000_000 };
  return openTestApi(database, { tenantDatabase, importsDir, files, ...options }, async () => {
    await tenantDatabase.close();
    await database.close();
    await testDatabase.drop();
    await rm(importsDir, { recursive: true, force: true });
  });
}

/** A database as requests have it: on behalf of one tenant at a time. */
export function openTenantDatabase(url: string): Database {
  return openDatabase(url, {
    connectionsMax: 10,
    log: createLog('silent'),
    isPreparing: true,
    lending: restrictedLending(),
  });
}

type Given = Partial<ApiOptions> & Pick<ApiOptions, 'tenantDatabase' | 'importsDir' | 'files'>;

async function openTestApi(database: Database, options: Given, closeBehind: () => Promise<void>): Promise<TestApi> {
  const log = createLog('silent');
  const storage = await prepareStorage(database.pool, log);
  const app = createApi({
    database,
    storage,
    graceMs: 5_000,
    log,
    registry: new Registry(),
    publicUrl: 'http://127.0.0.1:3000',
    secret: 'a secret of the tests, long enough',
    version: '0.0.0',
    metricsOpen: false,
    readiness: async () => ({ ready: true, checks: { database: 'ok' } }),
    ...options,
  });
  await app.ready();
  const check = createDocumentCheck(app.swagger());
  return {
    app,
    database,
    async call(method, url, { key, body, headers = {}, payload } = {}) {
      const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
      const typed = body === undefined ? {} : { 'content-type': 'application/json' };
      const response = await app.inject({
        method: method as 'GET',
        url,
        headers: { ...authorization, ...typed, ...headers },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
        ...(payload === undefined ? {} : { payload }),
      });
      const { statusCode: status, body: text } = response;
      const contentType = response.headers['content-type'] as string | undefined;
      expect(check({ method, path: url.split('?')[0] ?? '', status, contentType, body: text })).toBeUndefined();
      const json = contentType?.includes('json') && text !== '' ? jsonOf(text, contentType) : undefined;
      return { status, headers: response.headers, text, bytes: response.rawPayload, json };
    },
    restart: (more = {}) => openTestApi(database, { ...options, ...more }, async () => {}),
    async close() {
      await app.close();
      await closeBehind();
    },
  };
}

/** The object of a body; of one that has a line for each, all of them. */
function jsonOf(text: string, contentType: string): unknown {
  if (!contentType.includes('ndjson')) return JSON.parse(text);
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** A tenant with two sites, two people, an air handler with a point, an open insight, and a key for everything. */
export async function makeWorld({ db }: Database, { plan = 'pro', timeZone = 'UTC' } = {}) {
  const [tenantId, campusId, plantId, alexId, retiredId, ahuId, chillerId, pointId] = Array.from(
    { length: 8 },
    newId,
  ) as [string, string, string, string, string, string, string, string];
  const tenant_id = tenantId;
  await db.insertInto('tenant').values({ id: tenantId, name: 'A tenant', plan, time_zone: timeZone }).execute();
  const site = { tenant_id, shard: 0 };
  const sites = [
    { ...site, id: campusId, slug: 'ucl-east-campus', name: 'Campus', time_zone: 'Europe/London' },
    { ...site, id: plantId, slug: 'plant', name: 'Plant', time_zone: 'Asia/Kolkata' },
  ];
  await db.insertInto('site').values(sites).execute();
  await db.updateTable('tenant').set({ default_site_id: campusId }).where('id', '=', tenantId).execute();
  const users = [
    { id: alexId, tenant_id, username: 'alex', email: 'alex@betacit.com', role: 'technician' },
    { id: retiredId, tenant_id, username: 'sam', email: 'sam@betacit.com', role: 'technician', active: false },
  ];
  await db.insertInto('app_user').values(users).execute();
  const base = 'http://fuseki:3030/buildings/ucl-east';
  const assets = [
    {
      id: ahuId,
      tenant_id,
      site_id: campusId,
      name: 'AHU-01',
      uri: `${base}#AHU-01`,
      location_uri: `${base}#Roof`,
      shard: 0,
    },
    { id: chillerId, tenant_id, site_id: plantId, name: 'Chiller-01', uri: `${base}#Chiller-01`, shard: 0 },
  ];
  await db.insertInto('asset').values(assets).execute();
  const point = { id: pointId, tenant_id, asset_id: ahuId, name: 'sat', unit: 'degC', expected_interval_ms: 60_000 };
  const { series_id: seriesId } = await db
    .insertInto('point')
    .values(point)
    .returning('series_id')
    .executeTakeFirstOrThrow();
  const { secret: key } = await createApiKey(db, {
    tenantId,
    name: 'all',
    scopes: ['read', 'write', 'admin'],
    createdBy: alexId,
    rateLimitPerMinute: null,
  });
  const makeKey = async (more: Partial<Parameters<typeof createApiKey>[1]>) =>
    (await createApiKey(db, { tenantId, name: 'some', scopes: ['read', 'write'], rateLimitPerMinute: null, ...more }))
      .secret;
  const makeInsight = (more: { status?: string; siteId?: string; assetId?: string } = {}) =>
    insertInsight(db, {
      tenantId,
      siteId: more.siteId ?? campusId,
      assetId: more.assetId ?? ahuId,
      status: more.status ?? 'open',
    });
  return {
    tenantId,
    campusId,
    plantId,
    alexId,
    retiredId,
    ahuId,
    chillerId,
    pointId,
    seriesId,
    base,
    key,
    makeKey,
    makeInsight,
  };
}

let insights = 0;

async function insertInsight(
  db: Database['db'],
  { tenantId, siteId, assetId, status }: { tenantId: string; siteId: string; assetId: string; status: string },
): Promise<string> {
  const id = newId();
  insights += 1;
  const at = new Date(Date.UTC(2026, 0, 1) + insights * 1000);
  await db
    .insertInto('insight')
    .values({
      id,
      tenant_id: tenantId,
      site_id: siteId,
      asset_id: assetId,
      status,
      ...factsOf(status, at),
      rule_id: 'ahu-cooling-valve-leak',
      rule_version: 1,
      title: 'Cooling valve leaks',
      message: 'It leaks.',
      severity: 'warning',
      category: 'fault',
      started_at: at,
      opened_at: at,
      causes: ['a worn seat'],
      actions: ['replace it'],
    })
    .execute();
  return id;
}

/** What makes an insight have its status. */
function factsOf(status: string, at: Date) {
  const later = new Date(Date.now() + 86_400_000);
  if (status === 'dismissed')
    return { decision: status, decided_at: at, decided_episode: 1, decided_because: 'person' };
  if (status === 'resolved') return { ended_at: at, ended_because: 'cleared', resolved_at: at };
  return {
    snoozed_until: status === 'snoozed' ? later : null,
    work_begun_episode: status === 'in_progress' ? 1 : null,
  };
}
