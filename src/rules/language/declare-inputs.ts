import { isKnownClass, listClasses } from '../../assets/brick-classes.ts';
import { findConversion, findUnit, type Unit } from '../../assets/units.ts';
import { findDurationMs } from './durations.ts';
import type { Expression, NumberExpression, TruthExpression } from './expression.ts';
import type { InputFrom, RuleInput } from './rule.ts';
import type { Path, Source } from './rule-error.ts';
import type { DerivedFile, InputFile } from './rule-file.ts';
import { checkAt, checkName, declareLets, declareParams, fail, type RuleScope, unitAt } from './rule-scope.ts';
import { suggest } from './suggestion.ts';

/** A derived value with the file it came from. */
export type Derived = { file: DerivedFile; source: Source };

/** The derived values by name; those with mistakes are known to exist, and no more. */
export type DerivedValues = ReadonlyMap<string, Derived | 'broken'>;

/**
 * Declares inputs, derived values included: each name becomes a slot of the values. Stale times are in unscaled rule time. A
 * derived value is written out into the rule, with its own inputs and windows, since both depend on the rule's `every`.
 */
export function declareInputs(rule: RuleScope, files: Record<string, InputFile>, derivedValues: DerivedValues): void {
  const entries = Object.entries(files);
  if (entries.length > inputsMax)
    fail(rule, ['inputs'], { code: 'limit_exceeded', message: `inputs: at most ${inputsMax} in one file` }, 'key');
  for (const [name, file] of entries.slice(0, inputsMax)) {
    const path = ['inputs', name];
    checkName(rule, path, name);
    if (file.derived !== undefined) declareDerived(rule, { path, name, file, place: '' }, derivedValues);
    else addInput(rule, name, inputOf(rule, path, file, { name, neededBy: null }));
  }
}

const inputsMax = 100;

/** An input that is derived; `place` is the input whose derived value it serves, with a dot, or nothing. */
type Use = { path: string[]; name: string; file: InputFile; place: string };

function declareDerived(rule: RuleScope, use: Use, derivedValues: DerivedValues): void {
  const { path, name, file, place } = use;
  const neededBy = place === '' ? null : place.slice(0, -1);
  const input = inputOf(rule, path, file, { name: place + name, neededBy });
  const derived = derivedValues.get(file.derived as string);
  if (derived === undefined || derived === 'broken') {
    const help = derived === undefined ? suggest(file.derived as string, derivedValues.keys()) : undefined;
    const problem =
      derived === undefined
        ? { code: 'unknown_derived', message: `no derived value '${file.derived}'`, help }
        : // Its own file has the errors; that this rule is not loaded follows from them.
          {
            severity: 'warning' as const,
            code: 'broken_derived',
            message: `the derived value '${file.derived}' has mistakes of its own, so this is not loaded`,
          };
    fail(rule, [...path, 'derived'], problem);
    rule.broken.add(name);
    rule.isUnusable = true;
    return;
  }
  const own: RuleScope = {
    ...rule,
    source: derived.source,
    errors: [],
    broken: new Set(),
    derivedBy: derived.file.derived,
  };
  own.scope = { ...rule.scope, names: new Map() };
  const inner = `${place}${name}.`;
  for (const [innerName, innerFile] of Object.entries(derived.file.inputs)) {
    const innerPath = ['inputs', innerName];
    if (innerFile.derived !== undefined)
      declareDerived(own, { path: innerPath, name: innerName, file: innerFile, place: inner }, derivedValues);
    else {
      const point = inputOf(own, innerPath, innerFile, { name: inner + innerName, neededBy: place + name });
      own.scope.names.set(innerName, reference(point, sharedSlot(rule, point)));
    }
  }
  declareParams(own, derived.file.params ?? {});
  declareLets(own, derived.file.let ?? {});
  const expression = checkAt(own, ['value'], derived.file.value);
  reportInside(rule, path, derived.file.derived, own);
  if (!expression || own.errors.some(({ severity }) => severity === 'error')) rule.broken.add(name);
  else addDerived(rule, use, derived, { input, expression });
}

