import { childrenOf, type Expression, type NumberExpression, type Ring, type TruthExpression } from './expression.ts';
import type { Truth } from './truth.ts';
import type { FunctionName } from './vocabulary.ts';

/**
 * Expressions as JavaScript functions in three-valued logic. The source is built from slot numbers, finite literals and the fixed
 * words below; nothing of the rule's text can reach it. Everything is computed without branches into constants, equal parts once:
 *
 *   when sat > sp + 1 && fan    const a=v[0],b=v[1],c=b+1,d=a<c?... ,e=v[2]===0?0:...,f=d<e?d:e;return f
 *
 *   v  values of the inputs, NaN when unknown        p  parameters        w  results of the windows
 *
 * Loops that are generated write the same statements into themselves, and say by what names they have these three.
 */
export type TruthFunction = (values: Float64Array, params: Float64Array, windows: Float64Array) => Truth;
export type NumberFunction = (values: Float64Array, params: Float64Array, windows: Float64Array) => number;
/** Writes one number per ring of the rule to `out`; rings of extremes are fed elsewhere and left alone. */
export type FeedFunction = (
  values: Float64Array,
  params: Float64Array,
  windows: Float64Array,
  out: Float64Array,
) => void;

/** Statements so far, the name of every value already computed, and the source by which a slot of `v`, `p` or `w` is read. */
export type Statements = {
  body: string[];
  known: Map<string, string>;
  read: (from: 'v' | 'p' | 'w', slot: number) => string;
};

/** A condition as a function that gives false 0, unknown 1, true 2. */
export function compileTruth(expression: Expression): TruthFunction {
  return compile(expression, emit) as TruthFunction;
}

/** A number, or a truth stored as one (0, 1, NaN for unknown). */
export function compileNumber(expression: Expression): NumberFunction {
  return compile(expression, writeNumber) as NumberFunction;
}

/** The arguments of the rings from `start` up to `end`. */
export function compileFeed(rings: Ring[], start: number, end: number): FeedFunction {
  const statements = createStatements(readMemory);
  rings.forEach(({ argument, extreme }, ring) => {
    if (extreme === 'none' && ring >= start && ring < end)
      statements.body.push(`o[${slotSource(ring)}]=${writeNumber(statements, argument)};`);
  });
  return build(statements.body.join('')) as FeedFunction;
}

/** Whether a function is one that was compiled here, and not another one in its place. */
export function canWrite(compiled: TruthFunction | NumberFunction): boolean {
  return writers.has(compiled);
}

/** Adds what a compiled condition or number computes, and gives the source of the result. */
export function writeCompiled(statements: Statements, compiled: TruthFunction | NumberFunction): string {
  return (writers.get(compiled) as (statements: Statements) => string)(statements);
}

/** No statements yet. */
export function createStatements(read: Statements['read']): Statements {
  return { body: [], known: new Map(), read };
}

/** A slot as source. Throws for anything but a whole number. */
export function slotSource(slot: number): string {
  if (!Number.isInteger(slot) || slot < 0) throw new Error(`${slot} is no slot`);
  return String(slot);
}

const writers = new WeakMap<object, (statements: Statements) => string>();

function compile(expression: Expression, write: (statements: Statements, expression: Expression) => string): object {
  const statements = createStatements(readMemory);
  const result = write(statements, expression);
  const compiled = build(`${statements.body.join('')}return ${result};`);
  writers.set(compiled, (other) => write(other, expression));
  return compiled;
}

function readMemory(from: string, slot: number): string {
  return `${from}[${slotSource(slot)}]`;
}

function build(source: string): object {
  return new Function('v', 'p', 'w', 'o', `"use strict";${source}`);
}

function name(statements: Statements, value: string): string {
  const known = statements.known.get(value);
  if (known !== undefined) return known;
  const fresh = `t${statements.known.size}`;
  statements.known.set(value, fresh);
  statements.body.push(`const ${fresh}=${value};`);
  return fresh;
}

function writeNumber(statements: Statements, expression: Expression): string {
  const result = emit(statements, expression);
  return expression.type === 'number' ? result : name(statements, `${result}===2?1:${result}===0?0:NaN`);
}

function emit(statements: Statements, expression: Expression): string {
  return expression.type === 'number' ? emitNumber(statements, expression) : emitTruth(statements, expression);
}

