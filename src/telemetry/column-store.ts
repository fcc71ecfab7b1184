/**
 * History as columns, for whoever goes over much of it: each point's times and values as one string of bytes, sent by COPY, which
 * spares the server and us the text of them, and of an array a third: the length of each element before it. Reading is most of
 * the work of a back-test, so slices are read ahead.
 *
 *   slice 1 ──connection a──▶ ┐
 *   slice 2 ──connection b──▶ ├──▶ handed out in the order of time, while the next ones are under way
 *   slice 3 ──connection a──▶ ┘
 */
import pg from 'pg';
import { withClient } from '../platform/database.ts';
import { fillTimes, numbersIn } from './binary-arrays.ts';
import type { PointColumn } from './point-column.ts';
import { findOrderedDays } from './storage/ordered-store.ts';

/** Which readings: of these series, with after < time <= through; instants are whole milliseconds. */
export type ColumnQuery = {
  readonly seriesIds: readonly number[];
  readonly afterMs: number;
  readonly throughMs: number;
  /** How much at a time; without it as much as makes a million readings at one a minute, and 30 days at most. */
  readonly sliceMs?: number;
};

export type ColumnSlice = { readonly columns: Map<number, PointColumn>; readonly throughMs: number };

const dayMs = 86_400_000;
const slicesAhead = 2;
/** Some million readings at one a minute; measured over ten asset-years, a third of it takes a tenth longer, and thrice as much is no faster. */
const pointDaysPerSlice = 1_000;
const sliceDaysMax = 30;
/** Of a day in the order of its key, up to such a part of its series is read by the key; more of them, by going over the day. */
const byKeyMax = 1 / 4;

/** The readings of some series, slice by slice in the order of time; a series without any in a slice is absent from it. */
export async function* streamPointColumns(pool: pg.Pool, query: ColumnQuery): AsyncGenerator<ColumnSlice> {
  const { seriesIds, afterMs, throughMs } = query;
  const sliceMs =
    query.sliceMs ?? dayMs * Math.min(sliceDaysMax, Math.ceil(pointDaysPerSlice / Math.max(1, seriesIds.length)));
  const orderedSeries = await findOrderedDays(pool);
  const underWay: Promise<ColumnSlice>[] = [];
  let nextMs = afterMs;
  const start = () => {
    if (nextMs >= throughMs) return;
    // Days end in the millisecond before midnight, so that a slice needs no partition for one instant.
    const endMs = Math.min(throughMs, Math.floor((nextMs + sliceMs + 1) / dayMs) * dayMs - 1);
    const slice = {
      seriesIds,
      afterMs: nextMs,
      throughMs: endMs > nextMs ? endMs : Math.min(throughMs, nextMs + sliceMs),
    };
    nextMs = slice.throughMs;
    const isByKey = seriesIds.length <= byKeyMax * orderedSeries(slice.afterMs + 1, slice.throughMs);
    const reading = readSlice(pool, slice, isByKey);
    // Whoever takes it hears of its failure; until then nobody else shall.
    reading.catch(() => undefined);
    underWay.push(reading);
  };
  for (let i = 0; i < slicesAhead; i++) start();
  try {
    for (let slice = underWay.shift(); slice !== undefined; slice = underWay.shift()) {
      const read = await slice;
      start();
      yield read;
    }
  } finally {
    await Promise.allSettled(underWay);
  }
}

async function readSlice(
  pool: pg.Pool,
  { seriesIds, afterMs, throughMs }: ColumnQuery,
  isByKey: boolean,
): Promise<ColumnSlice> {
  const columns = new Map<number, PointColumn>();
  // COPY takes no parameters: only whole numbers and instants of our own making get into its text.
  if (![...seriesIds, afterMs, throughMs].every(Number.isInteger))
    throw new Error('series and instants are whole numbers');
  const ids = `'{${seriesIds.join(',')}}'::int4[]`;
  const instant = (ms: number) => `'${new Date(ms).toISOString()}'::timestamptz`;
  const within = `time > ${instant(afterMs)} and time <= ${instant(throughMs)}`;
  const aggregates = `string_agg(timestamptz_send(time), '') as times,
    string_agg(float8send(case when quality = 0 and value is not null then value else 'NaN' end), '') as numbers`;
  // Series by series by the key takes three times as long as groups where rows lie as they came; in its order two thirds, for one
  // asset among ten, but for all ten a fifth longer.
  const rows = isByKey
    ? `select id, times, numbers from unnest(${ids}) as asked (id), lateral (
        select ${aggregates} from reading where series_id = id and ${within}) as own where times is not null`
    : `select series_id, ${aggregates} from reading where series_id = any(${ids}) and ${within} group by series_id`;
  const text = `copy (${rows}) to stdout (format binary)`;
  await withClient(pool, async (client) => {
    // What is compiled is run once, and a sort of what is grouped costs five times what the groups do.
    await client.query(
      `begin read only; set local jit = off; set local max_parallel_workers_per_gather = 0; set local work_mem = '64MB'; set local enable_sort = off`,
    );
    let isFirst = true;
    await copyOut(client, text, (chunk) => {
      readRow(chunk, isFirst ? signatureBytes : 0, columns);
      isFirst = false;
    });
    await client.query('commit');
  });
  return { columns, throughMs };
}

/** Runs a COPY TO STDOUT; each row comes as one chunk, which is overwritten afterwards. */
function copyOut(client: pg.PoolClient, text: string, onRow: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new pg.Query({ text }, (error) => (error ? reject(error) : resolve()));
    const handleCopyData = ({ chunk }: { chunk: Buffer }) => onRow(chunk);
    client.query(Object.assign(query, { handleCopyData }));
  });
}

/** The signature, the flags and the length of the header's extension before the first row (PostgreSQL, COPY, binary format). */
const signatureBytes = 19;

/** A row: the number of its fields, then each with its length before it. */
function readRow(chunk: Buffer, start: number, columns: Map<number, PointColumn>): void {
  if (chunk.readInt16BE(start) !== 3) return; // The trailer.
  const seriesId = chunk.readInt32BE(start + 6);
  const timesAt = start + 14;
  const bytes = chunk.readInt32BE(timesAt - 4);
  const valuesAt = timesAt + bytes + 4;
  const times = new Float64Array(bytes / 8);
  fillTimes(times, new DataView(chunk.buffer, chunk.byteOffset + timesAt, bytes));
  const copy = new Uint8Array(chunk.subarray(valuesAt, valuesAt + bytes));
  columns.set(seriesId, sortColumn({ times, values: numbersIn(Buffer.from(copy.buffer)) }));
}

/** The column in the order of time; itself when it is in that order already. */
export function sortColumn(column: PointColumn): PointColumn {
  const { times, values } = column;
  if (isInOrder(times)) return column;
  const at = (array: Float64Array, index: number) => array[index] as number;
  const order = Uint32Array.from(times, (_, index) => index).sort((a, b) => at(times, a) - at(times, b));
  return {
    times: Float64Array.from(order, (i) => at(times, i)),
    values: Float64Array.from(order, (i) => at(values, i)),
  };
}

function isInOrder(times: Float64Array): boolean {
  for (let i = 1; i < times.length; i++) if ((times[i] as number) < (times[i - 1] as number)) return false;
  return true;
}
