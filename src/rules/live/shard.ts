/**
 * One shard's evaluation in memory, as it was after a tick.
 *
 *   database ──model, machines──▶ createEvaluation ──history──▶ warm … warm ──▶ as of the shard's tick
 *                                                                                  │ readings
 *                                                                                  ▼
 *                                                              tick … tick ──▶ effects, machine rows
 *
 * It may be kept between ticks and is worth nothing else: whatever it holds can be made again from the database. Whoever
 * finds that its tick, its rules or its model are not those of the database opens another, which goes on from the memory of
 * this one where that is still right, and reads the history of the rest.
 */
import type { Db } from '../../platform/database.ts';
import { type HistoryColumns, readHistory } from '../../telemetry/history-store.ts';
import { adoptMemory } from '../kernel/adopt-memory.ts';
import type { Effect } from '../kernel/effect.ts';
import { endOf } from '../kernel/ending.ts';
import { createEvaluation, type Evaluation, type Quality } from '../kernel/evaluation.ts';
import { type Machine, normalMachine, retire } from '../kernel/machine.ts';
import type { Override } from '../language/override.ts';
import type { RuleSet } from '../language/rule.ts';
import type { ModelAsset, StoredMachine } from './store.ts';

export type ShardEvaluation = {
  readonly evaluation: Evaluation;
  /** The newest row of each machine, by the key of `machineKey`. */
  readonly rows: Map<string, StoredMachine>;
  readonly pointIndexes: ReadonlyMap<number, readonly number[]>;
  /** What became of machines whose rule does not run on their asset any more, at the tick of the opening. */
  readonly retired: { readonly effects: Effect[]; readonly inserted: StoredMachine[] };
  tickMs: number;
};

export type MachineChanges = { readonly inserted: StoredMachine[]; readonly clocks: StoredMachine[] };

type Source = {
  /** The assets on which rules run, where not on all. */
  readonly only?: ReadonlySet<string>;
  /** An evaluation of the same rules as it was after the same tick; what it remembers of `stale` assets is not right any more. */
  readonly before?: { readonly shard: ShardEvaluation; readonly stale: ReadonlySet<string> } | undefined;
  readonly ruleSet: RuleSet;
  readonly assets: readonly ModelAsset[];
  readonly overrides: readonly Override[];
  readonly machines: readonly StoredMachine[];
  readonly tickMs: number;
};

/** The evaluation of some assets as it was after `tickMs`, its inputs remembered from the readings before that. */
export async function openEvaluation(
  trx: Db,
  { ruleSet, assets, overrides, only, machines, tickMs, before }: Source,
): Promise<ShardEvaluation> {
  const evaluation = createEvaluation({
    ruleSet,
    overrides,
    ...(only && { only }),
    assets: assets.map(({ asset, points }) => ({ asset, points: [...points] })),
    machines,
    isWatching: true,
  });
  const points = assets.flatMap((asset) => asset.points);
  const idOf = new Map(points.map(({ id, seriesId }) => [seriesId, id]));
  const retired = retireOrphans(evaluation, tickMs);
  const shard: ShardEvaluation = {
    evaluation,
    rows: new Map([...machines, ...retired.inserted].map((stored) => [machineKey(stored), stored])),
    retired,
    pointIndexes: new Map(
      points.flatMap(({ id, seriesId }) => {
        const indexes = evaluation.pointIndexes(id);
        return indexes.length > 0 ? [[seriesId, indexes]] : [];
      }),
    ),
    tickMs,
  };
  const spans = adoptMemory(evaluation.layout, before?.shard.evaluation.layout, (id) => before?.stale.has(id) ?? false);
  const span = (seriesId: number) => spans.get(idOf.get(seriesId) ?? '') ?? 0;
  const lengths = [...new Set([...spans.values()].map(roundUp))].sort((one, other) => other - one);
  for (const [i, lengthMs] of lengths.entries()) {
    if (i === 0) shard.tickMs = tickMs - lengthMs;
    const seriesIds = [...shard.pointIndexes.keys()].filter((seriesId) => span(seriesId) > (lengths[i + 1] ?? 0));
    const throughMs = tickMs - (lengths[i + 1] ?? 0);
    for await (const slice of readSlices(trx, shard, throughMs, seriesIds))
      feed(shard, slice.readings, slice.throughMs, (tick) => evaluation.warm(tick, tickMs));
  }
  return shard;
}

/** Spans are read in steps, each twice as long as the one before, so that a long one of one point is not read of all. */
function roundUp(spanMs: number): number {
  return spanStepMs * 2 ** Math.ceil(Math.log2(Math.max(spanMs / spanStepMs, 1)));
}

const spanStepMs = 15 * 60_000;

