/**
 * The tables that grow with time: readings as they came, and what they were rolled up to.
 *
 *   reading ─▶ rollup_1m ─▶ rollup_15m ─▶ rollup_1h ─▶ rollup_1d
 *
 * A row of a roll-up holds what the readings of one quality say of one bucket, and depends on nothing outside of it: a late
 * reading changes one row of each width, and a wider row is composed of narrower ones. Buckets begin at multiples of their
 * width since 2000-01-03T00:00Z; the widest is the day of UTC.
 */

export type TimeTable = 'reading' | RollupTable;
export type RollupTable = 'rollup_1m' | 'rollup_15m' | 'rollup_1h' | 'rollup_1d';

type Layout = {
  /** The column by which it is cut into pieces. */
  readonly timeColumn: 'time' | 'bucket';
  /** What a native partition holds, where it is recent enough (see partition.ts). */
  readonly partition: 'day' | 'month' | 'year';
  /** What a chunk of TimescaleDB's holds: the wider the buckets, the fewer rows a day, and a closed chunk is compressed. */
  readonly chunkDays: number;
};

export const layouts: Readonly<Record<TimeTable, Layout>> = {
  reading: { timeColumn: 'time', partition: 'day', chunkDays: 1 },
  rollup_1m: { timeColumn: 'bucket', partition: 'month', chunkDays: 7 },
  rollup_15m: { timeColumn: 'bucket', partition: 'year', chunkDays: 28 },
  rollup_1h: { timeColumn: 'bucket', partition: 'year', chunkDays: 91 },
  rollup_1d: { timeColumn: 'bucket', partition: 'year', chunkDays: 1_820 },
};

/** From the narrowest to the widest. */
export const timeTables = Object.keys(layouts) as TimeTable[];
