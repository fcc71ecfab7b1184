import type { Db } from '../platform/database.ts';
import { recordInsightEvents } from './insight-events.ts';
import { listEndedOfMerged, moveInsights } from './move-store.ts';

const insightsAtOnce = 1_000;

/** Insights of merged assets become those of the assets that they were merged into, once they are over. */
export async function moveEndedInsights(db: Db): Promise<void> {
  for (let count = insightsAtOnce; count === insightsAtOnce; ) count = await db.transaction().execute(moveSome);
}

async function moveSome(trx: Db): Promise<number> {
  const ids = await listEndedOfMerged(trx, insightsAtOnce);
  await recordInsightEvents(trx, { ids, actor: { kind: 'system' } }, async () => {
    await moveInsights(trx, ids);
    return [];
  });
  return ids.length;
}
