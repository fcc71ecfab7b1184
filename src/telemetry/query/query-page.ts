import type { Db } from '../../platform/database.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Piece, type Query, type QueryPosition, slicePiece } from './query.ts';
import { queryLimits } from './query-limits.ts';
import { readPieces } from './query-read.ts';

export type QueryPage = { readonly pieces: readonly Piece[]; readonly next: QueryPosition | null };

/**
 * So many rows of a query from a position on; fewer where it ends, or where so many buckets were empty that a client should hear
 * of it. `next` is null where nothing follows.
 */
export async function readPage(
  db: Db,
  query: Query,
  { position, limit }: { position: QueryPosition; limit: number },
): Promise<QueryPage> {
  const pieces: Piece[] = [];
  let rows = 0;
  let scanned = 0;
  let last: QueryPosition = { of: -1, afterMs: null };
  for await (const progress of readPieces(db, query, { position, rows: limit + 1 })) {
    const { reached } = progress;
    const left = limit - rows;
    const isMore = progress.piece.timesMs.length > left;
    const piece = isMore ? slicePiece(progress.piece, 0, left) : progress.piece;
    if (!isMore || left > 0) pieces.push(piece);
    const rowsHere = piece.timesMs.length;
    if (rowsHere > 0) last = { of: piece.of, afterMs: piece.timesMs[rowsHere - 1] as number };
    if (isMore) return { pieces, next: last.of === piece.of ? last : { of: piece.of, afterMs: null } };
    rows += rowsHere;
    scanned += progress.scanned;
    if (scanned > queryLimits.pageBucketsMax && limit !== Number.POSITIVE_INFINITY)
      return { pieces, next: reached.of < query.series.length ? reached : null };
  }
  return { pieces, next: null };
}

/** Where a cursor leads: the position, and the span that the first page had, whose bounds may have been relative. */
export type QueryCursor = QueryPosition & Pick<Query, 'startMs' | 'endMs' | 'nowMs'>;

/** Opens a cursor that was made for this list; undefined where none is given. Throws cursor_invalid. */
export function openQueryCursor(
  paging: Paging,
  cursor: string | undefined,
  list: unknown,
): { found: QueryCursor | undefined; binding: string } {
  const { position, binding } = paging.open(cursor, list);
  if (!position) return { found: undefined, binding };
  const [of, after, startMs, endMs, nowMs] = position.at.split(' ').map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (![of, startMs, endMs, nowMs].every(Number.isFinite)) throw refusals.cursorInvalid();
  return { found: { of, afterMs: Number.isNaN(after) ? null : after, startMs, endMs, nowMs }, binding };
}

/** The cursor of what follows a page; null where nothing does. */
export function signQueryCursor(
  paging: Paging,
  next: QueryPosition | null,
  { query, binding }: { query: Query; binding: string },
): string | null {
  if (!next) return null;
  const { startMs, endMs, nowMs } = query;
  const at = [next.of, next.afterMs ?? Number.NaN, startMs, endMs, nowMs].join(' ');
  return paging.sign({ at, id: '' }, binding);
}
