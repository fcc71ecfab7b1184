import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkExpression } from './check-expression.ts';
import { compileNumber, compileTruth, sourceOfTruth } from './compile-expression.ts';
import type { Expression } from './expression.ts';
import type { Scope } from './lowering.ts';
import { createLanguage } from './vocabulary.ts';

const numbers = ['x', 'y', 'z'];
const truths = ['a', 'b'];

/** Random text of the language over five names; divisors are never zero, for which CEL has infinities and rules unknown. */
const { number, truth } = fc.letrec<{ number: string; truth: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...numbers),
    fc.constantFrom('0.0', '1.0', '2.5', '-1.0', '3', '7'),
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*'), tie('number'))
      .map(([l, op, r]) => `(${l} ${op} ${r} + 0.0)`),
    fc.tuple(tie('number'), tie('number')).map(([l, r]) => `(${l} / (abs(${r}) + 1.0))`),
    tie('number').map((one) => `(-${one} + 0.0)`),
    fc.tuple(fc.constantFrom('min', 'max'), tie('number'), tie('number')).map(([name, l, r]) => `${name}(${l}, ${r})`),
    tie('number').map((one) => `floor(${one})`),
    fc.tuple(tie('truth'), tie('number'), tie('number')).map(([c, l, r]) => `(${c} ? ${l} + 0.0 : ${r} + 0.0)`),
  ),
  truth: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...truths, 'true', 'false'),
    fc
      .tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number'))
      .map(([l, op, r]) => `(${l} ${op} ${r})`),
    fc.tuple(tie('truth'), fc.constantFrom('&&', '||'), tie('truth')).map(([l, op, r]) => `(${l} ${op} ${r})`),
    fc.tuple(tie('truth'), fc.constantFrom('==', '!='), tie('truth')).map(([l, op, r]) => `(${l} ${op} ${r})`),
    tie('truth').map((one) => `!${one}`),
    fc
      .tuple(tie('number'), fc.constantFrom('[1.0, 2.5]', '[0.0]', '[3, 7]'))
      .map(([one, list]) => `(${one} + 0.0 in ${list})`),
    fc.tuple(tie('truth'), tie('truth'), tie('truth')).map(([c, l, r]) => `(${c} ? ${l} : ${r})`),
  ),
}));

const inputs = fc.record({
  x: fc.constantFrom(undefined, 0, 1, 2.5, 3, -1),
  y: fc.constantFrom(undefined, 0, 1, 2.5, 3, -1),
  z: fc.constantFrom(undefined, 0, 1, 7),
  a: fc.constantFrom(undefined, true, false),
  b: fc.constantFrom(undefined, true, false),
});

describe('generated code', () => {
  test("says what the library's interpreter says, and unknown where that one fails for want of an input", () => {
    fc.assert(
      fc.property(truth, inputs, (text, values) => {
        const checked = checkExpression(text, scope());
        expect(checked.problems).toEqual([]);
        expect(
          ['false', 'unknown', 'true'][compileTruth(checked.expression as Expression)(slots(values), none, none)],
        ).toBe(interpret(text, values));
      }),
      { numRuns: 3_000 },
    );
  });

  test('gives the same numbers as the interpreter', () => {
    fc.assert(
      fc.property(number, inputs, (text, values) => {
        const checked = checkExpression(text, scope());
        const found = compileNumber(checked.expression as Expression)(slots(values), none, none);
        const wanted = interpret(text, values);
        if (wanted === 'unknown') expect(found).toBeNaN();
        else expect(found).toBeCloseTo(Number(wanted), 9);
      }),
      { numRuns: 1_000 },
    );
  });

  test('holds slots, literals and operators only, never a word of the rule', () => {
    const words =
      /\b(?:const|return|NaN|Math\.(?:abs|min|max|sqrt|floor)|t\d+|[vpw]\[\d+\]|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/g;
    fc.assert(
      fc.property(truth, (text) => {
        const source = sourceOfTruth(checkExpression(text, scope()).expression as Expression);
        expect(source.replace(words, '').replace(/[\s=<>!&|?:;,+\-*/()]/g, '')).toBe('');
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, Values, string, string]>([
    ['x / y > 1.0', { x: 1, y: 0 }, 'unknown', 'a division by zero is unknown, not infinite'],
    ['sqrt(x) < 1.0', { x: -1 }, 'unknown', 'so is the root of a negative number'],
    ['x > 1.0 || true', {}, 'true', 'true wins over unknown'],
    ['x > 1.0 && false', {}, 'false', 'false wins over unknown'],
    ['x != 1.0', {}, 'unknown', 'unknown differs from nothing'],
    ['!(x == 1.0)', {}, 'unknown', 'the opposite of unknown is unknown'],
    ['known(x)', {}, 'false', 'known tells an absent value'],
    ['known(x) && x > 0', { x: 1 }, 'true', 'known tells a present value'],
    ['known(a)', {}, 'false', 'known tells an absent truth'],
    ['a ? x > 0 : true', { x: 1 }, 'unknown', 'a choice by unknown is unknown'],
  ])('%s with %o is %s: %s', (text, values, wanted) => {
    const { expression } = checkExpression(text, scope());
    expect(['false', 'unknown', 'true'][compileTruth(expression as Expression)(slots(values), none, none)]).toBe(
      wanted,
    );
  });
});

const none = new Float64Array(0);

function scope(): Scope {
  const names = new Map<string, Expression>();
  numbers.forEach((name, slot) => {
    names.set(name, { type: 'number', op: 'input', slot, unit: null });
  });
  truths.forEach((name, index) => {
    names.set(name, { type: 'truth', op: 'input', slot: numbers.length + index });
  });
  return { names, table: { rings: [], windows: [] }, everyMs: 60_000, windows: 'allowed' };
}

type Values = Partial<Record<string, number | boolean | undefined>>;

function slots(values: Values): Float64Array {
  return Float64Array.from([...numbers, ...truths], (name) =>
    values[name] === undefined ? Number.NaN : Number(values[name]),
  );
}

const language = createLanguage();
for (const name of numbers) language.registerVariable(name, 'double');
for (const name of truths) language.registerVariable(name, 'bool');

function interpret(text: string, values: Values): string {
  const present = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  try {
    return String(language.parse(text)(present));
  } catch (error) {
    if (error instanceof Error && /Unknown variable/.test(error.message)) return 'unknown';
    throw error;
  }
}
