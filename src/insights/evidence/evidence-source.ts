/**
 * What the evidence of an insight is made of, found where the insight is: the same binding that the evaluation made of the rules,
 * the assets and the overrides of that tick.
 *
 *   effect ──rule, asset──▶ bind ──▶ inputs with their points, parameters from that tick on, how much before and after
 *
 * A built-in insight has no inputs; its evidence are the points of its asset.
 */
import { type BoundInput, type BoundRule, bind } from '../../rules/kernel/bind.ts';
import { createPlant, type Plant } from '../../rules/kernel/plant.ts';
import type { Variant } from '../../rules/language/override.ts';
import { builtInIds, type Rule, type RuleInput, type RuleSet } from '../../rules/language/rule.ts';
import type { Ran } from '../../rules/live/ran.ts';
import type { ModelAsset } from '../../rules/live/store.ts';

/** One value of a rule, and what serves it on the asset of the insight. */
export type EvidenceInput = {
  readonly name: string;
  readonly isShown: boolean;
  readonly neededBy: string | null;
  readonly kind: 'point' | 'derived' | 'default';
  readonly type: 'number' | 'truth';
  readonly unit: string | null;
  readonly defaultValue: number | null;
  readonly pointId: string | null;
  readonly seriesId: number | null;
  readonly pointUnit: string | null;
};

/** The parameters of a rule from an instant on (ISO 8601), each in its unit. */
export type Limits = {
  readonly since: string;
  readonly values: readonly { readonly name: string; readonly value: number; readonly unit: string | null }[];
};

/** Milliseconds are those of the clock, whatever the time scale of the rules. */
export type EvidenceSource = {
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly limits: readonly Limits[];
  readonly inputs: readonly EvidenceInput[];
};

/** Finds the source of an insight of a rule on an asset; undefined where the rule does not run there. `atMs` is the tick. */
export type FindSource = (insight: { ruleId: string; assetId: string }, atMs: number) => EvidenceSource | undefined;

const limitsMax = 100;
const builtInPointsMax = 50;
/** How much before its start and after its end an insight shows of which no rule says otherwise. */
export const shownAround = { beforeMs: 3_600_000, afterMs: 1_800_000 } as const;

/** Sources among the assets of a shard, as rules and overrides stood when it was evaluated. */
export function createSources({ ruleSet, assets, overrides }: Ran): FindSource {
  let index: Map<string, ModelAsset> | undefined;
  let plant: Plant | undefined;
  return ({ ruleId, assetId }, atMs) => {
    index ??= new Map(assets.map((one) => [one.asset.id, one]));
    const owner = index.get(assetId);
    if (!owner) return undefined;
    if (builtInIds.some((id) => id === ruleId)) return builtInSource(owner, ruleSet);
    plant ??= createPlant(assets.map(({ asset, points }) => ({ asset, points: [...points] })));
    const { bound } = bind(ruleSet, owner.asset, [...owner.points], overrides, plant);
    const found = bound.find(({ rule }) => rule.id === ruleId);
    return found && sourceOf(found, index, atMs);
  };
}

function builtInSource({ points }: ModelAsset, { timeScale }: RuleSet): EvidenceSource {
  const inputs = points.slice(0, builtInPointsMax).map((point) => ({
    name: point.name ?? point.id,
    isShown: true,
    neededBy: null,
    kind: 'point' as const,
    type: 'number' as const,
    unit: point.unit,
    defaultValue: null,
    pointId: point.id,
    seriesId: point.seriesId,
    pointUnit: point.unit,
  }));
  const { beforeMs, afterMs } = shownAround;
  return { beforeMs: beforeMs / timeScale, afterMs: afterMs / timeScale, limits: [], inputs };
}

function sourceOf(
  { rule, inputs, variants }: BoundRule,
  assets: Map<string, ModelAsset>,
  atMs: number,
): EvidenceSource {
  const { beforeMs, afterMs } = rule.evidence;
  const isShown = shownInputs(rule, inputs);
  return {
    beforeMs,
    afterMs,
    limits: limitsOf(rule, variants, atMs),
    inputs: rule.inputs.map((input, slot) => ({
      ...describe(input, inputs[slot] as BoundInput, assets),
      isShown: isShown(input),
    })),
  };
}

/** Those that the rule shows, and the points of derived values that it shows; all of them where that leaves no point. */
function shownInputs({ evidence, inputs }: Rule, bound: readonly BoundInput[]): (input: RuleInput) => boolean {
  const names = evidence.shown.map(({ name }) => name);
  const isNamed = (input: RuleInput) =>
    names.includes(input.name) ||
    names.some((name) => input.neededBy === name || input.neededBy?.startsWith(`${name}.`) === true);
  const hasPoint = inputs.some((input, slot) => isNamed(input) && bound[slot]?.from === 'point');
  return hasPoint ? isNamed : () => true;
}

function describe(
  { name, neededBy, type, unit }: RuleInput,
  bound: BoundInput,
  assets: ReadonlyMap<string, ModelAsset>,
): Omit<EvidenceInput, 'isShown'> {
  const nobody = { defaultValue: null, pointId: null, seriesId: null, pointUnit: null };
  const own = { name, neededBy, type, unit: unit?.id ?? null, ...nobody };
  switch (bound.from) {
    case 'derived':
      return { ...own, kind: 'derived' };
    case 'constant':
      return { ...own, kind: 'default', defaultValue: Number.isFinite(bound.value) ? bound.value : null };
    case 'point': {
      const point = assets.get(bound.asset)?.points[bound.point];
      if (!point) return { ...own, kind: 'default' };
      const pointUnit = point.unit;
      return {
        ...own,
        unit: own.unit ?? pointUnit,
        kind: 'point',
        pointId: point.id,
        seriesId: point.seriesId,
        pointUnit,
      };
    }
  }
}

/** The parameters that hold at the tick and those that overrides are known to set later. */
function limitsOf({ params }: Rule, variants: readonly Variant[], atMs: number): Limits[] {
  if (params.length === 0) return [];
  return variants
    .filter(({ untilMs }) => untilMs > atMs)
    .slice(0, limitsMax)
    .map((variant) => ({
      since: new Date(Math.max(variant.fromMs, atMs)).toISOString(),
      values: params.flatMap(({ name, unit }, slot) => {
        const value = variant.params[slot] ?? Number.NaN;
        return Number.isFinite(value) ? [{ name, value, unit: unit?.id ?? null }] : [];
      }),
    }));
}
