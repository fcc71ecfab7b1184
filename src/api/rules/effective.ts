import type { z } from 'zod';
import type { RuleAsset } from '../../rules/kernel/bind.ts';
import { enabledOf, type Override, variantAt, variantsOf } from '../../rules/language/override.ts';
import type { Rule, RuleParam } from '../../rules/language/rule.ts';
import type { Effective } from './rule.ts';

/** For whom, and when: a tenant, and one of its sites where the question is about that. */
export type Standpoint = {
  readonly tenantId: string;
  readonly site: { readonly id: string; readonly slug: string } | null;
  readonly atMs: number;
};

/**
 * How a rule runs on an asset of which nothing is known but its site: as overrides of everywhere and of that site leave it.
 * A parameter that each asset must state is null.
 */
export function effectiveOf(
  rule: Rule,
  overrides: readonly Override[],
  { tenantId, site, atMs }: Standpoint,
): z.infer<typeof Effective> {
  const unstated = rule.params.filter((param) => param.default === null);
  const asset: RuleAsset = {
    id: '',
    name: '',
    class: rule.assetClass,
    siteTimeZone: 'UTC',
    tenantId,
    // Without a value of some kind the rule would count as off.
    params: Object.fromEntries(unstated.map((param) => [param.name, someValue(param)])),
    ...(site && { site }),
  };
  const general = overrides.filter(
    ({ asset, tag, sinceMs, untilMs }) =>
      asset === null && tag === null && sinceMs <= atMs && (untilMs === null || atMs < untilMs),
  );
  const variant = variantAt(variantsOf(rule, asset, general).variants, atMs);
  const values = rule.params.map(({ name }, slot) => {
    const value = variant.params[slot] ?? Number.NaN;
    const isStated = !unstated.some((param) => param.name === name);
    return [name, isStated && Number.isFinite(value) ? value : null] as const;
  });
  return { enabled: enabledOf(variant), severity: variant.severity, params: Object.fromEntries(values) };
}

function someValue({ min, max }: RuleParam): number {
  return [min, max].find(Number.isFinite) ?? 0;
}
