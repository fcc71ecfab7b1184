import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Effect } from './effect.ts';
import { createEvaluation, type StoredMachine } from './evaluation.ts';
import { buildRuleSet } from './load-rules.ts';
import { createRandom, type Replay, type RuleReading, replay } from './replay.ts';

/**
 * The invariant: a live run, however its batches are cut, its readings shuffled and doubled, its process restarted with nothing
 * but the stored machines and the run-up from history, has the effects of one back-test over the same readings.
 */
const whens = [
  'x > 15',
  'f && x > 15',
  "avg(x, '3m') > 15",
  "lowest(x, '3m') > 14 && highest(x, '2m') < 20",
  "starts(f, '5m') >= 2",
  "held(x > 15, '3m')",
  "delta(x, '2m') > 0 || rate(x, '4m') > 30",
  "ago(x, '3m') > 15 && x > 14",
  "ago(x, '12m') > 15 && x > 14",
  "avg(x, '15m') > 15",
  "duty(f, '4m') > 0.4",
  "changes(x, '4m') > 2",
  'known(y) ? x > y : x > 15',
  "stddev(x, '3m') > 1",
  'mode == 2 && x > 14',
];

const ruleShape = fc.record({
  when: fc.constantFrom(...whens),
  clear: fc.constantFrom('', 'x < 14', "avg(x, '2m') < 14.5"),
  every: fc.constantFrom(1, 2),
  forTicks: fc.nat(3),
  clearTicks: fc.nat(2),
  gapTicks: fc.integer({ min: 1, max: 4 }),
  stale: fc.constantFrom('1m', '2m', '5m'),
  holdTicks: fc.integer({ min: 1, max: 6 }),
  holdOff: fc.constantFrom('', '[f]', '[hot]', '[mode]'),
  reopen: fc.constantFrom('6m', '24h'),
  active: fc.constantFrom('', '{ from: "00:05", to: "00:25" }'),
  workOrderAfter: fc.constantFrom('0', '2m', '4m'),
});

const reading = fc.record({
  point: fc.constantFrom('a.x', 'a.x', 'a.x', 'a.f', 'a.y', 'b.x', 'b.x', 'b.f'),
  minute: fc.nat(44),
  part: fc.constantFrom(0, 0, 0, 1 / 60_000, 0.5, 59_999 / 60_000),
  value: fc.constantFrom(13, 13.9, 14, 14.1, 15, 15.1, 16, 20, 0, 1),
  quality: fc.constantFrom(0, 0, 0, 0, 0, 1, 2),
});

const plant = fc.record({
  root: ruleShape,
  symptom: ruleShape,
  timeScale: fc.constantFrom(1, 60),
  readings: fc.array(reading, { minLength: 20, maxLength: 220 }),
  seed: fc.nat(),
});

test('a live run has the effects of one back-test over the same readings', () => {
  fc.assert(
    fc.property(plant, ({ root, symptom, timeScale, readings, seed }) => {
      const input = prepare(root, symptom, timeScale, readings);
      const wanted = replay(input);
      expect(live(input, createRandom(seed))).toEqual(wanted);
      expect(replay(input, { kind: 'cut', random: createRandom(seed) })).toEqual(wanted);
      expect(replay(input, { kind: 'shuffled', random: createRandom(seed) })).toEqual(wanted);
    }),
    { numRuns: 400 },
  );
}, 60_000);

test('the plants of the invariant open, reopen, resolve, suppress, go stale and ask for work orders', () => {
  const seen = new Set<string>();
  for (const { root, symptom, timeScale, readings } of fc.sample(plant, { numRuns: 300, seed: 1 })) {
    for (const effect of replay(prepare(root, symptom, timeScale, readings))) {
      seen.add(effect.kind);
      if (effect.kind === 'flagged' && effect.suppressedBy !== null) seen.add('suppressed');
      if (effect.kind === 'flagged' && effect.flapping) seen.add('flapping');
    }
  }
  const wanted = 'pending pending-cleared opened reopened resolved flagged suppressed work-order-due'.split(' ');
  expect(wanted.filter((kind) => !seen.has(kind))).toEqual([]);
});

/** Random batches of ticks; readings of a whole batch at once, shuffled and doubled; now and then only the stored machines survive. */
function live(input: Replay, random: () => number): Effect[] {
  const effects: Effect[] = [];
  const stored = new Map<string, StoredMachine>();
  let evaluation = createEvaluation(input);
  const { everyMs } = evaluation;
  let next = 0;
  for (let tMs = input.fromMs; tMs <= input.toMs; ) {
    const endMs = Math.min(input.toMs, tMs + Math.floor(random() * 5) * everyMs);
    const batch: RuleReading[] = [];
    while (next < input.readings.length && (input.readings[next] as RuleReading).at <= endMs)
      batch.push(input.readings[next++] as RuleReading);
    batch.push(...batch.filter(() => random() < 0.2));
    batch.sort(() => random() - 0.5);
    observe(evaluation, batch);
    for (; tMs <= endMs; tMs += everyMs) effects.push(...evaluation.tick(tMs));
    for (const machine of evaluation.changedMachines()) stored.set(`${machine.ruleId} ${machine.assetId}`, machine);
    if (random() < 0.3) {
      evaluation = createEvaluation({ ...input, machines: JSON.parse(JSON.stringify([...stored.values()])) });
      warm(evaluation, input, tMs - everyMs, everyMs);
    }
  }
  return effects;
}

