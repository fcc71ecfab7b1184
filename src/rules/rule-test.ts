import type { RulePoint } from './bind.ts';
import { findDurationMs } from './durations.ts';
import type { Effect } from './effect.ts';
import { createEvaluation, type Inspection } from './evaluation.ts';
import { createRandom, type Replay, type RuleReading, replay } from './replay.ts';
import type { Rule, RuleInput, RuleSet } from './rule.ts';
import type { ExpectFile, RuleTestFile } from './rule-file.ts';
import { parseSeries } from './series.ts';
import { suggest } from './suggestion.ts';

/** What became of one case: what was wrong, sentence by sentence, and the ticks to show for it. */
export type CaseResult = {
  name: string;
  failures: { message: string; at: number | null }[];
  trace: TraceTick[];
  covered: Coverage;
};

/** What a case made its rule do. */
export type Coverage = { fires: boolean; clears: boolean; starves: boolean };

/** One tick of the rule under test, relative to the start of the series. */
export type TraceTick = Inspection & {
  at: number;
  state: string;
  effects: string[];
  bySuppressor: string | null;
  isStale: boolean;
};

type TestCase = RuleTestFile['cases'][number];

/**
 * Runs every case of a test file three times: in one piece; cut at random with the machines written and read back; shuffled, with
 * doubles. All three must agree, and the first must meet the expectations.
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
  const some = { ...ruleSet, rules: ruleSet.rules.filter(({ id }) => wanted.has(id)) };
  return file.cases.map((testCase) => {
    try {
      return runCase(file, testCase, rule, some);
    } catch (error) {
      return failed(testCase.name, error instanceof Error ? error.message : String(error));
    }
  });
}

function failed(name: string, message: string): CaseResult {
  return {
    name,
    failures: [{ message, at: null }],
    trace: [],
    covered: { fires: false, clears: false, starves: false },
  };
}

function runCase(file: RuleTestFile, testCase: TestCase, rule: Rule, ruleSet: RuleSet): CaseResult {
  const input = prepare(file, testCase, rule, ruleSet);
  const traces = new Map<string, TraceTick[]>(ruleSet.rules.map(({ id }) => [id, []]));
  const effects = replay(input, { kind: 'whole' }, (evaluation, tMs, found) => {
    for (const [ruleId, trace] of traces) {
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
  const trace = traces.get(rule.id) ?? [];
  const failures = [...unbound(input, rule), ...disagreements(input, effects, testCase.name)];
  for (const expected of testCase.expect) failures.push(...checkExpectation(expected, traces, effects, rule.id, input));
  const own = effects.filter(({ ruleId }) => ruleId === rule.id);
  const covered = {
    fires: own.some(({ kind }) => kind === 'opened'),
    clears: own.some(({ kind }) => kind === 'resolved'),
    starves: trace.some(({ condition }) => condition === 1),
  };
  return { name: testCase.name, failures, trace, covered };
}

const assetId = 'asset under test';

function prepare(file: RuleTestFile, testCase: TestCase, rule: Rule, ruleSet: RuleSet): Replay {
  const intervalMs = (findDurationMs(String(file.interval ?? '1m')) as number) / ruleSet.timeScale;
  const fromMs = Date.parse(file.start ?? '2026-01-05T00:00:00Z');
  const inputs = [rule, ...ruleSet.rules].flatMap((one) => one.inputs);
  const names = new Set([...Object.keys(testCase.series), ...(testCase.readings ?? []).map(({ input }) => input)]);
  const points = [...names].map((name) => pointFor(name, inputs));
  const readings: RuleReading[] = [];
  let ticks = 1;
  for (const [point, text] of Object.entries(testCase.series)) {
    const values = parseSeries(text);
    ticks = Math.max(ticks, values.length);
    values.forEach((value, index) => {
      if (value) readings.push({ point, at: fromMs + index * intervalMs, ...value });
    });
  }
  for (const { at, input, value, bad } of testCase.readings ?? []) {
    readings.push({ point: input, at: fromMs + offsetMs(at, ruleSet), value: Number(value), quality: bad ? 2 : 0 });
  }
  readings.sort((a, b) => a.at - b.at);
  const params = { ...file.params, ...testCase.params };
  const asset = { id: assetId, name: 'the asset', class: rule.assetClass, siteTimeZone: file.zone ?? 'UTC', params };
  const toMs = Math.max(fromMs + (ticks - 1) * intervalMs, ...readings.slice(-1).map(({ at }) => at));
  return { ruleSet, assets: [{ asset, points }], readings, fromMs, toMs };
}

/** A point as the input of that name wants it; `cc` also means the `cc` of a derived value. */
function pointFor(name: string, inputs: RuleInput[]): RulePoint {
  const input = inputs.find((one) => one.name === name) ?? inputs.find((one) => one.name.endsWith(`.${name}`));
  if (!input) {
    const help = suggest(
      name,
      inputs.map((one) => one.name),
    );
    throw new Error(`series: the rule has no input '${name}'${help ? `; ${help}` : ''}`);
  }
  return {
    id: name,
    class: input.classes[0] ?? null,
    of: input.of,
    unit: input.type === 'truth' ? 'bool' : (input.unit?.id ?? null),
  };
}

