import fc from 'fast-check';
import type { Replay, RuleReading } from '../../src/rules/kernel/replay.ts';
import { buildRuleSet } from '../../src/rules/language/load-rules.ts';
import type { Override } from '../../src/rules/language/override.ts';
import { type Condition, conditions, type RuleShape } from './plain-conditions.ts';

/**
 * Random plants for property tests: three air handlers, each feeding the next, three rules of which the first two suppress the
 * third, and readings on both sides of every limit, with gaps, bad values, and times on, before and between the ticks.
 */
export type Plant = Replay & { overrides: Override[]; shapes: Record<string, RuleShape> };

/** A midnight, and two hours in which the clocks are changed. */
const starts = [
  { at: '2026-01-05T00:00:00Z', zone: 'UTC' },
  { at: '2026-03-29T00:30:00Z', zone: 'Europe/Berlin' },
  { at: '2026-10-25T00:30:00Z', zone: 'Europe/Berlin' },
];
const ticksMax = 70;
export const assetIds = ['a', 'b', 'c'];
export const ruleIds = ['root', 'middle', 'symptom'];

const ruleShape: fc.Arbitrary<RuleShape> = fc.record({
  when: fc.constantFrom(...conditions.filter(({ isWhen }) => isWhen)),
  clear: fc.option(fc.constantFrom(...conditions.filter(({ isWhen }) => !isWhen)), { nil: null }),
  every: fc.constantFrom(1, 2),
  forTicks: fc.constantFrom(0, 0, 1, 2, 3),
  clearTicks: fc.constantFrom(0, 0, 1, 2),
  gapTicks: fc.integer({ min: 1, max: 4 }),
  staleMinutes: fc.constantFrom(1, 2, 5),
  holdTicks: fc.constantFrom(1, 2, 3, 6),
  holdOff: fc.constantFrom(null, null, 'f', 'hot', 'mode'),
  reopenMinutes: fc.constantFrom(0, 6, 1440),
  active: fc.constantFrom(
    null,
    null,
    null,
    { from: 5, to: 25 },
    { from: 30, to: 10 },
    { from: 110, to: 185 },
    { from: 150, to: 175 },
  ),
  workOrderMinutes: fc.constantFrom(null, 0, 2, 4),
  coverPercent: fc.constantFrom(30, 50, 80, 100),
  isShadow: fc.constantFrom(false, false, false, true),
  noDataMinutes: fc.constantFrom(3, 5),
});

const reading = fc.record({
  point: fc.constantFrom('a.x', 'a.x', 'a.x', 'a.f', 'a.y', 'b.x', 'b.x', 'b.f', 'c.x', 'c.f', 'c.z', 'd.z'),
  minute: fc.nat(ticksMax),
  part: fc.constantFrom(0, 0, 0, 1 / 60_000, 0.5, 59_999 / 60_000),
  value: fc.constantFrom(13, 13.875, 14, 14.125, 15, 15.125, 16, 20, 0, 1, 50, 51),
  quality: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
});

/** Runs of one value, so that waits are met; single readings besides. */
const run = fc.record({
  point: fc.constantFrom('a.x', 'b.x', 'c.x', 'a.f', 'b.f', 'd.z'),
  minute: fc.nat(ticksMax),
  count: fc.integer({ min: 2, max: 14 }),
  value: fc.constantFrom(13, 14, 15, 15.125, 16, 20, 0, 1),
});

/** To and fro, so that faults come and go. */
const wave = fc.record({
  point: fc.constantFrom('a.x', 'b.x', 'c.x', 'a.f'),
  minute: fc.nat(ticksMax),
  halves: fc.integer({ min: 4, max: 12 }),
  minutes: fc.integer({ min: 1, max: 4 }),
});

const override = fc.record({
  rule: fc.constantFrom('*', ...ruleIds),
  asset: fc.constantFrom(null, ...assetIds),
  limit: fc.constantFrom(null, 14, 15.5),
  enabled: fc.constantFrom<Override['enabled']>(null, null, false, 'shadow', 'paused', true),
  since: fc.nat(ticksMax),
  length: fc.option(fc.integer({ min: 1, max: 30 }), { nil: null }),
});

