/**
 * The samples of one series of evidence, from what is kept and from what the table has:
 *
 *   kept pieces ─┐
 *                ├─▶ few enough: the readings themselves      more: steps, each the mean, the least and the greatest of the good ones
 *   readings ────┘
 *
 * Memory is bounded by the number of samples: pieces are folded into steps one after the other.
 */
import { qualityOf } from '../../assets/quality.ts';
import { convert, findNamedConversion } from '../../assets/units.ts';
import { formatInstant } from '../../platform/instant.ts';
import type { EvidenceSeries } from './evidence.ts';
import type { KeptReadings, RecordedInput } from './evidence-store.ts';

/** Readings in the order of time: epoch milliseconds, NaN where there is no number, stored codes of quality. */
export type SampleColumns = {
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
  readonly qualities: readonly number[];
};

/** Steps with at least one good number: when they start, and what their good readings say. */
export type StepColumns = {
  /** How long they are, which may be more than was asked for. */
  readonly stepMs: number;
  readonly startsMs: readonly number[];
  readonly counts: readonly number[];
  readonly means: readonly number[];
  readonly least: readonly number[];
  readonly greatest: readonly number[];
};

export type Samples = Pick<EvidenceSeries, 'step_s' | 'times' | 'values' | 'least' | 'greatest' | 'qualities'>;

/** Monday, 2000-01-03 UTC: steps are counted from there, as the roll-ups are. */
const originMs = Date.UTC(2000, 0, 3);
const minuteMs = 60_000;
const dayMs = 86_400_000;
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400].map(
  (seconds) => seconds * 1_000,
);

/** The least step in which a span has at most so many. */
export function stepFor(spanMs: number, stepsMax: number): number {
  // A span that begins within a step meets one more than fit into it.
  const leastMs = spanMs / Math.max(1, stepsMax - 1);
  return steps.find((ms) => ms >= leastMs) ?? Math.ceil(leastMs / dayMs) * dayMs;
}

/** The step for readings that are gone, of which only the roll-ups are left. */
export function rolledUpStep(stepMs: number): number {
  return Math.max(minuteMs, stepMs);
}

/** The value of an input for one that its point delivers in a unit; as it is where either has none, NaN where it cannot be converted. */
export function converterOf(from: string | null, to: string | null): (value: number) => number {
  if (from === null || to === null || from === to) return (value) => value;
  const conversion = findNamedConversion(from, to);
  if (!conversion) return () => Number.NaN;
  return (value) => convert(value, conversion.scale, conversion.offset, conversion.steps);
}

/** The columns of a kept piece, in its own unit. */
export function unfoldKept({ firstMs, gapsMs, values, qualities }: KeptReadings): SampleColumns {
  let timeMs = firstMs;
  return {
    timesMs: gapsMs.map((gapMs) => (timeMs += gapMs)),
    values: values.map((value) => value ?? Number.NaN),
    qualities: qualities ?? gapsMs.map(() => 0),
  };
}

/** Readings as they are. */
export function tellReadings(type: RecordedInput['type'], { timesMs, values, qualities }: SampleColumns): Samples {
  const allGood = qualities.every((quality) => quality === 0);
  return {
    step_s: null,
    times: timesMs.map(instantOf),
    values: values.map((value) => shown(type, value)),
    least: null,
    greatest: null,
    qualities: allGood ? null : qualities.map(qualityOf),
  };
}

/** Steps in the order of time. */
export function tellSteps(type: RecordedInput['type'], columns: StepColumns): Samples {
  const { stepMs, startsMs, means, least, greatest } = columns;
  const isTruth = type === 'truth';
  return {
    step_s: stepMs / 1_000,
    times: startsMs.map(instantOf),
    values: isTruth ? greatest.map((value) => value !== 0) : means.map((value) => shown(type, value)),
    least: isTruth ? null : least.map(finite),
    greatest: isTruth ? null : greatest.map(finite),
    qualities: null,
  };
}

export type StepFold = {
  add(columns: SampleColumns): void;
  addSteps(columns: StepColumns): void;
  finish(): StepColumns;
};

type Step = { count: number; sum: number; least: number; greatest: number };

