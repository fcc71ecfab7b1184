/**
 * What is wrong with a column map: by itself, beside the log that it describes, and beside the rules that are to read it. A map that
 * is wrong finds nothing, which looks like a plant without faults.
 *
 *   map ─▶ unknown units, classes, parts ─▶ log ─▶ columns it lacks, times that fit no row ─▶ rules ─▶ points of no use
 *          errors                                  errors                                              warnings
 */
import { isKnownClass, isSubclassOf, listClasses } from '../../assets/brick-classes.ts';
import { findConversion, findUnit, listUnitIds } from '../../assets/units.ts';
import { createTimeHelp, createTimeReader } from '../language/local-time.ts';
import type { RuleInput, RuleSet } from '../language/rule.ts';
import { errorAtPath, type Path, type Problem, type RuleError, type Source } from '../language/rule-error.ts';
import { suggest } from '../language/suggestion.ts';
import type { ColumnMap, TrendLog } from './trend-log.ts';
import { findSeparator } from './trend-rows.ts';

/** Units, classes and parts that nobody knows, and points that an asset names and the map lacks. */
export function checkColumnMap(source: Source, map: ColumnMap): RuleError[] {
  const errors: RuleError[] = [];
  const checkClass = (path: Path, name: string | undefined) => {
    if (name !== undefined && !isKnownClass(name)) errors.push(unknownClass(source, path, name));
  };
  checkClass(['asset', 'class'], map.asset.class);
  for (const [name, { class: className, points = [] }] of Object.entries(map.assets ?? {})) {
    checkClass(['assets', name, 'class'], className);
    for (const [index, point] of points.entries()) {
      if (Object.hasOwn(map.points, point)) continue;
      const message = `assets.${name}.points: there is no point '${point}'`;
      const help = suggest(point, Object.keys(map.points));
      errors.push(errorAtPath(source, ['assets', name, 'points', index], { code: 'unknown_point', message, help }));
    }
  }
  for (const [name, { class: className, of, unit }] of Object.entries(map.points)) {
    checkClass(['points', name, 'class'], className);
    checkClass(['points', name, 'of'], of);
    if (unit === undefined || findUnit(unit)) continue;
    const message = `points.${name}.unit: unknown unit '${unit}'`;
    const help = suggest(unit, listUnitIds());
    errors.push(errorAtPath(source, ['points', name, 'unit'], { code: 'unknown_unit', message, help }));
  }
  return errors;
}

function unknownClass(source: Source, path: Path, name: string): RuleError {
  const isOther = name.includes(':') && !/^(?:brick|faultline|derived):/.test(name);
  const problem: Omit<Problem, 'start' | 'end'> = {
    code: 'unknown_class',
    message: `${path.map(String).join('.')}: '${name}' is not in the table of classes`,
    help: suggest(name, listClasses()) ?? (isOther ? 'only rules that name this very class can use it' : undefined),
  };
  return errorAtPath(source, path, isOther ? { ...problem, severity: 'warning' } : problem);
}

/** The columns that the map names and the header lacks. */
export function checkHeader(source: Source, map: ColumnMap, header: readonly string[]): RuleError[] {
  const columns = header.map((name) => name.trim());
  const separator = findSeparator(header);
  if (separator !== undefined) {
    const message = `the columns of the log are separated by ${separator}, not by commas`;
    const help = 'save it as comma-separated values, with decimal points';
    return [errorAtPath(source, ['time', 'column'], { code: 'not_comma_separated', message, help })];
  }
  const isLong = map.layout === 'long';
  const wanted: [Path, string, 'key' | 'value'][] = [[['time', 'column'], map.time.column, 'value']];
  if (map.asset.column !== undefined) wanted.push([['asset', 'column'], map.asset.column, 'value']);
  if (isLong) {
    wanted.push([['point', 'column'], map.point?.column ?? 'point', 'value']);
    wanted.push([['value', 'column'], map.value?.column ?? 'value', 'value']);
  } else for (const name of Object.keys(map.points)) wanted.push([['points', name], name, 'key']);
  return wanted
    .filter(([, name]) => !columns.includes(name))
    .map(([path, name, part]) => {
      const message = `the log has no column '${name}'`;
      const help = suggest(name, columns) ?? `it has ${columns.slice(0, columnsShown).join(', ')}`;
      return errorAtPath(source, path, { code: 'unknown_column', message, help }, part);
    });
}

/** So many columns of a log are named to those who look for another one. */
const columnsShown = 30;

