import { type BoundRule, bind, type MissingInput, type RuleAsset, type RulePoint } from './bind.ts';
import { createPointMemory, type PointMemory } from './point-memory.ts';
import type { Rule, RuleSet } from './rule.ts';
import { createRuleGroup, type RuleGroup } from './rule-group.ts';

/**
 * Where everything of an evaluation lies: points in one memory, each rule's bindings in one group, suppressors linked.
 *
 *   assets ──bind──▶ rows of (rule, asset) ──▶ one group a rule ──▶ suppressors: rows of groups before it
 */
export type Layout = {
  groups: RuleGroup[];
  points: PointMemory;
  /** The places of a point in the memory: one for each asset that has it. */
  indexes: Map<string, number[]>;
  missing: (MissingInput & { assetId: string })[];
  warmupMs: number;
};

export type LayoutAssets = { asset: RuleAsset; points: RulePoint[] }[];

type Row = { asset: RuleAsset; bound: BoundRule; pointOffset: number };

/** Binds a rule set to assets; groups come in the order of the rules, suppressors first. */
export function layOut(ruleSet: RuleSet, assets: LayoutAssets): Layout {
  const indexes = new Map<string, number[]>();
  const missing: Layout['missing'] = [];
  const rowsOf = new Map<Rule, Row[]>(ruleSet.rules.map((rule) => [rule, []]));
  let pointCount = 0;
  let warmupMs = 0;
  for (const { asset, points } of assets) {
    const binding = bind(ruleSet, asset, points);
    missing.push(...binding.missing.map((one) => ({ ...one, assetId: asset.id })));
    for (const bound of binding.bound) {
      rowsOf.get(bound.rule)?.push({ asset, bound, pointOffset: pointCount });
      warmupMs = Math.max(warmupMs, bound.memorySpanMs);
    }
    for (const { id } of points) indexes.set(id, [...(indexes.get(id) ?? []), pointCount++]);
  }
  const points = createPointMemory(pointCount);
  const groups = [...rowsOf]
    .filter(([, rows]) => rows.length > 0)
    .map(([rule, rows]) => createRuleGroup(rule, rows, points));
  linkSuppressors(groups, assets);
  return { groups, points, indexes, missing, warmupMs };
}

function linkSuppressors(groups: RuleGroup[], assets: LayoutAssets): void {
  const upstream = new Map(assets.map(({ asset }) => [asset.id, asset.upstream ?? []]));
  const groupOf = new Map(groups.map((group) => [group.rule.id, group]));
  const rowOf = new Map(groups.map((group) => [group, new Map(group.assets.map(({ id }, row) => [id, row]))]));
  for (const group of groups) {
    // A rule on trial (shadow) may not keep others from opening work orders.
    const above = group.rule.suppressedBy
      .flatMap((id) => groupOf.get(id) ?? [])
      .filter(({ rule }) => rule.enabled === true);
    if (above.length === 0) continue;
    group.suppressors = group.assets.map(({ id }) => {
      const family = withUpstream(id, upstream);
      return above.flatMap((suppressor) =>
        family.flatMap((assetId) => {
          const row = rowOf.get(suppressor)?.get(assetId);
          return row === undefined ? [] : [{ group: suppressor, row }];
        }),
      );
    });
  }
}

function withUpstream(assetId: string, upstream: Map<string, string[]>): string[] {
  const family = new Set([assetId]);
  for (const id of family) for (const above of upstream.get(id) ?? []) family.add(above);
  return [...family];
}
