/**
 * Puts an insight's evidence together: what was recorded with it, and the readings of the points that it shows.
 *
 *   insight ──▶ episodes ──▶ span ──▶ inputs ──▶ a series each: kept pieces, then readings, then roll-ups where those are all that is left
 */
import type { Db } from '../../platform/database.ts';
import type { Insight } from '../insight.ts';
import type { Evidence, EvidenceSeries } from './evidence.ts';
import {
  convertColumns,
  converterOf,
  convertSteps,
  createStepFold,
  gapsBetween,
  instantOf,
  merge,
  type Reach,
  rolledUpStep,
  type SampleColumns,
  type Samples,
  type StepColumns,
  stepFor,
  tellReadings,
  tellSteps,
  unfoldKept,
} from './evidence-samples.ts';
import { shownAround } from './evidence-source.ts';
import {
  countKept,
  listEpisodes,
  listShownInputs,
  listStates,
  type RecordedEpisode,
  type RecordedInput,
  streamKept,
} from './evidence-store.ts';

type Span = { readonly seriesIds: readonly number[]; readonly startMs: number; readonly endMs: number };

/** How readings of series are read; time in [startMs, endMs). Series without any are absent. */
export type EvidenceReadings = {
  /** All readings; 'too many' for a series with more than `readingsMax`. */
  readSpans(db: Db, span: Span & { readonly readingsMax: number }): Promise<Map<number, SampleColumns | 'too many'>>;
  /** Steps of good readings, from the roll-ups where these hold them. */
  readSteps(db: Db, span: Span & { readonly stepMs: number }): Promise<Map<number, StepColumns>>;
};

type Shown = Pick<Insight, 'id' | 'asset_id' | 'rule_id' | 'rule_version' | 'started_at' | 'opened_at' | 'resolved_at'>;

type Asked = {
  readonly insight: Shown;
  readonly samples: number;
  readonly nowMs: number;
  readonly readings: EvidenceReadings;
};

/** All series of an answer together have at most so many samples. */
const samplesInAllMax = 200_000;

/** While it is put together retention may drop what it has not read yet, and keep that after it has looked. */
const attemptsMax = 3;

/** The evidence of an insight, each series in at most `samples`. */
export async function readEvidence(db: Db, asked: Asked): Promise<Evidence> {
  for (let attempt = 1; ; attempt++) {
    const before = await countKept(db, asked.insight.id);
    const evidence = await assemble(db, asked);
    if (attempt === attemptsMax || (await countKept(db, asked.insight.id)) === before) return evidence;
  }
}

async function assemble(db: Db, { insight, samples, nowMs, readings }: Asked): Promise<Evidence> {
  const recorded = await listEpisodes(db, insight.id);
  const episodes = recorded.length > 0 ? recorded : [episodeOf(insight)];
  const fromMs = Math.min(...episodes.map(({ startedMs, beforeMs }) => startedMs - beforeMs));
  const endMs = Math.max(...episodes.map(({ endedMs, afterMs }) => (endedMs ?? Number.POSITIVE_INFINITY) + afterMs));
  const toMs = Math.max(fromMs, Math.min(endMs, nowMs));
  const inputs = await listShownInputs(db, insight.id);
  const points = inputs.filter(({ seriesId }) => seriesId !== null);
  const samplesMax = Math.max(2, Math.min(samples, Math.floor(samplesInAllMax / Math.max(1, points.length))));
  const span = { insightId: insight.id, fromMs, toMs, samplesMax, readings };
  const series: EvidenceSeries[] = [];
  for (const input of inputs) series.push(await readSeries(db, input, span));
  const { asset_id: assetId, rule_id: ruleId } = insight;
  const states = assetId && ruleId ? await listStates(db, { assetId, ruleId, fromMs, toMs }) : [];
  return {
    insight_id: insight.id,
    rule_id: insight.rule_id,
    from: instantOf(fromMs),
    to: instantOf(toMs),
    complete: endMs <= nowMs,
    recorded: inputs.length > 0,
    episodes: episodes.map(showEpisode),
    states: states.map(({ atMs, state }) => ({ at: instantOf(atMs), state })),
    series,
  };
}

/** An insight of which no episode is recorded. */
function episodeOf(insight: Shown): RecordedEpisode {
  const { started_at, opened_at, resolved_at, rule_version } = insight;
  return {
    openedMs: Date.parse(opened_at),
    startedMs: Date.parse(started_at),
    endedMs: resolved_at === null ? null : Date.parse(resolved_at),
    ruleVersion: rule_version ?? 0,
    ...shownAround,
    limits: [],
  };
}

