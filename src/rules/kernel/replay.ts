import type { Override } from '../language/override.ts';
import type { RuleSet } from '../language/rule.ts';
import type { RuleAsset, RulePoint } from './bind.ts';
import type { Effect } from './effect.ts';
import { createEvaluation, type Evaluation, type Quality, type StoredMachine } from './evaluation.ts';

/** A reading of one point in epoch milliseconds. */
export type RuleReading = { point: string; at: number; value: number; quality: Quality };

/** What is replayed: rules, assets, and their readings in the order of time. */
export type Replay = {
  ruleSet: RuleSet;
  assets: { asset: RuleAsset; points: RulePoint[] }[];
  readings: RuleReading[];
  /** Beside those of the rule set's own files. */
  overrides?: readonly Override[];
  isWatching?: boolean;
  fromMs: number;
  toMs: number;
};

/** Called after every tick, for tables and charts. */
export type Watcher = (evaluation: Evaluation, tMs: number, effects: Effect[]) => void;

/** The ways in which the same readings must give the same effects. All chance comes from `random`, a number in [0, 1). */
export type Variation =
  | { kind: 'whole' }
  | { kind: 'cut'; random: () => number }
  | { kind: 'shuffled'; random: () => number };

/**
 * Replays readings tick by tick from `fromMs` to `toMs` inclusive and returns all effects. `cut` ends the evaluation at random ticks,
 * writes the machines as JSON, reads them back into a new evaluation and rebuilds the inputs from the run-up alone; `shuffled`
 * hands the readings of a tick over in any order, some of them twice.
 */
export function replay(input: Replay, variation: Variation = { kind: 'whole' }, watch?: Watcher): Effect[] {
  const effects: Effect[] = [];
  let evaluation = createEvaluation(input);
  const everyMs = Number.isFinite(evaluation.everyMs) ? evaluation.everyMs : input.ruleSet.everyMsMin;
  if (!Number.isFinite(everyMs)) return effects;
  let next = 0;
  for (let tMs = Math.ceil(input.fromMs / everyMs) * everyMs; tMs <= input.toMs; tMs += everyMs) {
    if (variation.kind === 'cut' && variation.random() < 0.08)
      evaluation = restart(input, evaluation, tMs - everyMs, everyMs);
    const end = indexAfter(input.readings, next, tMs);
    const batch = input.readings.slice(next, end);
    observeAll(
      evaluation,
      variation.kind === 'shuffled' ? shuffle(batch, input.readings, next, variation.random) : batch,
    );
    next = end;
    const found = evaluation.tick(tMs);
    effects.push(...found);
    watch?.(evaluation, tMs, found);
  }
  return effects;
}

/** An evaluation whose inputs remember the readings of the run-up, as after a restart at `tMs`. */
function restart(input: Replay, before: Evaluation, tMs: number, everyMs: number): Evaluation {
  before.changedMachines();
  const machines = JSON.parse(JSON.stringify(before.machines())) as StoredMachine[];
  const evaluation = createEvaluation({ ...input, machines });
  const warmFromMs = Math.max(input.fromMs, tMs - evaluation.warmupMs);
  const firstMs = Math.ceil(warmFromMs / everyMs) * everyMs;
  // The run in one piece begins with all that lies before its start.
  let next = warmFromMs > input.fromMs ? indexAfter(input.readings, 0, warmFromMs - 1) : 0;
  for (let warmMs = firstMs; warmMs <= tMs; warmMs += everyMs) {
    const end = indexAfter(input.readings, next, warmMs);
    observeAll(evaluation, input.readings.slice(next, end));
    next = end;
    evaluation.warm(warmMs);
  }
  return evaluation;
}

/** A reproducible source of chance (mulberry32, a 32-bit generator in the public domain). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function observeAll(evaluation: Evaluation, readings: RuleReading[]): void {
  for (const { point, at, value, quality } of readings) {
    for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
  }
}

/** The batch in another order, with doubles of itself and of what came shortly before. */
function shuffle(batch: RuleReading[], readings: RuleReading[], next: number, random: () => number): RuleReading[] {
  const earlier = readings.slice(Math.max(0, next - 5), next).filter(() => random() < 0.3);
  const doubled = [...batch, ...batch.filter(() => random() < 0.3), ...earlier];
  for (let i = doubled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [doubled[i], doubled[j]] = [doubled[j] as RuleReading, doubled[i] as RuleReading];
  }
  return doubled;
}

function indexAfter(readings: RuleReading[], from: number, tMs: number): number {
  let index = from;
  while (index < readings.length && (readings[index] as RuleReading).at <= tMs) index++;
  return index;
}
