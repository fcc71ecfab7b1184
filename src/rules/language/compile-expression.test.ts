import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkExpression } from './check-expression.ts';
import { compileNumber, compileTruth } from './compile-expression.ts';
import { childrenOf, type Expression, type WindowTable } from './expression.ts';
import { createLanguage, functions, windowFunctions } from './vocabulary.ts';

const numbers = ['x', 'y', 'z'];
const truths = ['a', 'b'];
const params = ['p', 'q'];
/** Windows, each with a name under which the oracle, which has no history, is told their value. */
const windows = {
  "avg(x, '5m')": 'avg',
  "lowest(y, '5m')": 'lowest',
  "highest(y + 1.0, '5m')": 'highest',
  "stddev(x, '1h')": 'stddev',
  "delta(x, '1h')": 'delta',
  "rate(z, '1h')": 'rate',
  "ago(x * 2.0, '10m')": 'ago',
  "starts(a, '1h')": 'starts',
  "duty(a && b, '1h')": 'duty',
  "changes(x, '1h')": 'changes',
  "reversals(x / 2.0, '1h')": 'reversals',
  "held(x > 1.0, '10m')": 'held',
} as const;
const windowTexts = Object.keys(windows) as (keyof typeof windows)[];

/** Random text of the language over these names; divisors are never zero, for which CEL has infinities and rules unknown. */
const { number, truth } = fc.letrec<{ number: string; truth: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...numbers, ...params),
    fc.constantFrom(...windowTexts.filter((text) => !text.startsWith('held'))),
    fc.constantFrom('0.0', '1.0', '2.5', '-1.0', '3', '7', '-2', '1e2', '2.5e-1'),
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*'), tie('number'))
      .map(([l, op, r]) => `(${l} ${op} ${r} + 0.0)`),
    fc.tuple(tie('number'), tie('number')).map(([l, r]) => `(${l} / (abs(${r}) + 1.0))`),
    tie('number').map((one) => `(-${one} + 0.0)`),
    fc
      .tuple(fc.constantFrom('min', 'max'), fc.array(tie('number'), { minLength: 2, maxLength: 4 }))
      .map(([name, operands]) => `${name}(${operands.join(', ')})`),
    tie('number').map((one) => `floor(${one})`),
    tie('number').map((one) => `sqrt(abs(${one}))`),
    fc.tuple(tie('truth'), tie('number'), tie('number')).map(([c, l, r]) => `(${c} ? ${l} + 0.0 : ${r} + 0.0)`),
  ),
  truth: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...truths, 'true', 'false', "held(x > 1.0, '10m')"),
    fc.constantFrom(...[...numbers, ...truths].map((name) => `known(${name})`)),
    fc
      .tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number'))
      .map(([l, op, r]) => `(${l} ${op} ${r})`),
    fc.tuple(tie('truth'), fc.constantFrom('&&', '||'), tie('truth')).map(([l, op, r]) => `(${l} ${op} ${r})`),
    fc.tuple(tie('truth'), fc.constantFrom('==', '!='), tie('truth')).map(([l, op, r]) => `(${l} ${op} ${r})`),
    tie('truth').map((one) => `!${one}`),
    fc
      .tuple(tie('number'), fc.constantFrom('[1.0, 2.5]', '[0.0]', '[3, 7]', '[-1.0, 3, 7.0]'))
      .map(([one, list]) => `(${one} + 0.0 in ${list})`),
    fc.tuple(tie('truth'), tie('truth'), tie('truth')).map(([c, l, r]) => `(${c} ? ${l} : ${r})`),
  ),
}));

const some = fc.constantFrom(undefined, 0, 1, 2.5, 3, -1, 7);
const perhaps = fc.constantFrom(undefined, true, false);
const inputs = fc.record({
  ...Object.fromEntries([...numbers, ...Object.values(windows)].map((name) => [name, some])),
  ...Object.fromEntries(truths.map((name) => [name, perhaps])),
  p: fc.constantFrom(0, 2.5),
  q: fc.constantFrom(-1, 3),
  held: perhaps,
}) as fc.Arbitrary<Values>;

