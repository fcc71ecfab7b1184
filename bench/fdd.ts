/**
 * What the rule library finds in trend logs whose days are labelled with their faults, from outside: the back-test command runs
 * over each log, every day with a fresh state, and each day is judged as a whole (did any rule fire on it?).
 *
 *   npm run bench:fdd -- FOLDER [--rules DIR] [--fit] [--json]
 *
 * FOLDER holds ground_truth.csv (file, day, fault_type, intensity) and for each file NAME.csv with NAME.columns.yaml. `--fit` lets
 * the fit command find each unit's parameters first, from its healthy days without the one that is being judged.
 */
import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { parseDocument } from 'yaml';
import { type LabelledDay, type LabelledLog, readLabelledLogs } from './fdd-days.ts';
import { type Fired, type Score, type ScoredDay, scoreDays, summarize, tabulate } from './fdd-score.ts';

const usage = `npm run bench:fdd -- FOLDER [--rules DIR] [--fit] [--json]
  FOLDER   ground_truth.csv (file, day, fault_type, intensity), and NAME.csv with NAME.columns.yaml for each file
  --fit    each unit's parameters are found first, from its healthy days      --json   one object a line`;
const { values: flags, positionals } = readArguments();
const [folder = ''] = positionals;
if (flags.help) end(0, usage);
if (positionals.length !== 1) end(2, `name one folder of labelled logs\n${usage}`);
await access(join(folder, 'ground_truth.csv')).catch(() => end(2, `${folder} has no ground_truth.csv\n${usage}`));

const run = promisify(execFile);
const targets = { precision: 0.9, recall: 0.75, workOrdersPerFaultedDay: 1.2 };
const logs = await readLabelledLogs(folder);
const scratch = await mkdtemp(join(tmpdir(), 'faultline-fdd-'));
try {
  const days = (await Promise.all(logs.map(flags.fit ? judgeFitted : judge))).flat();
  if (flags.json) printJson(days);
  else printReport(days);
} finally {
  await rm(scratch, { recursive: true });
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        rules: { type: 'string', default: './rules' },
        fit: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return end(2, `${(error as Error).message}\n${usage}`);
  }
}

function end(code: number, text: string): never {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  process.exit(code);
}

async function judge({ csv, columns, days }: LabelledLog): Promise<ScoredDay[]> {
  return scoreDays(days, await backTest(csv, columns));
}

/** Faulted days with the parameters of all healthy days, and each healthy day with those of the others. */
async function judgeFitted(log: LabelledLog): Promise<ScoredDay[]> {
  const healthy = log.days.filter(({ fault }) => fault === null);
  const faulted = log.days.filter(({ fault }) => fault !== null);
  const judged = await judgeWith(log, healthy, faulted);
  for (const day of healthy) {
    const others = healthy.filter((other) => other !== day);
    judged.push(...(await judgeWith(log, others, [day])));
  }
  return judged;
}

async function judgeWith(log: LabelledLog, healthy: LabelledDay[], days: LabelledDay[]): Promise<ScoredDay[]> {
  const columns = healthy.length === 0 ? log.columns : await fittedColumns(log, healthy);
  return scoreDays(days, await backTest(log.csv, columns));
}

/** A copy of the column map whose asset has the parameters that the healthy days tell. */
async function fittedColumns({ unit, csv, columns }: LabelledLog, healthy: LabelledDay[]): Promise<string> {
  const days = healthy.map(({ day }) => day).join(',');
  const [fitted] = await rulesCommand(['fit', '--csv', csv, '--columns', columns, '--days', days]);
  const { params } = fitted as { params: { name: string; value: number }[] };
  const map = parseDocument(await readFile(columns, 'utf8'));
  for (const { name, value } of params) map.setIn(['asset', 'params', name], value);
  const path = join(scratch, `${unit}-${healthy.map(({ day }) => day).join('-')}.yaml`);
  await writeFile(path, String(map));
  return path;
}

async function backTest(csv: string, columns: string): Promise<Fired[]> {
  const fired = (await rulesCommand(['backtest', '--csv', csv, '--columns', columns, '--split', 'day'])) as Fired[];
  const zone = parseDocument(await readFile(columns, 'utf8')).getIn(['time', 'zone']) ?? 'UTC';
  const days = new Intl.DateTimeFormat('sv-SE', { timeZone: String(zone) }); // Sweden writes dates as ISO 8601 does.
  return fired.map((one) => ({ ...one, day: days.format(new Date(one.opened_at)) }));
}

