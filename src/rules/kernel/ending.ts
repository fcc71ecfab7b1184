import { isSubclassOf } from '../../assets/brick-classes.ts';
import { variantsOf } from '../language/override.ts';
import { builtInIds } from '../language/rule.ts';
import type { EvaluationInput, StoredMachine } from './evaluation.ts';
import type { Machine, Retirement } from './machine.ts';

/** What becomes visible when a machine is put to rest: the end of its open insight or of its wait; undefined when nothing does. */
export function endOf(machine: Machine, because: Retirement, at: number) {
  const { state, insight } = machine;
  if (state === 'pending') return { kind: 'pending-cleared' } as const;
  if (insight === null || insight.endedAt !== null) return undefined;
  return { kind: 'resolved', openedAt: insight.openedAt, clearedAt: at, because } as const;
}

/** Why a rule no longer runs on an asset. */
export function endingOf(
  { ruleId, assetId }: StoredMachine,
  { ruleSet, assets, overrides = [] }: EvaluationInput,
): Retirement {
  if (builtInIds.some((id) => id === ruleId)) return 'rule_unbound';
  const rule = ruleSet.rules.find(({ id }) => id === ruleId);
  if (!rule) return 'rule_removed';
  const asset = assets.find((one) => one.asset.id === assetId)?.asset;
  if (!asset || !isSubclassOf(asset.class, rule.assetClass)) return 'rule_unbound';
  const { variants, problems } = variantsOf(rule, asset, [...ruleSet.overrides, ...overrides]);
  const isOff = problems.length === 0 && variants.every(({ enabled }) => enabled === false);
  return isOff ? 'rule_disabled' : 'rule_unbound';
}
