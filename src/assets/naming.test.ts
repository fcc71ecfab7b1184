import { expect, test } from 'vitest';
import { isKnownClass } from './brick-classes.ts';
import { nameAsset, namePoint } from './naming.ts';

test.each([
  ['ahu-1', 'brick:AHU'],
  ['AHU1', 'brick:AHU'],
  ['vav_12', 'brick:VAV'],
  ['pump', 'brick:Pump'],
  ['ahurricane', null],
  ['line-3', null],
  ['', null],
])('an asset named %j is of the class %s', (name, expected) => {
  expect(nameAsset(name)).toBe(expected);
});

test.each([
  ['sat', 'brick:Supply_Air_Temperature_Sensor', null, 'degC'],
  ['SAT_SP', 'brick:Supply_Air_Temperature_Setpoint', null, 'degC'],
  ['cooling_valve', 'brick:Valve_Position_Command', 'brick:Cooling_Coil', 'percent'],
  ['vibration', 'faultline:Vibration_Velocity_Sensor', null, 'mm/s'],
  ['constructor', null, null, null],
])('a point named %j is a %s of %s in %s', (name, pointClass, partOf, unit) => {
  expect(namePoint(name)).toEqual({ class: pointClass, partOf, unit });
});

test('names lead to classes that rules know', () => {
  const points = [
    'sat',
    'sat_sp',
    'oat',
    'fan_status',
    'fan_speed',
    'oa_damper',
    'cooling_valve',
    'vibration',
    'current_a',
    'discharge_pressure',
    'power',
  ];
  const named = [
    ...points.map(namePoint).flatMap(({ class: name, partOf }) => [name, partOf ?? name]),
    ...['ahu-1', 'pump2', 'rtu_3', 'fcu-4'].map(nameAsset),
  ];
  expect(named.filter((name) => name === null || !isKnownClass(name))).toEqual([]);
});
