/** Random plants for tests: two linked air handlers and one apart, with two rules, derived values, overrides and faulty readings. */
import fc from 'fast-check';
import type { PointColumn } from '../../telemetry/point-column.ts';
import { buildRuleSet } from '../language/load-rules.ts';
import type { Override } from '../language/override.ts';
import type { RulePoint } from './bind.ts';
import type { Replay, RuleReading } from './replay.ts';

export const minuteMs = 60_000;
export const startMs = Date.parse('2026-01-05T00:00:00Z');
const minutes = 60;

const conditions = [
  'x > 15',
  'f && x > 15',
  "avg(x, '3m') > 15 || avg(x, '7m') > 15.2",
  "lowest(x, '3m') > 14 && highest(x, '2m') < 20",
  "starts(f, '6m') >= 2 || changes(x, '4m') > 2",
  "held(x > 15, '3m') && duty(f, '4m') > 0.4",
  "delta(x, '2m') > 0 || rate(x, '4m') > 30 || ago(x, '12m') > 15",
  "stddev(x, '3m') > 1 && known(y)",
  'mode == 2.0 && x + limit > 14',
  'x - limit >= 14',
  'x - limit >= 13 && f',
  "smooth > 14.5 && avg(mode, '4m') >= 1.0",
  "avg(smooth, '4m') > 14.5 || highest(z, '3m') > 30",
];

/** Of an input and of an expression: the first is shared among rules, the second each row's own. */
export const longWindows =
  "avg(x, '3h') + stddev(x, '200m') > 16.36 && duty(x > 15.5, '3h') > 0.4 || changes(x > 15, '150m') > 70";

/** A rule that is nothing but its condition. */
export const plainShape: Omit<Plant['root'], 'when'> = {
  clear: '',
  every: 1,
  forTicks: 0,
  clearTicks: 0,
  stale: '2m',
  holdOff: '',
  holdTicks: 1,
  active: '',
};

const ruleShape = fc.record({
  when: fc.constantFrom(...conditions),
  clear: fc.constantFrom('', 'x < 14', "avg(x, '2m') < 14.5"),
  every: fc.constantFrom(1, 1, 2, 3),
  forTicks: fc.nat(3),
  clearTicks: fc.nat(2),
  stale: fc.constantFrom('1m', '2m', '5m'),
  holdOff: fc.constantFrom('', '[f]', '[mode]', '[f, hot]'),
  holdTicks: fc.integer({ min: 1, max: 6 }),
  active: fc.constantFrom('', '{ from: "00:05", to: "00:45" }'),
});

const override = fc.record({
  rule: fc.constantFrom('*', 'root', 'symptom'),
  asset: fc.constantFrom(null, 'a', 'b'),
  params: fc.constantFrom<Record<string, number>>({}, { limit: 0 }, { limit: 2 }, { warm: 13.5 }, { warm: 16 }),
  enabled: fc.constantFrom<Override['enabled']>(null, false, 'shadow', 'paused'),
  since: fc.oneof(fc.nat(minutes), fc.constant(-1e6)),
  length: fc.constantFrom(1, 7, 20, 40, null),
});

const reading = fc.record({
  point: fc.constantFrom('a.x', 'a.x', 'a.x', 'a.f', 'a.y', 'a.z', 'b.x', 'b.x', 'b.f', 'c.x', 'c.x', 'c.f', 'c.w'),
  minute: fc.integer({ min: -10, max: minutes }),
  part: fc.constantFrom(0, 0, 0, 1 / 60_000, 0.3, 0.5, 59_999 / 60_000),
  value: fc.constantFrom(13, 13.9, 14, 14.1, 15, 15.1, 16, 20, 0, 1, 5, 50, 31.25, Number.NaN),
  quality: fc.constantFrom(0, 0, 0, 0, 0, 1, 2),
});

/** Points that are expected to report every so often, from some time on; c.w is read by no rule. */
const expectation = fc.record({
  point: fc.constantFrom('a.x', 'a.y', 'b.f', 'c.f', 'c.w'),
  minutes: fc.constantFrom(0.25, 1, 3),
  since: fc.integer({ min: -15, max: 30 }),
});

/** See `prepare`. */
export const plant = fc.record({
  root: ruleShape,
  symptom: ruleShape,
  overrides: fc.array(override, { maxLength: 2 }),
  readings: fc.array(reading, { minLength: 30, maxLength: 300 }),
  expectations: fc.uniqueArray(expectation, { maxLength: 3, selector: ({ point }) => point }),
  seed: fc.nat(),
});
export type Plant = typeof plant extends fc.Arbitrary<infer T> ? T : never;

