/**
 * Runs the imports of this installation: a few at once, one of a tenant, in the order in which they came; the rest wait.
 *
 *   start ──▶ what an earlier run left: running ones go on, half-received ones have failed
 *   enqueue ──▶ waiting ──▶ running ──▶ ended, its file gone
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Db, isConnectionLoss } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { inTenant } from '../../platform/row-security.ts';
import type { Writing } from '../writing.ts';
import type { ReadColumns } from './columns.ts';
import { createImportFiles, type ImportFiles } from './import-files.ts';
import { addProgress, endImport, getRunnable, listOpenImports, type RunnableImport } from './import-store.ts';
import { runImport } from './run-import.ts';
import { createWriteBatch } from './write-batch.ts';

export type Importer = {
  readonly files: ImportFiles;
  readonly readColumns: ReadColumns;
  /** Takes up what an earlier run of the program has left, as soon as the database answers. */
  start(): void;
  /** Resolves once that is done: only then does the importer know which files are of nobody. */
  ready(): Promise<void>;
  /** Runs an import whose file is there and whose state is running. */
  enqueue(id: string, tenantId: string): void;
  /** Stops an import of this process between two batches; its state has been set already. */
  stop(id: string): void;
  /** Stops all between two batches; they go on at the next start. */
  close(): Promise<void>;
};

export type ImporterOptions = {
  /** On behalf of the tenant whose import it is. */
  readonly db: Db;
  /** Of all tenants, for what an earlier run has left. */
  readonly ownerDb: Db;
  readonly writing: Writing;
  readonly folder: string;
  readonly readColumns: ReadColumns;
  readonly log: Log;
};

const runningMax = 2;
const lostFile = 'the program ended before all of the file had come; send it again';

/** An importer that runs nothing yet. */
export function createImporter({ db, ownerDb, writing, folder, readColumns, log }: ImporterOptions): Importer {
  const files = createImportFiles(folder);
  const waiting: { id: string; tenantId: string }[] = [];
  const running = new Map<string, { tenantId: string; stopping: AbortController; done: Promise<void> }>();
  const closing = new AbortController();
  let taken: Promise<void> = Promise.resolve();

  const next = () => {
    const busy = new Set([...running.values()].map(({ tenantId }) => tenantId));
    const index = waiting.findIndex(({ tenantId }) => !busy.has(tenantId));
    if (closing.signal.aborted || index < 0 || running.size >= runningMax) return;
    const [{ id, tenantId }] = waiting.splice(index, 1) as [{ id: string; tenantId: string }];
    const stopping = new AbortController();
    const isClosing = () => closing.signal.aborted;
    const given = { db, writing, files, readColumns, log, signal: stopping.signal, isClosing };
    const done = inTenant(tenantId, () => runToEnd(id, given))
      .catch((error: unknown) =>
        log.error({ err: error, import: id }, 'an import could not be ended; the next start tries again'),
      )
      .finally(() => {
        running.delete(id);
        next();
      });
    running.set(id, { tenantId, stopping, done });
    next();
  };
  const takeUp = async (attempt: number): Promise<void> => {
    try {
      waiting.push(...(await takeUpOpen(ownerDb, files)));
      next();
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      await sleep(Math.min(5_000, 200 * 2 ** attempt), undefined, { signal: closing.signal, ref: false });
      return takeUp(attempt + 1);
    }
  };

  return {
    files,
    readColumns,
    start: () => {
      taken = takeUp(0).catch((error: unknown) => {
        if (!closing.signal.aborted) log.error({ err: error }, 'earlier imports cannot be taken up');
      });
    },
    ready: () => taken,
    enqueue: (id, tenantId) => {
      waiting.push({ id, tenantId });
      next();
    },
    stop: (id) => {
      const index = waiting.findIndex((one) => one.id === id);
      if (index >= 0) waiting.splice(index, 1);
      if (index >= 0) void files.remove(id).catch((error: unknown) => log.warn({ err: error }, 'a file stays behind'));
      running.get(id)?.stopping.abort();
    },
    close: async () => {
      closing.abort();
      await taken;
      for (const { stopping } of running.values()) stopping.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

/** Those of an earlier run that can go on; the others have failed. */
async function takeUpOpen(db: Db, files: ImportFiles): Promise<{ id: string; tenantId: string }[]> {
  const open = await listOpenImports(db, await files.holderId());
  const present = await files.removeOthers(new Set(open.map(({ id }) => id)));
  const goingOn: { id: string; tenantId: string }[] = [];
  for (const { id, tenantId, state } of open) {
    if (state === 'running' && present.has(id)) goingOn.push({ id, tenantId });
    else {
      await endImport(db, { id, state: 'failed', failure: lostFile });
      await files.remove(id);
    }
  }
  return goingOn;
}

/** Runs an import until it is done, has failed, or is stopped; when all are stopped its file stays for the next start. */
async function runToEnd(id: string, { isClosing, ...given }: RunGiven & { isClosing: () => boolean }): Promise<void> {
  const { db, files, log } = given;
  const found = await getRunnable(db, id);
  try {
    const isDone = await runOne(found, given);
    if (!isDone && isClosing()) return;
    if (isDone) await endImport(db, { id, state: 'done' });
  } catch (error) {
    log.warn({ err: error, import: id }, 'an import has failed');
    const failure = error instanceof Error ? error.message : String(error);
    await endImport(db, { id, state: 'failed', failure });
  }
  await files.remove(id);
}

type RunGiven = Pick<ImporterOptions, 'db' | 'writing' | 'readColumns' | 'log'> & {
  files: ImportFiles;
  signal: AbortSignal;
};

async function runOne(found: RunnableImport, given: RunGiven): Promise<boolean> {
  const { db, writing, files, readColumns, log, signal } = given;
  const { id, tenantId, site, asset, timeZone: zone, from, receivedMs } = found;
  const read = readColumns(found.columns);
  if ('faults' in read) throw new Error(read.faults.join('\n'));
  const { columns } = read;
  return runImport({
    ...{ file: files.pathOf(id), columns, asset, zone, from, receivedMs, signal, log },
    write: createWriteBatch({ db, writing, tenantId, site, columns }),
    onBatch: (batch, written, ms) => addProgress(db, id, { ...batch, ...written, ms }),
  });
}
