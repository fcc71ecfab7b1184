import { compileFeed, compileNumber } from './compile-expression.ts';
import { childrenOf, type Expression, type WindowTable } from './expression.ts';
import type { Pass } from './rule.ts';

/** A derived value of a rule: its slot among the inputs, and what is computed into it. */
export type DerivedSlot = { name: string; slot: number; expression: Expression };

/**
 * The passes of a rule whose derived values come in an order in which each uses only those before it. A derived value that looks
 * at windows begins a pass of its own, unless these have been read already.
 */
export function planPasses(derived: readonly DerivedSlot[], table: WindowTable): Pass[] {
  const passes: Pass[] = [];
  let open: Pass['derived'] = [];
  for (const { name, slot, expression } of derived) {
    const needed = windowsOf(expression).reduce((most, window) => Math.max(most, window + 1), 0);
    if (needed > (passes.at(-1)?.windowEnd ?? 0)) close(needed);
    open.push({ name, slot, expression, compute: compileNumber(expression) });
  }
  close(table.windows.length);
  return passes;

  function close(windowEnd: number): void {
    const { ringEnd: ringStart, windowEnd: windowStart } = passes.at(-1) ?? { ringEnd: 0, windowEnd: 0 };
    const ringEnd = table.windows.slice(0, windowEnd).reduce((most, { ring }) => Math.max(most, ring + 1), 0);
    const feed = compileFeed(table.rings, ringStart, ringEnd);
    passes.push({ derived: open, feed, ringStart, ringEnd, windowStart, windowEnd });
    open = [];
  }
}

/** The ticks on which a rule's windows depend, through windows in the derived values that they look at; at least one. */
export function lookBackTicksOf(derived: readonly DerivedSlot[], { rings, windows }: WindowTable): number {
  const ticksOfSlot = new Map<number, number>();
  const ticksOf = (expression: Expression): number => {
    if (expression.op === 'window') return ticksOfWindow(expression.slot);
    if (expression.op === 'input') return ticksOfSlot.get(expression.slot) ?? 0;
    return childrenOf(expression).reduce((most, child) => Math.max(most, ticksOf(child)), 0);
  };
  const ticksOfWindow = (window: number): number => {
    const { ring, ticks } = windows[window] as (typeof windows)[number];
    return ticks + 1 + ticksOf((rings[ring] as (typeof rings)[number]).argument);
  };
  for (const { slot, expression } of derived) ticksOfSlot.set(slot, ticksOf(expression));
  return Math.max(1, ...ticksOfSlot.values(), ...windows.map((_, window) => ticksOfWindow(window)));
}

function windowsOf(expression: Expression): number[] {
  return expression.op === 'window' ? [expression.slot] : childrenOf(expression).flatMap(windowsOf);
}
