import { isKnownClass, listClasses } from '../assets/brick-classes.ts';
import { checkExpression } from './check-expression.ts';
import { compileNumber } from './compile-expression.ts';
import { findDurationMs } from './durations.ts';
import type { Expression, WindowTable } from './expression.ts';
import type { Scope } from './lowering.ts';
import type { Rule, RuleInput, RuleParam } from './rule.ts';
import { errorAtPath, errorInScalar, type Path, type Problem, type RuleError, type Source } from './rule-error.ts';
import type { DerivedFile, InputFile, ParamFile } from './rule-file.ts';
import { suggest } from './suggestion.ts';
import { findUnit, listUnitIds, type Unit } from './units.ts';
import { listFunctionNames } from './vocabulary.ts';

/** A derived value with the file it came from. */
export type Derived = { file: DerivedFile; source: Source };

/** The names of one rule while it is built, and all that goes wrong meanwhile. */
export type RuleScope = {
  source: Source;
  errors: RuleError[];
  inputs: RuleInput[];
  params: RuleParam[];
  derived: Rule['derived'];
  table: WindowTable;
  scope: Scope;
  /** Names whose own mistakes are reported already: their uses are not. */
  broken: Set<string>;
};

/** An empty scope for the rule of a source, whose windows count ticks of `everyMs` of unscaled rule time. */
export function createRuleScope(source: Source, everyMs: number): RuleScope {
  const table: WindowTable = { rings: [], windows: [] };
  const scope: Scope = { names: new Map(), table, everyMs, windows: 'allowed' };
  return { source, errors: [], inputs: [], params: [], derived: [], table, scope, broken: new Set() };
}

/** Declares inputs, derived values included: each name becomes a slot of the values. Stale times are in unscaled rule time. */
export function declareInputs(
  rule: RuleScope,
  files: Record<string, InputFile>,
  derivedValues: Map<string, Derived | 'broken'>,
): void {
  for (const [name, file] of Object.entries(files)) {
    const path = ['inputs', name];
    checkName(rule, path, name);
    if (file.from !== undefined && file.from !== 'self') {
      fail(rule, [...path, 'from'], {
        code: 'not_supported',
        message: `${path.join('.')}: from: ${file.from} is not supported yet`,
      });
    }
    if (file.derived !== undefined) declareDerived(rule, name, file, derivedValues);
    else addInput(rule, name, inputOf(rule, path, name, file, null));
  }
}

/** Declares parameters: each becomes a slot of the params, which an asset or an override may replace. */
export function declareParams(rule: RuleScope, files: Record<string, ParamFile>): void {
  for (const [name, file] of Object.entries(files)) {
    const path = ['params', name];
    checkName(rule, path, name);
    const unit = file.unit === undefined ? null : unitAt(rule, [...path, 'unit'], file.unit);
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = file;
    if (file.default !== undefined && (file.default < min || file.default > max)) {
      fail(rule, [...path, 'default'], {
        code: 'out_of_bounds',
        message: `${path.join('.')}: ${file.default} is outside ${min}..${max}`,
      });
    }
    addParam(rule, { name, default: file.default ?? null, unit, min, max, help: file.help ?? '' });
  }
}

/** Declares `let` names in order; each may use those before it. */
export function declareLets(rule: RuleScope, files: Record<string, string | number | boolean>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = ['let', name];
    checkName(rule, path, name);
    const expression = checkAt(rule, path, text);
    if (expression) rule.scope.names.set(name, expression);
    else rule.broken.add(name);
  }
}

/** Checks the expression at a path; its problems become errors of the rule. */
export function checkAt(
  rule: RuleScope,
  path: Path,
  text: string | number | boolean,
  start = 0,
): Expression | undefined {
  const { expression, problems } = checkExpression(String(text), rule.scope);
  const label = path.map(String).join('.');
  for (const problem of problems) if (!isEcho(rule, problem)) failInside(rule, path, label, problem, start);
  return problems.some(({ severity }) => severity !== 'warning') ? undefined : expression;
}

/** Adds an error inside the text at a path of the rule's file. */
export function failAt(rule: RuleScope, path: Path, problem: Problem): void {
  rule.errors.push(errorInScalar(rule.source, path, problem));
}

/** Adds an error at a path of the rule's file. */
export function fail(
  rule: RuleScope,
  path: Path,
  problem: Omit<Problem, 'start' | 'end'>,
  part: 'key' | 'value' = 'value',
): void {
  rule.errors.push(errorAtPath(rule.source, path, problem, part));
}

function isEcho({ broken }: RuleScope, { code, message }: Problem): boolean {
  return code === 'unknown_variable' && broken.has(message.replace('Unknown variable: ', ''));
}

function failInside(rule: RuleScope, path: Path, label: string, problem: Problem, start: number): void {
  const { message, end } = problem;
  rule.errors.push(
    errorInScalar(rule.source, path, {
      ...problem,
      message: `${label}: ${message}`,
      start: problem.start + start,
      end: end + start,
    }),
  );
}

