import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateOf, dayOf, findPartition, type Partition, partitionFor } from './partition.ts';
import { type TimeTable, timeTables } from './time-table.ts';

const today = dayOf(Date.parse('2026-11-21T10:00:00Z'));
const day = (date: string) => dayOf(Date.parse(`${date}T00:00:00Z`));

test.each([
  ['2026-11-21', [], 'reading_2026_11_21', 'today'],
  ['2025-01-01', [], 'reading_2025_01_01', 'last year still has days'],
  ['2024-12-31', [], 'reading_2024', 'the year before has one partition'],
  ['1980-02-03', [], 'reading_1980', 'and so has any older one'],
  ['2024-12-31', ['reading_2024_05_01'], 'reading_2024_12_31', 'a year with days goes on with days'],
])('%s, with %j there already, goes into %s: %s', (date, existing, expected) => {
  expect(partitionFor(day(date), { table: 'reading', today, existing: new Set(existing) }).name).toBe(expected);
});

test.each<[TimeTable, string, string[], string, string, string, string]>([
  ['rollup_1m', '2026-11-21', [], 'rollup_1m_2026_11', '2026-11-01', '2026-12-01', 'minutes have months'],
  ['rollup_1m', '2025-12-31', [], 'rollup_1m_2025_12', '2025-12-01', '2026-01-01', 'also last year, over its end'],
  ['rollup_1m', '2024-02-29', [], 'rollup_1m_2024', '2024-01-01', '2025-01-01', 'and a year where they are old'],
  ['rollup_1m', '2024-02-29', ['rollup_1m_2024_05'], 'rollup_1m_2024_02', '2024-02-01', '2024-03-01', 'with months'],
  ['rollup_1h', '2026-11-21', [], 'rollup_1h_2026', '2026-01-01', '2027-01-01', 'hours have years'],
  ['rollup_1d', '1999-05-05', [], 'rollup_1d_1999', '1999-01-01', '2000-01-01', 'and so have days'],
])('%s of %s, with %j there already, go into %s from %s to %s: %s', (table, date, existing, name, from, to) => {
  const made = partitionFor(day(date), { table, today, existing: new Set(existing) });
  expect({ ...made, from: dateOf(made.fromDay), to: dateOf(made.toDay) }).toMatchObject({ name, from, to });
  expect(findPartition(day(date), { table, existing: new Set([name]) })).toBe(name);
});

test('whatever days come in whatever order, each has one partition, none overlap, and there are few', () => {
  const around = (one: number) => fc.integer({ min: one - 3, max: one + 3 });
  const anyDay = fc.oneof(
    fc.integer({ min: day('1980-01-06'), max: today + 1 }),
    around(today - 2),
    ...['2026-01-01', '2025-01-01', '2024-01-01'].map((date) => around(day(date))),
  );
  const days = fc.array(anyDay, { maxLength: 200 });
  fc.assert(
    fc.property(days, fc.integer({ min: 0, max: 3 }), fc.constantFrom(...timeTables), (wanted, yearsLater, table) => {
      const made: Partition[] = [];
      const existing = new Set<string>();
      for (const [i, one] of wanted.entries()) {
        if (findPartition(one, { table, existing }) !== undefined) continue;
        // Years pass while readings come in: what had days keeps them.
        const now = today + Math.floor((i / wanted.length) * yearsLater * 366);
        const partition = partitionFor(one, { table, today: now, existing });
        expect(partition.fromDay <= one && one < partition.toDay).toBe(true);
        made.push(partition);
        existing.add(partition.name);
      }
      const ordered = made.toSorted((a, b) => a.fromDay - b.fromDay);
      for (const [i, { toDay }] of ordered.entries()) expect(toDay <= (ordered[i + 1]?.fromDay ?? Infinity)).toBe(true);
      const old = made.filter(({ fromDay }) => dateOf(fromDay) < '2025');
      expect(old.length).toBeLessThanOrEqual(2024 - 1980 + 1);
    }),
  );
});
