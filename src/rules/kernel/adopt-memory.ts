/**
 * A new evaluation that goes on from the memory of the one before it, as of the same tick, so that only what is new has to be
 * read from history:
 *
 *   row before: same rule, same points, same parameters, asset not stale ─▶ its rings, extremes and hold-offs are copied
 *   any other row ─▶ fresh: its points are read again as far back as its rule remembers, and its rule runs up on them
 *
 * A point that a fresh row reads begins empty, since the run-up has to see it as it was; the rows beside it that were adopted
 * do not run up, and see it again at the next tick, as of which it stands where it stood: so it is read at least as far back as
 * they take a reading for fresh. A watched point is read again as far back as it may say nothing, unless it was watched before.
 */

import type { PointReading } from './input-table.ts';
import type { Layout } from './layout.ts';
import type { RuleGroup } from './rule-group.ts';

/** How far back each point has to be read for the rows that are fresh, by point id; absent where no fresh row reads it. */
export type RunUp = ReadonlyMap<string, number>;

/** Lets a layout go on from another one as far as it can; without one all rows are fresh. */
export function adoptMemory(
  layout: Layout,
  before?: Layout,
  isStale: (assetId: string) => boolean = () => false,
): RunUp {
  if (before) adoptRows(layout, before, isStale);
  const spans = new Map<string, number>();
  for (const group of layout.groups) {
    for (let row = 0; row < group.assets.length; row++) {
      if (group.adopted[row]) continue;
      for (const { point } of readingsOf(group, row)) {
        const id = layout.pointIds[point] as string;
        spans.set(id, Math.max(group.spanMs, spans.get(id) ?? 0));
      }
    }
  }
  for (const group of layout.groups) {
    for (let row = 0; row < group.assets.length; row++) {
      if (group.adopted[row]) reachBack(layout, group, row, spans);
    }
  }
  readWatched(layout, before, { isStale, spans });
  if (before) copyPoints(layout, before, spans);
  return spans;
}

type Reach = { isStale: (assetId: string) => boolean; spans: Map<string, number> };

function readWatched({ watch, pointIds }: Layout, before: Layout | undefined, { isStale, spans }: Reach): void {
  const known = new Map(before?.watch.points.map(({ place, spanMs }) => [before.pointIds[place], spanMs]));
  for (const { place, assetId, spanMs } of watch.points) {
    const id = pointIds[place] as string;
    const isKnown = (known.get(id) ?? 0) >= spanMs && !isStale(assetId);
    if (!isKnown || spans.has(id)) spans.set(id, Math.max(spanMs, spans.get(id) ?? 0));
  }
}

/** A point that is read again is read as far back as an adopted row still takes its last reading. */
function reachBack({ pointIds }: Layout, group: RuleGroup, row: number, spans: Map<string, number>): void {
  for (const { point, staleAfterMs } of readingsOf(group, row)) {
    const id = pointIds[point] as string;
    const spanMs = spans.get(id);
    if (spanMs !== undefined) spans.set(id, Math.max(spanMs, staleAfterMs));
  }
}

function adoptRows({ groups, pointIds }: Layout, before: Layout, isStale: (assetId: string) => boolean): void {
  const groupOf = new Map(before.groups.map((group) => [group.rule, group]));
  for (const group of groups) {
    const from = groupOf.get(group.rule);
    if (!from) continue;
    const rowOf = new Map(from.assets.map(({ id }, row) => [id, row]));
    for (const [row, { id }] of group.assets.entries()) {
      const fromRow = rowOf.get(id);
      if (fromRow === undefined || isStale(id)) continue;
      if (describeRow(group, row, pointIds) === describeRow(from, fromRow, before.pointIds))
        group.adopt(row, from, fromRow);
    }
  }
}

/** Everything that a row's memory depends on beside its rule and the readings. */
function describeRow(group: RuleGroup, row: number, pointIds: readonly string[]): string {
  const sources = group.rule.inputs.map((_, slot) => {
    const source = group.sourceOf(row, slot);
    return source.from === 'point'
      ? { ...source, id: pointIds[source.reading.point], reading: { ...source.reading, point: 0 } }
      : source;
  });
  const variants = group.variantsOf(row).map(({ params, ...rest }) => ({ ...rest, params: [...params] }));
  return JSON.stringify([sources, variants]);
}

function readingsOf(group: RuleGroup, row: number): PointReading[] {
  return group.rule.inputs.flatMap((_, slot) => {
    const source = group.sourceOf(row, slot);
    return source.from === 'point' ? [source.reading] : [];
  });
}

function copyPoints(layout: Layout, before: Layout, spans: RunUp): void {
  const placeBefore = new Map(before.pointIds.map((id, place) => [id, place]));
  for (const [place, id] of layout.pointIds.entries()) {
    const from = placeBefore.get(id);
    if (from === undefined || spans.has(id)) continue;
    layout.points.times[place] = before.points.times[from] as number;
    layout.points.values[place] = before.points.values[from] as number;
    layout.points.goodTimes[place] = before.points.goodTimes[from] as number;
  }
  before.points.eachWaiting((from, timeMs, value) => {
    const id = before.pointIds[from] as string;
    if (!spans.has(id))
      for (const place of layout.indexes.get(id) ?? []) layout.points.observe(place, timeMs, value, 0);
  });
}
