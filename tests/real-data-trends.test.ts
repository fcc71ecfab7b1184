/** Recorded trends of buildings without labels, and artificial series: few insights, none where all is normal, and no reading lost. */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadRules } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import { findByColumns, findIn, readRealData, readTrends, realData, realDataSuite } from './support/real-data.ts';

let rules: RuleSet;
beforeAll(async () => {
  rules = (await loadRules(new URL('../rules', import.meta.url).pathname)).rules;
});

const weekMs = 7 * 86_400_000;
const trends = realDataSuite('bms-trends');

describe.skipIf(trends.isAbsent)(trends.title, () => {
  const ahu = () => readRealData('bms-trends/AHU7.csv');
  const school = () => readRealData('bms-trends/School_2013_2014_KW.csv');

  test('an air handler whose cells are mostly blank: every number is a reading, and every blank is none', () => {
    const csv = ahu();
    const log = readTrends(csv, 'ahu7');
    const [header = '', ...rows] = csv.trim().split(/\r?\n/);
    const names = header.split(',').map((name) => name.trim());
    const used = log.assets[0]?.points.map(({ id }) => names.indexOf(id.replace('AHU7/', ''))) ?? [];
    expect(used.filter((column) => column < 1)).toEqual([]);
    const filled = rows.flatMap((row) => row.split(',').filter((cell, column) => used.includes(column) && cell !== ''));
    expect(log.readings.length).toBe(filled.length);
    expect(log.unreadable).toEqual({ times: 0, values: 0 });
  });

  test('its outdoor air sensor, which stands at 70 degF for seven weeks of winter, is found', () => {
    const flat = findIn(rules, readTrends(ahu(), 'ahu7')).filter(({ rule }) => rule === 'ahu-outdoor-air-sensor-flat');
    const longest = flat.reduce((most, { faultMs }) => Math.max(most, faultMs), 0);
    expect(longest / weekMs).toBeGreaterThan(6.5);
    expect(flat.filter(({ workOrder }) => workOrder).length).toBe(flat.length);
  });

  test('its trends bring at most two insights a week', () => {
    const log = readTrends(ahu(), 'ahu7');
    const weeks = ((log.readings.at(-1)?.at ?? 0) - (log.readings[0]?.at ?? 0)) / weekMs;
    expect(weeks).toBeGreaterThan(9);
    expect(findIn(rules, log).length / weeks).toBeLessThanOrEqual(2);
  });

  test('the hour that comes twice when daylight saving ends is two hours, and the hour that never comes leaves no gap', () => {
    const { readings } = readTrends(school(), 'school-kw');
    expect(readings.length).toBe(34_944);
    const steps = readings.slice(1).map(({ at }, index) => at - (readings[index]?.at ?? 0));
    expect(steps.filter((ms) => ms !== 900_000).map((ms) => ms / 60_000)).toEqual([]);
    const twice = readings.filter(({ at }) => at >= Date.UTC(2013, 10, 3, 5) && at < Date.UTC(2013, 10, 3, 7));
    expect(twice.map(({ value }) => value)).toEqual(valuesAt(school(), /^11\/3\/2013 1:/));
  });

  test('the command line finds what the kernel finds', () => {
    expect(findByColumns(rules, ahu(), 'ahu7')).toEqual(findIn(rules, readTrends(ahu(), 'ahu7')));
    expect(findByColumns(rules, school(), 'school-kw')).toEqual([]);
  });

  test('a year of the power of a school brings no insight', () => {
    expect(findIn(rules, readTrends(school(), 'school-kw')).map(({ rule }) => rule)).toEqual([]);
  });

  test('the same year with a meter dead for a working day and beyond its service for an hour brings these two', () => {
    const log = readTrends(school(), 'school-kw');
    const [dead, much] = [Date.UTC(2014, 0, 14, 5), Date.UTC(2014, 2, 4, 17)];
    for (const reading of log.readings) {
      if (reading.at >= dead && reading.at < dead + 86_400_000) reading.value = 0;
      if (reading.at >= much && reading.at < much + 3_600_000) reading.value = 900;
    }
    const found = findIn(rules, log);
    expect(found.map(({ rule, day }) => `${day} ${rule}`)).toEqual([
      '2014-01-14 meter-zero-in-working-hours',
      '2014-03-04 meter-beyond-service',
    ]);
  });
});

const artificial = realDataSuite('nab');

describe.skipIf(artificial.isAbsent)(artificial.title, () => {
  const normal = globSync(realData('nab/artificialNoAnomaly/*.csv')).sort();

  test('has five normal series', () => expect(normal.length).toBe(5));

  test.each(normal.map((file) => [basename(file), file]))('%s is normal as a sensor of its own', (_, file) => {
    const log = readTrends(readRealData(file), 'nab');
    expect(log.readings.length).toBe(4_032);
    expect(findIn(rules, log).map(({ rule }) => rule)).toEqual([]);
  });

  test.each(normal.map((file) => [basename(file), file]))('%s is normal as the power of a meter', (_, file) => {
    const asMeter = (map: string) =>
      map
        .replace(/^asset: .*$/m, 'asset: { name: meter, class: brick:Electrical_Meter, params: { service_size: 100 } }')
        .replace(
          /^ {2}value: .*$/m,
          '  value: { class: brick:Electric_Power_Sensor, unit: kW, expected_interval: 5m }',
        );
    const log = readTrends(readRealData(file), 'nab', asMeter);
    expect(findIn(rules, log).map(({ rule }) => rule)).toEqual([]);
  });

  test.each([
    ['art_daily_jumpsup', ['sensor-out-of-range']],
    ['art_increase_spike_density', ['sensor-spikes']],
  ])('%s is found once, by %o', (name, wanted) => {
    const found = findIn(rules, readTrends(readRealData(`nab/artificialWithAnomaly/${name}.csv`), 'nab'));
    const causes = found.filter(({ suppressedBy }) => suppressedBy === null);
    expect(causes.map(({ rule }) => rule)).toEqual(wanted);
    expect(findByColumns(rules, readRealData(`nab/artificialWithAnomaly/${name}.csv`), 'nab')).toEqual(found);
  });
});

function valuesAt(csv: string, time: RegExp): number[] {
  return csv
    .split(/\r?\n/)
    .filter((row) => time.test(row))
    .map((row) => Number(row.split(',')[1]));
}
