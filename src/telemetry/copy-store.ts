/**
 * The fast way into the table: COPY, which has no `on conflict` and takes half the server's time. Readings that are there already
 * are rare, so a batch is copied first and inserted when that fails; where they come in rows (a device that sends its day again), it is
 * not tried for a while.
 *
 *   copying ──a key is there already──▶ inserting, for 1, 2, 4 … 64 batches ──▶ copying
 *      ▲                                   │
 *      └────── a batch without repeats ────┘
 */
import pg from 'pg';
import type { Column } from './arrival.ts';
import { epochUs } from './binary-arrays.ts';

export type Copier = {
  /**
   * Stores all rows of a batch and resolves with their number; undefined, and nothing stored, when it has to be inserted. Rejects,
   * nothing stored, when the database's clock is past `untilMs` then.
   */
  copy(client: pg.ClientBase, column: Column, untilMs: number): Promise<number | undefined>;
  /** Told of a batch that was inserted: how many of its rows were there already. */
  noteInserted(repeats: number): void;
};

const uniqueViolation = '23505';
const waitBatchesMax = 64;
/** Below it the one statement costs as little; measured with batches of 10 to 10,000 rows. */
const rowsMin = 20;
/** So often, at most, a COPY looks at the clock; fewer than `rowsMin`. */
const refusalsMax = 8;

/** A copier that has met no repeats yet; one for all connections. */
export function createCopier(): Copier {
  let waiting = 0;
  let waitNext = 1;
  return {
    copy: async (client, column, untilMs) => {
      if (waiting > 0 || column.seriesIds.length < rowsMin) return undefined;
      try {
        await copyIn(client, column, untilMs);
        waitNext = 1;
        return column.seriesIds.length;
      } catch (error) {
        if (!(error instanceof Error) || (error as { code?: string }).code !== uniqueViolation) throw error;
        waiting = waitNext;
        waitNext = Math.min(waitBatchesMax, waitNext * 2);
        return undefined;
      }
    },
    noteInserted: (repeats) => {
      waiting = repeats === 0 ? 0 : Math.max(0, waiting - 1);
    },
  };
}

function copyIn(client: pg.ClientBase, column: Column, untilMs: number): Promise<void> {
  const rows = encodeRows(column);
  return new Promise((resolve, reject) => {
    const text = copyText(column.seriesIds, untilMs);
    const query = new pg.Query({ text }, (error) => (error ? reject(error) : resolve()));
    const handleCopyInResponse = (connection: CopyingConnection) => {
      connection.sendCopyFromChunk(rows);
      connection.endCopyFrom();
    };
    client.query(Object.assign(query, { handleCopyInResponse }));
  });
}

/**
 * The statement, with the look at the clock (see `refuse_stale` of the migrations) as the condition of the first series' rows, as long
 * as these are few; else as a second statement of the same message, and so of the same transaction. Measured on a hypertable: of
 * the 250 µs of the server's time that 20 rows take, and the 400 that 100 take, the condition takes 35 more, the statement 50.
 */
function copyText(seriesIds: ArrayLike<number>, untilMs: number): string {
  const first = seriesIds[0];
  const refuse = `refuse_stale('${new Date(untilMs).toISOString()}')`;
  const copy = `copy reading (series_id, time, value, quality) from stdin (format binary)`;
  const isFew = seriesIds[refusalsMax] !== first;
  return isFew ? `${copy} where series_id <> ${first} or ${refuse}` : `${copy}; select ${refuse}`;
}

/** Two methods of the driver's connection, which its types leave out. */
type CopyingConnection = { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void };

/** `PGCOPY`, a line feed, 0xff, a carriage return and a line feed, zero; no flags, no extension (PostgreSQL, COPY, binary format). */
const header = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
const rowBytesMax = 2 + (4 + 4) + (4 + 8) + (4 + 8) + (4 + 2);

/** The rows of a batch in the binary form of COPY; NaN stands for null, since no reading holds a NaN. */
function encodeRows({ seriesIds, timesMs, values, qualities }: Column): Buffer {
  const buffer = Buffer.allocUnsafe(header.length + seriesIds.length * rowBytesMax + 2);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  buffer.set(header);
  let at = header.length;
  for (let i = 0; i < seriesIds.length; i++) {
    const us = Math.round((timesMs[i] as number) * 1_000) - epochUs;
    const high = Math.floor(us / 4_294_967_296);
    const value = values[i] as number;
    view.setInt16(at, 4);
    view.setInt32(at + 2, 4);
    view.setInt32(at + 6, seriesIds[i] as number);
    view.setInt32(at + 10, 8);
    view.setInt32(at + 14, high);
    view.setUint32(at + 18, us - high * 4_294_967_296);
    at += 22;
    if (Number.isNaN(value)) {
      view.setInt32(at, -1);
      at += 4;
    } else {
      view.setInt32(at, 8);
      view.setFloat64(at + 4, value);
      at += 12;
    }
    view.setInt32(at, 2);
    view.setInt16(at + 4, qualities[i] as number);
    at += 6;
  }
  view.setInt16(at, -1);
  return buffer.subarray(0, at + 2);
}
