import type { ASTNode, ParseError, SourceRange } from '@marcbachmann/cel-js';
import type { Expression } from './expression.ts';
import { lowerExpression } from './lower-expression.ts';
import type { Lowering, Scope } from './lowering.ts';
import type { Problem } from './rule-error.ts';
import { asWritten, findHabit, type Respelled, respell } from './spelling.ts';
import { suggest } from './suggestion.ts';
import { createLanguage, reservedNames, usageOf } from './vocabulary.ts';

/** The outcome of checking one expression: usable when it is there. Offsets of problems are those of its text. */
export type Checked = { expression: Expression | undefined; problems: Problem[] };

/**
 * Parses and type-checks an expression in the language of rules and lowers it. Never throws for what a rule's author wrote: every
 * mistake comes back as a problem with its range and, where there is one, a suggestion. Names in `broken` have mistakes of their
 * own: the expression is unusable, and nothing is said about it.
 */
export function checkExpression(text: string, scope: Scope, broken: ReadonlySet<string> = new Set()): Checked {
  if (text.length > textLengthMax) {
    const message = `an expression has at most ${textLengthMax} characters`;
    return { expression: undefined, problems: [{ code: 'limit_exceeded', message, start: 0, end: 1 }] };
  }
  const problems: Problem[] = [];
  let respelled = asWritten(text);
  for (let round = 0; round < roundsMax; round++) {
    const parsed = parse(respelled.text, scope, broken);
    if (!('error' in parsed)) {
      const found = lowerChecked(parsed, scope, broken);
      // What the author meant by a respelled operator is a guess, so the types on its sides are not judged.
      const sure = found.problems.filter(({ code }) => problems.length === 0 || !typeCodes.has(code));
      problems.push(...sure.map((problem) => atOrigin(problem, respelled)));
      return { expression: problems.length > 0 ? undefined : found.expression, problems };
    }
    const problem = problemOf(parsed.error, respelled.text, scope);
    const habit = findHabit(respelled.text, problem.start);
    problems.push(atOrigin(habit ? { ...problem, ...placeOf(habit, problem), help: habit.help } : problem, respelled));
    if (!habit) break;
    respelled = respell(respelled, habit);
  }
  return { expression: undefined, problems };
}

// The parser recurses with every sign and bracket, before it counts nodes: 20,000 of them overflow its stack.
const textLengthMax = 4_000;

/** So many habits of other languages are pointed out in one expression. */
const roundsMax = 8;

const language = createLanguage();

/** All of a habit that the parser stumbled in, not behind. */
function placeOf(habit: Place, { start, end }: Place): Place {
  return start < habit.end ? { start: habit.start, end: habit.end } : { start, end };
}

type Place = { start: number; end: number };

type Parsed = { ast: ASTNode; checkError: CelError | undefined } | { error: CelError };

function parse(text: string, { names }: Scope, broken: ReadonlySet<string>): Parsed {
  const environment = language.clone();
  // The library refuses a reserved name by throwing; the rule has an error for it where it is declared.
  for (const [name, { type }] of names)
    if (!reservedNames.has(name)) environment.registerVariable(name, type === 'truth' ? 'bool' : 'double');
  for (const name of broken)
    if (!names.has(name) && !reservedNames.has(name)) environment.registerVariable(name, 'dyn');
  try {
    const parsed = environment.parse(text);
    const { valid, error } = parsed.check();
    return { ast: parsed.ast, checkError: valid ? undefined : isCelError(error) ? error : untyped };
  } catch (error) {
    if (isCelError(error)) return { error };
    throw error;
  }
}

function lowerChecked(
  { ast, checkError }: Exclude<Parsed, { error: CelError }>,
  scope: Scope,
  broken: ReadonlySet<string>,
): Checked {
  const lowering: Lowering = { scope, problems: [], broken, insideWindow: false, state: { isPoisoned: false } };
  const expression = lowerExpression(ast, lowering);
  const { problems, state } = lowering;
  if (checkError) {
    // The library stops at the first mistake, which lowering has found as well, if not under the same name.
    const range = rangeOf(checkError);
    const isUntyped = checkError === untyped && problems.length > 0;
    const isTold =
      isUntyped ||
      problems.some(({ code, start, end }) => !unitCodes.has(code) && start < range.end && range.start < end);
    if (!isTold)
      problems.push({ code: checkError.code, message: checkError.summary, help: typeHelp(checkError), ...range });
  }
  return { expression: state.isPoisoned || problems.length > 0 ? undefined : expression, problems };
}

/** Of two numbers after '?' one is written without a point: lowering takes both for numbers, CEL for a double and an int. */
function typeHelp({ code }: CelError): string | undefined {
  return code === 'incompatible_ternary_branches' ? 'write both numbers with a decimal point, as in 1.0' : undefined;
}

const typeCodes = new Set(['no_such_overload', 'no_matching_overload', 'incompatible_ternary_branches']);

const unitCodes = new Set(['unit_mismatch', 'integer_division', 'not_a_multiple']);

// What the library says of an empty list has neither code nor place.
const untyped: CelError = { code: 'invalid_expression', summary: 'this has no type in CEL' };

type CelError = Pick<ParseError, 'code' | 'summary'> & { range?: SourceRange | undefined; node?: unknown };

function isCelError(error: unknown): error is CelError {
  return error instanceof Error && 'summary' in error && 'code' in error;
}

function problemOf(error: CelError, text: string, scope: Scope): Problem {
  const { start, end } = rangeOf(error);
  return { code: error.code, message: error.summary, help: helpFor(error, text, start, end, scope), start, end };
}

function rangeOf({ range }: CelError): { start: number; end: number } {
  const start = range?.start ?? 0;
  return { start, end: Math.max(start + 1, range?.end ?? start + 1) };
}

function helpFor(error: CelError, text: string, start: number, end: number, scope: Scope): string | undefined {
  if (error.code === 'unknown_variable') return suggest(text.slice(start, end), scope.names.keys());
  if (/\d$/.test(text.slice(0, start)) && /^(ms|s|m|h|d|w)\b/.test(text.slice(start)))
    return "a duration is quoted: '5m'";
  return usageOf(/^\w+/.exec(text.slice(start))?.[0] ?? '');
}

function atOrigin(problem: Problem, { origins }: Respelled): Problem {
  const start = origins[problem.start] ?? problem.start;
  const last = origins[Math.max(problem.start, problem.end - 1)] ?? start;
  return { ...problem, start, end: Math.max(start, last) + 1 };
}
