import { isSubclassOf } from '../../assets/brick-classes.ts';
import type { Effect } from '../kernel/effect.ts';
import { createEvaluation } from '../kernel/evaluation.ts';
import { createRandom, type Replay, type RuleReading, replay } from '../kernel/replay.ts';
import { findDurationMs } from '../language/durations.ts';
import type { Rule, RuleSet } from '../language/rule.ts';
import type { RuleTestFile, Situation } from '../language/rule-file.ts';
import { suggest } from '../language/suggestion.ts';
import { type CaseRun, checkExpectation, type Failure, type TraceTick } from './rule-test-expect.ts';
import { refute } from './situation.ts';
import { createTestPlant, listTestOverrides, testAssetId } from './test-plant.ts';
import { byTick, listArrivals, type TestClock } from './test-readings.ts';

/** What became of one case: what was wrong, sentence by sentence, the ticks to show for it, and what it covers. */
export type CaseResult = {
  name: string;
  failures: Failure[];
  trace: TraceTick[];
  covered: { fires: boolean; clears: boolean; starves: boolean };
  situations: Situation[];
};

type TestCase = RuleTestFile['cases'][number];

/** One case made ready: its input, with the readings in the order of arrival, and its first run. */
type Prepared = {
  testCase: TestCase;
  rule: Rule;
  clock: TestClock;
  input: Replay;
  arrivals: RuleReading[];
  everyMs: number;
  run: CaseRun;
};

/**
 * Runs every case of a test file three times: in one piece; cut at random with the machines written and read back; shuffled, with
 * doubles. All three must agree, the first must meet the expectations, and a case must show the situations that it names.
 */
export function runRuleTest(file: RuleTestFile, ruleSet: RuleSet): CaseResult[] {
  const rule = ruleSet.rules.find(({ id }) => id === file.rule);
  if (!rule) {
    const help = suggest(
      file.rule,
      ruleSet.rules.map(({ id }) => id),
    );
    const message = `there is no rule '${file.rule}'${help ? `; ${help}` : ''}`;
    return file.cases.map(({ name }) => failed(name, message));
  }
  const wanted = new Set([file.rule, ...(file.with ?? [])]);
  // A rule that is switched off is tested as if it were on; the plant's own overrides are none of the test's business.
  const rules = ruleSet.rules
    .filter(({ id }) => wanted.has(id))
    .map((one) => ({ ...one, enabled: one.enabled || true }));
  const some: RuleSet = { ...ruleSet, rules, overrides: [] };
  const prepared = file.cases.map((testCase) => orResult(testCase, () => prepare(file, testCase, rule, some)));
  const firing = prepared.flatMap((one) => ('run' in one && isOpened(one.run, rule) ? [one.input.readings] : []));
  return prepared.map((one) => ('run' in one ? orResult(one.testCase, () => judge(one, firing)) : one));
}

function orResult<Made>({ name }: TestCase, make: () => Made): Made | CaseResult {
  try {
    return make();
  } catch (error) {
    return failed(name, error instanceof Error ? error.message : String(error));
  }
}

function failed(name: string, message: string): CaseResult {
  return {
    name,
    failures: [{ message, at: null }],
    trace: [],
    covered: { fires: false, clears: false, starves: false },
    situations: [],
  };
}

function judge(prepared: Prepared, firing: RuleReading[][]): CaseResult {
  const { testCase, rule, input, run } = prepared;
  const trace = run.traces.get(rule.id) ?? [];
  const situations = [testCase.situation ?? []].flat();
  const failures = [
    ...unbound(input, rule),
    ...disagreements(input, run.effects, testCase.name),
    ...missedExpectations(prepared, run),
  ];
  // What a case shows is asked only of one that passes: the proofs compare with its expectations.
  if (failures.length === 0) failures.push(...situations.flatMap((one) => unproven(one, prepared, firing)));
  const own = run.effects.filter(({ ruleId }) => ruleId === rule.id);
  const covered = {
    fires: own.some(({ kind }) => kind === 'opened'),
    clears: own.some(({ kind }) => kind === 'resolved'),
    starves: trace.some(({ condition }) => condition === 1),
  };
  return { name: testCase.name, failures, trace, covered, situations };
}

function missedExpectations({ testCase, rule }: Prepared, run: CaseRun): Failure[] {
  return testCase.expect.flatMap((expected) => checkExpectation(expected, run, rule.id));
}

