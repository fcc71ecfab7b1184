/**
 * What writes readings beside the pipeline of the devices' messages: rows over HTTP, imports, messages out of quarantine.
 * They share an appender, a directory of names and a few turns at the database, so that they never take all its connections.
 */
import { Counter, type Registry } from 'prom-client';
import type { Database } from '../platform/database.ts';
import { type Appender, createAppender } from '../telemetry/append-store.ts';
import type { StorageEngine } from '../telemetry/storage/engine-store.ts';
import { createDirectory, type Directory } from './decode/directory.ts';
import { createInterpret, type Interpret } from './decode/interpret.ts';
import { createTenants } from './decode/tenants.ts';
import { createTurns, type Turns } from './http/slots.ts';
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
      return createInterpret({ ...names, sparkplug: createSparkplugReplay({ db: database.db, ...names }) });
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
