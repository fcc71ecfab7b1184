import { Environment } from '@marcbachmann/cel-js';

/**
 * The words of the rule language: Common Expression Language (CEL) with all numbers doubles, no strings but durations, no
 * collections but literal lists, and these functions. Whatever is not listed here does not exist for a rule.
 */

/** Functions of values at one instant, by the number of their arguments. */
export const functions = {
  abs: { arity: [1, 1], help: 'abs(x): the magnitude' },
  min: { arity: [2, 4], help: 'min(x, y, ...): the least of two to four numbers' },
  max: { arity: [2, 4], help: 'max(x, y, ...): the greatest of two to four numbers' },
  sqrt: { arity: [1, 1], help: 'sqrt(x): the square root' },
  floor: { arity: [1, 1], help: 'floor(x): the next whole number below' },
} as const;

export type FunctionName = keyof typeof functions;

/** Functions of the last while; the second argument is a literal duration. */
export const windowFunctions = {
  avg: { of: 'number', gives: 'number', help: "avg(x, '5m'): the mean of the ticks" },
  lowest: { of: 'number', gives: 'number', help: "lowest(x, '5m'): the least reading" },
  highest: { of: 'number', gives: 'number', help: "highest(x, '5m'): the greatest reading" },
  stddev: { of: 'number', gives: 'number', help: "stddev(x, '1h'): the standard deviation of the ticks" },
  delta: { of: 'number', gives: 'number', help: "delta(x, '1h'): the value now less the value then" },
  rate: { of: 'number', gives: 'number', help: "rate(x, '1h'): the change per hour" },
  ago: { of: 'any', gives: 'same', help: "ago(x, '10m'): the value then" },
  starts: { of: 'truth', gives: 'number', help: "starts(b, '1h'): how often b became true" },
  duty: { of: 'truth', gives: 'number', help: "duty(b, '24h'): the fraction of the time that b was true" },
  changes: { of: 'any', gives: 'number', help: "changes(x, '1h'): how often the value changed" },
  reversals: {
    of: 'number',
    gives: 'number',
    help: "reversals(x / band, '1h'): how often x turned round, by the band or more each time",
  },
  held: { of: 'truth', gives: 'truth', help: "held(b, '10m'): b was true all the while" },
} as const;

export type WindowName = keyof typeof windowFunctions;

export const expressionNodesMax = 400;
const expressionDepthMax = 40;
export const windowsMax = 20;
export const windowMsMax = 31 * 86_400_000;

/** Ticks that the windows of a rule remember between them, eight bytes each on every asset: five windows of 31 days at every 1m. */
export const rememberedTicksMax = 250_000;

// CEL's reserved words (cel-spec, "Syntax") and the names of its types, which the library takes for none of ours.
const words =
  'true false null in as break const continue else for function if import let loop package namespace return var void while';
const types = 'int uint double bool string bytes list map type null_type dyn timestamp duration optional google cel';

/** Names that no input, parameter or part of a rule may have, since no expression could mention them. */
export const reservedNames: ReadonlySet<string> = new Set(`${words} ${types} __proto__ prototype`.split(' '));

/** Every function name of the language. */
export function listFunctionNames(): string[] {
  return [...Object.keys(functions), 'known', ...Object.keys(windowFunctions)];
}

/** How a function is called, for whoever calls it otherwise. */
export function usageOf(name: string): string | undefined {
  if (name === 'known') return 'known(x): x has a value';
  return { ...functions, ...windowFunctions }[name as FunctionName | WindowName]?.help;
}

/**
 * A CEL environment with the language's functions and the mixed operators of int and double, so that `sat_sp + 2` is no type
 * error. The handlers are what the library's own interpreter runs, as the oracle of the generated code; windows need history,
 * which it does not have.
 */
export function createLanguage(): Environment {
  const environment = new Environment({
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: expressionNodesMax, maxDepth: expressionDepthMax },
  });
  registerMixedOperators(environment);
  registerNumberFunctions(environment);
  registerWindows(environment);
  for (const type of ['double', 'int', 'bool']) environment.registerFunction(`known(${type}): bool`, () => true);
  return environment;
}

type Mixed = number | bigint;

function registerMixedOperators(environment: Environment): void {
  const operators: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  };
  for (const [operator, apply] of Object.entries(operators)) {
    const handler = (a: Mixed, b: Mixed) => apply(Number(a), Number(b));
    environment.registerOperator(`double ${operator} int: double`, handler);
    environment.registerOperator(`int ${operator} double: double`, handler);
  }
  environment.registerOperator('double == int: bool', (a: Mixed, b: Mixed) => Number(a) === Number(b));
  environment.registerOperator('double in list<int>: bool', (a: Mixed, list: Mixed[]) =>
    list.some((b) => Number(b) === Number(a)),
  );
  environment.registerOperator('int in list<double>: bool', (a: Mixed, list: Mixed[]) =>
    list.some((b) => Number(b) === Number(a)),
  );
}

function registerNumberFunctions(environment: Environment): void {
  const handlers: Record<FunctionName, (...values: number[]) => number> = {
    abs: Math.abs,
    min: Math.min,
    max: Math.max,
    sqrt: Math.sqrt,
    floor: Math.floor,
  };
  for (const [name, { arity }] of Object.entries(functions)) {
    const handler = (...values: Mixed[]) => handlers[name as FunctionName](...values.map(Number));
    for (let count: number = arity[0]; count <= arity[1]; count++) {
      for (const types of tuples(['double', 'int'], count)) {
        environment.registerFunction(`${name}(${types.join(', ')}): double`, handler);
      }
    }
  }
}

function registerWindows(environment: Environment): void {
  for (const [name, { of, gives }] of Object.entries(windowFunctions)) {
    const types = of === 'number' ? ['double', 'int'] : of === 'truth' ? ['bool'] : ['double', 'int', 'bool'];
    for (const type of types) {
      const result = gives === 'truth' || (gives === 'same' && type === 'bool') ? 'bool' : 'double';
      environment.registerFunction(`${name}(${type}, string): ${result}`, () => {
        throw new Error(`${name} needs history, which an interpreter of one instant does not have`);
      });
    }
  }
}

function tuples(values: string[], count: number): string[][] {
  if (count === 0) return [[]];
  return tuples(values, count - 1).flatMap((tuple) => values.map((value) => [...tuple, value]));
}
