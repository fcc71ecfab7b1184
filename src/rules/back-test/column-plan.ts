/**
 * How one rule reads one asset from columns: which slot from which column, which window is shared with other rules, and what the
 * row computes for itself (derived values, rings of expressions and windows over them), pass by pass as `RuleGroup.read` does.
 */

import { compileLoop, type Loop, type LoopFunctions } from '../kernel/compile-loop.ts';
import type { RuleGroup } from '../kernel/rule-group.ts';
import { readWindow, writeRing } from '../kernel/window-memory.ts';
import type { Expression, Window } from '../language/expression.ts';
import type { Pass, Rule } from '../language/rule.ts';
import type { TickColumn, WindowColumn } from './fill-columns.ts';
import type { TickGrid } from './tick-columns.ts';

export type RowPlan = {
  group: RuleGroup;
  row: number;
  grid: TickGrid;
  slots: { slot: number; column: TickColumn }[];
  constants: { slot: number; value: number }[];
  shared: { index: number; column: WindowColumn }[];
  passes: PassPlan[];
  /** The conditions of the block from the tick `first` through `last`, and more than any truth where the rule throws. */
  conditions: Uint8Array;
  first: number;
  last: number;
  /** When hold-offs began in the block, and the last one before it. */
  changes: number[];
  changedBefore: number;
};

/** A pass of the rule (see `Pass`) less what rows share. */
type PassPlan = {
  derived: Pass['derived'];
  rings: number;
  /** Feeds the row's own rings at the place of a tick. */
  feed(place: number): void;
  readWindows(place: number): void;
};

/** The plan of a row, with its columns declared in the grid of its step. */
export function planRow(group: RuleGroup, row: number, grid: TickGrid, blockTicks: number): RowPlan {
  const plan: RowPlan = {
    group,
    row,
    grid,
    slots: [],
    constants: [],
    shared: [],
    passes: [],
    conditions: new Uint8Array(blockTicks),
    first: 0,
    last: -1,
    changes: [],
    changedBefore: Number.NEGATIVE_INFINITY,
  };
  for (let slot = 0; slot < group.rule.inputs.length; slot++) {
    const source = group.sourceOf(row, slot);
    if (source.from === 'point') plan.slots.push({ slot, column: grid.declare(source.reading, 'none', 0) });
    else plan.constants.push({ slot, value: source.from === 'constant' ? source.value : Number.NaN });
  }
  const rings: RingPlan[] = [];
  for (const pass of group.rule.passes) {
    const derived = pass.derived.filter((one) => group.sourceOf(row, one.slot).from === 'derived' && !share(plan, one));
    for (let ring = pass.ringStart; ring < pass.ringEnd; ring++) rings[ring] = planRing(plan, ring);
    const planned = planPass(plan, pass, derived, rings);
    if (planned.derived.length + planned.rings > 0) plan.passes.push(planned);
  }
  return plan;
}

/**
 * Lets rules that compute the same derived value from the same columns with the same parameters share its column. False where it
 * looks at windows, or at what is not shared itself, or where overrides change the parameters with time.
 */
function share(plan: RowPlan, { slot, expression, compute }: Pass['derived'][number]): boolean {
  const { group, row, grid, slots, constants } = plan;
  const { params, untilMs } = group.variantAt(row, Number.NEGATIVE_INFINITY);
  const reads = readsOf(expression);
  if (untilMs !== Number.POSITIVE_INFINITY || reads.hasWindows) return false;
  const fixed = constants.filter((one) => reads.slots.includes(one.slot));
  if (fixed.some((one) => group.sourceOf(row, one.slot).from === 'derived')) return false;
  const used = slots.filter((one) => reads.slots.includes(one.slot));
  const columnOf = (wanted: number) => used.find((one) => one.slot === wanted)?.column.id;
  const constantOf = (wanted: number) => `=${fixed.find((one) => one.slot === wanted)?.value}`;
  const inputs = `${reads.slots.map((one) => columnOf(one) ?? constantOf(one)).join(' ')} ${reads.params.map((one) => params[one]).join(' ')}`;
  const values = new Float64Array(group.rule.inputs.length);
  for (const one of fixed) values[one.slot] = one.value;
  const column = grid.declareComputed(reads.text, inputs, { compute, values, params, inputs: used });
  plan.constants = constants.filter((one) => one.slot !== slot);
  slots.push({ slot, column });
  return true;
}

/** What an expression reads, and its form with the slots numbered as they come, by which equal ones of two rules are known. */
type Reads = { slots: number[]; params: number[]; hasWindows: boolean; text: string };

const known = new WeakMap<Expression, Reads>();

