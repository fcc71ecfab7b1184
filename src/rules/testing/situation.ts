import type { Effect } from '../kernel/effect.ts';
import type { Inspection } from '../kernel/evaluation.ts';
import type { Replay, RuleReading } from '../kernel/replay.ts';
import type { TruthFunction } from '../language/compile-expression.ts';
import { type Rule, staleAfterMsDefault } from '../language/rule.ts';
import type { Situation } from '../language/rule-file.ts';
import { isFalse, isTrue, isUnknown, type Truth } from '../language/truth.ts';
import { type Arrivals, asArrived, byTick, evenly, type TestClock, withTheOtherDouble } from './test-readings.ts';

/**
 * The ten situations that the cases of a rule should cover, and the proof that a case covers the one that it names. Most proofs are
 * by the contrary: the same case is run with the thing done wrongly (values not carried over a gap, the last reading to arrive taken
 * for the newest, no hold-off) and must then miss its own expectations. A label on a case that passes all the same shows nothing.
 */
export type Claim = {
  rule: Rule;
  clock: TestClock;
  /** The case as it runs, and its readings in the order of arrival; the last `singles` of them are listed one by one. */
  input: Replay;
  arrivals: Arrivals;
  singles: number;
  everyMs: number;
  trace: Inspection[];
  effects: Effect[];
  /** The readings of the cases of the same file that make the rule fire. */
  firing: RuleReading[][];
  /** Whether another input meets the expectations of the case. */
  meets(input: Replay): boolean;
  /** Whether the rule fires on another input. */
  fires(input: Replay): boolean;
};

/** Why a case does not show what its label says, or null when it does. */
export function refute(situation: Situation, claim: Claim): string | null {
  switch (situation) {
    case 'normal':
      return refuteNormal(claim);
    case 'fault':
      return claim.effects.some(({ kind }) => kind === 'opened') ? null : 'the rule does not fire';
    case 'boundary':
      return nudges(claim).some((nudged) => !claim.meets(nudged))
        ? null
        : 'no parameter, input or delay is so near its limit that a small step would change what is expected';
    case 'equipment off':
      return refuteOff(claim);
    case 'missing data':
      return refuteMissing(claim);
    case 'gap':
      return refuteGap(claim);
    case 'duplicate times':
      return differs(claim, withTheOtherDouble(claim.arrivals), 'whichever of two readings of one instant counts');
    case 'out of order':
      return differs(
        claim,
        asArrived(claim.arrivals, claim.singles, claim.everyMs),
        'if the last reading to arrive counted as the newest',
      );
    case 'irregular sampling':
      return differs(claim, evenly(claim.arrivals, claim.clock), 'if readings were counted instead of time');
    case 'start-up':
      return refuteStartUp(claim);
  }
}

function refuteNormal({ trace, effects }: Claim): string | null {
  if (effects.some(({ kind }) => kind === 'opened')) return 'the rule fires';
  if (trace.some(({ condition }) => condition === isTrue)) return 'the condition is true at times';
  return trace.some(({ condition }) => condition === isFalse) ? null : 'the condition is never known';
}

function differs(claim: Claim, arrivals: Arrivals, how: string): string | null {
  const isMet = claim.meets({ ...claim.input, readings: byTick(arrivals, claim.everyMs) });
  return isMet ? `the expectations are met ${how} too` : null;
}

/** The case with one limit a step further: a parameter by a twentieth, an input by a hundredth, a delay by a tick. */
function* nudges({ rule, input }: Claim): Generator<Replay> {
  for (const name of rule.params.map((one) => one.name)) {
    for (const sign of [-1, 1]) yield withParam(rule, input, name, sign);
  }
  const { forMs, clearForMs, everyMs } = rule.timing;
  for (const stepMs of [-everyMs, everyMs]) {
    yield withRule(input, rule, { timing: { ...rule.timing, forMs: Math.max(0, forMs + stepMs) } });
    yield withRule(input, rule, { timing: { ...rule.timing, clearForMs: Math.max(0, clearForMs + stepMs) } });
    if (rule.holdOff) yield withRule(input, rule, { holdOff: { ...rule.holdOff, forMs: rule.holdOff.forMs + stepMs } });
  }
  const numbers = new Set(rule.inputs.filter(({ type }) => type === 'number').map(({ name }) => nameOfPoint(name)));
  for (const point of numbers) {
    for (const factor of [0.99, 1.01])
      yield {
        ...input,
        readings: input.readings.map((one) => (one.point === point ? { ...one, value: one.value * factor } : one)),
      };
  }
}

function withParam(rule: Rule, input: Replay, name: string, sign: number): Replay {
  const param = rule.params.find((one) => one.name === name);
  const set = input.assets[0]?.asset.params?.[name] ?? param?.default ?? 0;
  const range = (param?.max ?? 0) - (param?.min ?? 0);
  const step = set === 0 ? (Number.isFinite(range) ? range / 100 : 1) : Math.abs(set) / 20;
  const params = rule.params.map((one) => ({
    ...one,
    min: Number.NEGATIVE_INFINITY,
    max: Number.POSITIVE_INFINITY,
  }));
  const assets = input.assets.map((one) => ({
    ...one,
    asset: { ...one.asset, params: { ...one.asset.params, [name]: set + sign * step } },
  }));
  return { ...withRule(input, rule, { params }), assets };
}

