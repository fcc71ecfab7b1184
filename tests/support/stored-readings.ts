import { createLog } from '../../src/platform/log.ts';
import { refreshRollups } from '../../src/telemetry/rollups/rollup-refresh.ts';
import { noteTouched } from '../../src/telemetry/rollups/rollup-touched-store.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import type { TestApi } from './api.ts';

export type StoredRow = { readonly at: string; readonly value: number | null; readonly quality?: number };

/** Puts readings into the table, without the doors before it. */
export async function storeReadings(api: TestApi, seriesId: number, rows: readonly StoredRow[]): Promise<void> {
  const { db, pool } = api.database;
  const engine = await prepareStorage(pool, createLog('silent'));
  const timesMs = rows.map(({ at }) => Date.parse(at));
  await engine.ensureSpan('reading', Math.min(...timesMs), Math.max(...timesMs));
  const stored = rows.map(({ at, value, quality = 0 }) => ({ series_id: seriesId, time: at, value, quality }));
  for (let from = 0; from < stored.length; from += 5_000)
    await db
      .insertInto('reading')
      .values(stored.slice(from, from + 5_000))
      .execute();
  const touched = { seriesId, fromMs: Math.min(...timesMs), throughMs: Math.max(...timesMs) };
  await db.transaction().execute((trx) => noteTouched(trx, [touched]));
}

/** Rolls up all that is stored, so that buckets are read from roll-ups from here on. */
export async function rollUp(api: TestApi): Promise<void> {
  const engine = await prepareStorage(api.database.pool, createLog('silent'));
  await refreshRollups(api.database.db, { engine });
  await refreshRollups(api.database.db, { engine });
}

/** Minutes 0 to 4 rise, 5 to 9 are silent, 10 is uncertain, 11 bad, 12 good again; 20 is the last. */
export const noon: readonly StoredRow[] = [
  ...[0, 1, 2, 3, 4].map((count) => ({ at: minute(count), value: 10 + count })),
  { at: minute(10), value: 50, quality: 1 },
  { at: minute(11), value: null, quality: 2 },
  { at: minute(12), value: 20 },
  { at: minute(20), value: 0 },
];

/** So many minutes after noon of 17 March 2026, when London is on UTC. */
export function minute(count: number): string {
  return new Date(Date.UTC(2026, 2, 17, 12) + count * 60_000).toISOString().replace('.000Z', 'Z');
}
