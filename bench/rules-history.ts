/**
 * Parts (c) and (d): a back-test of asset-years of 1-minute data, reading included: from the database by what `rules backtest` calls,
 * and from CSV files, one of which is what `rules backtest --csv` takes, and several a thread per core.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { backTestStored } from '../src/cli/rules/stored-back-test.ts';
import { listPlants } from '../src/cli/rules/stored-plant.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import { listPieces } from '../src/telemetry/storage/piece-store.ts';
import { sortPiece } from '../src/telemetry/storage/sort-store.ts';
import { insertHistory, insertPlant, openPlantDatabase, type PlantDatabase } from './rules-database.ts';
import { plantPoints, plantRuleTexts, plantValues, pointCount } from './rules-plant.ts';
import { type HistoryDone, replayFile } from './rules-worker.ts';

export type HistoryResult = {
  /** The days of the database lie as they were written, or in the order of their points, as the program leaves closed days. */
  from: 'database' | 'days in order' | 'csv';
  assets: number;
  workers: number;
  readings: number;
  seconds: number;
  readingsPerSecond: number;
  /** The kernel's, of all threads together. */
  kernelSeconds: number;
  insights: number;
};

export const yearMinutes = 525_600;
const dayMs = 86_400_000;
const minuteMs = 60_000;

/**
 * So many assets, from the database and from a file each: one is read as a command does that has just started, the best of three
 * times; several with a thread per core, and then one among them, whose readings lie between those of the others; and from the
 * database both again once its days have been put in order.
 */
export async function benchHistory(assetCount: number, say: (line: string) => void): Promise<HistoryResult[]> {
  const plant = await openPlantDatabase();
  try {
    const assets = await insertPlant(plant.database, assetCount);
    const startMs = Math.floor(Date.now() / dayMs) * dayMs - 366 * dayMs;
    say(
      `storing ${assetCount} asset-years of readings (${(assetCount * pointCount * yearMinutes) / 1e6} M); not measured`,
    );
    await insertHistory(plant, assets, { startMs, minutes: yearMinutes });
    const files: string[] = [];
    for (let asset = 0; asset < assetCount; asset++) files.push(await writeCsv(plant.folder, asset, startMs));
    const span = { fromMs: startMs, toMs: startMs + (yearMinutes - 1) * minuteMs };
    const alone = { ...span, assetId: assets[0]?.id };
    const stored = () => bestOfThree(() => replayStored(plant, alone));
    if (assetCount === 1) return [await stored(), await bestOfThree(() => replayAlone(files[0] as string))];
    const asWritten = [await replayStored(plant, span), await replayFiles(files), await stored()];
    say('putting its days in order; not measured');
    await sortDays(plant, span.toMs);
    const inOrder = [await replayStored(plant, span), await stored()];
    return [...asWritten, ...inOrder.map((one) => ({ ...one, from: 'days in order' as const }))];
  } finally {
    await plant.close();
  }
}

/** What the program does with a day that has been over for a week (`storage`, the job). */
async function sortDays({ database: { db }, engine }: PlantDatabase, throughMs: number): Promise<void> {
  const never = new AbortController().signal;
  for (const piece of await listPieces(db, engine.kind, 'reading'))
    if (piece.toMs <= throughMs && piece.state === 'plain') await sortPiece(db, piece, never);
}

async function writeCsv(folder: string, asset: number, startMs: number): Promise<string> {
  const file = join(folder, `ahu-${asset}.csv`);
  const stream = createWriteStream(file);
  stream.write(`time,${plantPoints.map(({ name }) => name).join(',')}\n`);
  const values = new Float64Array(pointCount);
  for (let minute = 0; minute < yearMinutes; ) {
    const lines: string[] = [];
    for (let i = 0; i < 10_000 && minute < yearMinutes; i++, minute++) {
      plantValues(asset, minute, values);
      const time = new Date(startMs + minute * minuteMs).toISOString().slice(0, 16).replace('T', ' ');
      lines.push(`${time},${values.join(',')}\n`);
    }
    if (!stream.write(lines.join(''))) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'close');
  return file;
}

/** A command that has just started runs once to compile and once to read. */
async function bestOfThree(run: () => Promise<HistoryResult>): Promise<HistoryResult> {
  const results = [await run(), await run(), await run()];
  return results.toSorted((a, b) => a.seconds - b.seconds)[0] as HistoryResult;
}

type Asked = { fromMs: number; toMs: number; assetId?: string | undefined };

async function replayStored({ database }: PlantDatabase, asked: Asked): Promise<HistoryResult> {
  const began = performance.now();
  const texts = plantRuleTexts();
  const { rules: ruleSet } = buildRuleSet(texts);
  const plants = await listPlants(database.db, undefined);
  const found = await backTestStored(database, [{ ruleSet, texts }], { plants, ...asked });
  const done = { ...found, insights: found.insights[0]?.length ?? 0 };
  const assets = asked.assetId === undefined ? plants.reduce((sum, plant) => sum + plant.assets.length, 0) : 1;
  return resultOf([done], { from: 'database', assets, workers: found.threads, began });
}

async function replayAlone(file: string): Promise<HistoryResult> {
  const began = performance.now();
  return resultOf([await replayFile(file)], { from: 'csv', assets: 1, workers: 1, began });
}

/** All files, with a thread per core, their start included. */
async function replayFiles(files: readonly string[]): Promise<HistoryResult> {
  const began = performance.now();
  const left = [...files];
  const done: HistoryDone[] = [];
  const workers = Math.min(availableParallelism(), files.length);
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(join(import.meta.dirname, 'rules-worker.ts'));
      for (let file = left.shift(); file !== undefined; file = left.shift()) {
        worker.postMessage(file);
        const [answer] = (await once(worker, 'message')) as [HistoryDone];
        done.push(answer);
      }
      worker.postMessage(null);
      await once(worker, 'exit');
    }),
  );
  return resultOf(done, { from: 'csv', assets: files.length, workers, began });
}

function resultOf(
  done: readonly HistoryDone[],
  { began, ...what }: Pick<HistoryResult, 'from' | 'assets' | 'workers'> & { began: number },
): HistoryResult {
  const seconds = (performance.now() - began) / 1000;
  const sum = (pick: (one: HistoryDone) => number) => done.reduce((total, one) => total + pick(one), 0);
  const readings = sum((one) => one.readings);
  const counted = { readings, readingsPerSecond: readings / seconds, insights: sum((one) => one.insights) };
  return { ...what, seconds, kernelSeconds: sum((one) => one.kernelMs) / 1000, ...counted };
}