/** Points that are expected to report every so often, from some time on; z is read by no rule. */
const expectation = fc.record({
  point: fc.constantFrom('a.x', 'a.f', 'a.y', 'b.x', 'c.f', 'c.z', 'd.z'),
  minutes: fc.constantFrom(0.25, 1, 2, 5),
  since: fc.integer({ min: -20, max: ticksMax / 2 }),
});

/** Everything random about a plant. */
export const plants = fc.record({
  root: ruleShape,
  middle: ruleShape,
  symptom: ruleShape,
  start: fc.constantFrom(...starts),
  timeScale: fc.constantFrom(1, 1, 60),
  readings: fc.array(reading, { minLength: 10, maxLength: 150 }),
  runs: fc.array(run, { maxLength: 20 }),
  waves: fc.array(wave, { maxLength: 4 }),
  overrides: fc.array(override, { maxLength: 2 }),
  expectations: fc.uniqueArray(expectation, { maxLength: 4, selector: ({ point }) => point }),
  seed: fc.nat(),
});
export type RandomPlant = typeof plants extends fc.Arbitrary<infer T> ? T : never;

/** The plant as the kernel takes it. One point may have several readings of one instant. */
export function toPlant({
  root,
  middle,
  symptom,
  start,
  timeScale,
  readings,
  runs,
  waves,
  overrides,
  expectations,
}: RandomPlant): Plant {
  const shapes = { root, middle, symptom };
  const texts = [
    { file: 'symptom.yaml', text: ruleText('symptom', symptom, 'suppressed_by: [middle, root]') },
    { file: 'middle.yaml', text: ruleText('middle', middle, 'suppressed_by: [root]') },
    { file: 'root.yaml', text: ruleText('root', root, '') },
    { file: 'mode.yaml', text: modeText },
    { file: 'smooth.yaml', text: smoothText },
  ];
  const { rules: ruleSet, errors } = buildRuleSet(texts, { timeScale });
  if (errors.length > 0) throw new Error(errors.map(({ file, message }) => `${file}: ${message}`).join('; '));
  const startMs = Date.parse(start.at);
  const minuteMs = 60_000 / timeScale;
  const unique = new Map<string, RuleReading>();
  const expectedOf = (id: string) => {
    const one = expectations.find(({ point }) => point === id);
    return one && { expectedIntervalMs: one.minutes * minuteMs, expectedSinceMs: startMs + one.since * minuteMs };
  };
  const add = (point: string, at: number, value: number, quality: number) =>
    unique.set(`${point} ${at} ${value} ${quality}`, { point, at, value, quality: quality as 0 | 1 | 2 });
  for (const { point, minute, count, value } of runs) {
    for (let i = 0; i < count && minute + i <= ticksMax; i++) add(point, startMs + (minute + i) * minuteMs, value, 0);
  }
  for (const { point, minute, halves, minutes } of waves) {
    for (let i = 0; i < halves * minutes && minute + i <= ticksMax; i++) {
      const isHigh = Math.floor(i / minutes) % 2 === 0;
      add(point, startMs + (minute + i) * minuteMs, isHigh ? 16 : point.endsWith('f') ? 0 : 13, 0);
    }
  }
  for (const { point, minute, part, value, quality } of readings)
    add(point, startMs + Math.round((minute + part) * minuteMs), value, quality);
  return {
    ruleSet,
    assets: [
      ...assetIds.map((id, index) => asset(id, start.zone, assetIds.slice(Math.max(0, index - 1), index))),
      apart(start.zone),
    ].map((one) => ({ ...one, points: one.points.map((point) => ({ ...point, ...expectedOf(point.id) })) })),
    isWatching: true,
    readings: [...unique.values()].sort((one, other) => one.at - other.at),
    overrides: overrides.map((one, index) => overrideOf(one, index, startMs, minuteMs)),
    fromMs: startMs,
    toMs: startMs + ticksMax * minuteMs,
    shapes,
  };
}

/** An asset on which no rule runs. */
function apart(siteTimeZone: string): Replay['assets'][number] {
  const point = { id: 'd.z', class: null, of: null, unit: null };
  return { asset: { id: 'd', name: 'd', class: '', siteTimeZone }, points: [point] };
}

