import { describe, expect, test } from 'vitest';
import { found, head, inputs, tail } from '../../../tests/support/bad-rule.ts';

/**
 * Files full of mistakes. Each case is a whole file; what is found is compared with every place that a person would point at, so
 * that no mistake hides another one and none is told twice.
 */

describe('a file with many mistakes has each of them told, at its line and column', () => {
  test('eight of eight kinds', () => {
    const text = `${head}inputs:
  sat: { class: brick:Suply_Air_Temperature_Sensor, unit: degCC }
  fan: { class: brick:Fan_On_Off_Status, unit: bool, stal_after: 1h }
every: 1m
when: sat > 15 and fan
for: 90s
clear: sat < limt
hold_off: { after_change_of: [fann], for: 5m }
suppressed_by: [nobody]
severity: warnin
category: fault
`;
    expect(found(text)).toEqual([
      '6:17 unknown_class',
      '6:59 unknown_unit',
      '7:54 unknown_key',
      '9:16 unexpected_character',
      '10:6 not_a_multiple',
      '11:14 unknown_variable',
      '12:31 unknown_variable',
      '13:17 unknown_rule',
      '14:11 invalid_value',
    ]);
  });

  test('of syntax, with others between and behind them', () => {
    const text = `${head}${inputs}params:
\tlimit: { default: 5, unit: degC }
when: !fan && sat > limit
for: 5m
for: 90s
message: "at {{ satt }}
clear: fan ? sat : 2
max_gap: 90s
causes: [one, two
actions: [one]
cost: *sat
min_cover 0.5
tags: @home
clear_for: 45s
${tail}`;
    expect(found(text)).toEqual([
      '12:1 tab_as_indent',
      '13:7 yaml_tag',
      '15:1 duplicate_key',
      '16:10 missing_char',
      '17:8 block_as_implicit_key',
      '18:10 not_a_multiple',
      '19:9 bad_indent',
      '21:7 yaml_alias',
      '22:1 multiline_implicit_key',
      '23:7 bad_scalar_start',
      '24:12 not_a_multiple',
    ]);
  });

  test('of indentation', () => {
    const text = `${head}inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }
\toat: { class: brick:Outside_Air_Temperature_Sensor, unit: degX }
when: sat > oat
max_gap: 90s
  min_cover: 3
${tail}`;
    expect(found(text)).toEqual([
      '7:1 tab_as_indent',
      '7:60 unknown_unit',
      '9:10 not_a_multiple',
      '10:3 too_deep',
      '10:14 invalid_value',
    ]);
  });

  test('in expressions, several in one', () => {
    const text = `${head}${inputs}let:
  a: sat + sat > foo
  b: avgg(sat, '5m') + bar
  c: avg(fan, '5m') > avg(sat, '90s')
  d: max(sat) > min(sat, 1, 2, 3, 4)
  e: a && b > 1.0
when: sat and cc > 5 or part = cc
clear: a && !fan && 1/2 > 0.4 && cc > part && nothing
cost: fan
${tail}`;
    expect(found(text)).toEqual(
      [
        '12:6 unit_mismatch',
        '12:18 unknown_variable',
        '13:6 unknown_function',
        '13:24 unknown_variable',
        '14:6 no_matching_overload',
        '14:32 not_a_multiple',
        '15:6 no_matching_overload',
        '15:17 no_matching_overload',
        '17:11 unexpected_character',
        '17:22 unexpected_character',
        '17:30 unexpected_character',
        '17:25 unit_mismatch',
        '18:21 integer_division',
        '18:34 unit_mismatch',
        '18:47 unknown_variable',
        '19:7 not_a_number',
      ].sort(byPlace),
    );
  });

  test('in names, shapes and numbers', () => {
    const text = `${head}enabled: maybe
every: 0
inputs:
  avg: { class: brick:Supply_Air_Temperature_Sensor }
  sat: { unit: degC, valid: [40, 0] }
  2x: { class: brick:Air_Temperature_Sensor }
  oat: { class: Outside_Air_Temperature_Sensor, from: upsteam }
  zt: { class: brick:Zone_Air_Temperature_Sensor, prefer: [brick:Air_Temperature_Sensor], default: 3 }
  os: { derived: nothing, unit: degY }
params:
  sat: { default: 3 }
  low: { default: 3, min: 5, max: 9 }
  odd: { min: 9, max: 5, unit: furlong }
when: sat > low
min_cover: 2
evidence: { show: [sat, satt], before: 1x }
work_order: { after: 30s, priority: urgent, du: 3d }
active: [{ days: mon-fryday, zone: Mars/Olympus }, { from: "25:00", to: "24:00" }]
suppressed_by: bad
${tail}`;
    expect(found(text)).toEqual(
      [
        '5:10 invalid_value',
        '6:8 invalid_value',
        '8:3 reserved_name',
        '9:3 missing_class',
        '9:22 conflicting_keys',
        '10:3 invalid_name',
        '11:17 invalid_value',
        '11:55 invalid_value',
        '12:9 conflicting_keys',
        '12:91 conflicting_keys',
        '13:18 unknown_derived',
        '13:33 unknown_unit',
        '9:3 duplicate_name',
        '16:19 out_of_bounds',
        '17:15 out_of_bounds',
        '17:32 unknown_unit',
        '19:12 invalid_value',
        '20:25 unknown_variable',
        '20:40 invalid_value',
        '21:22 not_a_multiple',
        '21:37 invalid_value',
        '21:45 unknown_key',
        '22:18 invalid_schedule',
        '22:36 invalid_schedule',
        '22:60 invalid_value',
        '23:16 invalid_value',
      ].sort(byPlace),
    );
  });

  test('in a message', () => {
    const text = `${head}${inputs}when: sat > 5
message: "{{ satt }} {{ sat | 1 percent }} {{ sat | 1 degQ }} {{ sat | 99 degC }} {{ sat | much }} {{ }} {{ fan and sat }} {{ cc | 0 % }} {{ sat"
${tail}`;
    expect(found(text)).toEqual(
      [
        '12:14 unknown_variable',
        '12:25 unit_mismatch',
        '12:53 unknown_unit',
        '12:72 invalid_template',
        '12:92 unknown_unit',
        '12:103 invalid_template',
        '12:113 unexpected_character',
        '12:139 invalid_template',
      ].sort(byPlace),
    );
  });
});

