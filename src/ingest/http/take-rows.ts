/**
 * A stream of rows, committed batch after batch: while one batch is on its way, the next one gathers, and when that is large
 * enough the client's bytes wait in the network. Nothing waits for a timer.
 *
 *   bytes ─▶ lines ─▶ rows ─▶ pending ─▶ batch ─commit─▶ verdicts, in the order of the rows
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionLoss } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { parseJson } from '../decode/payload.ts';
import { malformed } from '../quarantine/quarantine.ts';
import type { JudgeRows, RowsFrom, Verdict } from './judge-rows.ts';
import { createLineReader, type Line } from './lines.ts';
import { type Row, type RowDefaults, type RowRejection, readRow } from './row.ts';

export type TakeOptions = {
  readonly judge: JudgeRows;
  readonly from: Omit<RowsFrom, 'receivedMs'>;
  readonly defaults: RowDefaults;
  /** Told of each batch after its commit, in order; may make the reading wait. */
  readonly onVerdicts: (verdicts: readonly Verdict[]) => Promise<void> | void;
};

const lineBytesMax = 16_384;
const skippedBytesMax = 4 * 1_048_576;
const batchRowsMax = 5_000;
const pendingBytesMax = 4 * 1_048_576;
const retriesMsMax = 20_000;
const retryMs = 250;

/** Takes all rows of an NDJSON body. Resolves after the last commit; rejects with what ended the body or kept the database. */
export async function takeRows(body: AsyncIterable<Buffer>, options: TakeOptions): Promise<void> {
  const lines = createLineReader({ lineBytesMax, skippedBytesMax });
  let pending: (Row | RowRejection)[] = [];
  let pendingBytes = 0;
  let running: Promise<void> | undefined;
  let failure: { readonly cause: unknown } | undefined;

  const begin = () => {
    if (running !== undefined || failure || pending.length === 0) return;
    const batch = pending.slice(0, batchRowsMax);
    pending = pending.slice(batchRowsMax);
    if (pending.length === 0) pendingBytes = 0;
    running = commit(batch, options)
      .catch((cause: unknown) => {
        failure = { cause };
      })
      .finally(() => {
        running = undefined;
        begin();
      });
  };
  const settle = async () => {
    while (running !== undefined) await running;
    if (failure) throw failure.cause;
  };
  const add = async (chunkBytes: number, found: readonly Line[]) => {
    for (const line of found) pending.push(rowOf(line, options.defaults));
    pendingBytes += chunkBytes;
    begin();
    while (running !== undefined && (pending.length >= 2 * batchRowsMax || pendingBytes >= pendingBytesMax))
      await running;
    if (failure) throw failure.cause;
  };
  try {
    for await (const chunk of body) await add(chunk.length, push(lines.push, chunk));
    await add(0, lines.end());
  } finally {
    // What has been read whole is committed, whatever ended the body.
    await settle();
  }
}

function push(read: (chunk: Buffer) => Line[], chunk: Buffer): Line[] {
  try {
    return read(chunk);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw refusals.bodyTooLarge(`Each row is a line of at most ${lineBytesMax} bytes; ${cause.message}.`);
  }
}

function rowOf(line: Line, defaults: RowDefaults): Row | RowRejection {
  if ('text' in line) {
    const given = parseJson(line.text);
    if (given !== undefined) return readRow(given, defaults);
    return malformed('the line is not JSON: each line is one row');
  }
  return malformed(
    line.fault === 'too_long' ? `the line is longer than ${lineBytesMax} bytes` : 'the line is not UTF-8',
  );
}

async function commit(rows: readonly (Row | RowRejection)[], { judge, from, onVerdicts }: TakeOptions): Promise<void> {
  const receivedMs = Date.now();
  const startedAt = performance.now();
  for (;;) {
    try {
      return await onVerdicts(await judge(rows, { ...from, receivedMs }));
    } catch (error) {
      if (!isConnectionLoss(error) || performance.now() - startedAt > retriesMsMax) throw error;
      await sleep(retryMs);
    }
  }
}
