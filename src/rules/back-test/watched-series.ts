/**
 * What a rule saw on an asset, tick by tick, for charts: its inputs, its `let` names and windows, its condition, its clearing
 * and the state that came of them. Long spans are told in steps of several ticks, which keep what happened in them: of a
 * number the mean with the least and the greatest, of a truth whether it was ever true, of states the gravest.
 */
import type { PointColumn } from '../../telemetry/point-column.ts';
import { createEvaluation, type Evaluation, type EvaluationInput, type Inspection } from '../kernel/evaluation.ts';
import type { Machine } from '../kernel/machine.ts';
import type { Rule } from '../language/rule.ts';
import type { Truth } from '../language/truth.ts';
import type { Probe, SeriesKind } from './probe.ts';

export type SeriesOptions = {
  /** How many steps a series has at most. */
  readonly stepsMax: number;
  /** How many values all series together have at most. */
  readonly valuesMax: number;
  readonly assetsMax: number;
};

export type WatchedSeries = {
  readonly assetId: string;
  /** The first tick of each step. */
  readonly timesMs: readonly number[];
  readonly stepMs: number;
  readonly values: readonly WatchedValue[];
  readonly conditions: readonly TruthName[];
  readonly clearings: readonly TruthName[];
  readonly suspended: readonly boolean[];
  readonly states: readonly Machine['state'][];
};

const truthNames = ['false', 'unknown', 'true'] as const;
type TruthName = (typeof truthNames)[number];

export type WatchedValue = {
  readonly name: string;
  readonly kind: SeriesKind;
  readonly unit: string | null;
  readonly values: readonly (number | boolean | null)[];
  /** Of numbers, where a step is of more than one tick. */
  readonly least: readonly (number | null)[] | null;
  readonly greatest: readonly (number | null)[] | null;
};

export type Watching = {
  readonly ruleId: string;
  readonly probe: Probe;
  readonly assetIds: readonly string[];
  readonly columns: ReadonlyMap<string, PointColumn>;
  readonly fromMs: number;
  readonly toMs: number;
  readonly warmFromMs: number;
};

/** The series of the first of the assets on which the rule runs. Of a span without a tick there are none. */
export function watchSeries(input: EvaluationInput, watching: Watching, options: SeriesOptions): WatchedSeries[] {
  const { ruleId, assetIds, fromMs, toMs } = watching;
  const evaluation = createEvaluation(input);
  const group = evaluation.groups.find(({ rule }) => rule.id === ruleId);
  if (!group) return [];
  const { rule } = group;
  const { everyMs } = rule.timing;
  const ticks = Math.floor(toMs / everyMs) - Math.ceil(fromMs / everyMs) + 1;
  const bound = new Set(group.assets.map(({ id }) => id));
  const watched = assetIds.filter((id) => bound.has(id)).slice(0, options.assetsMax);
  if (ticks <= 0 || watched.length === 0) return [];
  const cellsPerStep = (3 * rule.evidence.shown.length + 5) * watched.length;
  const stepsMax = Math.max(1, Math.min(options.stepsMax, Math.floor(options.valuesMax / cellsPerStep)));
  const recorders = watched.map((assetId) =>
    createRecorder(assetId, rule, watching.probe, Math.ceil(ticks / stepsMax)),
  );
  replayWatched(evaluation, watching, (tMs) => {
    if (tMs % everyMs !== 0) return;
    for (const recorder of recorders) {
      const seen = evaluation.inspect(ruleId, recorder.assetId, tMs);
      if (seen) recorder.note(tMs, seen, evaluation.findMachine(ruleId, recorder.assetId)?.state ?? 'normal');
    }
  });
  return recorders.map(({ finish }) => finish());
}

