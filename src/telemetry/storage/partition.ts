/**
 * Which native partition a day belongs to. A day is a whole number: days since 1970-01-01 UTC.
 *
 *   years before last year        last year, this year, tomorrow
 *   ├─ reading_2019 ─┤ …          ├ reading_2026_11_20 ┼ reading_2026_11_21 ┼ …
 *   ├ rollup_1m_2019 ┤ …          ├──── rollup_1m_2026_11 ────┼ …
 *   ├ rollup_1h_2019 ┤ …          ├──────────── rollup_1h_2026 ───────────── …
 *
 * Old years get one partition each, so that a device with a wrong clock cannot make thousands; a year that has narrower
 * partitions already, because it was recent once, goes on with those.
 */
import { layouts, type TimeTable } from './time-table.ts';

const dayMs = 86_400_000;

export type Partition = {
  readonly name: string;
  /** The first day that it holds, and the first that it does not. */
  readonly fromDay: number;
  readonly toDay: number;
};

type Width = 'day' | 'month' | 'year';

/** The day of an instant given in milliseconds since the epoch. */
export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs);
}

/** The partition that `existing` already has for `day`, if any. Names are those that `partitionFor` gives. */
export function findPartition(
  day: number,
  { table, existing }: { table: TimeTable; existing: ReadonlySet<string> },
): string | undefined {
  const widths: Width[] = ['year', layouts[table].partition];
  return widths.map((width) => partitionOf(table, width, day).name).find((name) => existing.has(name));
}

/** The partition to make for a `day` of a table that has none yet, seen from `today`. */
export function partitionFor(
  day: number,
  { table, today, existing }: { table: TimeTable; today: number; existing: ReadonlySet<string> },
): Partition {
  const { partition } = layouts[table];
  const year = partitionOf(table, 'year', day);
  if (yearOf(day) >= yearOf(today) - 1) return partitionOf(table, partition, day);
  for (const name of existing) if (name.startsWith(`${year.name}_`)) return partitionOf(table, partition, day);
  return year;
}

function partitionOf(table: TimeTable, width: Width, day: number): Partition {
  const parts = dateOf(day).split('-').slice(0, { year: 1, month: 2, day: 3 }[width]);
  const [year, month] = [yearOf(day), monthOf(day)];
  const name = [table, ...parts].join('_');
  switch (width) {
    case 'day':
      return { name, fromDay: day, toDay: day + 1 };
    case 'month':
      return { name, fromDay: dayOf(Date.UTC(year, month)), toDay: dayOf(Date.UTC(year, month + 1)) };
    case 'year':
      return { name, fromDay: dayOf(Date.UTC(year, 0)), toDay: dayOf(Date.UTC(year + 1, 0)) };
  }
}

/** A day as `YYYY-MM-DD`. */
export function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

function yearOf(day: number): number {
  return new Date(day * dayMs).getUTCFullYear();
}

function monthOf(day: number): number {
  return new Date(day * dayMs).getUTCMonth();
}