/** Folds readings and steps, in any order, into steps of `stepMs`; only good numbers count. A wider step counts where it begins. */
export function createStepFold(stepMs: number): StepFold {
  const found = new Map<number, Step>();
  const note = (timeMs: number, count: number, sum: number, least: number, greatest: number) => {
    const startMs = originMs + Math.floor((timeMs - originMs) / stepMs) * stepMs;
    const step = found.get(startMs);
    if (!step) {
      found.set(startMs, { count, sum, least, greatest });
      return;
    }
    step.count += count;
    step.sum += sum;
    step.least = Math.min(step.least, least);
    step.greatest = Math.max(step.greatest, greatest);
  };
  return {
    add: ({ timesMs, values, qualities }) => {
      timesMs.forEach((timeMs, i) => {
        const value = values[i] as number;
        if (qualities[i] === 0 && !Number.isNaN(value)) note(timeMs, 1, value, value, value);
      });
    },
    addSteps: ({ startsMs, counts, means, least, greatest }) => {
      startsMs.forEach((startMs, i) => {
        const count = counts[i] as number;
        if (count > 0) note(startMs, count, (means[i] as number) * count, least[i] as number, greatest[i] as number);
      });
    },
    finish: () => {
      const inOrder = [...found].sort(([one], [other]) => one - other);
      return {
        stepMs,
        startsMs: inOrder.map(([startMs]) => startMs),
        counts: inOrder.map(([, { count }]) => count),
        means: inOrder.map(([, { sum, count }]) => sum / count),
        least: inOrder.map(([, step]) => step.least),
        greatest: inOrder.map(([, step]) => step.greatest),
      };
    },
  };
}

/** Both in the order of time; what is in both, which retention left in one place and kept in the other, once. */
export function merge(one: SampleColumns, other: SampleColumns): SampleColumns {
  if (one.timesMs.length === 0) return other;
  if (other.timesMs.length === 0) return one;
  const first = rowsOf(one);
  const counts = new Map<string, number>();
  for (const row of first) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1);
  const added = rowsOf(other).filter((row) => {
    const left = counts.get(keyOf(row)) ?? 0;
    if (left > 0) counts.set(keyOf(row), left - 1);
    return left === 0;
  });
  const rows = [...first, ...added].sort((a, b) => a.timeMs - b.timeMs);
  return {
    timesMs: rows.map(({ timeMs }) => timeMs),
    values: rows.map(({ value }) => value),
    qualities: rows.map(({ quality }) => quality),
  };
}

type SampleRow = { readonly timeMs: number; readonly value: number; readonly quality: number };

/** Times as they are kept: cut to milliseconds. */
function rowsOf({ timesMs, values, qualities }: SampleColumns): SampleRow[] {
  return timesMs.map((timeMs, i) => ({
    timeMs: Math.floor(timeMs),
    value: values[i] as number,
    quality: qualities[i] as number,
  }));
}

function keyOf({ timeMs, value, quality }: SampleRow): string {
  return `${timeMs} ${value} ${quality}`;
}

/** A span of time, from its start on and before its end, in epoch milliseconds. */
export type Reach = { startMs: number; endMs: number };

const gapsMax = 8;

/** What some spans, which follow each other, leave of a whole; of very many gaps the whole from the first of them on. */
export function gapsBetween(spans: readonly Reach[], whole: Reach): Reach[] {
  const starts = [whole.startMs, ...spans.map(({ endMs }) => endMs)];
  const ends = [...spans.map(({ startMs }) => startMs), whole.endMs];
  const gaps = starts
    .map((startMs, i) => ({
      startMs: Math.max(startMs, whole.startMs),
      endMs: Math.min(ends[i] as number, whole.endMs),
    }))
    .filter(({ startMs, endMs }) => startMs < endMs);
  if (gaps.length <= gapsMax) return gaps;
  return [...gaps.slice(0, gapsMax - 1), { startMs: gaps[gapsMax - 1]?.startMs ?? whole.startMs, endMs: whole.endMs }];
}

/** Columns with every number converted. */
export function convertColumns(columns: SampleColumns, convertOne: (value: number) => number): SampleColumns {
  return { ...columns, values: columns.values.map(convertOne) };
}

/** Steps with every number converted; units are increasing functions of each other, so the least stays the least. */
export function convertSteps(columns: StepColumns, convertOne: (value: number) => number): StepColumns {
  const { means, least, greatest } = columns;
  return {
    ...columns,
    means: means.map(convertOne),
    least: least.map(convertOne),
    greatest: greatest.map(convertOne),
  };
}

function shown(type: RecordedInput['type'], value: number): number | boolean | null {
  if (!Number.isFinite(value)) return null;
  return type === 'truth' ? value !== 0 : value;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export function instantOf(ms: number): string {
  return formatInstant(new Date(ms));
}