function replayWatched(evaluation: Evaluation, watching: Watching, onTick: (tMs: number) => void): void {
  const { columns, fromMs, toMs, warmFromMs } = watching;
  const cursors = [...columns].flatMap(([point, { times, values }]) =>
    evaluation.pointIndexes(point).map((index) => ({ index, times, values, next: 0 })),
  );
  for (
    let tMs = Math.ceil(warmFromMs / evaluation.everyMs) * evaluation.everyMs;
    tMs <= toMs;
    tMs += evaluation.everyMs
  ) {
    for (const cursor of cursors) {
      for (; (cursor.times[cursor.next] as number) <= tMs; cursor.next++) {
        evaluation.observe(cursor.index, cursor.times[cursor.next] as number, cursor.values[cursor.next] as number, 0);
      }
    }
    if (tMs < fromMs) evaluation.warm(tMs);
    else {
      evaluation.tick(tMs);
      onTick(tMs);
    }
  }
}

type Recorder = {
  readonly assetId: string;
  note(tMs: number, seen: Inspection, state: Machine['state']): void;
  finish(): WatchedSeries;
};

/** One step under way: sums of what its ticks have shown so far. */
type Step = {
  tMs: number;
  ticks: number;
  condition: Truth;
  clearing: Truth;
  isSuspended: boolean;
  state: Machine['state'];
  totals: Total[];
};

/** What the ticks of a step have shown of one value. */
type Total = { sum: number; count: number; least: number; greatest: number };

const emptyTotal: Total = { sum: 0, count: 0, least: Number.POSITIVE_INFINITY, greatest: Number.NEGATIVE_INFINITY };
const restingStep = { ticks: 0, condition: 0, clearing: 0, isSuspended: false, state: 'normal' } as const;

const gravity: Record<Machine['state'], number> = { normal: 0, pending: 1, clearing: 2, firing: 3 };

function createRecorder(assetId: string, rule: Rule, probe: Probe, ticksEach: number): Recorder {
  const steps: Step[] = [];
  return { assetId, note, finish };

  function note(tMs: number, seen: Inspection, state: Machine['state']): void {
    let step = steps.at(-1);
    if (!step || step.ticks === ticksEach) {
      step = { ...restingStep, tMs, totals: seen.values.map(() => ({ ...emptyTotal })) };
      steps.push(step);
    }
    step.ticks++;
    step.condition = Math.max(step.condition, seen.condition) as Truth;
    step.clearing = Math.max(step.clearing, seen.clearing) as Truth;
    step.isSuspended ||= seen.isSuspended;
    if (gravity[state] > gravity[step.state]) step.state = state;
    for (const [place, { value }] of seen.values.entries()) {
      const total = step.totals[place];
      if (value === null || !total) continue;
      total.sum += Number(value);
      total.count++;
      total.least = Math.min(total.least, Number(value));
      total.greatest = Math.max(total.greatest, Number(value));
    }
  }

  function finish(): WatchedSeries {
    return {
      assetId,
      timesMs: steps.map(({ tMs }) => tMs),
      stepMs: ticksEach * rule.timing.everyMs,
      values: rule.evidence.shown.map(({ name, type, unit }, place) => {
        const totals = steps.map((step) => step.totals[place] as Total);
        const shown = { name: probe.labelOf(name), kind: probe.kindOf(name), unit: unit?.id ?? null };
        return { ...shown, ...tell(totals, type, ticksEach > 1) };
      }),
      conditions: steps.map(({ condition }) => truthNames[condition]),
      clearings: steps.map(({ clearing }) => truthNames[clearing]),
      suspended: steps.map(({ isSuspended }) => isSuspended),
      states: steps.map(({ state }) => state),
    };
  }
}

function tell(totals: readonly Total[], type: 'number' | 'truth', isWide: boolean) {
  const known = <T>(read: (total: Total) => T) => totals.map((total) => (total.count === 0 ? null : read(total)));
  if (type === 'truth') return { values: known(({ greatest }) => greatest !== 0), least: null, greatest: null };
  return {
    values: known(({ sum, count }) => sum / count),
    least: isWide ? known(({ least }) => least) : null,
    greatest: isWide ? known(({ greatest }) => greatest) : null,
  };
}