function unbound(input: Replay, rule: Rule): CaseResult['failures'] {
  const missing = createEvaluation(input).missing.filter((one) => one.rule === rule.id);
  if (missing.length === 0) return [];
  const reasons = missing.map(({ input: name, reason }) => `${name}: ${reason}`).join('; ');
  return [{ message: `the rule does not run on these series: ${reasons}`, at: null }];
}

function disagreements(input: Replay, effects: Effect[], name: string): CaseResult['failures'] {
  const seed = [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7);
  return (['cut', 'shuffled'] as const).flatMap((kind) => {
    const other = replay(input, { kind, random: createRandom(seed) });
    const place = other.findIndex((effect, index) => JSON.stringify(effect) !== JSON.stringify(effects[index]));
    if (place < 0 && other.length === effects.length) return [];
    const at = (effects[place] ?? other[place])?.at ?? input.fromMs;
    return [{ message: `the ${kind} run disagrees with the run in one piece`, at: at - input.fromMs }];
  });
}

function checkExpectation(
  expected: ExpectFile,
  traces: Map<string, TraceTick[]>,
  effects: Effect[],
  ruleId: string,
  input: Replay,
): CaseResult['failures'] {
  const about = expected.rule ?? ruleId;
  const own = effects.filter((effect) => effect.ruleId === about);
  const failures: CaseResult['failures'] = [];
  const counts = { insights: 'opened', episodes: 'opened reopened', work_orders: 'work-order-due' } as const;
  for (const [key, kinds] of Object.entries(counts)) {
    const wanted = expected[key as keyof typeof counts];
    const found = own.filter(({ kind }) => kinds.split(' ').includes(kind)).length;
    if (wanted !== undefined && found !== wanted)
      failures.push({
        message: `expected ${wanted} ${key}, found ${found}`,
        at: own[0] ? own[0].at - input.fromMs : null,
      });
  }
  if (expected.at === undefined) return failures;
  const at = offsetMs(expected.at, input.ruleSet);
  const tick = traces.get(about)?.find((one) => one.at === at);
  if (!tick)
    return [...failures, { message: `at: ${expected.at} is beyond the series or between two ticks`, at: null }];
  const where = `at ${expected.at}${expected.rule ? ` of ${expected.rule}` : ''}`;
  const compare = (what: string, wanted: unknown, found: unknown) => {
    if (wanted !== undefined && wanted !== found)
      failures.push({ message: `${where}: expected ${what} ${wanted}, found ${found}`, at });
  };
  compare('state', expected.state, tick.state);
  compare('suppressed_by', expected.suppressed_by, tick.bySuppressor);
  compare('stale', expected.stale, tick.isStale);
  failures.push(
    ...checkMessage(expected.message, own, at + input.fromMs).map((message) => ({
      message: `${where}: ${message}`,
      at,
    })),
  );
  return failures;
}

function checkMessage(expected: string | undefined, effects: Effect[], at: number): string[] {
  if (expected === undefined) return [];
  const opened = effects
    .filter((effect) => (effect.kind === 'opened' || effect.kind === 'reopened') && effect.at <= at)
    .at(-1);
  const found = opened && 'message' in opened ? opened.message : 'no message';
  const part = /^~\s*"?(.*?)"?$/.exec(expected)?.[1];
  const agrees = part === undefined ? found === expected : found.includes(part);
  return agrees ? [] : [`expected the message ${expected}, found "${found}"`];
}

function offsetMs(duration: string | 0, { timeScale }: RuleSet): number {
  return (findDurationMs(String(duration)) as number) / timeScale;
}