function showEpisode({
  startedMs,
  openedMs,
  endedMs,
  ruleVersion,
  limits,
}: RecordedEpisode): Evidence['episodes'][number] {
  return {
    started_at: instantOf(startedMs),
    opened_at: instantOf(openedMs),
    ended_at: endedMs === null ? null : instantOf(endedMs),
    rule_version: ruleVersion,
    // What overrides were known to set later was recorded when it opened, and an episode that ended before has not seen it.
    limits: limits
      .filter(({ since }) => endedMs === null || Date.parse(since) <= endedMs)
      .map(({ since, values }) => ({ since: instantOf(Date.parse(since)), values: [...values] })),
  };
}

type Reading = {
  readonly insightId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly samplesMax: number;
  readonly readings: EvidenceReadings;
};

async function readSeries(db: Db, input: RecordedInput, asked: Reading): Promise<EvidenceSeries> {
  const { name, neededBy, kind, sinceMs, pointId, point, assetId, asset, unit, defaultValue, seriesId } = input;
  const found = seriesId === null ? nothing : await readSamples(db, input, { ...asked, seriesId });
  return {
    input: name,
    needed_by: neededBy,
    source: kind,
    since: instantOf(sinceMs),
    point_id: pointId,
    point,
    asset_id: assetId,
    asset,
    unit,
    default_value: defaultValue,
    ...found,
  };
}

type Found = Samples & { readonly kept: boolean };

const nothing: Found = {
  kept: false,
  step_s: null,
  times: [],
  values: [],
  least: null,
  greatest: null,
  qualities: null,
};

async function readSamples(db: Db, input: RecordedInput, asked: Reading & { seriesId: number }): Promise<Found> {
  const { seriesId, fromMs, toMs, samplesMax, readings } = asked;
  const stepMs = stepFor(toMs - fromMs, samplesMax);
  const kept = await readKept(db, input, asked, stepMs);
  const span = { seriesIds: [seriesId], startMs: fromMs, endMs: toMs };
  const found = (await readings.readSpans(db, { ...span, readingsMax: samplesMax })).get(seriesId);
  const convertOne = converterOf(input.pointUnit, input.unit);
  const isKept = kept.count > 0;
  if (found === undefined && !isKept) {
    const rolledUp = (await readings.readSteps(db, { ...span, stepMs: rolledUpStep(stepMs) })).get(seriesId);
    if (!rolledUp) return nothing;
    return { kept: false, ...tellSteps(input.type, convertSteps(rolledUp, convertOne)) };
  }
  if (found !== 'too many') {
    const raw = convertColumns(found ?? none, convertOne);
    if (kept.columns && kept.count + raw.timesMs.length <= samplesMax)
      return { kept: isKept, ...tellReadings(input.type, merge(kept.columns, raw)) };
    kept.fold.add(raw);
  } else {
    for (const gap of gapsBetween(kept.spans, { startMs: fromMs, endMs: toMs })) {
      const more = (await readings.readSteps(db, { seriesIds: [seriesId], ...gap, stepMs })).get(seriesId);
      if (more) kept.fold.addSteps(convertSteps(more, convertOne));
    }
  }
  return { kept: isKept, ...tellSteps(input.type, kept.fold.finish()) };
}

const none: SampleColumns = { timesMs: [], values: [], qualities: [] };

/** What is kept of a series: folded into steps, and as it is unless it is too much; and where it lies, as few spans as may be. */
async function readKept(db: Db, input: RecordedInput, asked: Reading, stepMs: number) {
  const { insightId, fromMs, toMs, samplesMax } = asked;
  const fold = createStepFold(stepMs);
  const spans: Reach[] = [];
  let columns: SampleColumns | undefined = none;
  let count = 0;
  for await (const piece of streamKept(db, { insightId, seriesIds: input.seriesIds, fromMs, toMs })) {
    const unfolded = convertColumns(unfoldKept(piece), converterOf(piece.unit, input.unit));
    fold.add(unfolded);
    const last = spans.at(-1);
    if (last && piece.startMs <= last.endMs) last.endMs = Math.max(last.endMs, piece.throughMs);
    else spans.push({ startMs: piece.startMs, endMs: piece.throughMs });
    count += unfolded.timesMs.length;
    columns = columns && count <= samplesMax ? merge(columns, unfolded) : undefined;
  }
  return { fold, columns, count, spans };
}