function declareDerived(
  rule: RuleScope,
  name: string,
  file: InputFile,
  derivedValues: Map<string, Derived | 'broken'>,
): void {
  const derived = derivedValues.get(file.derived as string);
  if (derived === undefined || derived === 'broken') {
    const help = derived === undefined ? suggest(file.derived as string, derivedValues.keys()) : undefined;
    const message =
      derived === undefined
        ? `no derived value '${file.derived}'`
        : `the derived value '${file.derived}' has mistakes of its own`;
    fail(rule, ['inputs', name, 'derived'], { code: 'unknown_derived', message, help });
    rule.broken.add(name);
    return;
  }
  // The derived value's own names live in a scope of theirs; only the slots are shared with the rule.
  const own: RuleScope = {
    ...rule,
    source: derived.source,
    errors: [],
    scope: { ...rule.scope, names: new Map(), windows: noWindows },
  };
  for (const [inputName, inputFile] of Object.entries(derived.file.inputs)) {
    const input = inputOf(own, ['inputs', inputName], inputName, inputFile, name);
    own.scope.names.set(inputName, reference(input, sharedSlot(rule, { ...input, name: `${name}.${inputName}` })));
  }
  declareParams(own, derived.file.params ?? {});
  declareLets(own, derived.file.let ?? {});
  const expression = checkAt(own, ['value'], derived.file.value);
  rule.errors.push(...own.errors);
  if (!expression) {
    rule.broken.add(name);
    return;
  }
  const unit = file.unit ?? derived.file.unit;
  const input = inputOf(rule, ['inputs', name], name, { ...file, ...(unit !== undefined && { unit }) }, null);
  const slot = addInput(rule, name, { ...input, type: expression.type, derived: derived.file.derived });
  rule.derived.push({ name: derived.file.derived, slot, compute: compileNumber(expression) });
}

const noWindows = 'windows in derived values are not supported yet';

function inputOf(rule: RuleScope, path: Path, name: string, file: InputFile, neededBy: string | null): RuleInput {
  const classes = file.prefer ?? (file.class === undefined ? [] : [file.class]);
  if (classes.length === 0 && file.derived === undefined) {
    fail(rule, path, { code: 'missing_class', message: `${path.map(String).join('.')} needs a class` }, 'key');
  }
  for (const key of ['class', 'of', 'prefer'] as const) {
    for (const className of [file[key] ?? []].flat()) warnOfUnknownClass(rule, [...path, key], className);
  }
  const unit = file.unit === undefined ? null : unitAt(rule, [...path, 'unit'], file.unit);
  const type = unit?.dimension === 'truth' ? 'truth' : 'number';
  return {
    name,
    type,
    classes: file.derived === undefined ? classes : [`derived:${file.derived}`],
    of: file.of ?? null,
    unit: type === 'truth' ? null : unit,
    staleAfterMs: file.stale_after === undefined ? null : (findDurationMs(String(file.stale_after)) ?? null),
    valid: file.valid ?? null,
    optional: file.optional ?? false,
    defaultValue: file.default === undefined ? null : Number(file.default),
    derived: null,
    neededBy,
  };
}

function addInput(rule: RuleScope, name: string, input: RuleInput): number {
  const slot = rule.inputs.push(input) - 1;
  rule.scope.names.set(name, reference(input, slot));
  return slot;
}

function reference(input: RuleInput, slot: number): Expression {
  return input.type === 'truth'
    ? { type: 'truth', op: 'input', slot }
    : { type: 'number', op: 'input', slot, unit: input.unit?.id ?? null };
}

/** A point that the rule already reads in the same way is read once. */
function sharedSlot(rule: RuleScope, input: RuleInput): number {
  const key = (other: RuleInput) => JSON.stringify({ ...other, name: '', neededBy: '' });
  const known = rule.inputs.findIndex((other) => key(other) === key(input));
  return known >= 0 ? known : rule.inputs.push(input) - 1;
}

function addParam(rule: RuleScope, param: RuleParam): void {
  const known = rule.params.findIndex(({ name }) => name === param.name);
  const slot = known >= 0 ? known : rule.params.push(param) - 1;
  rule.scope.names.set(param.name, { type: 'number', op: 'param', slot, unit: param.unit?.id ?? null });
}

function checkName(rule: RuleScope, path: Path, name: string): void {
  const isTaken = rule.scope.names.has(name);
  if (isTaken)
    fail(
      rule,
      path,
      { code: 'duplicate_name', message: `${path.map(String).join('.')}: '${name}' already has a meaning` },
      'key',
    );
  if (listFunctionNames().includes(name) || reserved.has(name)) {
    fail(
      rule,
      path,
      { code: 'reserved_name', message: `'${name}' is a word of the language; choose another name` },
      'key',
    );
  }
}

// CEL's reserved words (cel-spec, "Syntax"): an expression cannot mention a name that is one of them.
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while cel'.split(
    ' ',
  ),
);

function warnOfUnknownClass(rule: RuleScope, path: Path, name: string): void {
  if (isKnownClass(name)) return;
  const help = suggest(name, listClasses()) ?? 'it matches points of exactly this class';
  fail(rule, path, {
    severity: 'warning',
    code: 'unknown_class',
    message: `'${name}' is not in the table of classes`,
    help,
  });
}

function unitAt(rule: RuleScope, path: Path, name: string): Unit | null {
  const unit = findUnit(name);
  if (!unit)
    fail(rule, path, {
      code: 'unknown_unit',
      message: `${path.map(String).join('.')}: unknown unit '${name}'`,
      help: suggest(name, listUnitIds()),
    });
  return unit ?? null;
}
