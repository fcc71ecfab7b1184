/**
 * Part (b): whole live ticks with the real database, one transaction each, as the program runs them: lock the shard, read the tick's
 * readings, look for late ones, evaluate, write insights and work orders, save machines and tick, commit.
 */
import { applyEffects } from '../src/insights/apply.ts';
import { rebindEvidence } from '../src/insights/evidence/record-evidence.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import { createShardRunner } from '../src/rules/live/advance.ts';
import { deployRuleSet, findDeployedHash } from '../src/rules/live/rule-set-store.ts';
import { readShardReadings } from '../src/telemetry/history-store.ts';
import { noteOnWorkOrders } from '../src/work-orders/note-store.ts';
import { noteReturn } from '../src/work-orders/notes/return-note-store.ts';
import { openForInsight } from '../src/work-orders/open-for-insight.ts';
import { insertHistory, insertPlant, openPlantDatabase, type PlantDatabase } from './rules-database.ts';
import { countOpened } from './rules-kernel.ts';
import { plantRuleTexts, pointCount, ruleCount } from './rules-plant.ts';

export type LiveResult = {
  assets: number;
  points: number;
  rules: number;
  ticks: number;
  medianMs: number;
  slowestMs: number;
  /** Of the median: reading the tick's readings out of the table. */
  readingMs: number;
  opened: number;
};

const minuteMs = 60_000;
const shard = 7;

/** So many assets' plant over the last hours, and the last `ticks` minutes of it evaluated one by one. */
export async function benchLiveTick(assetCount: number, ticks: number): Promise<LiveResult> {
  const plant = await openPlantDatabase();
  try {
    const assets = await insertPlant(plant.database, assetCount);
    const minutes = ticks + 60;
    const lastMs = Math.floor(Date.now() / minuteMs) * minuteMs;
    await insertHistory(plant, assets, { startMs: lastMs - minutes * minuteMs, minutes, firstMinute: 9 * 60 });
    return await runTicks(plant, { assetCount, ticks, lastMs });
  } finally {
    await plant.close();
  }
}

async function runTicks(
  { database }: PlantDatabase,
  { assetCount, ticks, lastMs }: { assetCount: number; ticks: number; lastMs: number },
): Promise<LiveResult> {
  const { rules: ruleSet } = buildRuleSet(plantRuleTexts());
  // The tick that has just closed is the one of so long ago.
  let graceMs = 0;
  const runner = createShardRunner({
    database,
    tickMs: minuteMs,
    get graceMs() {
      return graceMs;
    },
    ruleSets: {
      getDeployed: async (trx) => {
        const { hash, timeScale } = ruleSet;
        if ((await findDeployedHash(trx)) !== hash)
          await deployRuleSet(trx, { hash, timeScale, texts: [], errors: [] });
        return ruleSet;
      },
      get: async () => ruleSet,
    },
    onRepairFailed: (error) => {
      throw error;
    },
    sink: {
      apply: (trx, effects, owners, ran) =>
        applyEffects(trx, effects, {
          owners,
          openWorkOrder: openForInsight,
          noteOnWorkOrders,
          noteReturn,
          ranAt: () => ran,
        }),
      replace: async () => undefined,
      rebind: rebindEvidence,
      listStanding: async () => [],
    },
  });
  const spent: number[] = [];
  const reading: number[] = [];
  let opened = 0;
  for (let tick = -warmTicks; tick <= ticks; tick++) {
    const tickMs = lastMs - (ticks - tick + 1) * minuteMs;
    graceMs = Date.now() - tickMs - minuteMs / 2;
    const began = performance.now();
    const { effects } = await runner.advance(shard);
    const ended = performance.now();
    opened += countOpened(effects);
    if (tick < 1) continue;
    spent.push(ended - began);
    await readShardReadings(database.db, { shard, afterMs: tickMs - minuteMs, throughMs: tickMs });
    reading.push(performance.now() - ended);
  }
  const [medianMs, readingMs] = [median(spent), median(reading)];
  const what = { assets: assetCount, points: assetCount * pointCount, rules: assetCount * ruleCount };
  return { ...what, ticks, medianMs, slowestMs: Math.max(...spent), readingMs, opened };
}

const warmTicks = 10;

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
