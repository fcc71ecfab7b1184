import { readFile } from 'node:fs/promises';
import { checkHeader, checkTimes, checkUse } from '../../rules/back-test/check-columns.ts';
import { type LogColumns, readLogColumns } from '../../rules/back-test/log-columns.ts';
import { parseColumnMap, readHeader, readTrendLog, type TrendLog } from '../../rules/back-test/trend-log.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import { formatRuleError, type RuleError } from '../../rules/language/rule-error.ts';
import { mistakesOf } from './load.ts';
import { required } from './options.ts';

type Options = { csv?: string; columns?: string };

/**
 * The trend log that options name, by its column map, as columns. Throws what is wrong with the map, place by place, and where it
 * does not fit the log; tells on the standard error of points that the rules cannot use.
 */
export function readColumnsOf(options: Options, ruleSet: RuleSet): Promise<LogColumns> {
  return read(options, ruleSet, readLogColumns, ({ columns }) => new Set(columns.keys()));
}

/** The same as readings, in the order of time. */
export function readReadingsOf(options: Options, ruleSet: RuleSet): Promise<TrendLog> {
  const ofBytes: Reader<TrendLog> = (bytes, map) => readTrendLog(Buffer.from(bytes).toString('utf8'), map);
  return read(options, ruleSet, ofBytes, ({ readings }) => new Set(readings.map(({ point }) => point)));
}

type Reader<Log> = (bytes: Uint8Array, map: Parameters<typeof readTrendLog>[1]) => Log;

async function read<Log extends Omit<TrendLog, 'readings'>>(
  options: Options,
  ruleSet: RuleSet,
  readLog: Reader<Log>,
  pointsOf: (log: Log) => Set<string>,
): Promise<Log> {
  const csv = required('csv', options.csv);
  const file = required('columns', options.columns);
  const { map, source, errors } = parseColumnMap(file, await readFile(file, 'utf8'));
  if (!map) throw wrong(errors);
  const bytes = await readFile(csv);
  refuse(checkHeader(source, map, readHeader(bytes)));
  const log = readLog(bytes, map);
  if (log.rows === 0) throw new Error(`${csv} has no rows`);
  const times = checkTimes(source, map, log);
  refuse(mistakesOf(times));
  const warnings = [
    ...errors,
    ...times,
    ...checkUse(source, map, { assets: log.assets, read: pointsOf(log), ruleSet }),
  ];
  if (warnings.length > 0) process.stderr.write(`${warnings.map(formatRuleError).join('\n\n')}\n`);
  return log;
}

function refuse(errors: RuleError[]): void {
  if (errors.length > 0) throw wrong(errors);
}

function wrong(errors: RuleError[]): Error {
  const [mistakes, warnings] = [mistakesOf(errors), errors.filter(({ severity }) => severity === 'warning')];
  return new Error(`the column map is wrong\n${[...mistakes, ...warnings].map(formatRuleError).join('\n\n')}`);
}
