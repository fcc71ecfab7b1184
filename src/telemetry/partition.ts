/**
 * Which native partition a day belongs to. A day is a whole number: days since 1970-01-01 UTC.
 *
 *   years before last year        last year, this year, tomorrow
 *   ├─ reading_2019 ─┤ …          ├ reading_2026_11_20 ┼ reading_2026_11_21 ┼ …
 *
 * Old years get one partition each, so that a device with a wrong clock cannot make thousands; a year that has day
 * partitions already, because it was recent once, goes on with days.
 */

const dayMs = 86_400_000;

export type Partition = {
  readonly name: string;
  /** The first day that it holds, and the first that it does not. */
  readonly fromDay: number;
  readonly toDay: number;
};

/** The day of an instant given in milliseconds since the epoch. */
export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs);
}

/** The partition that `existing` already has for `day`, if any. Names are those that `partitionFor` gives. */
export function findPartition(day: number, existing: ReadonlySet<string>): string | undefined {
  const names = [yearPartition(yearOf(day)).name, dayPartition(day).name];
  return names.find((name) => existing.has(name));
}

/** The partition to make for a `day` that has none yet, seen from `today`. */
export function partitionFor(
  day: number,
  { today, existing }: { today: number; existing: ReadonlySet<string> },
): Partition {
  const year = yearOf(day);
  if (year >= yearOf(today) - 1) return dayPartition(day);
  const prefix = `${yearPartition(year).name}_`;
  for (const name of existing) if (name.startsWith(prefix)) return dayPartition(day);
  return yearPartition(year);
}

function dayPartition(day: number): Partition {
  const name = `reading_${dateOf(day).replaceAll('-', '_')}`;
  return { name, fromDay: day, toDay: day + 1 };
}

function yearPartition(year: number): Partition {
  return { name: `reading_${year}`, fromDay: dayOf(Date.UTC(year, 0)), toDay: dayOf(Date.UTC(year + 1, 0)) };
}

/** A day as `YYYY-MM-DD`. */
export function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

function yearOf(day: number): number {
  return new Date(day * dayMs).getUTCFullYear();
}
