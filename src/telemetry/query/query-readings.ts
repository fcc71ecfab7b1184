import { convert } from '../../assets/units.ts';
import type { Db } from '../../platform/database.ts';
import type { ReadingColumns } from '../reading-columns-store.ts';
import { type Piece, type Query, type QueryPosition, type ShownSeries, seriesAt } from './query.ts';
import { queryLimits } from './query-limits.ts';
import type { Progress, ReadFrom } from './query-read.ts';
import { findReadingBounds, readReadings } from './query-store.ts';

const dayMs = 86_400_000;
/** A statement over fewer days has fewer partitions to plan for; over many days without a reading it is not to be repeated for each. */
const daysMax = 64;
const shortMs = 8 * dayMs;

/** The readings of the series at a position. */
export async function* readReadingPieces(db: Db, query: Query, { position, rows }: ReadFrom): AsyncGenerator<Progress> {
  const isShort = query.endMs - query.startMs <= shortMs;
  if (isShort || rows < queryLimits.windowReadings) yield* readOnce(db, query, { position, rows });
  else yield* readAlong(db, query, position);
}

/** A page's worth at a time, by statements over all of the span. */
async function* readOnce(db: Db, query: Query, { position, rows }: ReadFrom): AsyncGenerator<Progress> {
  const { of } = position;
  const limit = Math.min(Math.max(rows, 100), queryLimits.windowReadings);
  let cut: Cut | undefined = cutOf(query, position);
  while (cut) {
    const read = await readReadings(db, { ...asked(query, of), ...cut, limit });
    const piece = pieceOf(query, of, read);
    cut = read.timesMs.length < limit ? undefined : cutOf(query, { of, afterMs: lastOf(read) });
    yield { piece, reached: reachedBy(read, of, cut === undefined), scanned: read.timesMs.length };
  }
}

/** All of them, in steps of days: more where there are few. */
async function* readAlong(db: Db, query: Query, position: QueryPosition): AsyncGenerator<Progress> {
  const { of } = position;
  const { order } = query;
  const limit = queryLimits.windowReadings;
  const { fromMs, endMs } = cutOf(query, position);
  const bounds = await findReadingBounds(db, { seriesId: seriesAt(query, of).seriesId, startMs: fromMs, endMs });
  if (!bounds) return;
  const span = { startMs: Math.max(fromMs, bounds.firstMs), endMs: Math.min(endMs, bounds.lastMs) };
  let cut: Cut = { ...cutOf(query, position), fromMs: span.startMs, endMs: span.endMs };
  if (position.afterMs === null) cut = { ...cut, isAfter: false };
  for (let days = 1; cut.fromMs < cut.endMs; ) {
    const step: Cut =
      order === 'asc'
        ? { ...cut, endMs: Math.min(cut.fromMs + days * dayMs, span.endMs) }
        : { ...cut, fromMs: Math.max(cut.endMs - days * dayMs, span.startMs) };
    const read = await readReadings(db, { ...asked(query, of), ...step, limit });
    const isFull = read.timesMs.length === limit;
    if (isFull) cut = cutOf({ ...query, ...span }, { of, afterMs: lastOf(read) });
    else if (order === 'asc') cut = { fromMs: step.endMs, isAfter: false, endMs: span.endMs };
    else cut = { fromMs: span.startMs, isAfter: false, endMs: step.fromMs };
    if (!isFull && read.timesMs.length < limit / 2) days = Math.min(daysMax, days * 2);
    const isEnd = cut.fromMs >= cut.endMs;
    if (read.timesMs.length > 0)
      yield { piece: pieceOf(query, of, read), reached: reachedBy(read, of, isEnd), scanned: 0 };
  }
}

type Cut = { readonly fromMs: number; readonly isAfter: boolean; readonly endMs: number };

/** What of the span is left behind a position. */
function cutOf({ startMs, endMs, order }: Pick<Query, 'startMs' | 'endMs' | 'order'>, { afterMs }: QueryPosition): Cut {
  if (afterMs === null) return { fromMs: startMs, isAfter: false, endMs };
  return order === 'asc'
    ? { fromMs: afterMs, isAfter: true, endMs }
    : { fromMs: startMs, isAfter: false, endMs: afterMs };
}

function asked(query: Query, of: number) {
  const { qualities, order } = query;
  return { seriesId: seriesAt(query, of).seriesId, qualities, order };
}

function lastOf({ timesMs }: ReadingColumns): number {
  return timesMs.at(-1) as number;
}

function reachedBy(read: ReadingColumns, of: number, isEnd: boolean): QueryPosition {
  return isEnd || read.timesMs.length === 0 ? { of: of + 1, afterMs: null } : { of, afterMs: lastOf(read) };
}

function pieceOf(query: Query, of: number, { timesMs, values, qualities }: ReadingColumns): Piece {
  return { of, timesMs, columns: [inUnitOf(seriesAt(query, of), values)], qualities };
}

/** Values as they are shown. */
export function inUnitOf({ conversion }: ShownSeries, values: readonly number[]): readonly number[] {
  if (!conversion) return values;
  const { scale, offset, steps } = conversion;
  return values.map((value) => convert(value, scale, offset, steps));
}
