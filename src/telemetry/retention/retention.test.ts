import { expect, test } from 'vitest';
import { settings } from '../../platform/config.ts';
import { readDays, writeDays } from '../../platform/kept-days.ts';
import { findDisorder, type Keep, keepDefault, keepOf, kept, type Policy } from './retention.ts';

const forever = Number.POSITIVE_INFINITY;

test.each<[string, number | undefined]>([
  ['400d', 400],
  ['26w', 182],
  ['3y', 1095],
  ['forever', forever],
  ['7d', 7],
  ['6d', undefined],
  ['100y', 36_500],
  ['101y', undefined],
  ['0d', undefined],
  ['-5d', undefined],
  ['1.5y', undefined],
  ['3 y', undefined],
  ['10h', undefined],
  ['', undefined],
])('%j is %s days', (given, days) => {
  expect(readDays(given)).toBe(days);
  if (days !== undefined) expect(readDays(writeDays(days))).toBe(days);
});

test('without settings an installation keeps what their defaults say', () => {
  const { RETAIN_RAW, RETAIN_MINUTES, RETAIN_QUARTER_HOURS, RETAIN_HOURS } = settings;
  const defaults = [RETAIN_RAW, RETAIN_MINUTES, RETAIN_QUARTER_HOURS, RETAIN_HOURS].map((setting) =>
    readDays(setting.default),
  );
  expect(kept.map((table) => keepDefault[table])).toEqual(defaults);
});

const installation: Keep = { reading: 400, rollup_1m: 1095, rollup_15m: 3650, rollup_1h: forever };
const policy = (siteId: string | null, name: string | null, keep: Policy['keep'], tenantId = 'T'): Policy => ({
  tenantId,
  siteId,
  class: name,
  keep,
});
const sat = { tenantId: 'T', siteId: 'A', class: 'brick:Supply_Air_Temperature_Sensor' };

test.each<[string, Policy[], number]>([
  ['no policy: the settings', [], 400],
  ['one of all sites and classes', [policy(null, null, { reading: 90 })], 90],
  ['one of another tenant says nothing', [policy(null, null, { reading: 90 }, 'U')], 400],
  ['one of another site says nothing', [policy('B', null, { reading: 90 })], 400],
  ['one of another class says nothing', [policy(null, 'brick:Pressure_Sensor', { reading: 90 })], 400],
  ['one of another table says nothing', [policy('A', null, { rollup_1h: 3650 })], 400],
  ['a site before all', [policy(null, null, { reading: 90 }), policy('A', null, { reading: 30 })], 30],
  ['a class has its subclasses', [policy(null, 'brick:Temperature_Sensor', { reading: 30 })], 30],
  ['a class may be named without its prefix', [policy(null, 'Temperature_Sensor', { reading: 30 })], 30],
  [
    'the narrower class before the wider',
    [policy(null, 'brick:Sensor', { reading: 900 }), policy(null, 'brick:Air_Temperature_Sensor', { reading: 30 })],
    30,
  ],
  [
    'of a site and of a class the longer',
    [policy('A', null, { reading: 60 }), policy(null, 'brick:Temperature_Sensor', { reading: 30 })],
    60,
  ],
  [
    'of a class and of a site the longer',
    [policy('A', null, { reading: 30 }), policy(null, 'brick:Temperature_Sensor', { reading: 60 })],
    60,
  ],
  [
    'a class at a site before both',
    [
      policy('A', 'brick:Temperature_Sensor', { reading: 10 }),
      policy('A', null, { reading: 900 }),
      policy(null, 'brick:Supply_Air_Temperature_Sensor', { reading: 900 }),
    ],
    10,
  ],
])('%s', (_what, policies, days) => {
  expect(keepOf(sat, { policies, installation }).reading).toBe(days);
});

test('a policy of a class says nothing of points without one', () => {
  const policies = [policy(null, 'brick:Sensor', { reading: 30 })];
  expect(keepOf({ ...sat, class: null }, { policies, installation }).reading).toBe(400);
});

test('a wider roll-up is kept at least as long as what it was made of', () => {
  const keep = keepOf(sat, { policies: [policy('A', null, { reading: 5_000 })], installation });
  expect(kept.map((table) => keep[table])).toEqual([5_000, 5_000, 5_000, forever]);
});

test.each<[Partial<Keep>, unknown]>([
  [{ reading: 30, rollup_1m: 30, rollup_1h: forever }, undefined],
  [
    { reading: 30, rollup_1h: 29 },
    { table: 'rollup_1h', before: 'reading' },
  ],
  [
    { rollup_1m: forever, rollup_15m: 3650 },
    { table: 'rollup_15m', before: 'rollup_1m' },
  ],
  [{ rollup_15m: 7 }, undefined],
])('%j: out of order is %j', (keep, disorder) => {
  expect(findDisorder(keep)).toEqual(disorder);
});
