import { type Conversion, findConversion, findUnit } from '../../assets/units.ts';
import { type Override, type Variant, variantsOf } from '../language/override.ts';
import { memorySpanMs, type Rule, type RuleInput, type RuleSet, staleAfterMsDefault } from '../language/rule.ts';
import { shapeOf } from './bind-shape.ts';
import type { PointReading } from './input-table.ts';
import { createPlant, type Plant, type PlantAsset } from './plant.ts';

/** What rules need to know of an asset. `upstream` lists the assets that feed it or that it is part of, nearest links only. */
export type RuleAsset = {
  id: string;
  name: string;
  class: string;
  siteTimeZone: string;
  params?: Record<string, number>;
  upstream?: string[];
  /** What overrides may name it by, beside its id and name. */
  site?: { id: string; slug: string };
  tenantId?: string;
  uri?: string;
  tags?: string[];
};

/** What rules need to know of a point of an asset. `of` is the class of the part that it belongs to. */
export type RulePoint = {
  id: string;
  /** What inputs with `named` or `index` go by; the id where there is none. */
  name?: string;
  class: string | null;
  of: string | null;
  unit: string | null;
  expectedIntervalMs?: number;
  /** Since when it has been expected to report so often; absent: it is not missed when it does not. */
  expectedSinceMs?: number;
  staleAfterMs?: number;
};

/** A rule that runs on an asset: each input found, converted and bounded; its parameters and the like as overrides leave them. */
export type BoundRule = {
  rule: Rule;
  assetId: string;
  inputs: BoundInput[];
  variants: Variant[];
  memorySpanMs: number;
};

/**
 * Where an input's value comes from: a point (its asset, its index among that asset's points) with its affine pair, a derived
 * value to be computed, or a constant (the default of an absent optional point, NaN without one).
 */
export type BoundInput =
  | ({ from: 'point'; asset: string } & PointReading)
  | { from: 'derived' }
  | { from: 'constant'; value: number };

/** Why a rule does not run on an asset that it applies to. */
export type MissingInput = { rule: string; input: string; reason: string };

export type Binding = { bound: BoundRule[]; missing: MissingInput[] };

/**
 * Which rules of a set run on an asset, and which input is missing where one cannot. Rules for other classes are in neither list,
 * and neither are those that are switched off there for all time. `overrides` come beside those of the rule set's own files;
 * inputs from the site or from upstream are found in `plant`.
 */
export function bind(
  ruleSet: RuleSet,
  asset: RuleAsset,
  points: readonly RulePoint[],
  overrides: readonly Override[] = [],
  plant: Plant = createPlant([{ asset, points }]),
): Binding {
  const binding: Binding = { bound: [], missing: [] };
  const all = overrides.length === 0 ? ruleSet.overrides : [...ruleSet.overrides, ...overrides];
  const owner = { asset, points };
  for (const ofShape of shapeOf(ruleSet, asset, points).rules) {
    const { rule } = ofShape;
    const { variants, problems } = variantsOf(rule, asset, all);
    if (problems.length === 0 && variants.every(({ enabled }) => enabled === false)) continue;
    const missing: MissingInput[] = [];
    const inputs =
      ofShape.inputs?.map((input) => (input.from === 'point' ? { ...input, asset: asset.id } : input)) ??
      bindInputs(rule, owner, { plant, timeScale: ruleSet.timeScale, missing });
    if (ofShape.isDecided && missing.length === 0) ofShape.inputs ??= inputs;
    missing.push(...problems.map(({ param, reason }) => ({ rule: rule.id, input: param, reason })));
    if (missing.length > 0) binding.missing.push(...missing);
    else
      binding.bound.push({
        rule,
        assetId: asset.id,
        inputs,
        variants,
        memorySpanMs: memorySpanMs(rule, staleMsMax(inputs)),
      });
  }
  return binding;
}

/**
 * The bindings of all assets of a plant, in their order, each with the inputs that it has from others. With `only` rules run on
 * those assets alone, and find their inputs among all.
 */
export function bindAll(
  ruleSet: RuleSet,
  assets: readonly { asset: RuleAsset; points: readonly RulePoint[] }[],
  overrides: readonly Override[] = [],
  only?: ReadonlySet<string>,
): Binding[] {
  const plant = createPlant(assets);
  return assets.map(({ asset, points }) =>
    only && !only.has(asset.id) ? { bound: [], missing: [] } : bind(ruleSet, asset, points, overrides, plant),
  );
}

