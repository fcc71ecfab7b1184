import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backTest, type FiredInsight, localDay } from '../rules/back-test.ts';
import { bind } from '../rules/bind.ts';
import { buildRuleSet, type LoadedRules, readRuleTexts } from '../rules/load-rules.ts';
import { formatRuleError, type RuleError } from '../rules/rule-error.ts';
import { ruleFileJsonSchema } from '../rules/rule-file.ts';
import { formatCaseFailure, formatCoverage, formatTable } from '../rules/rule-test-report.ts';
import { toSarif } from '../rules/sarif.ts';
import { testRules } from '../rules/test-rules.ts';
import { type ColumnMap, parseColumnMap, readTrendLog } from '../rules/trend-log.ts';

/** The commands for whoever writes rules. `npm run rules -- check` and so on. */
const usage = `rules check [paths] [--json | --sarif]              look for mistakes; exit 1 on any error
rules test [paths] [--coverage]                     run the tests beside the rules
rules bind --csv FILE --columns MAP.yaml            which rule runs, and which input is missing where one cannot
rules backtest --csv FILE --columns MAP.yaml [--rule R] [--split day] [--json]
                                                    what the rules would have found in a trend log
rules schema                                        the JSON Schema of rule files, for editors
Everywhere: --rules DIR, the directory of the rules (./rules).`;

