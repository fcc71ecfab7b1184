import type { Variant } from '../language/override.ts';
import type { Rule } from '../language/rule.ts';
import { isActive } from '../language/schedule.ts';
import type { BoundRule, RuleAsset } from './bind.ts';
import { copyHolds, createHolds, type Holds } from './hold-offs.ts';
import { createInputTable, type InputSource, isDerived, readInputs, sourceOf } from './input-table.ts';
import { createJudge } from './judge.ts';
import type { Machine } from './machine.ts';
import type { PointMemory } from './point-memory.ts';
import { createWindowReader, type WindowMemory } from './window-reader.ts';

/**
 * One rule on all its assets, laid out for the tick: row i of every array belongs to `assets[i]`, so that one compiled function
 * runs over plain numbers.
 *
 *   inputs                      where each comes from, and how its readings are taken: input-table.ts
 *   rings                       one ring after the other, row by row: see window-memory.ts
 *   holds                       per watched value: the last known value and when; per row: when any of them changed
 *
 * All of it but the machines is memory of the inputs: a function of the readings of the last `memorySpanMs`.
 */
export type RuleGroup = {
  rule: Rule;
  assets: RuleAsset[];
  machines: (Machine | undefined)[];
  failed: boolean[];
  suppressors: Suppressor[][];
  /** Reads the inputs of a row at a tick into the scratch arrays and lets windows and hold-offs remember them. */
  read(row: number, tMs: number): void;
  /** The condition of every row at a tick, remembered by the way as `read` does; more than any truth where the rule throws. */
  judge(tMs: number): Uint8Array;
  isSuspended(row: number, tMs: number): boolean;
  /** The parameters, the severity and whether the rule runs, as overrides leave them at a tick. */
  variantAt(row: number, tMs: number): GroupVariant;
  /** False where the rule is on trial or off at all times. */
  canSuppress(row: number): boolean;
  /** How far back the readings lie that a row's memory depends on. */
  spanMs: number;
  /** Rows that go on from another memory, for which a run-up has nothing to do. */
  adopted: Uint8Array;
  /** Makes a row go on from what a row of another group of the same rule remembers of the same inputs. */
  adopt(row: number, from: RuleGroup, fromRow: number): void;
  windowMemory(row: number): WindowMemory;
  /** The variants of a row, in the order of their times. */
  variantsOf(row: number): readonly GroupVariant[];
  /** Where a row's input comes from. */
  sourceOf(row: number, slot: number): InputSource;
  /** The hold-offs of the rows; null where the rule has none. */
  holds: Holds | null;
  /** The values of the row that was read last; they are overwritten by the next one. */
  scratch: { values: Float64Array; params: Float64Array; windows: Float64Array };
};

export type GroupVariant = Omit<Variant, 'params'> & { params: Float64Array };

/** A machine that suppresses another one while it fires. */
export type Suppressor = { group: RuleGroup; row: number };

/** The group of a rule's bindings, whose points are places in the point memory. */
export function createRuleGroup(
  rule: Rule,
  rows: { asset: RuleAsset; bound: BoundRule }[],
  points: PointMemory,
): RuleGroup {
  const width = rule.inputs.length;
  const inputs = createInputTable(rows, width);
  const variants = rows.map(({ bound }) =>
    bound.variants.map((variant): GroupVariant => ({ ...variant, params: new Float64Array(variant.params) })),
  );
  const windows = createWindowReader(rule, rows, points);
  const holds = createHolds(rule, rows.length);
  const scratch: RuleGroup['scratch'] = {
    values: new Float64Array(width),
    params: new Float64Array(0),
    windows: windows.results,
  };
  const assets = rows.map(({ asset }) => asset);
  const adopted = new Uint8Array(rows.length);
  // A back-test over columns has no use for it.
  let judge: RuleGroup['judge'] | undefined;
  return {
    rule,
    assets,
    machines: new Array(rows.length),
    failed: new Array(rows.length),
    suppressors: [],
    read,
    judge: (tMs) => {
      judge ??= createJudge(rule, { inputs, points, windows, holds, scratch, variants, variantAt });
      return judge(tMs);
    },
    isSuspended,
    variantAt,
    canSuppress: (row) => (variants[row] as GroupVariant[]).some(({ enabled }) => enabled === true),
    spanMs: rows.reduce((most, { bound }) => Math.max(most, bound.memorySpanMs), 0),
    adopted,
    adopt,
    windowMemory: windows.memoryOf,
    variantsOf: (row) => variants[row] as GroupVariant[],
    sourceOf: (row, slot) => sourceOf(inputs, row, slot),
    holds,
    scratch,
  };

  function read(row: number, tMs: number): void {
    scratch.params = variantAt(row, tMs).params;
    readInputs(inputs, points, row, tMs, scratch.values);
    for (const pass of rule.passes) {
      for (const { slot, compute } of pass.derived) {
        if (isDerived(inputs, row, slot))
          scratch.values[slot] = compute(scratch.values, scratch.params, scratch.windows);
      }
      windows.read(pass, row, tMs, scratch.values, scratch.params);
    }
    holds?.watch(row, tMs, scratch.values, scratch.params, scratch.windows);
  }

  function adopt(row: number, from: RuleGroup, fromRow: number): void {
    windows.setMemory(row, from.windowMemory(fromRow));
    if (holds && from.holds) copyHolds(holds, row, from.holds, fromRow);
    adopted[row] = 1;
  }

  function variantAt(row: number, tMs: number): GroupVariant {
    const own = variants[row] as GroupVariant[];
    let index = 0;
    while (index + 1 < own.length && tMs >= (own[index] as GroupVariant).untilMs) index++;
    return own[index] as GroupVariant;
  }

  function isSuspended(row: number, tMs: number): boolean {
    if (variantAt(row, tMs).isPaused) return true;
    // The schedule is asked first: a time zone that it cannot work with is an error also during a hold-off.
    const isOff = rule.active !== null && !isActive(rule.active, tMs, (assets[row] as RuleAsset).siteTimeZone);
    return isOff || (holds?.isHeld(row, tMs) ?? false);
  }
}
