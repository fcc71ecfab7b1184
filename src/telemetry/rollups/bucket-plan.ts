/**
 * Which table tells what of a span: the widest roll-up whose buckets fit into those that are asked for, as far as it is settled,
 * then the narrower ones, and the readings for the rest.
 *
 *   edges      │           │           │           │
 *   rollup_1h  ├──┬──┬──┬──┼──┬──┬──┬──┼──┬──┤
 *   rollup_15m                               ├┬┬┤
 *   reading                                     ├──┤
 *                                               └─ settled
 *
 * What is to be rolled up again is taken from the readings, by whole buckets of the table that would have told it.
 */

import type { RollupTable } from '../storage/time-table.ts';
import { alignSpans, floorTo, levels, minuteMs, type SeriesSpan } from './rollup.ts';

/** A part of the span that one roll-up tells, but for what is pending in it. */
export type RolledPiece = {
  readonly table: RollupTable;
  readonly widthMs: number;
  readonly fromMs: number;
  readonly toMs: number;
};

/** Spans of readings that are to be rolled up at `widthMs` now; `of`: which of the rolled pieces they take the place of. */
export type RawPiece = {
  readonly widthMs: number;
  readonly spans: readonly SeriesSpan[];
  readonly of: number | undefined;
};

export type ReadPlan = {
  readonly rolled: readonly RolledPiece[];
  readonly raw: readonly RawPiece[];
  /** What the first part is told by; a span that begins before the rows of it were dropped cannot be told. */
  readonly base: 'reading' | RollupTable;
};

/** The plan for buckets with these edges, of series that have `pending` to be rolled up again. */
export function planRead(
  edgesMs: readonly number[],
  given: { readonly seriesIds: readonly number[]; readonly settledMs: number; readonly pending: readonly SeriesSpan[] },
): ReadPlan {
  const { seriesIds, settledMs, pending } = given;
  const endMs = edgesMs.at(-1) as number;
  const base = levels.findLast(({ widthMs }) => edgesMs.every((edge) => edge % widthMs === 0));
  const rolled: RolledPiece[] = [];
  const raw: RawPiece[] = [];
  let fromMs = edgesMs[0] as number;
  for (const { table, widthMs } of levels.toReversed()) {
    if (base === undefined || widthMs > base.widthMs) continue;
    const toMs = Math.min(endMs, floorTo(settledMs, widthMs));
    if (toMs <= fromMs) continue;
    const piece = { table, widthMs, fromMs, toMs };
    raw.push({ widthMs, spans: pendingIn(piece, pending), of: rolled.push(piece) - 1 });
    fromMs = toMs;
  }
  const tail = fromMs < endMs ? seriesIds.map((seriesId) => ({ seriesId, fromMs, toMs: endMs })) : [];
  raw.push({ widthMs: base?.widthMs ?? narrowWidth(edgesMs), spans: tail, of: undefined });
  return { rolled, raw: raw.filter(({ spans }) => spans.length > 0), base: base?.table ?? 'reading' };
}

function pendingIn({ fromMs, toMs, widthMs }: RolledPiece, pending: readonly SeriesSpan[]): SeriesSpan[] {
  const within = pending
    .map((span) => ({ ...span, fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) }))
    .filter((span) => span.fromMs < span.toMs);
  return alignSpans(within, { widthMs, endMs: toMs });
}

/** The widest bucket, of less than a minute, that all edges are multiples of. */
function narrowWidth(edgesMs: readonly number[]): number {
  return edgesMs.reduce(greatestDivisor, minuteMs);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestDivisor(b, a % b);
}
