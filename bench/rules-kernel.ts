/** Part (a): the kernel alone, live and over history, on one core, beside a closure written by hand. */
import { backTestColumns } from '../src/rules/back-test/back-test.ts';
import type { Effect } from '../src/rules/kernel/effect.ts';
import { createEvaluation } from '../src/rules/kernel/evaluation.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import type { PointColumn } from '../src/telemetry/point-column.ts';
import { createClosure } from './rules-closure.ts';
import { plantPoints, plantRuleTexts, plantValues, pointCount, ruleCount } from './rules-plant.ts';

export type KernelResult = {
  way: 'live' | 'back-test';
  assets: number;
  ticks: number;
  readingsPerSecond: number;
  evaluationsPerSecond: number;
  closureReadingsPerSecond: number;
  opened: number;
  closureOpened: number;
};

const startMs = Date.UTC(2026, 6, 10, 4);
const minuteMs = 60_000;
/** The plant begins at a quarter to five on a day on which the valves of some air handlers leak. */
const firstMinute = 285;

/** Minute after minute of all assets: readings are observed and rules evaluated as they are when a plant is live. */
export function benchLive(assetCount: number, ticks: number): KernelResult {
  const { rules: ruleSet } = buildRuleSet(plantRuleTexts());
  const evaluation = createEvaluation({ ruleSet, assets: plantAssets(assetCount) });
  const indexes = Int32Array.from(
    plantAssets(assetCount).flatMap(({ points }) => points),
    ({ id }) => evaluation.pointIndexes(id)[0] as number,
  );
  const closure = createClosure(assetCount);
  const values = new Float64Array(assetCount * pointCount);
  let [opened, spentMs, closureMs] = [0, 0, 0];
  const warmTicks = Math.min(60, ticks);
  for (let tick = -warmTicks; tick < ticks; tick++) {
    for (let asset = 0; asset < assetCount; asset++) plantValues(asset, firstMinute + tick, values, asset * pointCount);
    const tMs = startMs + tick * minuteMs;
    const began = performance.now();
    for (let i = 0; i < indexes.length; i++) evaluation.observe(indexes[i] as number, tMs, values[i] as number, 0);
    const effects = evaluation.tick(tMs);
    const between = performance.now();
    for (let asset = 0; asset < assetCount; asset++)
      closure.step(asset, firstMinute + tick, values, asset * pointCount);
    const ended = performance.now();
    opened += countOpened(effects);
    evaluation.changedMachines();
    if (tick < 0) continue;
    spentMs += between - began;
    closureMs += ended - between;
  }
  return resultOf('live', { assetCount, ticks, spentMs, closureMs, opened, closureOpened: closure.opened() });
}

/** The same over columns of some hours. The columns of an asset share their times, as those of a trend log do. */
export function benchBackTest(assetCount: number, ticks: number): KernelResult {
  const { rules: ruleSet } = buildRuleSet(plantRuleTexts());
  const assets = plantAssets(assetCount);
  const columns = plantColumns(assetCount, ticks);
  const input = { ruleSet, columns, fromMs: startMs, toMs: startMs + (ticks - 1) * minuteMs };
  backTestColumns({ ...input, assets: assets.slice(0, 200) });
  const began = performance.now();
  const effects = backTestColumns({ ...input, assets });
  const spentMs = performance.now() - began;

  const closure = createClosure(assetCount);
  const values = new Float64Array(pointCount);
  const closureBegan = performance.now();
  for (const [asset, { points }] of assets.entries()) {
    const own = points.map(({ id }) => (columns.get(id) as PointColumn).values);
    for (let tick = 0; tick < ticks; tick++) {
      for (let point = 0; point < pointCount; point++) values[point] = (own[point] as Float64Array)[tick] as number;
      closure.step(asset, firstMinute + tick, values, 0);
    }
  }
  const closureMs = performance.now() - closureBegan;
  const counted = { opened: countOpened(effects), closureOpened: closure.opened() };
  return resultOf('back-test', { assetCount, ticks, spentMs, closureMs, ...counted });
}

type Measured = {
  assetCount: number;
  ticks: number;
  spentMs: number;
  closureMs: number;
  opened: number;
  closureOpened: number;
};

function resultOf(way: KernelResult['way'], measured: Measured): KernelResult {
  const { assetCount, ticks, spentMs, closureMs, opened, closureOpened } = measured;
  const readings = assetCount * pointCount * ticks;
  return {
    way,
    assets: assetCount,
    ticks,
    readingsPerSecond: (readings / spentMs) * 1000,
    evaluationsPerSecond: ((assetCount * ruleCount * ticks) / spentMs) * 1000,
    closureReadingsPerSecond: (readings / closureMs) * 1000,
    opened,
    closureOpened,
  };
}

/** Episodes: a fault that returns within a day reopens its insight. */
export function countOpened(effects: readonly Effect[]): number {
  return effects.filter(({ kind }) => kind === 'opened' || kind === 'reopened').length;
}

function plantAssets(count: number) {
  return Array.from({ length: count }, (_, asset) => ({
    asset: { id: `ahu-${asset}`, name: `ahu-${asset}`, class: 'brick:AHU', siteTimeZone: 'UTC' },
    points: plantPoints.map(({ name, class: className, of, unit }) => ({
      id: `ahu-${asset}/${name}`,
      class: className,
      of,
      unit,
    })),
  }));
}

function plantColumns(assetCount: number, ticks: number): Map<string, PointColumn> {
  const times = Float64Array.from({ length: ticks }, (_, tick) => startMs + tick * minuteMs);
  const columns = new Map<string, PointColumn>();
  const row = new Float64Array(pointCount);
  for (let asset = 0; asset < assetCount; asset++) {
    const own = plantPoints.map(() => new Float64Array(ticks));
    for (let tick = 0; tick < ticks; tick++) {
      plantValues(asset, firstMinute + tick, row);
      for (let point = 0; point < pointCount; point++) (own[point] as Float64Array)[tick] = row[point] as number;
    }
    plantPoints.forEach(({ name }, point) => {
      columns.set(`ahu-${asset}/${name}`, { times, values: own[point] as Float64Array });
    });
  }
  return columns;
}
