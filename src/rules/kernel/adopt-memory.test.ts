import { expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import type { RuleSet } from '../language/rule.ts';
import { adoptMemory } from './adopt-memory.ts';
import type { RuleAsset, RulePoint } from './bind.ts';
import { createEvaluation, type Evaluation } from './evaluation.ts';
import { createRandom, type RuleReading } from './replay.ts';

const start = Date.parse('2026-01-05T00:00:00Z');
const minuteMs = 60_000;

const head = `
version: 1
title: t
applies_to: { class: brick:AHU }
severity: warning
category: fault
`;
const texts = [
  `rule: minutes
${head}
inputs:
  x: { class: brick:Sensor, stale_after: 5m }
  o: { class: brick:Outside_Air_Temperature_Sensor, from: site, stale_after: 20m }
params: { limit: { default: 5, min: 0, max: 10, help: the limit } }
let: { warm: o > 5, mean: "avg(x, '30m')", peak: "highest(x, '5m')" }
when: avg(x, '10m') > limit && highest(x, '5m') > 6 && o < 8
hold_off: { after_change_of: [warm], for: 7m }
min_cover: 0.4
message: "{{ avg(x, '10m') | 6 }} {{ avg(x, '30m') | 6 }} {{ o | 1 }}"
`,
  `rule: pairs
${head}
every: 2m
inputs: { x: { class: brick:Sensor, stale_after: 4m } }
when: stddev(x, '20m') > 2 && highest(x, '4m') > 5 && starts(x > 5, '40m') > 1
for: 2m
min_cover: 0.3
message: "{{ stddev(x, '20m') | 6 }} {{ highest(x, '4m') | 3 }}"
`,
  `rule: peaks
${head}
every: 2m
inputs: { x: { class: brick:Sensor, stale_after: 4m } }
let: { peak: "highest(x, '2m')" }
when: peak > 8
`,
];

type Part = { asset: RuleAsset; points: RulePoint[] };

function ahu(id: string, params: Record<string, number> = {}): Part {
  const asset = { id, name: id, class: 'brick:AHU', siteTimeZone: 'UTC', site: { id: 's', slug: 's' }, params };
  return { asset, points: [{ id: `${id}.x`, class: 'brick:Sensor', of: null, unit: null }] };
}

function station(id: string): Part {
  const asset = { id, name: id, class: 'brick:Weather_Station', siteTimeZone: 'UTC', site: { id: 's', slug: 's' } };
  return { asset, points: [{ id: `${id}.o`, class: 'brick:Outside_Air_Temperature_Sensor', of: null, unit: null }] };
}

/** Values from 0 to 10 at odd seconds, with gaps and bad ones, over two hours. */
function readingsOf(point: string, random: () => number): RuleReading[] {
  const found: RuleReading[] = [];
  for (let at = start; at < start + 120 * minuteMs; at += Math.floor(random() ** 3 * 8 * minuteMs) + 7_000)
    found.push({ point, at, value: Math.floor(random() * 11), quality: random() < 0.03 ? 2 : 0 });
  return found;
}

function observe(evaluation: Evaluation, readings: RuleReading[], afterMs: number, throughMs: number): void {
  for (const { point, at, value, quality } of readings) {
    if (at <= afterMs || at > throughMs) continue;
    for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
  }
}

/** An evaluation as of `tMs`, all of its memory from history, or what is fresh beside the memory of another one. */
function open(
  input: { ruleSet: RuleSet; assets: Part[]; readings: RuleReading[]; tMs: number },
  before?: { evaluation: Evaluation; stale: Set<string> },
): { evaluation: Evaluation; spans: ReadonlyMap<string, number> } {
  const { ruleSet, assets, readings, tMs } = input;
  const machines = before?.evaluation.machines() ?? [];
  const evaluation = createEvaluation({ ruleSet, assets, machines });
  const spans = adoptMemory(evaluation.layout, before?.evaluation.layout, (id) => before?.stale.has(id) ?? false);
  let lastMs = before ? tMs - Math.max(0, ...spans.values()) : start - 1;
  const read = before ? readings.filter(({ point, at }) => at > tMs - (spans.get(point) ?? 0)) : readings;
  for (let tick = Math.floor(lastMs / minuteMs + 1) * minuteMs; tick <= tMs; tick += minuteMs) {
    observe(evaluation, read, lastMs, tick);
    if (before) evaluation.warm(tick, tMs);
    else evaluation.warm(tick);
    lastMs = tick;
  }
  // What has come since the last tick waits for the next one.
  observe(evaluation, read, lastMs, tMs);
  return { evaluation, spans };
}

function run(evaluation: Evaluation, readings: RuleReading[], fromMs: number): unknown[] {
  const seen: unknown[] = [];
  let lastMs = fromMs;
  for (let tick = Math.floor(fromMs / minuteMs + 1) * minuteMs; tick <= start + 120 * minuteMs; tick += minuteMs) {
    observe(evaluation, readings, lastMs, tick);
    seen.push(...evaluation.tick(tick));
    for (const { rule, assets } of evaluation.groups) {
      if (tick % rule.timing.everyMs === 0) seen.push(...assets.map(({ id }) => evaluation.inspect(rule.id, id, tick)));
    }
    lastMs = tick;
  }
  return seen;
}

const everywhere = ['a.x', 'b.x', 'c.x', 'w.o', 'v.o'];

test('a point that is read again is read as far back as the rules beside still take its last reading', () => {
  const rule = (id: string, stale: string, more: string) =>
    `rule: ${id}\n${head}\ninputs: { x: { class: brick:Sensor, stale_after: ${stale} } }\n${more}`;
  const { rules: ruleSet, errors } = buildRuleSet([
    { file: 'slow.yaml', text: rule('slow', '24h', 'when: x > 5') },
    {
      file: 'quick.yaml',
      text: rule('quick', '2m', 'when: x > limit\nparams: { limit: { default: 1, min: 0, max: 9 } }'),
    },
  ]);
  expect(errors).toEqual([]);
  const readings = [{ point: 'a.x', at: start, value: 9, quality: 0 as const }];
  const tMs = start + 100 * minuteMs;
  const { evaluation: before } = open({ ruleSet, assets: [ahu('a')], readings, tMs });
  const changed = { ruleSet, assets: [ahu('a', { limit: 2 })], readings, tMs };
  const { evaluation, spans } = open(changed, { evaluation: before, stale: new Set() });
  expect(spans.get('a.x')).toBe(24 * 60 * minuteMs);
  expect(run(evaluation, readings, tMs)).toEqual(run(open(changed).evaluation, readings, tMs));
});

test.each<[string, Part[], string[], string[]]>([
  ['nothing has changed', [ahu('a'), ahu('b'), station('w')], [], []],
  ['assets have another order', [station('w'), ahu('b'), ahu('a')], [], []],
  ['an asset is new', [ahu('c'), ahu('a'), ahu('b'), station('w')], [], ['c.x', 'w.o']],
  ['an asset is gone', [ahu('b'), station('w')], [], []],
  ['a parameter has changed', [ahu('a'), ahu('b', { limit: 3 }), station('w')], [], ['b.x', 'w.o']],
  ['readings of one asset came late', [ahu('a'), ahu('b'), station('w')], ['a'], ['a.x', 'w.o']],
  ['the station is another one', [ahu('a'), ahu('b'), station('v')], [], ['a.x', 'b.x', 'v.o']],
])('%s: what is adopted and what is read again make the memory that all history makes', (_what, assets, late, read) => {
  const { rules: ruleSet, errors } = buildRuleSet(texts.map((text, i) => ({ file: `${i}.yaml`, text })));
  expect(errors).toEqual([]);
  let events = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const random = createRandom(seed);
    const readings = everywhere.flatMap((point) => readingsOf(point, random)).sort((one, other) => one.at - other.at);
    const tMs = start + (60 + Math.floor(random() * 7)) * minuteMs + (seed % 3) * 20_000;
    const isLate = ({ point, at }: RuleReading) => late.some((id) => point.startsWith(id)) && at <= tMs && at % 3 === 0;
    const known = readings.filter((one) => !isLate(one));
    const { evaluation: before } = open({ ruleSet, assets: [ahu('a'), ahu('b'), station('w')], readings: known, tMs });
    const stale = new Set(late);
    const adopted = open({ ruleSet, assets, readings, tMs }, { evaluation: before, stale });
    const whole = open({ ruleSet, assets, readings, tMs });
    expect([...adopted.spans.keys()].sort()).toEqual([...read].sort());
    const found = run(adopted.evaluation, readings, tMs);
    expect(found).toEqual(run(whole.evaluation, readings, tMs));
    events += found.length;
  }
  expect(events).toBeGreaterThan(100);
});
