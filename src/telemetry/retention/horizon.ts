/** Before which instant the rows of each series of a table have been dropped, in ms since the epoch; absent where none have. */
export type Horizons = ReadonlyMap<number, number>;

/** Stands for every series among the horizons; no point has it. */
export const everySeries = 0;

/** Before which instant a series has lost its rows, by itself or with all the others; -Infinity where it has lost none. */
export function horizonOf(horizons: Horizons, seriesId: number): number {
  return Math.max(
    horizons.get(seriesId) ?? Number.NEGATIVE_INFINITY,
    horizons.get(everySeries) ?? Number.NEGATIVE_INFINITY,
  );
}

type Span = { readonly seriesId: number; readonly fromMs: number; readonly toMs: number };

/** What of some spans of readings is after their horizons: before these the roll-ups are what remains, and stay as they are. */
export function keptSpans(spans: readonly Span[], horizons: Horizons): Span[] {
  return spans
    .map((span) => ({ ...span, fromMs: Math.max(span.fromMs, horizonOf(horizons, span.seriesId)) }))
    .filter(({ fromMs, toMs }) => fromMs < toMs);
}
