import { type RuleSet, readsFromSite } from '../language/rule.ts';
import type { RuleAsset } from './bind.ts';

/**
 * The assets in groups that know nothing of each other: linked by `upstream` in either direction, or by their site where a rule reads
 * points of the site. Whatever is evaluated of one family depends on its own readings alone. In the order of their first assets.
 */
export function listFamilies<One extends { asset: RuleAsset }>(ruleSet: RuleSet, assets: readonly One[]): One[][] {
  return listLinked(
    assets,
    ruleSet.rules.some(({ inputs }) => inputs.some(readsFromSite)),
  );
}

/** The assets in sets that are closed under `upstream` in either direction, and under their site where that links them too. */
export function listLinked<One extends { asset: RuleAsset }>(assets: readonly One[], bySite = false): One[][] {
  const parent = new Map(assets.map(({ asset }) => [asset.id, asset.id]));
  const firstOfSite = new Map<string, string>();
  for (const { asset } of assets) {
    for (const above of asset.upstream ?? []) join(parent, asset.id, above);
    if (!bySite) continue;
    const site = asset.site?.id ?? '';
    join(parent, asset.id, firstOfSite.get(site) ?? asset.id);
    firstOfSite.set(site, asset.id);
  }
  return [...Map.groupBy(assets, ({ asset }) => find(parent, asset.id)).values()];
}

/** What feeds each asset or has it as a part, by its id. */
export function upstreamOf(assets: readonly { asset: RuleAsset }[]): Map<string, readonly string[]> {
  return new Map(assets.map(({ asset }) => [asset.id, asset.upstream ?? []]));
}

/** The ids of some assets and of all that is upstream of them, the nearest first. */
export function withUpstream(
  upstream: ReadonlyMap<string, readonly string[]>,
  assetIds: Iterable<string>,
): Set<string> {
  const related = new Set(assetIds);
  for (const id of related) for (const above of upstream.get(id) ?? []) related.add(above);
  return related;
}

function join(parent: Map<string, string>, one: string, other: string): void {
  if (parent.has(other)) parent.set(find(parent, one), find(parent, other));
}

function find(parent: Map<string, string>, id: string): string {
  let root = id;
  for (let above = parent.get(root); above !== undefined && above !== root; above = parent.get(root)) root = above;
  parent.set(id, root);
  return root;
}