function overrideOf(one: RandomPlant['overrides'][number], index: number, startMs: number, minuteMs: number): Override {
  const { rule, asset: name, limit, enabled, since, length } = one;
  const sinceMs = startMs + since * minuteMs;
  return {
    id: String(index),
    rule,
    site: null,
    asset: name,
    tag: null,
    params: limit === null ? {} : { limit },
    severity: null,
    enabled,
    sinceMs,
    untilMs: length === null ? null : sinceMs + length * minuteMs,
    reason: 'a trial',
    author: 'somebody',
  };
}

const modeText = `
derived: working_mode
title: Mode
applies_to: { class: brick:AHU }
inputs:
  f: { class: brick:Fan_On_Off_Status, unit: bool, stale_after: 3m }
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: 2m }
value: "f ? (x > 15 ? 2.0 : 1.0) : 0.0"
`;

const smoothText = `
derived: smooth_air
title: Mean air
applies_to: { class: brick:AHU }
inputs: { x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: 2m } }
unit: degC
value: "avg(x, '3m')"
`;

function ruleText(id: string, shape: RuleShape, more: string): string {
  const minutes = everyMinutes(shape);
  const span = (ticks: number) => `${ticks * minutes}m`;
  const clock = (minute: number) =>
    [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
  const { clear, active, holdOff, workOrderMinutes } = shape;
  return `
rule: ${id}
version: 1
title: ${id}
applies_to: { class: brick:AHU }
enabled: ${shape.isShadow ? 'shadow' : 'true'}
every: ${minutes}m
inputs:
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: ${shape.staleMinutes}m, valid: [5, 50] }
  f: { class: brick:Fan_On_Off_Status, unit: bool, stale_after: ${shape.staleMinutes}m, optional: true, default: true }
  y: { class: brick:Supply_Air_Temperature_Setpoint, unit: degC, stale_after: 3m, optional: true }
  mode: { derived: working_mode }
  ${minutes === 1 ? 'smooth: { derived: smooth_air, unit: degC }' : ''}
  up: { class: brick:Supply_Air_Temperature_Sensor, from: upstream, unit: degC, stale_after: ${shape.staleMinutes}m, optional: true }
params: { limit: { default: 15, unit: degC, min: 10, max: 20 } }
let: { hot: x > limit }
when: "${shape.when.text}"
for: ${span(shape.forTicks)}
${clear === null ? '' : `clear: "${clear.text}"`}
clear_for: ${span(shape.clearTicks)}
min_cover: ${shape.coverPercent / 100}
max_gap: ${span(shape.gapTicks)}
no_data_after: ${shape.noDataMinutes * minutes}m
reopen_within: ${shape.reopenMinutes}m
${holdOff === null ? '' : `hold_off: { after_change_of: [${holdOff}], for: ${span(shape.holdTicks)} }`}
${active === null ? '' : `active: { from: "${clock(active.from)}", to: "${clock(active.to)}" }`}
severity: warning
category: fault
${workOrderMinutes === null ? '' : `work_order: { after: ${workOrderMinutes}m }`}
${more}
`;
}

/** Windows are of odd minutes too, so rules that look back are evaluated every minute. */
export function everyMinutes({ when, clear, every }: RuleShape): number {
  return [when, clear].some((condition: Condition | null) => /'|smooth/.test(condition?.text ?? '')) ? 1 : every;
}

function asset(id: string, zone: string, upstream: string[]): Replay['assets'][number] {
  const point = (name: string, className: string, unit: string) => ({
    id: `${id}.${name}`,
    class: className,
    of: null,
    unit,
  });
  const points = [point('x', 'brick:Supply_Air_Temperature_Sensor', 'degC')];
  points.push(point('f', 'brick:Fan_On_Off_Status', 'bool'));
  if (id === 'a') points.push(point('y', 'brick:Supply_Air_Temperature_Setpoint', 'degC'));
  if (id === 'c') points.push(point('z', 'brick:Occupancy_Count_Sensor', 'percent'));
  return { asset: { id, name: id, class: 'brick:AHU', siteTimeZone: zone, upstream }, points };
}
