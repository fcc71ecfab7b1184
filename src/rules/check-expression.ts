import type { ASTNode, ParseError, SourceRange } from '@marcbachmann/cel-js';
import type { Expression } from './expression.ts';
import { lowerExpression } from './lower-expression.ts';
import { type Lowering, Refusal, type Scope } from './lowering.ts';
import type { Problem } from './rule-error.ts';
import { suggest } from './suggestion.ts';
import { createLanguage, functions, listFunctionNames, windowFunctions } from './vocabulary.ts';

/** The outcome of checking one expression: usable when there are no problems. Offsets are those of its text. */
export type Checked = { expression: Expression | undefined; problems: Problem[] };

/**
 * Parses and type-checks an expression in the language of rules and lowers it. Never throws for what a rule's author wrote: every
 * mistake comes back as a problem with its range and, where there is one, a suggestion.
 */
export function checkExpression(text: string, scope: Scope): Checked {
  const lowering: Lowering = { scope, problems: [], insideWindow: false };
  try {
    const parsed = languageOf(scope).parse(text);
    const { valid, error } = parsed.check();
    if (!valid && error) return { expression: undefined, problems: [problemOf(error, text, scope)] };
    return { expression: lowerExpression(parsed.ast, lowering), problems: lowering.problems };
  } catch (error) {
    if (error instanceof Refusal) return { expression: undefined, problems: [...lowering.problems, error.problem] };
    if (isCelError(error)) return { expression: undefined, problems: [problemOf(error, text, scope)] };
    throw error;
  }
}

const language = createLanguage();

function languageOf({ names }: Scope): ReturnType<typeof createLanguage> {
  const environment = language.clone();
  for (const [name, { type }] of names) environment.registerVariable(name, type === 'truth' ? 'bool' : 'double');
  return environment;
}

type CelError = Pick<ParseError, 'code' | 'summary'> & { range?: SourceRange | undefined; node?: unknown };

function isCelError(error: unknown): error is CelError {
  return error instanceof Error && 'summary' in error && 'code' in error;
}

function problemOf(error: CelError, text: string, scope: Scope): Problem {
  const start = error.range?.start ?? 0;
  const end = Math.max(start + 1, error.range?.end ?? start + 1);
  const node = error.node as ASTNode | undefined;
  const name = node?.op === 'call' ? (node.args as [string, ASTNode[]])[0] : undefined;
  if (error.code === 'no_matching_overload' && name !== undefined) {
    const isKnown = listFunctionNames().includes(name);
    if (!isKnown) {
      const help = suggest(name, listFunctionNames()) ?? `there are ${listFunctionNames().join(', ')}`;
      return { code: 'unknown_function', message: `Unknown function: ${name}`, help, start, end: start + name.length };
    }
    return { code: error.code, message: error.summary, help: usageOf(name), start, end };
  }
  return { code: error.code, message: error.summary, help: helpFor(error, text, start, end, scope), start, end };
}

function usageOf(name: string): string {
  const entry = { ...functions, ...windowFunctions }[name as keyof typeof functions];
  return entry?.help ?? 'known(x): x has a value';
}

// What people write who know SQL, Python or a spreadsheet, and how CEL spells it.
const spellings: [RegExp, string][] = [
  [/^and$/i, "CEL writes 'and' as '&&'"],
  [/^or$/i, "CEL writes 'or' as '||'"],
  [/^not$/i, "CEL writes 'not' as '!'"],
  [/^=$/, "CEL compares with '=='"],
  [/^<>$/, "CEL writes '<>' as '!='"],
];

function helpFor(error: CelError, text: string, start: number, end: number, scope: Scope): string | undefined {
  if (error.code === 'unknown_variable') return suggest(text.slice(start, end), scope.names.keys());
  if (error.code === 'no_such_overload' && /%/.test(error.summary)) return 'rules have no remainder';
  const around = [
    text.slice(start, end),
    text.slice(start - 1, start + 1),
    /(\w+)\s*$/.exec(text.slice(0, start))?.[1] ?? '',
  ];
  for (const found of around) {
    const spelling = spellings.find(([pattern]) => pattern.test(found));
    if (spelling) return spelling[1];
  }
  if (/\d$/.test(text.slice(0, start)) && /^(ms|s|m|h|d|w)\b/.test(text.slice(start)))
    return "a duration is quoted: '5m'";
  return undefined;
}
