import type { Override } from '../language/override.ts';
import type { RuleSet } from '../language/rule.ts';
import type { ModelAsset } from './store.ts';

/** What evaluated a tick: the rules, all assets of the shard, and the overrides that hold or held there. */
export type Ran = {
  readonly ruleSet: RuleSet;
  readonly assets: readonly ModelAsset[];
  readonly overrides: readonly Override[];
};
