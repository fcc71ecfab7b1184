import type { ASTNode } from '@marcbachmann/cel-js';
import { formatDuration } from './durations.ts';
import type { Expression, WindowTable } from './expression.ts';
import type { Problem } from './rule-error.ts';

/** What the names in an expression stand for, and where its windows are kept. */
export type Scope = {
  names: Map<string, Expression>;
  table: WindowTable;
  everyMs: number;
  /** How windows are refused, where they are: in derived values, for one. */
  windows: 'allowed' | string;
};

/** Collects the problems of one expression while it is lowered. */
export type Lowering = { scope: Scope; problems: Problem[]; insideWindow: boolean };

/** Ends the lowering of an expression with the problem of one node. */
export class Refusal extends Error {
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

/** The rule's ticks in a span, or undefined when the span is not a whole number of them. */
export function findTicks(spanMs: number, everyMs: number): number | undefined {
  const ticks = spanMs / everyMs;
  return Number.isInteger(ticks) ? ticks : undefined;
}

/** The sentence for a span that is not a multiple of the rule's `every`. */
export function notMultiple(spanMs: number, everyMs: number): string {
  return `${formatDuration(spanMs)} is not a multiple of every: ${formatDuration(everyMs)}`;
}
