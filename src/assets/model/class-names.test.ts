import { expect, test } from 'vitest';
import { isKnownClass, isSubclassOf } from '../brick-classes.ts';
import { findMeaning } from './class-names.ts';

test.each<[string, string, string | null, string, string]>([
  ['VAV', 'brick:VAV', null, 'known', 'a short name stays as it is written'],
  [
    'Hot_Water_Discharge_Flow_Sensor',
    'brick:Leaving_Hot_Water_Flow_Sensor',
    null,
    'replaced',
    'Brick 1.4 says what stands for it',
  ],
  ['Condenser', 'brick:Condensing_Unit', null, 'replaced', 'equipment is replaced as well'],
  ['Zone_Temperature_Sensor', 'brick:Zone_Air_Temperature_Sensor', null, 'words', 'Brick 1.0 leaves the air out'],
  [
    'Chilled_Water_Supply_Temperature',
    'brick:Leaving_Chilled_Water_Temperature_Sensor',
    null,
    'words',
    'a measurement is a sensor',
  ],
  ['Electrical_Power_Sensor', 'brick:Electric_Power_Sensor', null, 'words', 'Brick 1.2 says electrical'],
  [
    'Discharge_Water_Temperature_Setpoint',
    'brick:Leaving_Water_Temperature_Setpoint',
    null,
    'words',
    'water leaves and enters now',
  ],
  [
    'zone_temperature_sensor_',
    'brick:Zone_Air_Temperature_Sensor',
    null,
    'words',
    'case and stray underscores do not matter',
  ],
  ['AHU_Supply_Fan_Air_Flow_Sensor', 'brick:Air_Flow_Sensor', 'brick:Supply_Fan', 'part', 'the inner part counts'],
  ['Reheat_Valve_Command', 'brick:Valve_Command', 'brick:Reheat_Valve', 'part', 'a word may belong to both'],
  [
    'Outside_Air_Damper_Position_Sensor',
    'brick:Damper_Position_Sensor',
    'brick:Outside_Damper',
    'part',
    'a damper of outside air',
  ],
  ['Thumbwheel_Fudge_Setpoint', 'brick:Setpoint', null, 'kind', 'its last word is what it is'],
  ['Ice_Tank_Glycol_Temperature_Sensor', 'brick:Temperature_Sensor', null, 'kind', 'its last two words are what it is'],
])('%s is read as %s of %s (%s): %s', (name, brickClass, part, how) => {
  expect(findMeaning(name)).toEqual({ class: brickClass, part, how });
});

test.each(['Electrical_Circuit_Thing', 'Unknown', '', '___', 'x'.repeat(10_000), 'a_'.repeat(500)])(
  '%.30s is not understood',
  (name) => {
    expect(findMeaning(name)).toBeUndefined();
  },
);

test('a qualifier that nobody knows never makes a class of it that a rule asks for', () => {
  for (const name of [
    'Alarm_Supply_Air_Temperature_Setpoint',
    'Fudge_Outside_Air_Temperature_Setpoint',
    'Fudge_Mixed_Air_Temperature_Sensor',
  ]) {
    const meaning = findMeaning(name);
    expect([name, meaning?.how, meaning?.class.split('_').length]).toEqual([name, 'kind', 2]);
  }
});

test.each([
  [
    'brick:Chilled_Water_Discharge_Flow_Sensor',
    'brick:Water_Flow_Sensor',
    'a replaced name has the superclasses of its replacement',
  ],
  ['brick:Effective_Air_Temperature_Cooling_Setpoint', 'brick:Temperature_Setpoint', 'a replaced set-point as well'],
  [
    'brick:Current_Sensor',
    'brick:Electric_Current_Sensor',
    'what older rules call electric current is Brick’s current',
  ],
  [
    'brick:Discharge_Air_Temperature_Cooling_Setpoint',
    'brick:Cooling_Supply_Air_Temperature_Setpoint',
    'three names of one set-point',
  ],
  ['brick:Reheat_Valve', 'brick:Heating_Valve', 'valves by what they serve'],
  ['brick:Rooftop', 'brick:Location', 'places are known too'],
  ['brick:Chilled_Water_System', 'brick:Collection', 'and systems'],
])('%s is a %s: %s', (candidate, wanted) => {
  expect(isKnownClass(candidate)).toBe(true);
  expect(isSubclassOf(candidate, wanted)).toBe(true);
});