/** The run-up sees the readings of the last `warmupMs` and none before. */
function warm(evaluation: ReturnType<typeof createEvaluation>, input: Replay, toMs: number, everyMs: number): void {
  const fromMs = toMs - evaluation.warmupMs;
  observe(
    evaluation,
    input.readings.filter(({ at }) => at > fromMs && at <= toMs),
  );
  for (let tMs = Math.ceil(fromMs / everyMs) * everyMs; tMs <= toMs; tMs += everyMs) evaluation.warm(tMs);
}

function observe(evaluation: ReturnType<typeof createEvaluation>, readings: RuleReading[]): void {
  for (const { point, at, value, quality } of readings) {
    for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
  }
}

type Shape = typeof ruleShape extends fc.Arbitrary<infer T> ? T : never;

function prepare(
  root: Shape,
  symptom: Shape,
  timeScale: number,
  readings: { point: string; minute: number; part: number; value: number; quality: number }[],
): Replay {
  const texts = [
    { file: 'root.yaml', text: ruleText('root', root, '') },
    { file: 'symptom.yaml', text: ruleText('symptom', symptom, 'suppressed_by: [root]') },
    { file: 'derived.yaml', text: derivedText },
  ];
  const { rules: ruleSet, errors } = buildRuleSet(texts, { timeScale });
  expect(errors).toEqual([]);
  const minuteMs = 60_000 / timeScale;
  const fromMs = Date.parse('2026-01-05T00:00:00Z');
  const unique = new Map<string, RuleReading>();
  for (const { point, minute, part, value, quality } of readings) {
    const at = fromMs + Math.round((minute + part) * minuteMs);
    unique.set(`${point} ${at}`, { point, at, value, quality: quality as 0 | 1 | 2 });
  }
  return {
    ruleSet,
    assets: [asset('a', []), asset('b', ['a'])],
    readings: [...unique.values()].sort((one, other) => one.at - other.at),
    fromMs,
    toMs: fromMs + 44 * minuteMs,
  };
}

const derivedText = `
derived: working_mode
title: Mode
applies_to: { class: brick:AHU }
inputs:
  f: { class: brick:Fan_On_Off_Status, unit: bool, stale_after: 3m }
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: 2m }
value: "f ? (x > 15 ? 2.0 : 1.0) : 0.0"
`;

function ruleText(id: string, shape: Shape, more: string): string {
  const {
    when,
    clear,
    every,
    forTicks,
    clearTicks,
    gapTicks,
    stale,
    holdTicks,
    holdOff,
    reopen,
    active,
    workOrderAfter,
  } = shape;
  // Windows are of odd minutes too, so rules that look back are evaluated every minute.
  const minutes = when.includes("'") || clear.includes("'") ? 1 : every;
  const hold = holdOff && `hold_off: { after_change_of: ${holdOff}, for: ${holdTicks * minutes}m }`;
  return `
rule: ${id}
version: 1
title: ${id}
applies_to: { class: brick:AHU }
every: ${minutes}m
inputs:
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: ${stale}, valid: [5, 50] }
  f: { class: brick:Fan_On_Off_Status, unit: bool, stale_after: ${stale}, optional: true, default: true }
  y: { class: brick:Supply_Air_Temperature_Setpoint, unit: degC, stale_after: 3m, optional: true }
  mode: { derived: working_mode }
let: { hot: x > 15 }
when: "${when}"
for: ${forTicks * minutes}m
${clear && `clear: "${clear}"`}
clear_for: ${clearTicks * minutes}m
min_cover: 0.3
max_gap: ${gapTicks * minutes}m
no_data_after: 3m
reopen_within: ${reopen}
${hold}
${active && `active: ${active}`}
severity: warning
category: fault
work_order: { after: ${workOrderAfter} }
${more}
`;
}

function asset(id: string, upstream: string[]): Replay['assets'][number] {
  const point = (name: string, className: string, unit: string) => ({
    id: `${id}.${name}`,
    class: className,
    of: null,
    unit,
  });
  const points = [
    point('x', 'brick:Supply_Air_Temperature_Sensor', 'degC'),
    point('f', 'brick:Fan_On_Off_Status', 'bool'),
  ];
  if (id === 'a') points.push(point('y', 'brick:Supply_Air_Temperature_Setpoint', 'degC'));
  return { asset: { id, name: id, class: 'brick:AHU', siteTimeZone: 'UTC', upstream }, points };
}