/** The mistakes of a derived value are its own file's; what is wrong only with its use here is told of the use. */
function reportInside(rule: RuleScope, path: Path, derivedName: string, own: RuleScope): void {
  const told = new Set<string>();
  for (const { severity, code, message } of own.errors) {
    if (severity === 'warning' || told.has(message)) continue;
    told.add(message);
    fail(rule, [...path, 'derived'], {
      code,
      message: `the derived value '${derivedName}' cannot be used here: ${message}`,
    });
  }
}

function addDerived(
  rule: RuleScope,
  use: Use,
  { file: derived }: Derived,
  { input, expression }: { input: RuleInput; expression: Expression },
): void {
  const { name, file, place } = use;
  const ownUnit =
    findUnit(derived.unit ?? '') ?? findUnit((expression.type === 'number' && expression.unit) || '') ?? null;
  const unit = input.unit ?? (expression.type === 'number' ? ownUnit : null);
  const whole: RuleInput = { ...input, type: expression.type, unit, derived: derived.derived };
  const value = bounded(converted(rule, use, expression, ownUnit, unit), file.valid);
  const slot = place === '' ? addInput(rule, name, whole) : rule.inputs.push(whole) - 1;
  rule.scope.names.set(name, reference(whole, slot));
  rule.derived.push({ name: derived.derived, slot, expression: value });
}

/** The derived value in the unit that its user wants it in, to the bit as `convert` has it. */
function converted(rule: RuleScope, { path }: Use, value: Expression, from: Unit | null, to: Unit | null): Expression {
  if (value.type === 'truth' || from === null || to === null) return value;
  const conversion = findConversion(from, to);
  if (!conversion) {
    const message = `${path.join('.')}.unit: the derived value is in ${from.id}, which cannot become ${to.id}`;
    fail(rule, [...path, 'unit'], { code: 'unit_mismatch', message });
    return value;
  }
  if (conversion.scale === 1 && conversion.offset === 0) return value;
  const { scale, offset, steps } = conversion;
  const plain = arithmetic('+', arithmetic('*', value, scale), offset);
  if (steps === 0) return plain;
  const nearest = arithmetic('+', arithmetic('*', plain, steps), 0.5);
  const whole: NumberExpression = { type: 'number', op: 'function', name: 'floor', operands: [nearest], unit: null };
  return arithmetic('/', whole, steps);
}

/** The value where it is valid, else unknown (nothing divided by nothing). */
function bounded(value: Expression, valid: [number, number] | undefined): Expression {
  if (!valid || value.type === 'truth') return value;
  const least: TruthExpression = {
    type: 'truth',
    op: 'compare',
    operator: '>=',
    left: value,
    right: literal(valid[0]),
  };
  const most: TruthExpression = { type: 'truth', op: 'compare', operator: '<=', left: value, right: literal(valid[1]) };
  const condition: TruthExpression = { type: 'truth', op: 'logic', operator: '&&', left: least, right: most };
  return { type: 'number', op: 'choose', condition, yes: value, no: arithmetic('/', literal(0), 0), unit: value.unit };
}

function arithmetic(operator: '*' | '+' | '/', left: NumberExpression, right: number): NumberExpression {
  return { type: 'number', op: 'arithmetic', operator, left, right: literal(right), whole: false, unit: null };
}

function literal(value: number): NumberExpression {
  return { type: 'number', op: 'literal', value, whole: false, unit: null };
}

function inputOf(
  rule: RuleScope,
  path: string[],
  file: InputFile,
  { name, neededBy }: Pick<RuleInput, 'name' | 'neededBy'>,
): RuleInput {
  const classes = file.prefer ?? (file.class === undefined ? [] : [file.class]);
  const unit = file.unit === undefined ? null : unitAt(rule, [...path, 'unit'], file.unit);
  const type = unit?.dimension === 'truth' ? 'truth' : 'number';
  checkKeys(rule, path, file, type);
  for (const key of ['class', 'of', 'prefer'] as const) {
    [file[key] ?? []].flat().forEach((className, index) => {
      checkClass(rule, key === 'prefer' ? [...path, key, index] : [...path, key], className);
    });
  }
  return {
    name,
    type,
    classes: file.derived === undefined ? classes : [`derived:${file.derived}`],
    of: file.of ?? null,
    from: fromOf(rule, path, file.from),
    named: file.named ?? null,
    index: file.index ?? null,
    unit: type === 'truth' ? null : unit,
    staleAfterMs: file.stale_after === undefined ? null : (findDurationMs(String(file.stale_after)) ?? null),
    valid: file.valid ?? null,
    optional: file.optional ?? false,
    defaultValue: file.default === undefined ? null : Number(file.default),
    derived: null,
    neededBy,
  };
}

