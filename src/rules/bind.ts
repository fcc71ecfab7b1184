import { isSubclassOf } from '../assets/brick-classes.ts';
import { memorySpanMs, type Rule, type RuleInput, type RuleParam, type RuleSet, staleAfterMsDefault } from './rule.ts';
import { findConversion, findUnit } from './units.ts';

/** What rules need to know of an asset. `upstream` lists the assets that feed it or that it is part of, nearest links only. */
export type RuleAsset = {
  id: string;
  name: string;
  class: string;
  siteTimeZone: string;
  params?: Record<string, number>;
  upstream?: string[];
  isPaused?: boolean;
};

/** What rules need to know of a point of an asset. `of` is the class of the part that it belongs to. */
export type RulePoint = {
  id: string;
  class: string | null;
  of: string | null;
  unit: string | null;
  expectedIntervalMs?: number;
  staleAfterMs?: number;
};

/** A rule that runs on an asset: each input found, converted and bounded. */
export type BoundRule = { rule: Rule; assetId: string; inputs: BoundInput[]; params: number[]; memorySpanMs: number };

/**
 * Where an input's value comes from: a point (its index among the asset's points) with its affine pair, a derived value to be
 * computed, or a constant (the default of an absent optional point, NaN without one).
 */
export type BoundInput =
  | {
      from: 'point';
      point: number;
      scale: number;
      offset: number;
      least: number;
      greatest: number;
      staleAfterMs: number;
    }
  | { from: 'derived' }
  | { from: 'constant'; value: number };

/** Why a rule does not run on an asset that it applies to. */
export type MissingInput = { rule: string; input: string; reason: string };

export type Binding = { bound: BoundRule[]; missing: MissingInput[] };

/** Which rules of a set run on an asset, and which input is missing where one cannot. Rules for other classes are in neither list. */
export function bind(ruleSet: RuleSet, asset: RuleAsset, points: RulePoint[]): Binding {
  const binding: Binding = { bound: [], missing: [] };
  for (const rule of ruleSet.rules) {
    if (!isSubclassOf(asset.class, rule.assetClass)) continue;
    const missing: MissingInput[] = [];
    const inputs = bindInputs(rule, points, ruleSet.timeScale, missing);
    const params = rule.params.map((param) => bindParam(rule, param, asset, missing));
    if (missing.length > 0) binding.missing.push(...missing);
    else
      binding.bound.push({
        rule,
        assetId: asset.id,
        inputs,
        params,
        memorySpanMs: memorySpanMs(rule, staleMsMax(inputs)),
      });
  }
  return binding;
}

function bindInputs(rule: Rule, points: RulePoint[], timeScale: number, missing: MissingInput[]): BoundInput[] {
  const absent: BoundInput = { from: 'constant', value: Number.NaN };
  const found = rule.inputs.map((input) => bindInput(input, points, timeScale));
  return rule.inputs.map((input, slot) => {
    const one = found[slot] as BoundInput | { reason: string };
    if (!('reason' in one)) return one;
    if (input.derived !== null) return { from: 'derived' };
    if (input.optional) return { from: 'constant', value: input.defaultValue ?? Number.NaN };
    // A point that only a derived value needs is not missed where the asset publishes that value itself.
    const user =
      input.neededBy === null ? undefined : found[rule.inputs.findIndex(({ name }) => name === input.neededBy)];
    if (user === undefined || 'reason' in user) missing.push({ rule: rule.id, input: input.name, reason: one.reason });
    return absent;
  });
}

function bindInput(input: RuleInput, points: RulePoint[], timeScale: number): BoundInput | { reason: string } {
  const { classes, of } = input;
  const candidates =
    classes.map((wanted) => findPoints(points, wanted, of)).find((indexes) => indexes.length > 0) ?? [];
  const what = `${classes.join(' or ')}${of === null ? '' : ` of ${of}`}`;
  if (candidates.length === 0) return { reason: `no point ${what}` };
  if (candidates.length > 1) {
    const ids = candidates.map((index) => (points[index] as RulePoint).id).join(', ');
    return { reason: `${candidates.length} points are ${what}: ${ids}; say which by 'of' or a narrower class` };
  }
  const index = candidates[0] as number;
  const point = points[index] as RulePoint;
  const conversion = convert(input, point);
  if ('reason' in conversion) return conversion;
  const [least, greatest] = input.valid ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return {
    from: 'point',
    point: index,
    ...conversion,
    least,
    greatest,
    staleAfterMs: staleMs(input, point, timeScale),
  };
}

/** The nearest match wins: the very class before its subclasses, a point without a part before those of parts when none is asked. */
function findPoints(points: RulePoint[], wanted: string, of: string | null): number[] {
  const all = points.flatMap((point, index) =>
    point.class !== null &&
    isSubclassOf(point.class, wanted) &&
    (of === null || (point.of !== null && isSubclassOf(point.of, of)))
      ? [index]
      : [],
  );
  const narrower = (keep: (point: RulePoint) => boolean) => (indexes: number[]) => {
    const kept = indexes.filter((index) => keep(points[index] as RulePoint));
    return indexes.length > 1 && kept.length > 0 ? kept : indexes;
  };
  const whole = of === null ? narrower((point) => point.of === null)(all) : all;
  return narrower((point) => point.class === wanted)(whole);
}

function convert(input: RuleInput, point: RulePoint): { scale: number; offset: number } | { reason: string } {
  if (input.type === 'truth' || input.unit === null) return { scale: 1, offset: 0 };
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

function bindParam(rule: Rule, param: RuleParam, asset: RuleAsset, missing: MissingInput[]): number {
  const value = asset.params?.[param.name] ?? param.default;
  if (value === null) {
    missing.push({ rule: rule.id, input: param.name, reason: `the asset has no parameter ${param.name}` });
    return Number.NaN;
  }
  if (value < param.min || value > param.max) {
    const reason = `the asset's parameter ${param.name} = ${value} is outside ${param.min}..${param.max}`;
    missing.push({ rule: rule.id, input: param.name, reason });
  }
  return value;
}

function staleMsMax(inputs: BoundInput[]): number {
  return inputs.reduce((most, input) => (input.from === 'point' ? Math.max(most, input.staleAfterMs) : most), 0);
}
