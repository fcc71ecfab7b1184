/** Rows of POST /telemetry for the point of a test's world, and what is stored of them. */
import type { TestApi } from './api.ts';

export const site = 'ucl-east-campus';

let hour = 0;
/** An instant that no other row of the file has. */
export const freshTime = () => new Date(Date.UTC(2026, 0, 1) + ++hour * 3_600_000).toISOString();

export const row = (more: object = {}) => ({
  site,
  asset: 'AHU-01',
  point: 'sat',
  time: freshTime(),
  value: 1,
  ...more,
});

/** The values of a point by their times. */
export async function valuesByTime(
  { database }: Pick<TestApi, 'database'>,
  pointId: string,
): Promise<Record<string, number | null>> {
  const { rows } = await database.pool.query<{ time: Date; value: number | null }>(
    `select r.time, r.value from reading r join point p on p.series_id = r.series_id where p.id = $1`,
    [pointId],
  );
  return Object.fromEntries(rows.map(({ time, value }) => [time.toISOString(), value]));
}