/** The other assets whose points a binding reads: readings of theirs that come late change what its rules have found. */
export function listAssetsRead({ bound }: Binding): string[] {
  const read = bound.flatMap(({ assetId, inputs }) =>
    inputs.flatMap((input) => (input.from === 'point' && input.asset !== assetId ? [input.asset] : [])),
  );
  return [...new Set(read)];
}

type Context = { plant: Plant; timeScale: number; missing: MissingInput[] };

function bindInputs(rule: Rule, owner: PlantAsset, { plant, timeScale, missing }: Context): BoundInput[] {
  const absent: BoundInput = { from: 'constant', value: Number.NaN };
  const found = rule.inputs.map((input) => bindInput(input, owner, plant, timeScale));
  const slotOf = new Map(rule.inputs.map(({ name }, slot) => [name, slot]));
  // An optional derived value of which a point is missing has its default, and its points are not missed.
  const given = new Set(
    rule.inputs.flatMap((input, slot) =>
      'reason' in (found[slot] as object) && !canCompute(input) ? [input.name] : [],
    ),
  );
  return rule.inputs.map((input, slot) => {
    const one = found[slot] as BoundInput | { reason: string };
    if (!('reason' in one)) return one;
    if (input.derived !== null && !given.has(input.name)) return { from: 'derived' };
    if (input.optional) return { from: 'constant', value: input.defaultValue ?? Number.NaN };
    if (input.derived === null && isNeeded(input))
      missing.push({ rule: rule.id, input: input.name, reason: one.reason });
    return absent;
  });

  /** False for an optional derived value that lacks a point. */
  function canCompute(input: RuleInput): boolean {
    if (input.derived === null || !input.optional) return true;
    return rule.inputs.every((part, slot) => {
      const isPart = part.neededBy === input.name || part.neededBy?.startsWith(`${input.name}.`);
      return !isPart || part.optional || part.derived !== null || !('reason' in (found[slot] as object));
    });
  }

  /** False for a point that only serves derived values of which one is published by the asset, or takes its default. */
  function isNeeded({ neededBy }: RuleInput): boolean {
    if (neededBy === null) return true;
    const slot = slotOf.get(neededBy) as number;
    if (!('reason' in (found[slot] as object)) || given.has(neededBy)) return false;
    return isNeeded(rule.inputs[slot] as RuleInput);
  }
}

function bindInput(
  input: RuleInput,
  owner: PlantAsset,
  plant: Plant,
  timeScale: number,
): BoundInput | { reason: string } {
  const found = plant.find(input, owner);
  if ('reason' in found) return found;
  const point = found.owner.points[found.index] as RulePoint;
  const conversion = convert(input, point);
  if ('reason' in conversion) return conversion;
  // A conversion can make a finite reading infinite.
  const [least, greatest] = input.valid ?? [-Number.MAX_VALUE, Number.MAX_VALUE];
  return {
    from: 'point',
    asset: found.owner.asset.id,
    point: found.index,
    ...conversion,
    least,
    greatest,
    staleAfterMs: staleMs(input, point, timeScale),
  };
}

function convert(input: RuleInput, point: RulePoint): Conversion | { reason: string } {
  if (input.type === 'truth' || input.unit === null) return { scale: 1, offset: 0, steps: 0 };
  if (point.unit === null) return { reason: `point ${point.id} has no unit; the rule wants ${input.unit.id}` };
  const unit = findUnit(point.unit);
  if (!unit) return { reason: `point ${point.id} has the unknown unit '${point.unit}'` };
  const conversion = findConversion(unit, input.unit);
  return conversion ?? { reason: `point ${point.id} is in ${unit.id}, which cannot become ${input.unit.id}` };
}

function staleMs(input: RuleInput, point: RulePoint, timeScale: number): number {
  const fallback = Math.max(staleAfterMsDefault / timeScale, 3 * (point.expectedIntervalMs ?? 0));
  return input.staleAfterMs ?? point.staleAfterMs ?? fallback;
}

function staleMsMax(inputs: BoundInput[]): number {
  return inputs.reduce((most, input) => (input.from === 'point' ? Math.max(most, input.staleAfterMs) : most), 0);
}
