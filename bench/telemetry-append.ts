/**
 * How fast readings are stored: batches of present readings through the program's own append, and as many rows in batches of the same
 * size as bare binary COPY into the same table, by turns on one connection each, so that both see the same machine.
 */
import pg from 'pg';
import { createAppender } from '../src/telemetry/append-store.ts';
import type { Arrival } from '../src/telemetry/arrival.ts';
import type { BenchDatabase, BenchPoint } from './telemetry-database.ts';

export type AppendResult = {
  readonly appendedPerSecond: number;
  readonly copiedPerSecond: number;
  readonly ratio: number;
  readonly batchP99Ms: number;
};

const batchRows = 5_000;
const batchesPerTurn = 10;

/** Stores so many readings each way, and as many more before the clock starts as one turn has. */
export async function measureAppend(
  { database, engine }: BenchDatabase,
  { points, rows, lateMs = 0 }: { points: readonly BenchPoint[]; rows: number; lateMs?: number },
): Promise<AppendResult> {
  // Whether rules wait for readings is not the question: none is late unless that is asked.
  const appender = createAppender(database.pool, { engine, graceMs: lateMs > 0 ? 5_000 : 600_000 });
  const client = await database.pool.connect();
  const spent = { append: 0, copy: 0, rows: 0 };
  const batchMs: number[] = [];
  try {
    for (let turn = 0; turn === 0 || spent.rows < rows; turn++) {
      const isWarm = turn > 0;
      const batches = makeBatches(points, lateMs);
      for (const batch of batches) {
        const startedAt = performance.now();
        const { stored } = await appender.append(batch);
        const tookMs = performance.now() - startedAt;
        if (stored !== batch.length) throw new Error(`${batch.length - stored} readings were there already`);
        if (!isWarm) continue;
        spent.append += tookMs;
        spent.rows += batch.length;
        batchMs.push(tookMs);
      }
      const encoded = makeBatches(points, lateMs).map(encode);
      const startedAt = performance.now();
      for (const buffer of encoded) await copyIn(client, buffer);
      if (isWarm) spent.copy += performance.now() - startedAt;
    }
  } finally {
    client.release();
  }
  const appendedPerSecond = (spent.rows / spent.append) * 1_000;
  const copiedPerSecond = (spent.rows / spent.copy) * 1_000;
  batchMs.sort((one, other) => one - other);
  return {
    appendedPerSecond,
    copiedPerSecond,
    ratio: appendedPerSecond / copiedPerSecond,
    batchP99Ms: batchMs[Math.ceil(batchMs.length * 0.99) - 1] ?? Number.NaN,
  };
}

let sent = 0;

/** The batches of one turn: points take turns, and no point has two readings at one time. */
function makeBatches(points: readonly BenchPoint[], lateMs: number): Arrival[][] {
  const nowMs = Date.now() - lateMs;
  return Array.from({ length: batchesPerTurn }, () =>
    Array.from({ length: batchRows }, () => {
      const n = sent++;
      const point = points[n % points.length] as BenchPoint;
      // Microseconds keep what comes within one millisecond apart.
      const timeMs = nowMs + (Math.floor(n / points.length) % 1_000) / 1_000;
      return { point, timeMs, value: 20 + Math.sin(n), quality: 'good' as const };
    }),
  );
}

const header = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
const rowBytes = 2 + 8 + 12 + 12 + 6;
const epochUs = 946_684_800_000_000n;

/** Rows in the order of the key, in the binary form of COPY (PostgreSQL's manual, COPY). */
function encode(batch: Arrival[]): Buffer {
  const sorted = batch.toSorted((a, b) => a.point.seriesId - b.point.seriesId || a.timeMs - b.timeMs);
  const buffer = Buffer.alloc(header.length + sorted.length * rowBytes + 2);
  header.copy(buffer);
  let at = header.length;
  for (const { point, timeMs, value } of sorted) {
    at = buffer.writeInt16BE(4, at);
    at = buffer.writeInt32BE(4, at);
    at = buffer.writeInt32BE(point.seriesId, at);
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeBigInt64BE(BigInt(Math.round(timeMs * 1_000)) - epochUs, at);
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeDoubleBE(value ?? 0, at);
    at = buffer.writeInt32BE(2, at);
    at = buffer.writeInt16BE(0, at);
  }
  buffer.writeInt16BE(-1, at);
  return buffer;
}

type CopyingConnection = { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void };

function copyIn(client: pg.ClientBase, rows: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const text = 'copy reading (series_id, time, value, quality) from stdin (format binary)';
    const query = new pg.Query({ text }, (error) => (error ? reject(error) : resolve()));
    const handleCopyInResponse = (connection: CopyingConnection) => {
      connection.sendCopyFromChunk(rows);
      connection.endCopyFrom();
    };
    client.query(Object.assign(query, { handleCopyInResponse }));
  });
}
