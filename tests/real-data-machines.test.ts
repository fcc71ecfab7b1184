/** Recorded machines: the alarms of a lathe's coolant circuit, and a milling machine whose failures are exact formulas. */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TrendLog } from '../src/rules/back-test/trend-log.ts';
import { loadRules } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import { findByColumns, findIn, readRealData, readTrends, realData, realDataSuite } from './support/real-data.ts';

let rules: RuleSet;
beforeAll(async () => {
  rules = (await loadRules(new URL('../rules', import.meta.url).pathname)).rules;
});

const lathe = realDataSuite('causrca');

describe.skipIf(lathe.isAbsent)(lathe.title, () => {
  const ruleOf: Record<string, string> = {
    CLF_A_700307: 'machine-tool-coolant-filter-clogged',
    F_A_700313: 'machine-tool-coolant-fleece-used-up',
    HP_A_700304: 'machine-tool-coolant-high-pressure-pump-trip',
    LP_A_700301: 'machine-tool-coolant-low-pressure-pump-trip',
    CLT_A_700310: 'machine-tool-coolant-level-low',
    LT_A_700317: 'machine-tool-coolant-lifting-tank-overflow',
  };
  const runs = globSync(realData('causrca/dig_twin/exp_coolant/*/*/*.csv')).sort();
  const truth = lathe.isAbsent ? [] : readRows(realData('causrca/ground_truth.csv'));

  test('has 25 runs', () => expect(runs.length).toBe(25));

  test.each(runs.map((file) => [basename(file, '.csv'), file]))(
    '%s: each alarm of the machine within a tick of its time, and no other',
    (name, file) => {
      const alarms = readRows(file)
        .filter(({ node, value }) => ruleOf[node as string] !== undefined && value === 'True')
        .map(({ node, time_s }) => ({ rule: ruleOf[node as string], atMs: Number(time_s) * 1000 }));
      const expected = truth.find(({ file: path }) => basename(path as string, '.csv') === name)?.expected_alarms ?? '';
      const found = findIn(rules, readTrends(readRealData(file), 'causrca'));
      expect(found.map(({ rule }) => rule).sort()).toEqual(
        expected
          .split(';')
          .map((alarm) => ruleOf[alarm])
          .sort(),
      );
      expect(found.map(({ rule }) => rule).sort()).toEqual(alarms.map(({ rule }) => rule).sort());
      const late = found.map(({ rule, openedAt }) => openedAt - (alarms.find((one) => one.rule === rule)?.atMs ?? 0));
      expect(late.filter((ms) => Math.abs(ms) > 1000)).toEqual([]);
      expect(findByColumns(rules, readRealData(file), 'causrca')).toEqual(found);
    },
  );

  test('a pump that trips behind a clogged filter or an empty tank asks for no work order of its own', () => {
    const found = runs.flatMap((file) => findIn(rules, readTrends(readRealData(file), 'causrca')));
    const trips = found.filter(({ rule }) => rule.endsWith('-pump-trip'));
    expect(trips.filter(({ suppressedBy }) => suppressedBy !== null).length).toBe(19);
    expect(trips.length).toBe(25);
  });
});

const mill = realDataSuite('ai4i2020');

describe.skipIf(mill.isAbsent)(mill.title, () => {
  const csv = realData('ai4i2020/ai4i2020.csv');
  const failures = [
    ['HDF', 'machine-tool-heat-dissipation'],
    ['PWF', 'machine-tool-spindle-power'],
    ['OSF', 'machine-tool-tool-overstrain'],
  ] as const;

  test.each(failures)('%s is found in each piece that has it and in no other', (label, rule) => {
    const wanted = readRows(csv)
      .filter((row) => row[label] === '1')
      .map(({ UID }) => Number(UID));
    expect(wanted.length).toBeGreaterThan(50);
    expect(piecesOf(rule, readTrends(readRealData(csv), 'ai4i2020'))).toEqual(wanted);
  });

  test('the same pieces are found where each row holds one value', () => {
    const rows = readRows(csv);
    const nodes = Object.keys(rows[0] ?? {}).filter((name) => / \[|^Type$/.test(name));
    const long = rows.flatMap((row) => nodes.map((name) => `${row.UID},${name},${row[name]}`));
    const log = readTrends(['time,point,value', ...long].join('\n'), 'ai4i2020', (map) =>
      map.replace(/^time: .*$/m, 'time: { column: time, format: seconds }\nlayout: long'),
    );
    expect(log.readings.length).toBe(long.length);
    for (const [label, rule] of failures) {
      const wanted = rows.filter((row) => row[label] === '1').map(({ UID }) => Number(UID));
      expect(piecesOf(rule, log)).toEqual(wanted);
    }
  });

  test('the command line finds what the kernel finds', () => {
    const found = findIn(rules, readTrends(readRealData(csv), 'ai4i2020'));
    expect(findByColumns(rules, readRealData(csv), 'ai4i2020')).toEqual(found);
  });

  /** The pieces, one a second, at which a rule fires. */
  function piecesOf(rule: string, log: TrendLog): number[] {
    return findIn(rules, log)
      .filter((insight) => insight.rule === rule)
      .flatMap(({ openedAt, clearedAt }) => {
        const [from, to] = [openedAt / 1000, (clearedAt ?? 5_001_000) / 1000];
        return Array.from({ length: to - from }, (_, index) => from + index);
      });
  }
});

function readRows(file: string): Record<string, string>[] {
  return parse(readRealData(file), { bom: true, columns: true, skip_empty_lines: true });
}
