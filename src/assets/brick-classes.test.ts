import { expect, test } from 'vitest';
import { isKnownClass, isSubclassOf, listClasses } from './brick-classes.ts';

test.each([
  ['brick:Chilled_Water_Coil', 'brick:Cooling_Coil', 'a subclass of a subclass counts'],
  ['brick:RTU', 'brick:AHU', 'short names stand for long ones, on both sides'],
  ['Discharge_Air_Temperature_Sensor', 'brick:Supply_Air_Temperature_Sensor', 'discharge air is supply air'],
  ['brick:Supply_Air_Flow_Setpoint', 'brick:Discharge_Air_Flow_Setpoint', 'and supply air is discharge air'],
  ['brick:Chilled_Water_Pump', 'faultline:Rotating_Machine', 'a pump turns'],
  ['brick:Exhaust_Fan', 'faultline:Rotating_Machine', 'a fan turns'],
  ['faultline:Phase_AB', 'faultline:Electrical_Phase', 'line voltages have parts of their own'],
])('%s is a %s: %s', (candidate, wanted) => expect(isSubclassOf(candidate, wanted)).toBe(true));

test.each([
  ['brick:Air_Temperature_Sensor', 'brick:Supply_Air_Temperature_Sensor', 'a superclass is not its subclass'],
  ['brick:Zone_Air_Temperature_Sensor', 'brick:Discharge_Air_Temperature_Sensor', 'siblings are apart'],
  ['brick:Chiller', 'faultline:Rotating_Machine', 'what has no shaft of its own does not turn'],
])('%s is no %s: %s', (candidate, wanted) => expect(isSubclassOf(candidate, wanted)).toBe(false));

test('a class that nobody knows is only itself', () => {
  expect(isKnownClass('brick:Furlong_Sensor')).toBe(false);
  expect(isSubclassOf('brick:Furlong_Sensor', 'brick:Furlong_Sensor')).toBe(true);
  expect(isSubclassOf('brick:Furlong_Sensor', 'brick:Sensor')).toBe(false);
});

test('no class is listed twice', () => {
  const classes = listClasses();
  expect(classes.length).toBe(new Set(classes).size);
});
