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

/** A condition as a function that gives false 0, unknown 1, true 2. */
export function compileTruth(expression: Expression): TruthFunction {
  return build(sourceOfTruth(expression)) as TruthFunction;
}

/** A number, or a truth stored as one (0, 1, NaN for unknown). */
export function compileNumber(expression: Expression): NumberFunction {
  return build(sourceOfNumber(expression)) as NumberFunction;
}

/** The arguments of the rings from `start` up to `end`. */
export function compileFeed(rings: Ring[], start: number, end: number): FeedFunction {
  return build(sourceOfFeed(rings, start, end)) as FeedFunction;
}

function sourceOfTruth(expression: Expression): string {
  const lines = createLines();
  const result = emit(lines, expression);
  return `${lines.body.join('')}return ${result};`;
}

function sourceOfNumber(expression: Expression): string {
  const lines = createLines();
  const result = storedIn(lines, expression);
  return `${lines.body.join('')}return ${result};`;
}

function sourceOfFeed(rings: Ring[], start: number, end: number): string {
  const lines = createLines();
  rings.forEach(({ argument, extreme }, ring) => {
    if (extreme === 'none' && ring >= start && ring < end)
      lines.body.push(`o[${index(ring)}]=${storedIn(lines, argument)};`);
  });
  return lines.body.join('');
}

function build(source: string): unknown {
  return new Function('v', 'p', 'w', 'o', `"use strict";${source}`);
}

/** Statements so far and the name of every value already computed. */
type Lines = { body: string[]; known: Map<string, string> };

function createLines(): Lines {
  return { body: [], known: new Map() };
}

function name(lines: Lines, value: string): string {
  const known = lines.known.get(value);
  if (known !== undefined) return known;
  const fresh = `t${lines.known.size}`;
  lines.known.set(value, fresh);
  lines.body.push(`const ${fresh}=${value};`);
  return fresh;
}

function storedIn(lines: Lines, expression: Expression): string {
  const result = emit(lines, expression);
  return expression.type === 'number' ? result : name(lines, `${result}===2?1:${result}===0?0:NaN`);
}

function emit(lines: Lines, expression: Expression): string {
  return expression.type === 'number' ? emitNumber(lines, expression) : emitTruth(lines, expression);
}

const functionSources: Record<FunctionName, string> = {
  abs: 'Math.abs',
  min: 'Math.min',
  max: 'Math.max',
  sqrt: 'Math.sqrt',
  floor: 'Math.floor',
};

function emitNumber(lines: Lines, expression: NumberExpression): string {
  switch (expression.op) {
    case 'literal':
      return literal(expression.value);
    case 'input':
      return name(lines, `v[${index(expression.slot)}]`);
    case 'param':
      return name(lines, `p[${index(expression.slot)}]`);
    case 'window':
      return name(lines, `w[${index(expression.slot)}]`);
    case 'negate':
      return name(lines, `-(${emit(lines, expression.operand)})`);
    case 'arithmetic':
      return emitArithmetic(lines, expression.operator, emit(lines, expression.left), emit(lines, expression.right));
    case 'function': {
      const operands = expression.operands.map((operand) => emit(lines, operand));
      return name(lines, `${functionSources[expression.name]}(${operands.join(',')})`);
    }
    case 'choose': {
      const [condition, yes, no] = childrenOf(expression).map((child) => emit(lines, child));
      return name(lines, `${condition}===2?${yes}:${condition}===0?${no}:NaN`);
    }
  }
}

function emitArithmetic(lines: Lines, operator: '+' | '-' | '*' | '/', left: string, right: string): string {
  const value = name(lines, `${left}${operator}(${right})`);
  // A division by zero or an overflow is unknown, not an infinity that every limit is less than.
  return name(lines, `${value}-${value}===0?${value}:NaN`);
}

function emitTruth(lines: Lines, expression: TruthExpression): string {
  switch (expression.op) {
    case 'literal':
      return expression.value ? '2' : '0';
    case 'input':
      return stored(lines, name(lines, `v[${index(expression.slot)}]`));
    case 'window':
      return stored(lines, name(lines, `w[${index(expression.slot)}]`));
    case 'not':
      return name(lines, `2-${emit(lines, expression.operand)}`);
    case 'logic': {
      const [a, b] = [emit(lines, expression.left), emit(lines, expression.right)];
      return name(lines, expression.operator === '&&' ? `${a}<${b}?${a}:${b}` : `${a}>${b}?${a}:${b}`);
    }
    case 'compare':
      return emitComparison(lines, expression.operator, emit(lines, expression.left), emit(lines, expression.right));
    case 'same': {
      const [a, b] = [emit(lines, expression.left), emit(lines, expression.right)];
      return name(lines, `${a}===1||${b}===1?1:${a}===${b}?${expression.negated ? '0:2' : '2:0'}`);
    }
    case 'among': {
      const item = emit(lines, expression.item);
      const tests = expression.list.map((element) => `${item}===${emit(lines, element)}`);
      return name(lines, `${item}!==${item}?1:${tests.join('||') || 'false'}?2:0`);
    }
    case 'known': {
      const operand = emit(lines, expression.operand);
      const test = expression.operand.type === 'number' ? `${operand}===${operand}` : `${operand}!==1`;
      return name(lines, `${test}?2:0`);
    }
    case 'choose': {
      const [condition, yes, no] = childrenOf(expression).map((child) => emit(lines, child));
      return name(lines, `${condition}===2?${yes}:${condition}===0?${no}:1`);
    }
  }
}

const opposites = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!==', '!=': '===' } as const;

function emitComparison(lines: Lines, operator: keyof typeof opposites, a: string, b: string): string {
  // NaN differs from everything, so equality looks for it; the orders need not: neither they nor their opposites hold.
  if (operator === '==') return name(lines, `${a}===${b}?2:${a}===${a}&&${b}===${b}?0:1`);
  if (operator === '!=') return name(lines, `${a}===${b}?0:${a}===${a}&&${b}===${b}?2:1`);
  return name(lines, `${a}${operator}${b}?2:${a}${opposites[operator]}${b}?0:1`);
}

function stored(lines: Lines, slot: string): string {
  return name(lines, `${slot}===0?0:${slot}===${slot}?2:1`);
}

function literal(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} is no literal`);
  return value < 0 || Object.is(value, -0) ? `(${String(value)})` : String(value);
}

function index(slot: number): string {
  if (!Number.isInteger(slot) || slot < 0) throw new Error(`${slot} is no slot`);
  return String(slot);
}