test('a part that has no shape is told of once, and not again where its name is used', () => {
  const text = `${head}inputs:
  sat: brick:Supply_Air_Temperature_Sensor
  zt:
    class: Zone_Air_Temperature_Sensor
    unit: degC
  fan: { class: brick:Fan_On_Off_Status, unit: bool }
params: { low: 5, odd: { default: many } }
let:
  a: [sat]
  b: c + 1.0
  c: zt - low
when: sat > low && a && zt > odd && b > 1.0 && !fan && nothing
hold_off: { after_change_of: [sat, a, fann], for: 5m }
evidence: { show: [sat, low, foo] }
message: "{{ sat }} {{ a }} {{ bar }}"
${tail}`;
  expect(found(text)).toEqual([
    '6:8 invalid_value',
    '8:12 invalid_value',
    '11:16 invalid_value',
    '11:35 invalid_value',
    '13:6 invalid_value',
    '14:6 unknown_variable',
    '16:56 unknown_variable',
    '17:39 unknown_variable',
    '18:30 unknown_variable',
    '19:32 unknown_variable',
  ]);
});

test.each([
  ['!fan || (sat > 1.0)', 7],
  ['! fan', 7],
  ['!!fan', 7],
  ['!(fan && sat > 1.0)', 7],
  ['!known(sat) && fan', 7],
  ['!fan ? sat > 1.0 : sat < 2.0', 7],
])('what YAML takes for a tag in when: %s is told once', (condition, column) => {
  expect(found(`${head}${inputs}when: ${condition}\n${tail}`)).toEqual([`11:${column} yaml_tag`]);
});

function byPlace(a: string, b: string): number {
  const [lineA, columnA] = a.split(/[: ]/).map(Number) as [number, number];
  const [lineB, columnB] = b.split(/[: ]/).map(Number) as [number, number];
  return lineA - lineB || columnA - columnB;
}
