import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { backTest, backTestLog, type FiredInsight } from '../../src/rules/back-test/back-test.ts';
import { readLogColumns } from '../../src/rules/back-test/log-columns.ts';
import { type ColumnMap, parseColumnMap, readTrendLog, type TrendLog } from '../../src/rules/back-test/trend-log.ts';
import type { RuleSet } from '../../src/rules/language/rule.ts';

/** Recorded data that is not part of the project: tests over it skip, by name, where the folder is absent. */
const folder = new URL('../../../shared/data', import.meta.url).pathname;

/** The place of a file or folder of the recorded data. */
export function realData(...path: string[]): string {
  return resolve(folder, ...path);
}

/** The text of a file of the recorded data. */
export function readRealData(...path: string[]): string {
  return readFileSync(realData(...path), 'utf8');
}

/** What a suite over recorded data is called, and whether it can run. */
export function realDataSuite(name: string): { title: string; isAbsent: boolean } {
  const isAbsent = !existsSync(realData(name));
  return { title: isAbsent ? `${name} (skipped: there is no ../shared/data/${name})` : name, isAbsent };
}

/** A trend log of the recorded data, its text read by a column map of ours, which may be changed before. */
export function readTrends(csv: string, columns: string, change = (map: string) => map): TrendLog {
  return readTrendLog(csv, readMap(columns, change));
}

/** What the rules find when the log is read as the back-test of the command line reads it, column by column. */
export function findByColumns(ruleSet: RuleSet, csv: string, columns: string): FiredInsight[] {
  const log = readLogColumns(
    Buffer.from(csv),
    readMap(columns, (map) => map),
  );
  return backTestLog(log, { ruleSet, split: 'none' });
}

function readMap(columns: string, change: (map: string) => string): ColumnMap {
  const mapFile = new URL(`../fixtures/columns/${columns}.columns.yaml`, import.meta.url).pathname;
  const { map, errors } = parseColumnMap(mapFile, change(readFileSync(mapFile, 'utf8')));
  if (!map) throw new Error(`${mapFile}: ${errors.map(({ message }) => message).join('; ')}`);
  return map;
}

/** What the rules find in a trend log, from its first reading to the second that closes over its last: no rule has finer ticks. */
export function findIn(ruleSet: RuleSet, log: TrendLog): FiredInsight[] {
  const [fromMs, lastMs] = [log.readings[0]?.at ?? 0, log.readings.at(-1)?.at ?? 0];
  const toMs = Math.ceil(lastMs / 1_000) * 1_000;
  const input = { ruleSet, assets: log.assets, readings: log.readings, fromMs, toMs };
  const found = backTest(input, { split: 'none', zone: log.zone });
  // What is still at fault has been so until the last reading: nobody knows more.
  const beyondMs = toMs - lastMs;
  return found.map((one) => (one.clearedAt === null ? { ...one, faultMs: Math.max(0, one.faultMs - beyondMs) } : one));
}