/** A machine without a rule is put to rest, and what it found open ends; should its rule come back soon, it goes on from there. */
function retireOrphans({ orphans }: Evaluation, tickMs: number): ShardEvaluation['retired'] {
  const retired: ShardEvaluation['retired'] = { effects: [], inserted: [] };
  for (const { assetId, ruleId, machine, because } of orphans) {
    const atRest = machine && retire(machine, tickMs, because);
    if (atRest === null || atRest === machine) continue;
    retired.inserted.push({ assetId, ruleId, tickMs, machine: atRest });
    const end = endOf(machine as Machine, because, tickMs);
    if (end) retired.effects.push({ ruleId, ruleVersion: 0, assetId, at: tickMs, ...end });
  }
  return retired;
}

/** Evaluates every tick after the evaluation's own through `throughMs`, on readings from the table. */
export async function evaluateHistory(
  trx: Db,
  shard: ShardEvaluation,
  throughMs: number,
): Promise<{ effects: Effect[]; changes: MachineChanges }> {
  const effects: Effect[] = [];
  const inserted: StoredMachine[] = [];
  const clocks = new Map<string, StoredMachine>();
  for await (const slice of readSlices(trx, shard, throughMs, [...shard.pointIndexes.keys()])) {
    const found = evaluateTicks(shard, slice.readings, slice.throughMs);
    for (const effect of found.effects) effects.push(effect);
    for (const machine of found.changes.inserted) inserted.push(machine);
    for (const machine of found.changes.clocks) clocks.set(machineKey(machine), machine);
  }
  return { effects, changes: { inserted, clocks: [...clocks.values()] } };
}

/** So much history at a time: a month of a large plant would not fit into memory. */
const sliceMs = 6 * 3_600_000;

async function* readSlices(trx: Db, shard: ShardEvaluation, throughMs: number, seriesIds: readonly number[]) {
  while (shard.tickMs < throughMs) {
    const endMs = Math.min(shard.tickMs + sliceMs, throughMs);
    yield {
      readings: await readHistory(trx, { seriesIds, afterMs: shard.tickMs, throughMs: endMs }),
      throughMs: endMs,
    };
  }
}

/** Evaluates every tick after the shard's own through `throughMs`, on readings in the order of their times. */
export function evaluateTicks(
  shard: ShardEvaluation,
  readings: HistoryColumns,
  throughMs: number,
): { effects: Effect[]; changes: MachineChanges } {
  const effects: Effect[] = [];
  const inserted = new Map<string, StoredMachine>();
  const clocks = new Map<string, StoredMachine>();
  feed(shard, readings, throughMs, (tickMs) => {
    effects.push(...shard.evaluation.tick(tickMs));
    for (const { assetId, ruleId, machine } of shard.evaluation.changedMachines()) {
      const now = { assetId, ruleId, tickMs, machine: machine ?? normalMachine };
      const newest = shard.rows.get(machineKey(now));
      if (newest && isSameButClocks(newest.machine, now.machine)) {
        const row = { ...now, tickMs: newest.tickMs };
        shard.rows.set(machineKey(now), row);
        clocks.set(machineKey(now), row);
      } else {
        shard.rows.set(machineKey(now), now);
        inserted.set(`${machineKey(now)} ${tickMs}`, now);
      }
    }
  });
  return { effects, changes: { inserted: [...inserted.values()], clocks: [...clocks.values()] } };
}

/** Hands readings over tick by tick: each tick sees those whose time is not after it. */
function feed(
  shard: ShardEvaluation,
  readings: HistoryColumns,
  throughMs: number,
  onTick: (tickMs: number) => void,
): void {
  const { everyMs } = shard.evaluation;
  let next = 0;
  for (let tickMs = tickAfter(shard.tickMs, everyMs); tickMs <= throughMs; tickMs += everyMs) {
    next = observeThrough(shard, readings, next, tickMs);
    onTick(tickMs);
  }
  observeThrough(shard, readings, next, throughMs);
  shard.tickMs = throughMs;
}

function observeThrough(shard: ShardEvaluation, readings: HistoryColumns, from: number, throughMs: number): number {
  const { timesMs, seriesIds, values, qualities } = readings;
  let row = from;
  for (; row < timesMs.length && (timesMs[row] as number) <= throughMs; row++) {
    for (const index of shard.pointIndexes.get(seriesIds[row] as number) ?? []) {
      const quality = qualities[row] as Quality;
      shard.evaluation.observe(index, timesMs[row] as number, values[row] as number, quality);
    }
  }
  return row;
}

/** The first instant after `ms` that is a multiple of `everyMs`; never, where nothing is evaluated. */
function tickAfter(ms: number, everyMs: number): number {
  return Number.isFinite(everyMs) ? (Math.floor(ms / everyMs) + 1) * everyMs : Number.POSITIVE_INFINITY;
}

export function machineKey({ ruleId, assetId }: { ruleId: string; assetId: string }): string {
  return `${ruleId} ${assetId}`;
}

function isSameButClocks(one: Machine, other: Machine): boolean {
  if (one.state !== other.state || one.since !== other.since) return false;
  return one.insight === other.insight || JSON.stringify(one.insight) === JSON.stringify(other.insight);
}