describe('generated code', () => {
  test("says what the library's interpreter says, and unknown where that one fails for want of a value", () => {
    fc.assert(
      fc.property(truth, inputs, (text, values) => {
        expect(runTruth(text, values)).toBe(interpret(text, values));
      }),
      { numRuns: 3_000 },
    );
  });

  test('gives the same numbers as the interpreter, to the last bit', () => {
    fc.assert(
      fc.property(number, inputs, (text, values) => {
        const { expression, slots } = place(text, values);
        const found = compileNumber(expression)(...slots);
        const wanted = interpret(text, values);
        // Zero has a sign in one and not in the other, which nothing in the language can tell.
        expect(found + 0).toBe(wanted === 'unknown' ? Number.NaN : Number(wanted) + 0);
      }),
      { numRuns: 1_500 },
    );
  });

  test('is compared over every operation, operator, function and window of the language', () => {
    const met = new Set<string>();
    const look = (expression: Expression): void => {
      met.add(expression.op);
      for (const key of ['operator', 'name']) if (key in expression) met.add(String(Reflect.get(expression, key)));
      childrenOf(expression).forEach(look);
    };
    for (const text of fc.sample(truth, { numRuns: 1_000, seed: 1 })) {
      const { expression, table } = place(text, {});
      look(expression);
      for (const { name } of table.windows) met.add(name);
    }
    const operations =
      'literal input param window arithmetic negate function choose not logic compare same among known';
    const words = `${operations} + - * / < <= > >= == != && ||`.split(' ');
    const wanted = [...words, ...Object.keys(functions), ...Object.keys(windowFunctions)];
    expect(wanted.filter((one) => !met.has(one))).toEqual([]);
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
  ])('%s with %o is %s: %s', (text, values, wanted) => expect(runTruth(text, values)).toBe(wanted));
});

type Values = Partial<Record<string, number | boolean | undefined>>;

function runTruth(text: string, values: Values): string | undefined {
  const { expression, slots } = place(text, values);
  return ['false', 'unknown', 'true'][compileTruth(expression)(...slots)];
}

/** The checked expression, and the values where it looks for them: inputs, parameters, windows. */
function place(text: string, values: Values) {
  const names = new Map<string, Expression>();
  for (const [slot, name] of numbers.entries()) names.set(name, { type: 'number', op: 'input', slot, unit: null });
  for (const [index, name] of truths.entries())
    names.set(name, { type: 'truth', op: 'input', slot: numbers.length + index });
  for (const [slot, name] of params.entries()) names.set(name, { type: 'number', op: 'param', slot, unit: null });
  const table: WindowTable = { rings: [], windows: [] };
  const { expression, problems } = checkExpression(text, { names, table, everyMs: 60_000, rememberedTicksMax: 1_000 });
  fc.pre(problems.every(({ code }) => code !== 'limit_exceeded'));
  expect(problems).toEqual([]);
  const numberOf = (name: string) => (values[name] === undefined ? Number.NaN : Number(values[name]));
  const slots = [
    Float64Array.from([...numbers, ...truths], numberOf),
    Float64Array.from(params, numberOf),
    Float64Array.from(table.windows, ({ name }) => numberOf(name)),
  ] as const;
  return { expression: expression as Expression, slots, table };
}

const language = createLanguage();
for (const name of [...numbers, ...params]) language.registerVariable(name, 'double');
for (const name of truths) language.registerVariable(name, 'bool');
for (const name of Object.values(windows)) language.registerVariable(`of_${name}`, name === 'held' ? 'bool' : 'double');

function interpret(text: string, values: Values): string {
  const isKnown = (name: string) => values[name] !== undefined;
  const plain = Object.entries(windows)
    .reduce((rest, [window, name]) => rest.replaceAll(window, `of_${name}`), text)
    .replace(/known\((\w+)\)/g, (_, name: string) => String(isKnown(name)));
  const names = Object.keys(values).filter(isKnown);
  const present = Object.fromEntries(
    names.flatMap((name) => [
      [name, values[name]],
      [`of_${name}`, values[name]],
    ]),
  );
  try {
    return String(language.parse(plain)(present));
  } catch (error) {
    if (error instanceof Error && /Unknown variable/.test(error.message)) return 'unknown';
    throw error;
  }
}
