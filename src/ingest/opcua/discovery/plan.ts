/** What a mapping would make of what was found, beside what there is. Pure. */
import type { NewItem } from '../items/item.ts';
import type { PlannedItem } from './discovery.ts';
import { fieldNames, pathNames } from './found-node.ts';
import { type CompiledRule, mapNode } from './mapping.ts';
import type { ItemOfNode, NodeRow } from './node-store.ts';

export const verdicts = ['new', 'exists', 'skipped', 'unmapped', 'conflict', 'unusable'] as const;
export type Verdict = (typeof verdicts)[number];

export type Planned = { readonly shown: PlannedItem; readonly item: NewItem | null };

export type Present = {
  readonly items: readonly ItemOfNode[];
  readonly slugs: ReadonlySet<string>;
  /** The slug of the connection's own site. */
  readonly site: string;
};

/** Each part with its verdict, in the order given; what is `new` has the item that would be made. */
export function planItems(
  rows: readonly NodeRow[],
  { rules, present }: { rules: readonly CompiledRule[]; present: Present },
): Planned[] {
  const readBy = new Map(present.items.map((item) => [nodeOf(item), item]));
  const byPoint = new Map(present.items.map((item) => [pointOf(item), `the item ${item.id}, ${describe(item)},`]));
  const planned = rows.map((row) => planOne(row, { rules, present, existing: readBy.get(nodeOf(row)) }));
  const wanted = Map.groupBy(
    planned.filter(({ item }) => item !== null),
    ({ shown }) => pointOf(shown as Named),
  );
  return planned.map((plan) => {
    if (plan.item === null) return plan;
    const point = pointOf(plan.shown as Named);
    const other = wanted.get(point)?.find((one) => one !== plan);
    const taken = byPoint.get(point) ?? (other && describe(other.shown));
    if (taken === undefined) return plan;
    const detail = `${taken} is the same point: their readings would mix`;
    return { shown: { ...plan.shown, verdict: 'conflict', detail }, item: null };
  });
}

/** How many of each verdict there are. */
export function countVerdicts(planned: readonly Planned[]): Record<Verdict, number> {
  const counts = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const { shown } of planned) counts[shown.verdict]++;
  return counts;
}

type One = {
  readonly rules: readonly CompiledRule[];
  readonly present: Present;
  readonly existing: ItemOfNode | undefined;
};

function planOne(row: NodeRow, { rules, present, existing }: One): Planned {
  const { node, field, browsePath, dataType, unit } = row;
  const blank = {
    node,
    field,
    browse_path: browsePath,
    rule: null,
    site: null,
    asset: null,
    point: null,
    class: null,
    unit,
    item_id: null,
    detail: null,
  };
  if (existing) {
    const { id, site, asset, point } = existing;
    return { shown: { ...blank, verdict: 'exists', item_id: id, site, asset, point }, item: null };
  }
  const mapped = mapNode(rules, { node, names: [...pathNames(browsePath), ...fieldNames(field)], dataType, unit });
  switch (mapped.kind) {
    case 'unmapped':
      return { shown: { ...blank, verdict: 'unmapped' }, item: null };
    case 'skipped':
      return { shown: { ...blank, verdict: 'skipped', rule: mapped.rule }, item: null };
    case 'unusable':
      return { shown: { ...blank, verdict: 'unusable', rule: mapped.rule, detail: mapped.detail }, item: null };
    case 'mapped': {
      const rule = (rules[mapped.rule] as CompiledRule).rule;
      const { asset, point } = mapped;
      const site = mapped.site ?? present.site;
      const named = {
        ...blank,
        rule: mapped.rule,
        site,
        asset,
        point,
        class: rule.class ?? null,
        unit: rule.unit ?? unit,
      };
      if (!present.slugs.has(site)) {
        const detail = `there is no site ${site}; make it, or let the rule name another`;
        return { shown: { ...named, verdict: 'unusable', detail }, item: null };
      }
      if (!row.isReadable) {
        const detail = 'the server does not let this user read it';
        return { shown: { ...named, verdict: 'unusable', detail }, item: null };
      }
      const { sampling_interval_ms = null, deadband = { kind: 'none', value: 0 }, asset_class, class: own } = rule;
      const item: NewItem = {
        node,
        field,
        site,
        asset,
        point,
        sampling_interval_ms,
        deadband,
        ...(asset_class !== undefined && { asset_class }),
        ...(own !== undefined && { class: own }),
        ...(rule.unit !== undefined && { unit: rule.unit }),
      };
      return { shown: { ...named, verdict: 'new' }, item };
    }
  }
}

type Named = { readonly site: string; readonly asset: string; readonly point: string };

const nodeOf = ({ node, field }: { node: string; field: string }) => JSON.stringify([node, field]);
const pointOf = ({ site, asset, point }: Named) => JSON.stringify([site, asset, point]);
const describe = ({ node, field }: { node: string; field: string }) => (field === '' ? node : `${node} ${field}`);