/** With the inputs that are off here replaced by those of a case that fires, the rule must fire: only they hold it back. */
function refuteOff({ input, arrivals, effects, everyMs, firing, fires }: Claim): string | null {
  if (effects.some(({ kind }) => kind === 'opened')) return 'the rule fires';
  const off = new Set(arrivals.filter(({ value, quality }) => value === 0 && quality === 0).map(({ point }) => point));
  if (off.size === 0) return 'no input is off (false, or 0)';
  const groups = [off, ...[...off].map((point) => new Set([point]))];
  const isHeldBack = firing.some((others) =>
    groups.some((group) => {
      const rest = arrivals.filter(({ point }) => !group.has(point));
      const on = others.filter(({ point }) => group.has(point));
      return fires({ ...input, readings: byTick([...rest, ...on], everyMs) });
    }),
  );
  return isHeldBack ? null : 'the rule would not fire either with the inputs that are off as in a case that fires';
}

function refuteMissing(claim: Claim): string | null {
  const { rule, input, arrivals, clock } = claim;
  const isMissing = pointsOf(claim).some((point) => {
    const own = arrivals.filter((one) => one.point === point);
    const last = Math.max(...own.filter((one) => isUsable(rule, one)).map(({ at }) => at));
    // A bad reading ends the value before it.
    return own.some(({ at }) => at > last) || input.toMs - last > staleAfterMsOf(rule, point, clock);
  });
  if (!isMissing) return 'every input has usable readings to the end';
  const forever = rule.inputs.map((one) => ({ ...one, staleAfterMs: Number.POSITIVE_INFINITY }));
  const taken = [takingUnknownAs(rule, isFalse), takingUnknownAs(rule, isTrue), { inputs: forever }];
  return taken.every((change) => claim.meets(withRule(input, rule, change)))
    ? 'the expectations are met too if unknown meant a fault, or none, or values were carried for ever'
    : null;
}

function refuteGap(claim: Claim): string | null {
  const { rule, input, arrivals, clock } = claim;
  const isGap = pointsOf(claim).some((point) => {
    const own = arrivals.filter((one) => one.point === point && isUsable(rule, one)).map(({ at }) => at);
    return own
      .toSorted((a, b) => a - b)
      .some((at, index, all) => index > 0 && at - (all[index - 1] as number) >= 3 * clock.intervalMs);
  });
  if (!isGap) return 'no input misses two readings or more between known ones';
  const inputs = rule.inputs.map((one) => ({ ...one, staleAfterMs: clock.intervalMs }));
  const isShown = [takingUnknownAs(rule, isFalse), { inputs }].some(
    (change) => !claim.meets(withRule(input, rule, change)),
  );
  return isShown ? null : 'the expectations are met if values were not carried, and if unknown meant no fault, too';
}

/**
 * Without the hold-off; where there is none without the delay; where there is none either, with windows that need not be full, or with
 * the unknown of a beginning taken for a fault.
 */
function refuteStartUp({ rule, input, meets }: Claim): string | null {
  const shows = (...changes: Partial<Rule>[]) => changes.some((change) => !meets(withRule(input, rule, change)));
  if (rule.holdOff) return shows({ holdOff: null }) ? null : 'the expectations are met without the hold-off too';
  if (rule.timing.forMs > 0) {
    const isShown = shows({ timing: { ...rule.timing, forMs: 0 } });
    return isShown ? null : 'the expectations are met without the delay too';
  }
  const isShown = shows({ minCover: Number.MIN_VALUE }, takingUnknownAs(rule, isTrue));
  return isShown ? null : 'the expectations are met too if the windows need not be full and unknown meant a fault';
}

function takingUnknownAs(rule: Rule, truth: Truth): Partial<Rule> {
  const settle =
    (judge: TruthFunction, unknown: Truth): TruthFunction =>
    (...seen) => {
      const found = judge(...seen);
      return found === isUnknown ? unknown : found;
    };
  return {
    when: settle(rule.when, truth),
    clear: rule.clear && settle(rule.clear, (2 - truth) as Truth),
  };
}

function withRule(input: Replay, rule: Rule, change: Partial<Rule>): Replay {
  const rules = input.ruleSet.rules.map((one) => (one.id === rule.id ? { ...one, ...change } : one));
  return { ...input, ruleSet: { ...input.ruleSet, rules } };
}

function pointsOf({ rule, input }: Claim): string[] {
  const names = new Set(rule.inputs.map(({ name }) => nameOfPoint(name)));
  return input.assets.flatMap(({ points }) => points.map(({ id }) => id)).filter((id) => names.has(id));
}

function nameOfPoint(input: string): string {
  return input.slice(input.lastIndexOf('.') + 1);
}

function isUsable(rule: Rule, { point, value, quality }: RuleReading): boolean {
  const [least, greatest] = rule.inputs.find(({ name }) => nameOfPoint(name) === point)?.valid ?? [-Infinity, Infinity];
  return quality === 0 && value >= least && value <= greatest;
}

function staleAfterMsOf(rule: Rule, point: string, { timeScale }: TestClock): number {
  const stated = rule.inputs.find(({ name }) => nameOfPoint(name) === point)?.staleAfterMs;
  return stated ?? staleAfterMsDefault / timeScale;
}
