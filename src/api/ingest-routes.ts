import type { FastifyRequest } from 'fastify';
import { createJudgeRows, type JudgeRows } from '../ingest/http/judge-rows.ts';
import { telemetryRoutes } from '../ingest/http/routes.ts';
import { createImporter, type Importer } from '../ingest/imports/importer.ts';
import { importRoutes } from '../ingest/imports/routes.ts';
import { opcuaRoutes } from '../ingest/opcua/opcua-routes.ts';
import { createReplay, type Replay } from '../ingest/quarantine/replay.ts';
import { quarantineRoutes } from '../ingest/quarantine/routes.ts';
import { createQueue, createWriting, type Writing, type WritingOptions } from '../ingest/writing.ts';
import type { Database, Db } from '../platform/database.ts';
import { createSlots, type Slots } from '../platform/fair-gate.ts';
import type { Log } from '../platform/log.ts';
import type { Mount, Queue, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { createSealer, type Sealer } from '../platform/sealer.ts';
import { readColumns } from './import-columns.ts';

/** What the API needs of ingest: made once for a process, and closed with its server. */
export type IngestApi = {
  readonly writing: Writing;
  readonly judge: JudgeRows;
  readonly slots: Slots;
  /** For writes that append readings beside their own transaction. */
  readonly queue: Queue;
  readonly replay: Replay;
  readonly importer: Importer;
  readonly receiving: Slots;
  /** Opens the secrets of OPC-UA connections. */
  readonly sealer: Sealer;
};

export type IngestApiOptions = WritingOptions & {
  /** The same database, on behalf of the tenant whose request is served, or whose import is stored. */
  readonly tenantDatabase: Database;
  readonly log: Log;
  /** Where files of readings lie until they are stored; no other installation uses it. */
  readonly importsDir: string;
  /** Signs cursors, and seals the secrets of others. */
  readonly secret: string;
};

const bodies = { inAllMax: 32, ofPartyMax: 8 };
/** Each takes two connections of the database, of which requests have fifteen. */
const queued = { atOnceMax: 3, waitingMax: 200 };
const files = { inAllMax: 4, ofPartyMax: 2 };

/** Nothing runs yet; `importer.start` takes up what an earlier run has left. */
export function createIngestApi(options: IngestApiOptions): IngestApi {
  const { db } = options.tenantDatabase;
  const { db: ownerDb } = options.database;
  const writing = createWriting({ ...options, database: options.tenantDatabase });
  return {
    writing,
    judge: createJudgeRows({ db, ...writing }),
    slots: createSlots(bodies),
    queue: createQueue(queued),
    replay: createReplay(writing),
    importer: createImporter({ db, ownerDb, writing, folder: options.importsDir, readColumns, log: options.log }),
    receiving: createSlots(files),
    sealer: createSealer(options.secret),
  };
}

type Needs = {
  readonly ingest: IngestApi;
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly getPoint: (request: FastifyRequest, id: string) => Promise<object>;
};

/** The routes of ingest that exist on both mounts. */
export function ingestRoutes(app: RouteScope, mount: Mount, { ingest, ...needs }: Needs): void {
  telemetryRoutes(app, mount, { ...needs, ...ingest });
  importRoutes(app, mount, { ...needs, ...ingest });
}

/** Those that are the whole tenant's. */
export function ingestTenantRoutes(
  app: RouteScope,
  mount: Mount,
  { ingest, ...needs }: { ingest: IngestApi; db: Db; paging: Paging; shell: Shell },
): void {
  quarantineRoutes(app, mount, { ...needs, ...ingest });
  opcuaRoutes(app, mount, { ...needs, ...ingest });
}
