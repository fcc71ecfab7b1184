/**
 * The rows of a query as pieces, each read by statements that end before it is used: whoever takes them may be as slow as it likes
 * and holds nothing in the database. Series come one after the other, each in the order of time.
 */
import type { Db } from '../../platform/database.ts';
import type { BucketWidth } from '../rollups/bucket.ts';
import { type BucketForm, type Piece, type Query, type QueryPosition, seriesAt, slicePiece, widthOf } from './query.ts';
import { advance, bucketStart, countBuckets, nextBucketStart, retreat } from './query-grid.ts';
import { queryLimits } from './query-limits.ts';
import { readReadingPieces } from './query-readings.ts';
import { findBucketBounds } from './query-store.ts';
import { readTriangles } from './query-triangles.ts';
import { type BucketWindow, readWindow } from './query-windows.ts';

export type ReadFrom = {
  readonly position: QueryPosition;
  /** How many rows are wanted at least; fewer are read at a time where few are wanted. */
  readonly rows: number;
};

/** A piece, and how far along the query it leads: behind it, rows go on at `reached`. */
export type Progress = { readonly piece: Piece; readonly reached: QueryPosition; readonly scanned: number };

/** A query's rows from a position on. A piece may be empty, where there is nothing for long. */
export async function* readPieces(db: Db, query: Query, { position, rows }: ReadFrom): AsyncGenerator<Progress> {
  const { form } = query;
  let from = position;
  while (from.of < query.series.length) {
    const next = { of: from.of + 1, afterMs: null };
    switch (form.kind) {
      case 'raw':
        yield* readReadingPieces(db, query, { position: from, rows });
        from = next;
        break;
      case 'triangles': {
        const piece = behind(await readTriangles(db, { ...query, form }, from.of), from);
        yield { piece, reached: next, scanned: piece.timesMs.length };
        from = next;
        break;
      }
      case 'buckets':
        from = yield* readBucketPieces(db, { ...query, form }, { position: from, rows });
    }
  }
}

/** The rows of a piece, which are in the order of time, that follow a position. */
function behind(piece: Piece, { afterMs }: QueryPosition): Piece {
  if (afterMs === null) return piece;
  const from = Array.from(piece.timesMs).filter((timeMs) => timeMs <= afterMs).length;
  return slicePiece(piece, from, piece.timesMs.length);
}

/** The windows of the series at a position; of those after it, too, where together they are small. Gives where the next ones begin. */
async function* readBucketPieces(
  db: Db,
  query: Query<BucketForm>,
  { position, rows }: ReadFrom,
): AsyncGenerator<Progress, QueryPosition> {
  const { of, afterMs } = position;
  const width = widthOf(query.form, seriesAt(query, of));
  const buckets = countBuckets(width, query);
  if (afterMs === null && buckets <= windowMax(width)) {
    const group = groupAt(query, of, Math.floor(queryLimits.windowBuckets / buckets));
    const span = { startMs: bucketStart(width, query.startMs), endMs: edgeAfter(width, query.endMs) };
    for (const piece of await readWindow(db, query, { of: group, width, ...span })) {
      yield { piece: ordered(piece, query), reached: { of: piece.of + 1, afterMs: null }, scanned: buckets };
    }
    return { of: of + group.length, afterMs: null };
  }
  yield* readLong(db, await withinBounds(db, query, of), { position, rows });
  return { of: of + 1, afterMs: null };
}