function readsOf(expression: Expression): Reads {
  const found = known.get(expression);
  if (found) return found;
  const reads: Reads = { slots: [], params: [], hasWindows: false, text: '' };
  reads.text = JSON.stringify(expression, (_, part) => {
    if (part?.op === 'window') reads.hasWindows = true;
    if (part?.op !== 'input' && part?.op !== 'param') return part;
    const list = part.op === 'input' ? reads.slots : reads.params;
    if (!list.includes(part.slot)) list.push(part.slot);
    return `${part.op} ${part.type} ${list.indexOf(part.slot)}`;
  });
  known.set(expression, reads);
  return reads;
}

type RingPlan = { column: TickColumn; isShared: boolean; carriedSlot: number };

/** A ring of a point's own values is that point's column, as is that of a shared derived value; any other is the row's own. */
function planRing({ group, row, grid, slots }: RowPlan, ring: number): RingPlan {
  const { argument, extreme, ticks } = group.rule.rings[ring] as Rule['rings'][number];
  const slot = argument.op === 'input' ? argument.slot : -1;
  const source = slot >= 0 && argument.type === 'number' ? group.sourceOf(row, slot) : undefined;
  const shared = { isShared: true, carriedSlot: -1 };
  if (source?.from === 'point') return { ...shared, column: grid.declare(source.reading, extreme, ticks) };
  const computed = source?.from === 'derived' ? slots.find((one) => one.slot === slot)?.column : undefined;
  if (computed) return { ...shared, column: grid.lookBack(computed, ticks) };
  return { isShared: false, column: grid.createRing(ticks), carriedSlot: extreme === 'none' ? -1 : slot };
}

function planPass(plan: RowPlan, pass: Pass, derived: Pass['derived'], rings: RingPlan[]): PassPlan {
  const { group, grid, shared } = plan;
  const { rule, scratch } = group;
  const fed = new Float64Array(rule.rings.length);
  const own = rings
    .slice(pass.ringStart, pass.ringEnd)
    .flatMap((ring, i) => (ring.isShared ? [] : { ...ring, index: pass.ringStart + i }));
  const ownWindows: { index: number; column: TickColumn; window: Window }[] = [];
  for (let index = pass.windowStart; index < pass.windowEnd; index++) {
    const window = rule.windows[index] as Window;
    const { column, isShared } = rings[window.ring] as RingPlan;
    if (isShared) shared.push({ index, column: grid.declareWindow(column, window, rule.minCover) });
    else ownWindows.push({ index, column, window });
  }
  return {
    derived,
    rings: own.length + ownWindows.length,
    feed: (place) => {
      pass.feed(scratch.values, scratch.params, scratch.windows, fed);
      for (const { index, column, carriedSlot } of own)
        writeRing(column, place, (carriedSlot < 0 ? fed[index] : scratch.values[carriedSlot]) as number);
    },
    readWindows: (place) => {
      for (const { index, column, window } of ownWindows) {
        const { name, ticks, hours } = window;
        scratch.windows[index] = readWindow(name, column, place, ticks, hours, rule.minCover);
      }
    },
  };
}

/** Puts what the rule sees at a tick of the block into the scratch arrays, from what `judge` has remembered. */
export function readRow(plan: RowPlan, tick: number): void {
  const { group, grid, slots, shared, passes, first } = plan;
  const { values, windows } = group.scratch;
  const params = begin(plan, tick * grid.everyMs).params;
  const place = grid.placeOf(tick);
  for (const { slot, column } of slots) values[slot] = column.memory[place] as number;
  for (const { index, column } of shared) windows[index] = column.results[tick - first] as number;
  for (const pass of passes) {
    for (const { slot, compute } of pass.derived) values[slot] = compute(values, params, windows);
    pass.readWindows(place);
  }
}

/** Sets what does not change from tick to tick, and gives the variant that holds at an instant. */
export function begin({ group, row, constants }: RowPlan, tMs: number): ReturnType<RuleGroup['variantAt']> {
  for (const { slot, value } of constants) group.scratch.values[slot] = value;
  const variant = group.variantAt(row, tMs);
  group.scratch.params = variant.params;
  return variant;
}

/** The generated loop of a plan; rules keep those of their shapes. */
export function loopOf(plan: RowPlan): Loop {
  const { group, slots, shared, passes } = plan;
  const known = loops.get(group.rule) ?? new Map<string, Loop>();
  loops.set(group.rule, known);
  const shape = {
    slots: slots.map(({ slot }) => slot),
    windows: shared.map(({ index }) => index),
    passes: passes.map(({ derived, rings }) => ({ slots: derived.map(({ slot }) => slot), hasRings: rings > 0 })),
  };
  return compileLoop(shape, functionsOf(plan), known);
}

/** The functions of the rule that a loop takes in. */
export function functionsOf({ group, passes }: RowPlan): LoopFunctions {
  const computes = passes.flatMap(({ derived }) => derived.map(({ compute }) => compute));
  return { computes, watched: group.holds?.watched ?? [], when: group.rule.when };
}

const loops = new WeakMap<Rule, Map<string, Loop>>();
