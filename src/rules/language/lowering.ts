import type { ASTNode } from '@marcbachmann/cel-js';
import { formatDuration } from './durations.ts';
import type { Expression, NumberExpression, TruthExpression, WindowTable } from './expression.ts';
import type { Problem } from './rule-error.ts';

/** What the names in an expression stand for, and where its windows are kept. */
export type Scope = {
  names: Map<string, Expression>;
  table: WindowTable;
  everyMs: number;
  /** Ticks that the windows may remember between them; infinite where `everyMs` stands in for that of a rule yet to come. */
  rememberedTicksMax: number;
};

/**
 * Collects the problems of one expression while it is lowered. `broken` are names whose own mistakes are reported already;
 * `isPoisoned` once some part has no meaning, so that the whole has none.
 */
export type Lowering = {
  scope: Scope;
  problems: Problem[];
  broken: ReadonlySet<string>;
  insideWindow: boolean;
  state: { isPoisoned: boolean };
};

/** Stands for a part that has no meaning, of whatever type; nothing that holds it is complained about for that. */
export const poison: NumberExpression = { type: 'number', op: 'literal', value: 0, whole: false, unit: null };

/** The same where the type is known to be true or false. */
export const poisonTruth: TruthExpression = { type: 'truth', op: 'literal', value: false };

/** Ends the lowering of one node with its problem. */
class Refusal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Throws the refusal of a node. */
export function refuse(node: ASTNode, code: string, message: string, help?: string): never {
  throw new Refusal({ code, message, help, start: node.start, end: node.end });
}

/** The outcome of lowering a part; poison, with its problem collected, where the part is refused. */
export function recover<Found>(lowering: Lowering, lower: () => Found): Found | typeof poison {
  try {
    return lower();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    lowering.problems.push(error.problem);
    lowering.state.isPoisoned = true;
    return poison;
  }
}

/** The rule's ticks in a span, or undefined when the span is not a whole number of them. */
export function findTicks(spanMs: number, everyMs: number): number | undefined {
  const ticks = spanMs / everyMs;
  return Number.isInteger(ticks) ? ticks : undefined;
}

/** The sentence for a span that is not a multiple of the rule's `every`. */
export function notMultiple(spanMs: number, everyMs: number): string {
  return `${formatDuration(spanMs)} is not a multiple of every: ${formatDuration(everyMs)}`;
}