// What says which point it is means nothing for a value that is computed.
const pointKeys = ['class', 'prefer', 'of', 'named', 'index', 'from'] as const;

function checkKeys(rule: RuleScope, path: string[], file: InputFile, type: RuleInput['type']): void {
  const complain = (key: string, message: string, help?: string) =>
    fail(
      rule,
      [...path, key],
      { code: 'conflicting_keys', message: `${path.join('.')}.${key}: ${message}`, help },
      'key',
    );
  const { class: className, prefer, derived, optional, default: fallback, valid } = file;
  if (derived !== undefined) {
    for (const key of pointKeys.filter((one) => file[one] !== undefined))
      complain(key, 'a derived value has none; its own inputs say where they come from');
  } else if (
    className === undefined &&
    prefer === undefined &&
    !says(rule, path, 'class') &&
    !says(rule, path, 'prefer')
  ) {
    fail(rule, path, { code: 'missing_class', message: `${path.join('.')} needs a class` }, 'key');
  } else if (className !== undefined && prefer !== undefined)
    complain('class', 'prefer takes its place', 'put the class last in prefer');
  if (valid && type === 'truth') complain('valid', 'true and false have no range');
  if (valid && valid[0] > valid[1])
    complain('valid', `${valid[0]} is greater than ${valid[1]}`, 'write the least value first');
  if (fallback === undefined) return;
  if (optional !== true) complain('default', 'only an optional input has one', 'add optional: true');
  if (derived === undefined && (type === 'truth') !== (typeof fallback === 'boolean'))
    complain('default', type === 'truth' ? 'true or false is needed' : 'a number is needed');
  if (valid && typeof fallback === 'number' && !(fallback >= valid[0] && fallback <= valid[1]))
    complain('default', `${fallback} is outside valid: [${valid.join(', ')}]`);
}

/** True where the file has the key, with whatever value. */
function says({ source }: RuleScope, path: string[], key: string): boolean {
  return source.document.hasIn([...path, key]);
}

function fromOf(rule: RuleScope, path: string[], stated: InputFile['from'] = 'self'): InputFrom[] {
  return [stated].flat().map((text, index, all) => {
    const place = [...path, 'from', ...(Array.isArray(stated) ? [index] : [])];
    if (all.indexOf(text) < index)
      fail(rule, place, { code: 'duplicate_value', message: `${place.join('.')}: '${text}' has its place already` });
    if (text === 'self' || text === 'site') return { kind: text };
    const className = /^upstream\((.*)\)$/.exec(text)?.[1] ?? null;
    if (className !== null) checkClass(rule, place, className);
    return { kind: 'upstream', class: className };
  });
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

/** A point that the rule itself, or the same derived value, already reads in the same way is read once. */
function sharedSlot(rule: RuleScope, input: RuleInput): number {
  const key = (other: RuleInput) => JSON.stringify({ ...other, name: '', neededBy: '' });
  const known = rule.inputs.findIndex(
    (other) => (other.neededBy === null || other.neededBy === input.neededBy) && key(other) === key(input),
  );
  return known >= 0 ? known : rule.inputs.push(input) - 1;
}

/** Adds an error for a class that Brick or our vocabulary should have and has not; one of another vocabulary is only warned of. */
export function checkClass(rule: RuleScope, path: Path, name: string): void {
  if (isKnownClass(name)) return;
  const isOurs = /^(?:brick|faultline):/.test(name);
  const help = suggest(name, listClasses()) ?? (isOurs ? undefined : 'it matches exactly this class');
  const message = `${path.map(String).join('.')}: '${name}' is not in the table of classes`;
  fail(rule, path, { ...(isOurs ? {} : { severity: 'warning' }), code: 'unknown_class', message, help });
}
