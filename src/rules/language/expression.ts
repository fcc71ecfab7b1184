import type { FunctionName, WindowName } from './vocabulary.ts';

/**
 * A checked expression: every name resolved to a slot, every type and unit known, nothing left of the rule's own text.
 *
 *   text --(cel-js: parse, check)--> its tree --(lower-expression)--> Expression --(compile-expression)--> function
 *
 * `unit` is the id of the unit of a number's value, or null where any will do (literals, products, square roots).
 */
export type Expression = NumberExpression | TruthExpression;

export type NumberExpression = { type: 'number'; unit: string | null } & (
  | { op: 'literal'; value: number; whole: boolean }
  | { op: 'input'; slot: number }
  | { op: 'param'; slot: number }
  | { op: 'window'; slot: number }
  | { op: 'arithmetic'; operator: Arithmetic; left: NumberExpression; right: NumberExpression; whole: boolean }
  | { op: 'negate'; operand: NumberExpression; whole: boolean }
  | { op: 'function'; name: FunctionName; operands: NumberExpression[] }
  | { op: 'choose'; condition: TruthExpression; yes: NumberExpression; no: NumberExpression }
);

export type TruthExpression = { type: 'truth' } & (
  | { op: 'literal'; value: boolean }
  | { op: 'input'; slot: number }
  | { op: 'window'; slot: number }
  | { op: 'compare'; operator: Comparison; left: NumberExpression; right: NumberExpression }
  | { op: 'same'; negated: boolean; left: TruthExpression; right: TruthExpression }
  | { op: 'among'; item: NumberExpression; list: NumberExpression[] }
  | { op: 'logic'; operator: '&&' | '||'; left: TruthExpression; right: TruthExpression }
  | { op: 'not'; operand: TruthExpression }
  | { op: 'known'; operand: Expression }
  | { op: 'choose'; condition: TruthExpression; yes: TruthExpression; no: TruthExpression }
);

export type Arithmetic = '+' | '-' | '*' | '/';
export type Comparison = '<' | '<=' | '>' | '>=' | '==' | '!=';

/**
 * What a window remembers: one value of its argument per evaluated tick. With `extreme` it is instead the least or greatest
 * reading of each tick of one input, so that spikes between ticks are kept.
 */
export type Ring = { argument: Expression; extreme: 'none' | 'least' | 'greatest'; ticks: number };

/** One use of a window function over a ring; `hours` is the span as the rule states it, for rates. */
export type Window = { name: WindowName; ring: number; ticks: number; hours: number };

/** The rings and windows of one rule, shared among its expressions: equal arguments share their memory. */
export type WindowTable = { rings: Ring[]; windows: Window[] };

/** The slot of a window over an argument, made when the rule has no equal one yet. */
export function windowSlot(table: WindowTable, ring: Ring, use: Omit<Window, 'ring'>): number {
  const key = JSON.stringify([ring.argument, ring.extreme]);
  let ringIndex = table.rings.findIndex((known) => JSON.stringify([known.argument, known.extreme]) === key);
  if (ringIndex < 0) ringIndex = table.rings.push({ ...ring }) - 1;
  const shared = table.rings[ringIndex] as Ring;
  shared.ticks = Math.max(shared.ticks, ring.ticks);
  const found = table.windows.findIndex(
    (known) => known.name === use.name && known.ring === ringIndex && known.ticks === use.ticks,
  );
  return found < 0 ? table.windows.push({ ...use, ring: ringIndex }) - 1 : found;
}

/** The parts of an expression, in reading order. */
export function childrenOf(expression: Expression): Expression[] {
  switch (expression.op) {
    case 'literal':
    case 'input':
    case 'param':
    case 'window':
      return [];
    case 'arithmetic':
    case 'compare':
    case 'same':
    case 'logic':
      return [expression.left, expression.right];
    case 'negate':
    case 'not':
    case 'known':
      return [expression.operand];
    case 'function':
      return expression.operands;
    case 'among':
      return [expression.item, ...expression.list];
    case 'choose':
      return [expression.condition, expression.yes, expression.no];
  }
}
