import { isConnectionLoss } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { pause } from '../../platform/pause.ts';
import { type BatchOptions, type ImportBatch, readBatches } from './read-batches.ts';
import type { WriteBatch, Written } from './write-batch.ts';

export type RunOptions = BatchOptions & {
  readonly write: WriteBatch;
  /** Told of each batch after its commit, with how long it took; false ends the run. */
  readonly onBatch: (batch: ImportBatch, written: Written, ms: number) => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly log: Log;
};

const retryMsMax = 5_000;

/**
 * Writes a file batch by batch. Between two batches it rests for as long as one took, so that at most half of the database's
 * time is its own, and what comes live has the other half. Resolves with true at the end of the file, with false when it was
 * told to stop; rejects with what makes it impossible to go on. While the database is away it waits.
 */
export async function runImport({ write, onBatch, signal, log, ...options }: RunOptions): Promise<boolean> {
  let toldAt = performance.now();
  for await (const batch of readBatches(options)) {
    if (signal.aborted) return false;
    const startedAt = performance.now();
    const written = await patiently(() => write(batch), { signal, log });
    if (written === undefined) return false;
    const restMs = Math.min(performance.now() - startedAt, restMsMax);
    // What is committed is told of, also when it is to stop.
    const goesOn = await patiently(() => onBatch(batch, written, performance.now() - toldAt), { signal, log });
    if (goesOn !== true) return false;
    toldAt = performance.now();
    await pause(restMs, signal);
  }
  return !signal.aborted;
}

const restMsMax = 5_000;

/** Does work until the database takes it; undefined when it is told to stop after it has failed. */
async function patiently<T>(
  work: () => Promise<T>,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<T | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      if (signal.aborted) return undefined;
      if (attempt === 0) log.warn({ err: error }, 'an import waits for the database');
      await pause(Math.min(retryMsMax, 100 * 2 ** attempt), signal);
    }
  }
}
