import { isMap, isScalar } from 'yaml';
import { findUnit, listUnitIds, type Unit } from '../../assets/units.ts';
import { checkExpression } from './check-expression.ts';
import type { Expression, WindowTable } from './expression.ts';
import type { Scope } from './lowering.ts';
import type { DerivedSlot } from './passes.ts';
import type { RuleInput, RuleParam } from './rule.ts';
import { errorAtPath, errorInScalar, type Path, type Problem, type RuleError, type Source } from './rule-error.ts';
import type { ParamFile } from './rule-file.ts';
import { suggest } from './suggestion.ts';
import { findUnitConflict } from './unit-arithmetic.ts';
import { listFunctionNames, rememberedTicksMax, reservedNames } from './vocabulary.ts';

/** The names of one rule while it is built, and all that goes wrong meanwhile. */
export type RuleScope = {
  source: Source;
  errors: RuleError[];
  inputs: RuleInput[];
  params: RuleParam[];
  /** The derived value that declared each parameter, null for the rule itself. */
  paramOwners: Map<string, string | null>;
  derived: DerivedSlot[];
  table: WindowTable;
  scope: Scope;
  /** Names whose own mistakes are reported already: their uses are not. */
  broken: Set<string>;
  /** The derived value that is being written out into the rule, null for the rule itself. */
  derivedBy: string | null;
  /** Set where something that another file lacks keeps the rule from being built. */
  isUnusable: boolean;
};

/**
 * An empty scope for the rule of a source, whose windows count ticks of `everyMs` of unscaled rule time. `file` is what could be
 * made of the source: names that it lacks have mistakes that are told already.
 */
export function createRuleScope(source: Source, file: NamedParts, everyMs: number): RuleScope {
  const table: WindowTable = { rings: [], windows: [] };
  return {
    source,
    errors: [],
    inputs: [],
    params: [],
    paramOwners: new Map(),
    derived: [],
    table,
    scope: { names: new Map(), table, everyMs, rememberedTicksMax },
    broken: findLostNames(source, file),
    derivedBy: null,
    isUnusable: false,
  };
}

type NamedParts = { inputs: object; params?: object | undefined; let?: object | undefined };

/** The names in the text of a file that are not in what could be made of it. */
function findLostNames({ document }: Source, file: NamedParts): Set<string> {
  const lost = (['inputs', 'params', 'let'] as const).flatMap((part) => {
    const node = document.get(part);
    const names = isMap(node) ? node.items.map(({ key }) => String(isScalar(key) ? key.value : key)) : [];
    return names.filter((name) => !Object.hasOwn(file[part] ?? {}, name));
  });
  return new Set(lost);
}

/**
 * Declares parameters: each becomes a slot of the params, which an asset or an override may replace. Those of a derived value join
 * the rule's own of the same name.
 */
export function declareParams(rule: RuleScope, files: Record<string, ParamFile>): void {
  for (const [name, file] of Object.entries(files)) {
    const path = ['params', name];
    checkName(rule, path, name);
    const unit = file.unit === undefined ? null : unitAt(rule, [...path, 'unit'], file.unit);
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = file;
    if (min > max)
      fail(rule, [...path, 'min'], {
        code: 'out_of_bounds',
        message: `${path.join('.')}: min ${min} is greater than max ${max}`,
      });
    else if (file.default !== undefined && (file.default < min || file.default > max))
      fail(rule, [...path, 'default'], {
        code: 'out_of_bounds',
        message: `${path.join('.')}: ${file.default} is outside ${min}..${max}`,
      });
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
  const { expression, problems } = checkExpression(String(text), rule.scope, rule.broken);
  const label = path.map(String).join('.');
  for (const problem of problems) failInside(rule, path, label, problem, start);
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

/** Adds an error for a name that is taken, or that is a word of the language. */
export function checkName(rule: RuleScope, path: Path, name: string): void {
  const label = path.map(String).join('.');
  if (rule.scope.names.has(name))
    fail(rule, path, { code: 'duplicate_name', message: `${label}: '${name}' already has a meaning` }, 'key');
  if (listFunctionNames().includes(name) || reservedNames.has(name)) {
    const message = `${label}: '${name}' is a word of the language; choose another name`;
    fail(rule, path, { code: 'reserved_name', message }, 'key');
  }
}

/** The unit of that name; adds an error at the path when there is none. */
export function unitAt(rule: RuleScope, path: Path, name: string): Unit | null {
  const unit = findUnit(name);
  if (unit) return unit;
  const message = `${path.map(String).join('.')}: unknown unit '${name}'`;
  fail(rule, path, { code: 'unknown_unit', message, help: suggest(name, listUnitIds()) });
  return null;
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

function addParam(rule: RuleScope, param: RuleParam): void {
  const slot = rule.params.findIndex(({ name }) => name === param.name);
  const known = rule.params[slot];
  rule.scope.names.set(param.name, {
    type: 'number',
    op: 'param',
    slot: known ? slot : rule.params.length,
    unit: param.unit?.id ?? null,
  });
  if (!known) {
    rule.params.push(param);
    rule.paramOwners.set(param.name, rule.derivedBy);
    return;
  }
  const owner = rule.paramOwners.get(param.name) ?? null;
  const conflict = findUnitConflict([known.unit?.id ?? null, param.unit?.id ?? null]);
  if (conflict) {
    const message = `params.${param.name}: ${conflict}; one name has one value in the whole rule`;
    fail(rule, ['params', param.name], { code: 'param_conflict', message }, 'key');
  } else if (owner !== null && owner !== rule.derivedBy && known.default !== param.default) {
    const message = `params.${param.name}: its default is ${param.default}, that of '${owner}' is ${known.default}`;
    const help = 'the rule may declare the parameter itself';
    fail(rule, ['params', param.name], { code: 'param_conflict', message, help }, 'key');
  }
}
