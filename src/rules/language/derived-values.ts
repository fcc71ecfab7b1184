import { findUnit } from '../../assets/units.ts';
import { type Derived, type DerivedValues, declareInputs } from './declare-inputs.ts';
import { errorAtPath, type RuleError, type Source } from './rule-error.ts';
import { DerivedFile } from './rule-file.ts';
import { checkAt, createRuleScope, declareLets, declareParams, fail, unitAt } from './rule-scope.ts';
import { findUnitConflict } from './unit-arithmetic.ts';
import { validateSource } from './yaml-source.ts';

/** A derived value's file: `isSound` unless YAML itself found something wrong with it, `isWhole` unless that was its syntax. */
export type DerivedSource = { source: Source; isSound: boolean; isWhole: boolean };

/**
 * The derived values of all files, each checked by itself, with those that it uses; what is wrong comes back as errors of their
 * files. A value with mistakes, or one that uses such a value or itself, is 'broken'.
 */
export function collectDerived(sources: readonly DerivedSource[], errors: RuleError[]): DerivedValues {
  const values = new Map<string, Derived | 'broken'>();
  const files = new Map<string, { file: DerivedFile; source: Source; isSound: boolean }>();
  for (const { source, isSound, isWhole } of sources) {
    if (!isWhole) {
      values.set(String(source.document.get('derived')), 'broken');
      continue;
    }
    const { value, rest, errors: found } = validateSource(source, DerivedFile, derivedDefaults);
    errors.push(...found);
    const name = String(source.document.get('derived'));
    const other = files.get(name);
    if (other) {
      const message = `the derived value '${name}' is also in ${other.source.file}`;
      errors.push(errorAtPath(source, ['derived'], { code: 'duplicate_derived', message }));
    } else if (rest) files.set(name, { file: rest, source, isSound: isSound && value !== undefined });
    else values.set(name, 'broken');
  }
  for (const name of files.keys()) visit(name, []);
  return values;

  function visit(name: string, trail: readonly string[]): void {
    const one = files.get(name);
    if (!one || values.has(name)) return;
    for (const [input, { derived }] of Object.entries(one.file.inputs)) {
      if (derived === undefined || values.has(derived)) continue;
      const circle = [...trail, name, derived];
      if (circle.indexOf(derived) === circle.length - 1) visit(derived, [...trail, name]);
      else {
        const shown = circle.slice(circle.indexOf(derived)).join(' -> ');
        const message = `inputs.${input}: derived values use each other in a circle: ${shown}`;
        errors.push(errorAtPath(one.source, ['inputs', input, 'derived'], { code: 'derived_cycle', message }));
        for (const member of circle.slice(circle.indexOf(derived))) values.set(member, 'broken');
      }
    }
    const all: DerivedValues = new Map([...[...files.keys()].map((id) => [id, 'broken'] as const), ...values]);
    const found = checkDerived(one, all);
    // Those in a circle are told so once.
    errors.push(...found.errors.filter(({ code }) => code !== 'broken_derived' || !values.has(name)));
    if (!values.has(name))
      values.set(name, one.isSound && found.isSound ? { file: one.file, source: one.source } : 'broken');
  }
}

// What stands in for missing keys while the rest of a file with mistakes is searched for more of them.
const derivedDefaults = {
  derived: 'unnamed',
  title: 'untitled',
  applies_to: { class: 'brick:Equipment' },
  inputs: {},
  value: '0.0',
};

function checkDerived({ file, source }: Derived, values: DerivedValues): { errors: RuleError[]; isSound: boolean } {
  // Whether windows fit the ticks depends on the rule that uses the value; every duration is a multiple of a millisecond.
  const scope = createRuleScope(source, file, 1);
  scope.scope.rememberedTicksMax = Number.POSITIVE_INFINITY;
  declareParams(scope, file.params ?? {});
  declareInputs(scope, file.inputs, values);
  declareLets(scope, file.let ?? {});
  const expression = checkAt(scope, ['value'], file.value);
  const unit = file.unit === undefined ? undefined : findUnit(file.unit);
  if (file.unit !== undefined) unitAt(scope, ['unit'], file.unit);
  const found = expression?.type === 'number' ? expression.unit : null;
  const conflict = unit && found !== null ? findUnitConflict([found, unit.id]) : undefined;
  if (conflict)
    fail(scope, ['unit'], { code: 'unit_mismatch', message: `unit: the value is in ${found}, not in ${unit?.id}` });
  const isSound =
    expression !== undefined && !scope.isUnusable && scope.errors.every(({ severity }) => severity === 'warning');
  return { errors: scope.errors, isSound };
}
