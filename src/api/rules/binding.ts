/** Where a rule runs and where it cannot, and why: one binding for each rule and piece of equipment that it is for. */

import { z } from 'zod';
import { isSubclassOf } from '../../assets/brick-classes.ts';
import { Id } from '../../platform/fields.ts';
import { columns, listOf, listQuery } from '../../platform/list-query.ts';
import { type BoundRule, bind } from '../../rules/kernel/bind.ts';
import { enabledOf, type Override, variantAt } from '../../rules/language/override.ts';
import type { Rule, RuleSet } from '../../rules/language/rule.ts';
import type { ModelAsset } from '../../rules/live/store.ts';
import type { SitePlant } from './plants.ts';
import { categories, severities } from './rule.ts';

const statuses = ['running', 'shadow', 'paused', 'disabled', 'cannot_run'] as const;

const BoundInput = z.object({
  name: z.string(),
  source: z
    .enum(['point', 'derived', 'default'])
    .describe('A reading, a shared value, or the default of an absent point.'),
  point_id: Id.nullable(),
});

export const RuleBinding = z
  .object({
    rule_id: z.string(),
    title: z.string(),
    asset_id: Id,
    asset: z.string().describe('Its name.'),
    site: z.string().describe('The slug of its site.'),
    status: z
      .enum(statuses)
      .describe(
        'paused: nothing opens or resolves; disabled: off by its file or an override; cannot_run: missing says why.',
      ),
    severity: z.enum(severities),
    params: z
      .record(z.string(), z.number())
      .describe("As the file, the asset's own parameters and overrides leave them now."),
    inputs: z.array(BoundInput),
    missing: z
      .array(z.object({ input: z.string(), reason: z.string() }))
      .describe('What it lacks there, by input or parameter.'),
  })
  .meta({ id: 'RuleBinding', description: 'One rule on one piece of equipment.' });
export type RuleBinding = z.infer<typeof RuleBinding>;

const bindingColumns = {
  site: columns.text('site'),
  asset: columns.text('asset'),
  rule_id: columns.text('rule_id'),
  title: columns.text('title'),
  status: columns.ranks('status', statuses),
  severity: columns.ranks('severity', severities.toReversed()),
};
const bindings = { id: 'asset_id', columns: bindingColumns };

export const bindingList = listOf({ name: 'rule-bindings', ...bindings, sort: 'site,asset' });

export const BindingQuery = listQuery(bindingList, {
  status: z.enum(statuses).optional(),
  asset_id: Id.optional(),
});
export const assetRuleList = listOf({ name: 'asset-rules', ...bindings, sort: 'rule_id' });

export const AssetRuleQuery = listQuery(assetRuleList, {
  status: z.enum(statuses).optional(),
  category: z.enum(categories).optional(),
});

type Given = { readonly ruleSet: RuleSet; readonly overrides: readonly Override[]; readonly atMs: number };

/** The bindings of some rules on one asset of a plant, in the order of the rules. */
export function bindingsOf(
  { slug, assets, plant }: SitePlant,
  { asset, points }: ModelAsset,
  rules: readonly Rule[],
  { ruleSet, overrides, atMs }: Given,
): RuleBinding[] {
  const fitting = rules.filter(({ assetClass }) => isSubclassOf(asset.class, assetClass));
  const { bound, missing } = bind({ ...ruleSet, rules: fitting }, asset, [...points], overrides, plant);
  const pointsOf = (id: string) => (id === asset.id ? points : assets.find((one) => one.asset.id === id)?.points);
  const pointIdOf: PointIdOf = (input) => pointsOf(input.asset)?.[input.point]?.id ?? null;
  return fitting.map((rule) => {
    const found = bound.find((one) => one.rule === rule);
    const lacks = missing.filter((one) => one.rule === rule.id);
    const head = { rule_id: rule.id, title: rule.title, asset_id: asset.id, asset: asset.name, site: slug };
    if (found) return { ...head, ...present(found, pointIdOf, atMs), missing: [] };
    return {
      ...head,
      status: lacks.length > 0 ? 'cannot_run' : 'disabled',
      severity: rule.severity,
      params: {},
      inputs: [],
      missing: lacks.map(({ input, reason }) => ({ input, reason })),
    };
  });
}

type PointIdOf = (input: { asset: string; point: number }) => string | null;

function present({ rule, inputs, variants }: BoundRule, pointIdOf: PointIdOf, atMs: number) {
  const variant = variantAt(variants, atMs);
  const { severity, params } = variant;
  const stated = rule.params.map(({ name }, slot) => [name, params[slot] ?? Number.NaN] as const);
  return {
    status: statusOf(enabledOf(variant)),
    severity,
    params: Object.fromEntries(stated.filter(([, value]) => Number.isFinite(value))),
    inputs: inputs.map((input, slot) => {
      const name = rule.inputs[slot]?.name ?? '';
      if (input.from === 'point') return { name, source: 'point' as const, point_id: pointIdOf(input) };
      return { name, source: input.from === 'derived' ? ('derived' as const) : ('default' as const), point_id: null };
    }),
  };
}

function statusOf(enabled: ReturnType<typeof enabledOf>): RuleBinding['status'] {
  if (enabled === 'shadow' || enabled === 'paused') return enabled;
  return enabled ? 'running' : 'disabled';
}