/** The lines that a rules command prints, as objects. */
async function rulesCommand(args: string[]): Promise<unknown[]> {
  const command = [
    join(import.meta.dirname, '../src/cli/faultline.ts'),
    'rules',
    ...args,
    '--rules',
    flags.rules,
    '--json',
  ];
  const { stdout } = await run(process.execPath, command, { maxBuffer: 1e9 });
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
}

function printJson(days: ScoredDay[]): void {
  const groups = [...Map.groupBy(days, ({ unit }) => unit), ['together', days] as const];
  for (const [unit, own] of groups) print(JSON.stringify({ bench: 'fdd', fitted: flags.fit, unit, ...summarize(own) }));
  for (const { fault, days: count, detected, rules } of tabulate(days))
    print(
      JSON.stringify({
        bench: 'fdd',
        fitted: flags.fit,
        fault,
        days: count,
        detected,
        rules: Object.fromEntries(rules),
      }),
    );
  for (const { unit, day, fault, intensity, fired, workOrders, minutesToDetect } of days)
    print(
      JSON.stringify({
        bench: 'fdd',
        fitted: flags.fit,
        unit,
        day,
        fault,
        intensity,
        workOrders,
        minutesToDetect,
        fired,
      }),
    );
}

function printReport(days: ScoredDay[]): void {
  print(flags.fit ? 'parameters fitted from the other healthy days of the unit\n' : '');
  const groups = [...Map.groupBy(days, ({ unit }) => unit), ['together', days] as const];
  table([
    [
      '',
      'days',
      'faulted',
      'detected',
      'false',
      'precision',
      'recall',
      'work orders',
      'per faulted day',
      'minutes to detect',
    ],
    ...groups.map(([unit, own]) => [unit, ...scoreCells(summarize(own))]),
    [
      'target',
      '',
      '',
      '',
      '',
      `>= ${targets.precision}`,
      `>= ${targets.recall}`,
      '',
      `<= ${targets.workOrdersPerFaultedDay}`,
      '',
    ],
  ]);
  print(
    '\nMinutes to detect: from the first minute of the day with the supply fan on to the first insight; median and most.\n',
  );
  const rows = tabulate(days);
  table([
    ['fault', 'days', 'detected', 'rules: days told, and (days suppressed)'],
    ...rows.map(({ fault, days: count, detected, rules }) => [
      fault,
      String(count),
      String(detected),
      ruleCells(rules),
    ]),
  ]);
  print('');
  table([
    ['unit', 'day', 'fault', 'minutes', 'work orders', 'rules, (suppressed)'],
    ...days.map((day) => [
      day.unit,
      day.day,
      day.fault === null ? 'unfaulted' : `${day.fault} ${day.intensity}`,
      day.minutesToDetect === null ? '' : day.minutesToDetect.toFixed(0),
      String(day.workOrders),
      day.fired.map(({ rule, suppressed_by: by }) => (by === null ? rule : `(${rule})`)).join(' ') || 'none',
    ]),
  ]);
}

function scoreCells(score: Score): string[] {
  const { minutesToDetectMedian: median, minutesToDetectMost: most } = score;
  return [
    String(score.days),
    String(score.faulted),
    String(score.detected),
    String(score.falseAlarms),
    score.precision.toFixed(3),
    score.recall.toFixed(3),
    `${score.workOrders} + ${score.falseWorkOrders} false`,
    `${score.workOrdersPerFaultedDay.toFixed(2)}, most ${score.workOrdersPerFaultedDayMost}`,
    median === null || most === null ? '' : `${median.toFixed(0)}, ${most.toFixed(0)}`,
  ];
}

function ruleCells(rules: Map<string, { alone: number; suppressed: number }>): string {
  const cell = ([rule, { alone, suppressed }]: [string, { alone: number; suppressed: number }]) =>
    `${rule} ${[alone > 0 ? alone : '', suppressed > 0 ? `(${suppressed})` : ''].filter(Boolean).join(' ')}`;
  return (
    [...rules]
      .sort(([, a], [, b]) => b.alone - a.alone)
      .map(cell)
      .join(', ') || 'none'
  );
}

/** Columns padded to their widest cell. */
function table(rows: string[][]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
