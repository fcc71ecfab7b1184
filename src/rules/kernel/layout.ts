import type { Override } from '../language/override.ts';
import type { Rule, RuleSet } from '../language/rule.ts';
import { type BoundInput, type BoundRule, bindAll, type MissingInput, type RuleAsset, type RulePoint } from './bind.ts';
import { upstreamOf, withUpstream } from './families.ts';
import { createPointMemory, type PointMemory } from './point-memory.ts';
import { createPointWatch, type PointWatch, type WatchedPoint, watchingOf } from './point-watch.ts';
import { createRuleGroup, type RuleGroup } from './rule-group.ts';

/**
 * Where everything of an evaluation lies: points in one memory, each rule's bindings in one group, suppressors linked.
 *
 *   assets ──bind──▶ rows of (rule, asset) ──▶ one group a rule ──▶ suppressors: rows of groups before it
 */
export type Layout = {
  groups: RuleGroup[];
  points: PointMemory;
  watch: PointWatch;
  /** The places of a point that is read or watched in the memory: one for each asset that has it. */
  indexes: Map<string, number[]>;
  /** The id of the point at each place of the memory. */
  pointIds: string[];
  missing: (MissingInput & { assetId: string })[];
  warmupMs: number;
};

export type LayoutAssets = { asset: RuleAsset; points: RulePoint[] }[];

type Row = { asset: RuleAsset; bound: BoundRule };

/**
 * Binds a rule set to assets, or to `only` some of them; groups come in the order of the rules, suppressors first. With `isWatching`
 * the points there that are expected to report are watched.
 */
export function layOut(
  ruleSet: RuleSet,
  assets: LayoutAssets,
  overrides: readonly Override[] = [],
  only?: ReadonlySet<string>,
  isWatching = false,
): Layout {
  const indexes = new Map<string, number[]>();
  const missing: Layout['missing'] = [];
  const rowsOf = new Map<Rule, Row[]>(ruleSet.rules.map((rule) => [rule, []]));
  const offsetOf = new Map<string, number>();
  let pointCount = 0;
  let warmupMs = 0;
  for (const { asset, points } of assets) {
    offsetOf.set(asset.id, pointCount);
    pointCount += points.length;
  }
  const read = new Uint8Array(pointCount);
  bindAll(ruleSet, assets, overrides, only).forEach((binding, index) => {
    const { asset } = assets[index] as LayoutAssets[number];
    missing.push(...binding.missing.map((one) => ({ ...one, assetId: asset.id })));
    for (const bound of binding.bound) {
      const inputs = bound.inputs.map((one) => place(one, offsetOf));
      for (const input of inputs) if (input.from === 'point') read[input.point] = 1;
      rowsOf.get(bound.rule)?.push({ asset, bound: { ...bound, inputs } });
      warmupMs = Math.max(warmupMs, bound.memorySpanMs);
    }
  });
  const watched = isWatching ? listWatched(ruleSet, assets, { offsetOf, only }) : [];
  for (const { place, spanMs } of watched) {
    read[place] = 1;
    warmupMs = Math.max(warmupMs, spanMs);
  }
  for (const { asset, points } of assets) {
    const offset = offsetOf.get(asset.id) as number;
    points.forEach(({ id }, index) => {
      if (read[offset + index]) indexes.set(id, [...(indexes.get(id) ?? []), offset + index]);
    });
  }
  const points = createPointMemory(pointCount);
  const groups = [...rowsOf]
    .filter(([, rows]) => rows.length > 0)
    .map(([rule, rows]) => createRuleGroup(rule, rows, points));
  linkSuppressors(groups, assets);
  const pointIds = assets.flatMap((one) => one.points.map(({ id }) => id));
  const watch = createPointWatch(watched, points.goodTimes);
  return { groups, points, watch, indexes, pointIds, missing, warmupMs };
}

function listWatched(
  ruleSet: RuleSet,
  assets: LayoutAssets,
  { offsetOf, only }: { offsetOf: ReadonlyMap<string, number>; only: ReadonlySet<string> | undefined },
): WatchedPoint[] {
  return assets.flatMap(({ asset, points }) => {
    if (only && !only.has(asset.id)) return [];
    const offset = offsetOf.get(asset.id) as number;
    return points.flatMap(({ id, name = id, expectedIntervalMs: intervalMs, expectedSinceMs: sinceMs }, index) => {
      if (intervalMs === undefined || sinceMs === undefined) return [];
      return [
        { place: offset + index, assetId: asset.id, name, intervalMs, sinceMs, ...watchingOf(intervalMs, ruleSet) },
      ];
    });
  });
}

/** The input with its point's place in the memory of all points. */
function place(input: BoundInput, offsetOf: ReadonlyMap<string, number>): BoundInput {
  return input.from === 'point' ? { ...input, point: (offsetOf.get(input.asset) as number) + input.point } : input;
}

function linkSuppressors(groups: RuleGroup[], assets: LayoutAssets): void {
  const upstream = upstreamOf(assets);
  const groupOf = new Map(groups.map((group) => [group.rule.id, group]));
  const rowOf = new Map(groups.map((group) => [group, new Map(group.assets.map(({ id }, row) => [id, row]))]));
  for (const group of groups) {
    const above = group.rule.suppressedBy.flatMap((id) => groupOf.get(id) ?? []);
    if (above.length === 0) continue;
    group.suppressors = group.assets.map(({ id }) => {
      const family = [...withUpstream(upstream, [id])];
      return above.flatMap((suppressor) =>
        family.flatMap((assetId) => {
          const row = rowOf.get(suppressor)?.get(assetId);
          // A rule that is only ever on trial (shadow) there may not keep others from opening work orders.
          return row === undefined || !suppressor.canSuppress(row) ? [] : [{ group: suppressor, row }];
        }),
      );
    });
  }
}