/** The windows of one series, one after the other. */
async function* readLong(
  db: Db,
  query: Query<BucketForm> | undefined,
  { position, rows }: ReadFrom,
): AsyncGenerator<Progress> {
  if (!query) return;
  const { of } = position;
  const width = widthOf(query.form, seriesAt(query, of));
  let count = Math.min(windowMax(width), Math.max(rows, bucketsFirst));
  for (let window = firstWindow(query, position, { width, count }); window; ) {
    const [piece] = await readWindow(db, query, window);
    const edge = query.order === 'asc' ? window.endMs : window.startMs;
    const isLast = query.order === 'asc' ? edge >= query.endMs : edge <= query.startMs;
    const lastMs = query.order === 'asc' ? retreat(width, edge, 1) : edge;
    const reached = isLast ? { of: of + 1, afterMs: null } : { of, afterMs: lastMs };
    if (piece) yield { piece: ordered(piece, query), reached, scanned: count };
    count = Math.min(windowMax(width), count * 4);
    window = isLast ? undefined : windowAt(query, { of, edgeMs: edge, width, count });
  }
}

/** A query whose empty buckets are left out does not look at those before the first reading and after the last: centuries of days. */
async function withinBounds(db: Db, query: Query<BucketForm>, of: number): Promise<Query<BucketForm> | undefined> {
  if (query.form.fill !== 'none') return query;
  const series = seriesAt(query, of);
  const width = widthOf(query.form, series);
  const whole = { startMs: bucketStart(width, query.startMs), endMs: edgeAfter(width, query.endMs) };
  const bounds = await findBucketBounds(db, { seriesId: series.seriesId, ...whole });
  if (!bounds) return undefined;
  return {
    ...query,
    startMs: Math.max(query.startMs, bounds.startMs),
    endMs: Math.min(query.endMs, bounds.endMs),
  };
}

/** A page of few rows looks at so many buckets first; where they are empty, at four times as many, and so on. */
const bucketsFirst = 100;
/** The calendar of a zone is reckoned edge by edge. */
const calendarBuckets = 4_000;

function windowMax(width: BucketWidth): number {
  return width.unit === 'fixed' ? queryLimits.windowBuckets : calendarBuckets;
}

/** The series from one on that have buckets of the same width, as many of them as go together. */
function groupAt(query: Query<BucketForm>, of: number, seriesMax: number): number[] {
  const sameAs = (index: number) => JSON.stringify(widthOf(query.form, seriesAt(query, index)));
  const group = [of];
  for (let index = of + 1; index < query.series.length && group.length < seriesMax; index++) {
    if (sameAs(index) !== sameAs(of)) break;
    group.push(index);
  }
  return group;
}

type Cut = { readonly width: BucketWidth; readonly count: number };

function firstWindow(query: Query<BucketForm>, { of, afterMs }: QueryPosition, cut: Cut): BucketWindow | undefined {
  const { width } = cut;
  const { order, startMs, endMs } = query;
  const edgeMs =
    order === 'asc'
      ? afterMs === null
        ? bucketStart(width, startMs)
        : nextBucketStart(width, afterMs)
      : (afterMs ?? edgeAfter(width, endMs));
  const isPast = order === 'asc' ? edgeMs >= endMs : edgeMs <= startMs;
  return isPast ? undefined : windowAt(query, { of, edgeMs, ...cut });
}

function windowAt(query: Query<BucketForm>, at: Cut & { of: number; edgeMs: number }): BucketWindow {
  const { of, edgeMs, width, count } = at;
  if (query.order === 'asc') {
    const endMs = Math.min(advance(width, edgeMs, count), edgeAfter(width, query.endMs));
    return { of: [of], width, startMs: edgeMs, endMs };
  }
  const startMs = Math.max(retreat(width, edgeMs, count), bucketStart(width, query.startMs));
  return { of: [of], width, startMs, endMs: edgeMs };
}

/** The first edge that is not before an instant. */
function edgeAfter(width: BucketWidth, atMs: number): number {
  return nextBucketStart(width, bucketStart(width, atMs - 1));
}

function ordered(piece: Piece, { order }: Query): Piece {
  if (order === 'asc') return piece;
  const turned = (numbers: ArrayLike<number>) => Float64Array.from(numbers).reverse();
  return { ...piece, timesMs: turned(piece.timesMs), columns: piece.columns.map(turned) };
}