/** Runs one rules command; prints to the standard output and returns the exit code: 0 fine, 1 mistakes found, 2 not understood. */
export async function runRules(argv: string[]): Promise<number> {
  const [command = '', ...rest] = argv;
  try {
    const options = readOptions(rest);
    switch (command) {
      case 'check':
        return await check(options);
      case 'test':
        return await test(options);
      case 'bind':
        return await bindColumns(options);
      case 'backtest':
        return await backTestCsv(options);
      case 'schema':
        print(JSON.stringify(ruleFileJsonSchema(), null, 2));
        return 0;
      default:
        print(usage);
        return 2;
    }
  } catch (error) {
    process.stderr.write(`rules ${command}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

type Options = ReturnType<typeof readOptions>;

function readOptions(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rules: { type: 'string', default: process.env.RULES_DIR ?? './rules' },
      rule: { type: 'string' },
      csv: { type: 'string' },
      columns: { type: 'string' },
      split: { type: 'string' },
      coverage: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      sarif: { type: 'boolean', default: false },
    },
  });
  return { ...values, paths: positionals };
}

/** The rules of the paths, or of the directory; a file given alone brings the others with it, for what it refers to. */
async function load({ rules, paths }: Options): Promise<LoadedRules & { count: number }> {
  const texts = new Map((await readRuleTexts(rules)).map((one) => [resolve(one.file), one]));
  for (const path of paths) for (const one of await readRuleTexts(path)) texts.set(resolve(one.file), one);
  return { ...buildRuleSet([...texts.values()]), count: texts.size };
}

async function check(options: Options): Promise<number> {
  const texts = (
    await Promise.all((options.paths.length > 0 ? options.paths : [options.rules]).map(readRuleTexts))
  ).flat();
  const { errors: all, rules } = await load(options);
  const checked = new Set(texts.map(({ file }) => resolve(file)));
  const errors = all.filter(({ file }) => checked.has(resolve(file)));
  const mistakes = errors.filter(({ severity }) => severity === 'error');
  if (options.sarif) print(JSON.stringify(toSarif(errors), null, 2));
  else if (options.json) for (const error of errors) print(JSON.stringify(error));
  else {
    for (const error of errors) print(`${formatRuleError(error)}\n`);
    const warnings = errors.length - mistakes.length;
    print(`${checked.size} files, ${rules.rules.length} rules, ${mistakes.length} errors, ${warnings} warnings`);
  }
  return mistakes.length > 0 ? 1 : 0;
}

async function test(options: Options): Promise<number> {
  const { rules, errors } = await load({ ...options, paths: [] });
  const run = await testRules(options.paths.length > 0 ? options.paths : [options.rules], rules);
  const mistakes = [...errors.filter(({ severity }) => severity === 'error'), ...run.errors];
  printErrors(mistakes);
  let passed = 0;
  let failed = 0;
  for (const { file, results } of run.files) {
    for (const result of results) {
      if (result.failures.length === 0) passed++;
      else {
        failed++;
        print(`${formatCaseFailure(file, result)}\n`);
      }
    }
  }
  const gaps = options.coverage ? formatCoverage(run.coverage) : [];
  for (const gap of gaps) print(gap);
  print(
    `${run.files.length} files, ${passed} cases passed, ${failed} failed${options.coverage ? `, ${gaps.length} gaps in coverage` : ''}`,
  );
  return failed + mistakes.length + gaps.length > 0 ? 1 : 0;
}

async function bindColumns(options: Options): Promise<number> {
  const map = await readColumns(options);
  const { rules, errors } = await load(options);
  printErrors(errors.filter(({ severity }) => severity === 'error'));
  const { assets } = readTrendLog(await readFile(options.csv as string, 'utf8'), map);
  for (const { asset, points } of assets) {
    const { bound, missing } = bind(rules, asset, points);
    for (const { rule } of bound) print(`${asset.name}: ${rule.id} runs`);
    for (const { rule, input, reason } of missing) print(`${asset.name}: ${rule} cannot run: ${input}: ${reason}`);
  }
  return 0;
}

async function backTestCsv(options: Options): Promise<number> {
  const map = await readColumns(options);
  if (options.split !== undefined && options.split !== 'day') throw new Error("--split may be 'day'");
  const { rules, errors } = await load(options);
  const mistakes = errors.filter(({ severity }) => severity === 'error');
  if (mistakes.length > 0) process.stderr.write(`${mistakes.map(formatRuleError).join('\n\n')}\n`);
  const ruleSet =
    options.rule === undefined ? rules : { ...rules, rules: rules.rules.filter(({ id }) => id === options.rule) };
  if (ruleSet.rules.length === 0) throw new Error(`there is no rule '${options.rule}'`);
  const log = readTrendLog(await readFile(options.csv as string, 'utf8'), map);
  const fromMs = log.readings[0]?.at ?? 0;
  const toMs = log.readings.at(-1)?.at ?? 0;
  const input = { ruleSet, assets: log.assets, readings: log.readings, fromMs, toMs };
  const insights = backTest(input, { split: options.split === 'day' ? 'day' : 'none', zone: log.zone });
  if (options.json) for (const insight of insights) print(JSON.stringify(toLine(insight)));
  else printSummary(insights, new Set(log.readings.map(({ at }) => localDay(at, log.zone))).size, log.unreadable);
  return 0;
}

async function readColumns({ csv, columns }: Options): Promise<ColumnMap> {
  if (csv === undefined || columns === undefined) throw new Error('--csv FILE and --columns MAP.yaml are needed');
  const { map, errors } = parseColumnMap(columns, await readFile(columns, 'utf8'));
  if (!map) throw new Error(`the column map is wrong\n${errors.map(formatRuleError).join('\n\n')}`);
  return map;
}

function toLine(insight: FiredInsight): object {
  return {
    rule: insight.rule,
    asset: insight.asset,
    state: 'fired',
    since: new Date(insight.since).toISOString(),
    opened_at: new Date(insight.openedAt).toISOString(),
    cleared_at: insight.clearedAt === null ? null : new Date(insight.clearedAt).toISOString(),
    suppressed_by: insight.suppressedBy,
    work_order: insight.workOrder,
    episodes: insight.episodes,
    day: insight.day,
    message: insight.message,
  };
}

function printSummary(insights: FiredInsight[], days: number, unreadable: { times: number; values: number }): void {
  const byRule = Map.groupBy(insights, ({ rule }) => rule);
  const rows = [...byRule].map(([rule, fired]) => [
    rule,
    String(fired.length),
    String(fired.reduce((sum, { episodes }) => sum + episodes, 0)),
    (fired.reduce((sum, { faultMs }) => sum + faultMs, 0) / 3_600_000).toFixed(1),
    String(fired.filter(({ suppressedBy }) => suppressedBy !== null).length),
    String(fired.filter(({ workOrder }) => workOrder).length),
  ]);
  for (const line of formatTable([
    ['rule', 'insights', 'episodes', 'hours in fault', 'suppressed', 'work orders'],
    ...rows,
  ]))
    print(line);
  print('');
  for (const insight of insights) {
    const end = insight.clearedAt === null ? 'still firing' : `until ${new Date(insight.clearedAt).toISOString()}`;
    const notes = [
      insight.suppressedBy && `suppressed by ${insight.suppressedBy}`,
      insight.workOrder && 'work order',
    ].filter(Boolean);
    print(
      `${insight.day}  ${insight.asset}  ${insight.rule}  ${new Date(insight.openedAt).toISOString()} ${end}  ${notes.join(', ')}`,
    );
    print(`            ${insight.message}`);
  }
  print(
    `${insights.length} insights, ${insights.filter(({ workOrder }) => workOrder).length} work orders over ${days} days`,
  );
  if (unreadable.times + unreadable.values > 0)
    print(`${unreadable.times} rows without a time, ${unreadable.values} cells that are no numbers`);
}

function printErrors(errors: RuleError[]): void {
  for (const error of errors) print(`${formatRuleError(error)}\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