function unproven(situation: Situation, prepared: Prepared, firing: RuleReading[][]): Failure[] {
  const { testCase, rule, run } = prepared;
  const reason = refute(situation, {
    ...prepared,
    firing,
    singles: testCase.readings?.length ?? 0,
    trace: run.traces.get(rule.id) ?? [],
    effects: run.effects.filter(({ ruleId }) => ruleId === rule.id),
    meets: (input) => missedExpectations(prepared, observeRun(input)).length === 0,
    fires: (input) => isOpened(observeRun(input), rule),
  });
  return reason === null ? [] : [{ message: `this is no case of the situation '${situation}': ${reason}`, at: null }];
}

function isOpened({ effects }: CaseRun, { id }: Rule): boolean {
  return effects.some(({ kind, ruleId }) => kind === 'opened' && ruleId === id);
}

function observeRun(input: Replay): CaseRun {
  const traces = new Map<string, TraceTick[]>(input.ruleSet.rules.map(({ id }) => [id, []]));
  const places = new Map(input.ruleSet.rules.map((rule) => placeOf(rule, input)));
  const effects = replay(input, { kind: 'whole' }, (evaluation, tMs, found) => {
    for (const [ruleId, trace] of traces) {
      const assetId = places.get(ruleId) as string;
      const inspection = evaluation.inspect(ruleId, assetId, tMs);
      if (!inspection) continue;
      const machine = evaluation.findMachine(ruleId, assetId);
      const state = machine?.state ?? 'normal';
      const own = found.filter((effect) => effect.ruleId === ruleId).map(({ kind }) => kind);
      const isOpen = state === 'firing' || state === 'clearing';
      const { suppressedBy = null, stale = false } = (isOpen && machine?.insight) || {};
      trace.push({
        ...inspection,
        at: tMs - input.fromMs,
        state,
        effects: own,
        bySuppressor: suppressedBy,
        isStale: stale,
      });
    }
  });
  return { fromMs: input.fromMs, timeScale: input.ruleSet.timeScale, traces, effects };
}

/** The asset under test, or the one upstream that a rule beside the one under test is about. */
function placeOf({ id, assetClass }: Rule, { assets }: Replay): [ruleId: string, assetId: string] {
  return [id, assets.find(({ asset }) => isSubclassOf(asset.class, assetClass))?.asset.id ?? testAssetId];
}

function prepare(file: RuleTestFile, testCase: TestCase, rule: Rule, ruleSet: RuleSet): Prepared {
  const { timeScale } = ruleSet;
  const intervalMs = (findDurationMs(String(file.interval ?? '1m')) as number) / timeScale;
  const clock = { fromMs: Date.parse(file.start ?? '2026-01-05T00:00:00Z'), intervalMs, timeScale };
  const { arrivals, toMs } = listArrivals(testCase, clock);
  const names = new Set([...Object.keys(testCase.series), ...arrivals.map(({ point }) => point)]);
  const params = { ...file.params, ...testCase.params };
  const assets = createTestPlant(rule, ruleSet.rules, names, { zone: file.zone, params });
  const overrides = listTestOverrides(testCase, rule, clock);
  const whole = { ruleSet: { ...ruleSet, overrides }, assets, fromMs: clock.fromMs, toMs };
  const { everyMs } = createEvaluation(whole);
  const input = { ...whole, readings: byTick(arrivals, everyMs) };
  return { testCase, rule, clock, input, arrivals, everyMs, run: observeRun(input) };
}

function unbound(input: Replay, rule: Rule): Failure[] {
  const missing = createEvaluation(input).missing.filter((one) => one.rule === rule.id && one.assetId === testAssetId);
  if (missing.length === 0) return [];
  const reasons = missing.map(({ input: name, reason }) => `${name}: ${reason}`).join('; ');
  return [{ message: `the rule does not run on these series: ${reasons}`, at: null }];
}

function disagreements(input: Replay, effects: Effect[], name: string): Failure[] {
  const seed = [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7);
  return (['cut', 'shuffled'] as const).flatMap((kind) => {
    const other = replay(input, { kind, random: createRandom(seed) });
    const place = other.findIndex((effect, index) => JSON.stringify(effect) !== JSON.stringify(effects[index]));
    if (place < 0 && other.length === effects.length) return [];
    const at = (effects[place] ?? other[place])?.at ?? input.fromMs;
    return [{ message: `the ${kind} run disagrees with the run in one piece`, at: at - input.fromMs }];
  });
}
