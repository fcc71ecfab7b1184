/**
 * What assets of the same shape share: a plant has thousands of assets and few kinds of them, and which point an input is depends on
 * the classes, parts and units of an asset's points alone, as long as the rule looks at nobody else's points and at no names.
 *
 *   asset ──class, points──▶ shape ──▶ the rules that apply, and the inputs that the first such asset has bound
 */
import { isSubclassOf } from '../../assets/brick-classes.ts';
import type { Rule, RuleSet } from '../language/rule.ts';
import type { BoundInput, RuleAsset, RulePoint } from './bind.ts';

/** The rules that apply to an asset's class. */
export type Shape = {
  readonly rules: {
    readonly rule: Rule;
    /** Whether the shape decides the inputs of the rule. */
    readonly isDecided: boolean;
    /** Those that an asset of the shape has, once one has been bound. */
    inputs: BoundInput[] | undefined;
  }[];
};

/** The shape of an asset, the same object for all assets of it. */
export function shapeOf(ruleSet: RuleSet, asset: RuleAsset, points: readonly RulePoint[]): Shape {
  const shapes = shapesOf.get(ruleSet) ?? new Map<string, Shape>();
  shapesOf.set(ruleSet, shapes);
  const key = keyOf(asset, points);
  const known = shapes.get(key);
  if (known) return known;
  const rules = ruleSet.rules.filter(({ assetClass }) => isSubclassOf(asset.class, assetClass));
  const shape = { rules: rules.map((rule) => ({ rule, isDecided: isDecidedByShape(rule), inputs: undefined })) };
  // What assets and points call themselves has no bound, so the cache has one.
  if (shapes.size < shapesMax) shapes.set(key, shape);
  return shape;
}

const shapesOf = new WeakMap<RuleSet, Map<string, Shape>>();
const shapesMax = 1_000;

function isDecidedByShape(rule: Rule): boolean {
  return rule.inputs.every(
    ({ from, named, index }) => named === null && index === null && from.every(({ kind }) => kind === 'self'),
  );
}

/** Names may hold any character, so that each has its length before it. */
function keyOf(asset: RuleAsset, points: readonly RulePoint[]): string {
  let key = part(asset.class);
  for (const { class: className, of, unit, expectedIntervalMs, staleAfterMs } of points)
    key += `${part(className)}${part(of)}${part(unit)}${expectedIntervalMs} ${staleAfterMs};`;
  return key;
}

function part(name: string | null): string {
  return name === null ? '-' : `${name.length}:${name}`;
}
