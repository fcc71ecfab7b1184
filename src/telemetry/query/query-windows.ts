/**
 * The rows of a query's buckets, some at a time: a window is a span of buckets, of one long series or of several short ones, read
 * by one call and filled.
 */
import type { Db } from '../../platform/database.ts';
import type { Buckets, BucketWidth, SeriesBuckets } from '../rollups/bucket.ts';
import { readBuckets } from '../rollups/bucket-store.ts';
import { fillHeld, fillLine, type KnownValue } from './fill.ts';
import { findHeldBefore, findNeighbours, type Neighbour, reachOf } from './fill-neighbour.ts';
import { type Aggregate, type BucketForm, type Piece, type Query, type ShownSeries, seriesAt } from './query.ts';
import { carryOf, columnOf, convertColumn, valuesToRead } from './query-column.ts';

/** Which buckets of which of the query's series; both ends are edges of buckets. */
export type BucketWindow = {
  readonly of: readonly number[];
  readonly width: BucketWidth;
  readonly startMs: number;
  readonly endMs: number;
};

/** The rows of a window, a piece for each of its series, in the order of time. */
export async function readWindow(db: Db, query: Query<BucketForm>, window: BucketWindow): Promise<Piece[]> {
  const { form, qualities, nowMs } = query;
  const { of, width, startMs, endMs } = window;
  const values = valuesToRead(form);
  const seriesIds = [...new Set(of.map((index) => seriesAt(query, index).seriesId))];
  const asked = { seriesIds, startMs, endMs, width, qualities, values };
  const buckets = await readBuckets(db, { ...asked, carryMsMax: carryOf(form), nowMs });
  if (form.fill === 'none') return of.map((index) => ({ of: index, ...sparseRows(query, index, buckets) }));
  const around = await lookAround(db, query, { window, seriesIds, buckets });
  const timesMs = Float64Array.from(buckets.edgesMs.slice(0, -1));
  return of.map((index) => {
    const shown = seriesAt(query, index);
    const counts = denseColumn('count', buckets.series.get(shown.seriesId), timesMs.length);
    const columns = form.aggregates.map((aggregate) => {
      const column = denseColumn(aggregate, buckets.series.get(shown.seriesId), timesMs.length);
      fillColumn(column, { aggregate, form, shown, timesMs, counts, buckets, around });
      convertColumn(column, { aggregate, counts, conversion: shown.conversion });
      return column;
    });
    return { of: index, timesMs, columns, qualities: undefined };
  });
}

/** The buckets in which there is anything of what was asked for. */
function sparseRows(query: Query<BucketForm>, index: number, { series, edgesMs }: Buckets): Omit<Piece, 'of'> {
  const { aggregates } = query.form;
  const { seriesId, conversion } = seriesAt(query, index);
  const found = series.get(seriesId);
  if (!found) return { timesMs: [], columns: aggregates.map(() => []), qualities: undefined };
  const wanted = aggregates.map((aggregate) => columnOf(aggregate, found));
  const isKnown = (row: number) =>
    wanted.some((column, i) => (aggregates[i] === 'count' ? (column[row] as number) > 0 : !Number.isNaN(column[row])));
  const rows = Array.from(found.index.keys()).filter(isKnown);
  const isAll = rows.length === found.index.length;
  const pick = (column: Float64Array) =>
    isAll ? column.slice() : Float64Array.from(rows, (row) => column[row] as number);
  const counts = pick(found.count);
  const columns = aggregates.map((aggregate, i) => {
    const column = pick(wanted[i] as Float64Array);
    convertColumn(column, { aggregate, counts, conversion });
    return column;
  });
  const timesMs = Float64Array.from(rows, (row) => edgesMs[found.index[row] as number] as number);
  return { timesMs, columns, qualities: undefined };
}

function denseColumn(aggregate: Aggregate, found: SeriesBuckets | undefined, length: number): Float64Array {
  const column = new Float64Array(length).fill(aggregate === 'count' ? 0 : Number.NaN);
  const values = found && columnOf(aggregate, found);
  found?.index.forEach((bucket, row) => {
    column[bucket] = values?.[row] as number;
  });
  return column;
}

type Around = {
  readonly reachMs: number;
  readonly held: ReadonlyMap<number, KnownValue>;
  readonly before: ReadonlyMap<number, Neighbour>;
  readonly after: ReadonlyMap<number, Neighbour>;
};

/** What is outside of a window and fills its first and last buckets, of those series that have these empty. */
async function lookAround(
  db: Db,
  query: Query<BucketForm>,
  { window, seriesIds, buckets }: { window: BucketWindow; seriesIds: readonly number[]; buckets: Buckets },
): Promise<Around> {
  const { form } = query;
  const reachMs = reachOf(form, window.width);
  const none = { reachMs, held: new Map(), before: new Map(), after: new Map() };
  if (form.fill === 'null') return none;
  const from = { ...window, reachMs, values: valuesToRead(form) };
  const bucketCount = buckets.edgesMs.length - 1;
  const isEmptyAt = (bucket: number, row: 0 | -1) => (seriesId: number) => {
    const found = buckets.series.get(seriesId);
    return found?.index.at(row) !== bucket || !((found.count.at(row) as number) > 0);
  };
  const openAtStart = seriesIds.filter(isEmptyAt(0, 0));
  if (form.fill === 'last')
    return { ...none, held: await findHeldBefore(db, query, { seriesIds: openAtStart, window: from, buckets }) };
  const openAtEnd = seriesIds.filter(isEmptyAt(bucketCount - 1, -1));
  const before = { seriesIds: openAtStart, window: from, side: 'before', isAny: false } as const;
  const after = { seriesIds: openAtEnd, window: from, side: 'after', isAny: false } as const;
  return {
    ...none,
    before: await findNeighbours(db, query, before),
    after: await findNeighbours(db, query, after),
  };
}

type Filling = {
  readonly aggregate: Aggregate;
  readonly form: BucketForm;
  readonly shown: ShownSeries;
  readonly timesMs: Float64Array;
  readonly counts: Float64Array;
  readonly buckets: Buckets;
  readonly around: Around;
};

/** Readings are counted and added up where they are, and nowhere else. */
function fillColumn(column: Float64Array, { aggregate, form, shown, ...given }: Filling): void {
  if (aggregate === 'count' || aggregate === 'sum' || form.fill === 'null') return;
  const { timesMs, counts, buckets, around } = given;
  const { reachMs } = around;
  const { seriesId } = shown;
  if (form.fill === 'last') {
    const held = buckets.series.get(seriesId) ?? { index: [], lastMs: [], last: [] };
    fillHeld(column, { timesMs, reachMs, held, before: around.held.get(seriesId) });
    return;
  }
  const known = (side: Neighbour | undefined) =>
    side && { timeMs: side.timeMs, value: columnOf(aggregate, side.buckets)[side.row] as number };
  const [before, after] = [known(around.before.get(seriesId)), known(around.after.get(seriesId))];
  fillLine(column, { timesMs, counts, reachMs, before, after });
}