/** A plant as it is replayed, and its readings as columns. */
export function prepare({ root, symptom, overrides, readings, expectations }: Plant): {
  input: Replay & { overrides: Override[] };
  columns: Map<string, PointColumn>;
} {
  const { rules: ruleSet, errors } = buildRuleSet([
    { file: 'root.yaml', text: ruleText('root', root, '') },
    { file: 'symptom.yaml', text: ruleText('symptom', symptom, 'suppressed_by: [root]') },
    { file: 'mode.yaml', text: derivedText('working_mode', 'f ? (x > warm ? 2.0 : 1.0) : 0.0') },
    { file: 'smooth.yaml', text: derivedText('smooth', "avg(x, '3m') + (f ? 0.5 : 0.0)") },
  ]);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const unique = new Map<string, RuleReading>();
  for (const { point, minute, part, value, quality } of readings) {
    const at = startMs + Math.round((minute + part) * minuteMs);
    unique.set(`${point} ${at}`, { point, at, value, quality: quality as 0 | 1 | 2 });
  }
  const sorted = [...unique.values()].sort((one, other) => one.at - other.at);
  const columns = new Map(
    [...Map.groupBy(sorted, ({ point }) => point)].map(([point, rows]) => [
      point,
      {
        times: Float64Array.from(rows, ({ at }) => at),
        values: Float64Array.from(rows, ({ value, quality }) => (quality === 0 ? value : Number.NaN)),
      },
    ]),
  );
  const expectedOf = (id: string) => {
    const one = expectations.find(({ point }) => point === id);
    return one && { expectedIntervalMs: one.minutes * minuteMs, expectedSinceMs: startMs + one.since * minuteMs };
  };
  const input = {
    ruleSet,
    // c is of another family than a and b, and lies between them.
    assets: [asset('a', []), asset('c', []), asset('b', ['a'])].map((one) => ({
      ...one,
      points: one.points.map((point) => ({ ...point, ...expectedOf(point.id) })),
    })),
    isWatching: true,
    overrides: overrides.map(toOverride),
    readings: sorted,
    fromMs: startMs,
    toMs: startMs + minutes * minuteMs,
  };
  return { input, columns };
}

function toOverride(
  { rule, asset: on, params, enabled, since, length }: Plant['overrides'][number],
  order: number,
): Override {
  const sinceMs = startMs + since * minuteMs;
  return {
    id: String(order),
    rule,
    site: null,
    asset: on,
    tag: null,
    params,
    severity: null,
    enabled,
    sinceMs,
    untilMs: length === null ? null : sinceMs + length * minuteMs,
    reason: 'a test',
    author: 'a test',
  };
}

/** A derived value of the fan and the supply air. */
export function derivedText(name: string, value: string): string {
  return `
derived: ${name}
title: ${name}
applies_to: { class: brick:AHU }
inputs:
  f: { class: brick:Fan_On_Off_Status, unit: bool, stale_after: 3m }
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: 2m }
params: { warm: { default: 15, unit: degC, min: 0, max: 30, help: a limit } }
value: "${value}"
`;
}

/** A rule of a shape. */
export function ruleText(id: string, shape: Plant['root'], more: string): string {
  const { when, clear, every, forTicks, clearTicks, stale, holdOff, holdTicks, active } = shape;
  // Windows are of odd minutes too, and so is the derived one, so rules that look back are evaluated every minute.
  const step = /'|smooth/.test(`${when}${clear}`) || holdOff.includes('hot') ? 1 : every;
  return `
rule: ${id}
version: 1
title: ${id}
applies_to: { class: brick:AHU }
every: ${step}m
inputs:
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: ${stale}, valid: [5, 50] }
  f: { class: brick:Fan_On_Off_Status, unit: bool, stale_after: ${stale}, optional: true, default: true }
  y: { class: brick:Supply_Air_Temperature_Setpoint, unit: degC, stale_after: 3m, optional: true }
  z: { class: brick:Outside_Air_Temperature_Sensor, unit: degF, optional: true, default: 12 }
  mode: { derived: working_mode }
${step === 1 ? '  smooth: { derived: smooth }' : ''}
params: { limit: { default: 1, unit: delta_degC, min: 0, max: 5, help: a limit } }
let: { hot: x > 15 }
when: "${when}"
for: ${forTicks * step}m
${clear && `clear: "${clear}"`}
clear_for: ${clearTicks * step}m
min_cover: 0.3
max_gap: ${2 * step}m
no_data_after: ${3 * step}m
reopen_within: 12m
${holdOff && `hold_off: { after_change_of: ${holdOff}, for: ${holdTicks * step}m }`}
${active && `active: ${active}`}
severity: warning
category: fault
work_order: { after: ${2 * step}m }
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
  const points: RulePoint[] = [
    point('x', 'brick:Supply_Air_Temperature_Sensor', 'degC'),
    point('f', 'brick:Fan_On_Off_Status', 'bool'),
  ];
  if (id === 'a') {
    points.push(point('y', 'brick:Supply_Air_Temperature_Setpoint', 'degC'));
    points.push(point('z', 'brick:Outside_Air_Temperature_Sensor', 'degC'));
  }
  if (id === 'c') points.push({ id: `${id}.w`, class: null, of: null, unit: null });
  return { asset: { id, name: id, class: 'brick:AHU', siteTimeZone: 'UTC', upstream }, points };
}
