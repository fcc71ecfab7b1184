/**
 * What has to be there so that some rules on some assets find what they would find among all the others: the rules that can
 * explain their insights, the equipment upstream of them, and the points that all of these read.
 */
import { bindAll, type RuleAsset, type RulePoint } from '../kernel/bind.ts';
import type { Override } from '../language/override.ts';
import { type RuleSet, readsFromSite } from '../language/rule.ts';

type Assets = readonly { asset: RuleAsset; points: readonly RulePoint[] }[];

/** The rule set with one rule and the rules that can explain its insights, theirs, and so on; empty where it lacks the rule. */
export function withSuppressors(ruleSet: RuleSet, ruleId: string): RuleSet {
  const byId = new Map(ruleSet.rules.map((rule) => [rule.id, rule]));
  const wanted = new Set([ruleId]);
  for (const id of wanted) for (const above of byId.get(id)?.suppressedBy ?? []) wanted.add(above);
  return { ...ruleSet, rules: ruleSet.rules.filter(({ id }) => wanted.has(id)) };
}

/** The assets among which rules on some of them find their inputs: all where a rule reads points of the site. */
export function listAssetsFor<Some extends Assets>(
  ruleSet: RuleSet,
  assets: Some,
  only: ReadonlySet<string>,
): Some[number][] {
  const readsSite = ruleSet.rules.some(({ inputs }) => inputs.some(readsFromSite));
  return readsSite ? [...assets] : assets.filter(({ asset }) => only.has(asset.id));
}

/** The ids of the points that rules read on the assets on which they run: on `only` some where not on all. */
export function listPointsRead(
  ruleSet: RuleSet,
  assets: Assets,
  overrides: readonly Override[],
  only?: ReadonlySet<string>,
): string[] {
  const pointsOf = new Map(assets.map(({ asset, points }) => [asset.id, points]));
  const inputs = bindAll(ruleSet, assets, overrides, only).flatMap(({ bound }) => bound.flatMap((one) => one.inputs));
  const ids = inputs.flatMap((input) =>
    input.from === 'point' ? (pointsOf.get(input.asset)?.[input.point]?.id ?? []) : [],
  );
  return [...new Set(ids)];
}
