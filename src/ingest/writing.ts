/**
 * What writes readings beside the pipeline of the devices' messages: rows over HTTP, imports, messages out of quarantine.
 * They share an appender, a directory of names and a few turns at the database, so that they never take all its connections.
 */
import { Counter, type Registry } from 'prom-client';
import type { Database } from '../platform/database.ts';
import { createFairGate } from '../platform/fair-gate.ts';
import type { Queue } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { type Appender, createAppender } from '../telemetry/append-store.ts';
import type { StorageEngine } from '../telemetry/storage/engine-store.ts';
import { createDirectory, type Directory } from './decode/directory.ts';
import { createInterpret, type Interpret } from './decode/interpret.ts';
import { createTenants } from './decode/tenants.ts';
import { createOpcuaReader } from './opcua/read-values.ts';
import { createSparkplugReplay } from './sparkplug/sparkplug.ts';

export type Writing = {
  readonly appender: Appender;
  readonly directory: Directory;
  /** An interpretation of messages that knows nothing yet. */
  readonly startInterpret: () => Interpret;
  readonly turns: Turns;
  /** Readings by where they came in (`http`, `import`, `replay`) and by what became of them. */
  readonly counter: Counter<'door' | 'outcome'>;
};

export type WritingOptions = {
  readonly database: Database;
  readonly storage: StorageEngine;
  /** How long a tick waits for its readings, in milliseconds of real time. */
  readonly graceMs: number;
  readonly registry: Registry;
};

const appendsAtOnceMax = 3;

/** One for each process that serves the API. */
export function createWriting({ database, storage, graceMs, registry }: WritingOptions): Writing {
  return {
    appender: createAppender(database.pool, { engine: storage, graceMs }),
    directory: createDirectory(database.db),
    startInterpret: () => {
      const names = { directory: createDirectory(database.db), tenants: createTenants(database.db) };
      return createInterpret({
        ...names,
        protocols: {
          sparkplug: createSparkplugReplay({ db: database.db, ...names }),
          opcua: createOpcuaReader({ db: database.db, directory: names.directory }),
        },
      });
    },
    turns: createTurns(appendsAtOnceMax),
    counter: new Counter({
      name: 'faultline_ingest_rows_total',
      help: 'Readings that came by other ways than devices, by way and by what became of them',
      labelNames: ['door', 'outcome'],
      registers: [registry],
    }),
  };
}

/** Runs pieces of work, some at once, the others in turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

function createTurns(atOnceMax: number): Turns {
  // Those that wait are bounded by who asks, and none is turned away.
  const gate = createFairGate({ atOnceMax, waitingMax: Number.POSITIVE_INFINITY });
  return <T>(work: () => Promise<T>) => gate('', work) as Promise<T>;
}

/** A queue in which tenants take turns; throws telemetry_busy when too many requests wait. */
export function createQueue(limits: { atOnceMax: number; waitingMax: number }): Queue {
  const gate = createFairGate(limits);
  return async (request, work) => {
    const done = await gate(request.area.caller.tenantId, work);
    if (done === undefined) throw refusals.telemetryBusy();
    return done;
  };
}