/** A format that reads none of the times of a log, or fewer than half of them, is an error; one that reads most of them is warned of. */
export function checkTimes(
  source: Source,
  map: ColumnMap,
  { rows, unreadable, strangeTime }: Omit<TrendLog, 'readings'>,
): RuleError[] {
  if (strangeTime === null) return [];
  const { text, line } = strangeTime;
  const readable = rows - unreadable.times;
  const format = map.time.format ?? 'iso';
  const fits = readable === 0 ? `none of the ${rows} rows` : `only ${readable} of the ${rows} rows`;
  const first = `the first that it does not fit, on line ${line}, has ${text.trim() === '' ? 'no time' : `'${text}'`}`;
  const message = `time: the format '${format}' fits ${fits}; ${first}`;
  const other = formats.find((one) => createTimeReader(one, 'UTC')(text, 0) !== undefined);
  const like = other === undefined ? `formats are made like ${formats[3]}` : `format: '${other}' fits it`;
  const problem = { code: 'time_format', message, help: createTimeHelp(format)(text) ?? like };
  const path = ['time', map.time.format === undefined ? 'column' : 'format'];
  return [errorAtPath(source, path, readable * 2 >= rows ? { ...problem, severity: 'warning' } : problem)];
}

// The formats that logs mostly have, those first that fit nothing else.
const formats = [
  ...[
    'iso',
    'M/d/yyyy H:mm',
    'M/d/yyyy H:mm:ss',
    'd.M.yyyy H:mm',
    'd.M.yyyy H:mm:ss',
    'd/M/yyyy H:mm',
    'd/M/yyyy H:mm:ss',
  ],
  ...[
    'M/d/yyyy h:mm a',
    'M/d/yyyy h:mm:ss a',
    'd-M-yyyy H:mm',
    'yyyy/M/d H:mm',
    'yyyy/M/d H:mm:ss',
    'M/d/yyyy',
    'd.M.yyyy',
  ],
  ...['seconds'],
];

/** Points that have no reading in the log, or that no rule for one of its assets can use: warnings. */
export function checkUse(
  source: Source,
  map: ColumnMap,
  { assets, read, ruleSet }: Pick<TrendLog, 'assets'> & { read: ReadonlySet<string>; ruleSet: RuleSet },
): RuleError[] {
  const classes = [...new Set(assets.map(({ asset }) => asset.class))];
  const inputs = ruleSet.rules
    .filter(({ assetClass, enabled }) => enabled !== false && classes.some((one) => isSubclassOf(one, assetClass)))
    .flatMap((rule) => rule.inputs);
  const described = new Map(assets.flatMap(({ points }) => points.map((point) => [point.name, point.id] as const)));
  const withReadings = new Set(
    assets.flatMap(({ points }) => points.flatMap(({ id, name }) => (read.has(id) ? [name] : []))),
  );
  return Object.entries(map.points).flatMap(([name, point]) => {
    const warn = (message: string, code: string, help?: string): RuleError[] => [
      errorAtPath(source, ['points', name], { severity: 'warning', code, message, help }, 'key'),
    ];
    if (described.has(name) && !withReadings.has(name))
      return warn(`points.${name}: the log has no reading of it`, 'no_reading');
    const fitting = inputs.filter((input) => isFor(input, point));
    const whose = point.of === undefined ? point.class : `${point.class} of ${point.of}`;
    if (fitting.length === 0)
      return warn(`points.${name}: no rule for ${classes.join(', ')} reads ${whose}`, 'unused_point');
    if (fitting.some((input) => canConvert(input, point.unit))) return [];
    const units = [...new Set(fitting.flatMap(({ unit }) => unit?.id ?? []))].join(', ');
    const given = point.unit === undefined ? 'it has no unit' : `it is in ${point.unit}`;
    return warn(
      `points.${name}: no rule can read it: ${given}`,
      'unused_point',
      `rules want it in ${units}, or what becomes that`,
    );
  });
}

function isFor({ classes, of }: RuleInput, point: ColumnMap['points'][string]): boolean {
  if (of !== null && (point.of === undefined || !isSubclassOf(point.of, of))) return false;
  return classes.some((wanted) => isSubclassOf(point.class, wanted));
}

function canConvert({ type, unit: wanted }: RuleInput, name: string | undefined): boolean {
  if (type === 'truth' || wanted === null) return true;
  const unit = findUnit(name ?? '');
  return unit !== undefined && findConversion(unit, wanted) !== undefined;
}
