import type { Db } from '../../platform/database.ts';
import { getProgress } from '../rollups/rollup-store.ts';
import { findPending } from '../rollups/rollup-touched-store.ts';

/** The instant, in milliseconds since the epoch, before which every roll-up agrees with the readings. */
export async function findSettledMs(db: Db): Promise<number> {
  const { settledMs } = await getProgress(db);
  return Math.min(settledMs, (await findPending(db)) ?? Number.POSITIVE_INFINITY);
}