const functionSources: Record<FunctionName, string> = {
  abs: 'Math.abs',
  min: 'Math.min',
  max: 'Math.max',
  sqrt: 'Math.sqrt',
  floor: 'Math.floor',
};

function emitNumber(statements: Statements, expression: NumberExpression): string {
  switch (expression.op) {
    case 'literal':
      return literal(expression.value);
    case 'input':
      return name(statements, statements.read('v', expression.slot));
    case 'param':
      return name(statements, statements.read('p', expression.slot));
    case 'window':
      return name(statements, statements.read('w', expression.slot));
    case 'negate':
      return name(statements, `-(${emit(statements, expression.operand)})`);
    case 'arithmetic':
      return emitArithmetic(
        statements,
        expression.operator,
        emit(statements, expression.left),
        emit(statements, expression.right),
      );
    case 'function': {
      const operands = expression.operands.map((operand) => emit(statements, operand));
      return name(statements, `${functionSources[expression.name]}(${operands.join(',')})`);
    }
    case 'choose': {
      const [condition, yes, no] = childrenOf(expression).map((child) => emit(statements, child));
      return name(statements, `${condition}===2?${yes}:${condition}===0?${no}:NaN`);
    }
  }
}

function emitArithmetic(statements: Statements, operator: '+' | '-' | '*' | '/', left: string, right: string): string {
  const value = name(statements, `${left}${operator}(${right})`);
  // A division by zero or an overflow is unknown, not an infinity that every limit is less than.
  return name(statements, `${value}-${value}===0?${value}:NaN`);
}

function emitTruth(statements: Statements, expression: TruthExpression): string {
  switch (expression.op) {
    case 'literal':
      return expression.value ? '2' : '0';
    case 'input':
      return stored(statements, name(statements, statements.read('v', expression.slot)));
    case 'window':
      return stored(statements, name(statements, statements.read('w', expression.slot)));
    case 'not':
      return name(statements, `2-${emit(statements, expression.operand)}`);
    case 'logic': {
      const [a, b] = [emit(statements, expression.left), emit(statements, expression.right)];
      return name(statements, expression.operator === '&&' ? `${a}<${b}?${a}:${b}` : `${a}>${b}?${a}:${b}`);
    }
    case 'compare':
      return emitComparison(
        statements,
        expression.operator,
        emit(statements, expression.left),
        emit(statements, expression.right),
      );
    case 'same': {
      const [a, b] = [emit(statements, expression.left), emit(statements, expression.right)];
      return name(statements, `${a}===1||${b}===1?1:${a}===${b}?${expression.negated ? '0:2' : '2:0'}`);
    }
    case 'among': {
      const item = emit(statements, expression.item);
      const tests = expression.list.map((element) => `${item}===${emit(statements, element)}`);
      return name(statements, `${item}!==${item}?1:${tests.join('||') || 'false'}?2:0`);
    }
    case 'known': {
      const operand = emit(statements, expression.operand);
      const test = expression.operand.type === 'number' ? `${operand}===${operand}` : `${operand}!==1`;
      return name(statements, `${test}?2:0`);
    }
    case 'choose': {
      const [condition, yes, no] = childrenOf(expression).map((child) => emit(statements, child));
      return name(statements, `${condition}===2?${yes}:${condition}===0?${no}:1`);
    }
  }
}

const opposites = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!==', '!=': '===' } as const;

function emitComparison(statements: Statements, operator: keyof typeof opposites, a: string, b: string): string {
  // NaN differs from everything, so equality looks for it; the orders need not: neither they nor their opposites hold.
  if (operator === '==') return name(statements, `${a}===${b}?2:${a}===${a}&&${b}===${b}?0:1`);
  if (operator === '!=') return name(statements, `${a}===${b}?0:${a}===${a}&&${b}===${b}?2:1`);
  return name(statements, `${a}${operator}${b}?2:${a}${opposites[operator]}${b}?0:1`);
}

function stored(statements: Statements, slot: string): string {
  return name(statements, `${slot}===0?0:${slot}===${slot}?2:1`);
}

function literal(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} is no literal`);
  return value < 0 || Object.is(value, -0) ? `(${String(value)})` : String(value);
}
