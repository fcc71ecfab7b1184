import { describe, expect, test } from 'vitest';
import { findConversion, findUnit, type Unit } from './units.ts';

describe('units', () => {
  test.each([
    [212, 'degF', 'degC', 100],
    [55, 'unit:DEG_F', 'Cel', 12.7778],
    [2, 'delta_degF', 'delta_degC', 1.1111],
    [0, 'degC', 'K', 273.15],
    [1, 'inH2O', 'Pa', 249.08891],
    [14.6959, 'psi', 'kPa', 101.325],
    [1000, 'cfm', 'm3/s', 0.47194745],
    [1, 'm3/s', 'L/s', 1000],
    [0.4, 'fraction', 'percent', 40],
    [1, 'in/s', 'mm/s', 25.4],
    [1, 'kWh', 'MJ', 3.6],
    [1.5, 'kW', 'W', 1500],
    [3, 'percent', '%', 3],
  ])('%d %s as %s is %d', (value, from, to, wanted) => {
    const conversion = findConversion(findUnit(from) as Unit, findUnit(to) as Unit);
    expect(value * (conversion?.scale ?? 0) + (conversion?.offset ?? 0)).toBeCloseTo(wanted, 3);
  });

  test.each([
    ['degC', 'delta_degC'],
    ['Pa', 'degC'],
    ['percent', 'bool'],
    ['rpm', 'Hz'],
  ])('%s does not become %s', (from, to) => {
    expect(findConversion(findUnit(from) as Unit, findUnit(to) as Unit)).toBeUndefined();
  });

  test('a name that nobody uses is no unit', () => expect(findUnit('furlong')).toBeUndefined());
});
