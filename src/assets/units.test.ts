import { describe, expect, test } from 'vitest';
import { convert, findConversion, findUnit, type Unit } from './units.ts';

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
    [68, 'https://qudt.org/vocab/unit/DEG_F', 'degC', 20],
    [68, '[degF]', 'K', 293.15],
    [2, 'K', 'degF', -456.07],
    [1, 'delta_K', 'delta_degF', 1.8],
    [1, "[in_i'H2O]", 'Pa', 249.08891],
    [1, 'unit:IN_H2O', 'inWC', 1],
    [1, 'bar', 'psi', 14.5038],
    [101.325, 'kPa', '[psi]', 14.6959],
    [1, 'gpm', 'L/min', 3.785412],
    [1, 'cfm', 'm3/h', 1.699011],
    [1, 'ton', 'kW', 3.516853],
    [12000, 'Btu/h', 'TON_FG', 1],
    [1, 'kWh', 'Btu', 3412.1416],
    [3600, 'kJ', 'kWh', 1],
    [1, 'hp', 'W', 745.69987],
    [60, 'rpm', 'rps', 1],
    [25.4, 'mm/s', 'ips', 1],
    [1, 'N.m', 'Nm', 1],
    [1, 'lux', 'LUX', 1],
    [20, '%RH', 'percent', 20],
  ])('%d %s as %s is %d', (value, from, to, wanted) => {
    expect(converted(value, from, to)).toBeCloseTo(wanted, 3);
  });

  test.each([
    ['degC', 'delta_degC'],
    ['Pa', 'degC'],
    ['percent', 'bool'],
    ['rpm', 'Hz'],
  ])('%s does not become %s', (from, to) => {
    expect(findConversion(findUnit(from) as Unit, findUnit(to) as Unit)).toBeUndefined();
  });

  test('a conversion is as round as its numbers', () => {
    const of = (from: string, to: string) => findConversion(findUnit(from) as Unit, findUnit(to) as Unit);
    expect(of('degC', 'degF')).toMatchObject({ scale: 1.8, offset: 32 });
    expect(of('fraction', 'percent')).toMatchObject({ scale: 100, offset: 0 });
  });

  describe('what is a round number in the other unit is that number to the bit, so that a limit on it holds', () => {
    test.each([
      [59, 'degF', 'degC', 15],
      [77, 'degF', 'degC', 25],
      [32, 'degF', 'degC', 0],
      [-40, 'degF', 'degC', -40],
      [212, 'degF', 'degC', 100],
      [59.9, 'degF', 'degC', 15.5],
      [55.4, 'degF', 'degC', 13],
      [32, 'degF', 'K', 273.15],
      [-459.67, 'degF', 'K', 0],
      [491.67, 'degR', 'degC', 0],
      [15.1, 'degC', 'degF', 59.18],
      [22.35, 'degC', 'K', 295.5],
      [288.15, 'K', 'degC', 15],
      [9, 'delta_degF', 'delta_degC', 5],
      [1.8, 'delta_degF', 'delta_degC', 1],
      [1.1, 'delta_degC', 'delta_degF', 1.98],
      [0.29, 'fraction', 'percent', 29],
      [0.57, 'fraction', 'percent', 57],
      [7, 'percent', 'fraction', 0.07],
      [1.1, 'kW', 'W', 1100],
      [2.3, 'kPa', 'Pa', 2300],
      [36, 'km/h', 'm/s', 10],
      [1, 'inH2O', 'Pa', 249.08891],
      [4.35, 'mm/s', 'm/s', 0.00435],
      [60, 'L/min', 'L/s', 1],
      [7.3, 'kWh', 'Wh', 7300],
    ])('%d %s as %s is %d', (value, from, to, wanted) => expect(converted(value, from, to)).toBe(wanted));

    test('all tenths of a degree Fahrenheit that are whole tenths of a degree Celsius', () => {
      const wrong = [];
      for (let tenths = -4590; tenths <= 20_000; tenths += 1) {
        if ((tenths - 320) % 9 !== 0) continue;
        const wanted = Number(`${((tenths - 320) / 9) * 5}e-1`);
        const got = converted(tenths / 10, 'degF', 'degC');
        if (got !== wanted) wrong.push([tenths / 10, got, wanted]);
      }
      expect(wrong).toEqual([]);
    });

    test('all hundredths of a fraction, of a degree and of a kilopascal', () => {
      const wrong = [];
      for (let hundredths = -10_000; hundredths <= 100_000; hundredths++) {
        const value = hundredths / 100;
        if (converted(value, 'fraction', 'percent') !== hundredths) wrong.push(`${value} fraction`);
        if (converted(hundredths, 'percent', 'fraction') !== value) wrong.push(`${hundredths} percent`);
        if (converted(value, 'kPa', 'Pa') !== hundredths * 10) wrong.push(`${value} kPa`);
        if (converted(value, 'degC', 'degF') !== Number(`${hundredths * 18 + 32_000}e-3`)) wrong.push(`${value} degC`);
      }
      expect(wrong).toEqual([]);
    });

    test.each([1e-300, -0.1 / 3, 1 / 3, 1e15 + 0.3, 1e300])('%d in its own unit stays as it is', (value) => {
      expect(converted(value, 'degC', 'Cel')).toBe(value);
    });

    test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%d stays what it is', (value) => {
      expect(converted(value, 'degF', 'degC')).toBe(value);
    });
  });

  test('no name stands for two units, but for capitals', () => {
    expect(
      ['MW', 'mm', 'M', 'm', 'MIN', 'min', 'h', 'HP', 'hPa', 'K', 'G', 'g', 'T', 'L'].map((name) => findUnit(name)?.id),
    ).toEqual(['MW', 'mm', 'm', 'm', 'min', 'min', 'h', 'hp', 'hPa', 'K', 'gn', 'g', 't', 'L']);
  });

  test.each(['mPa', 'mw', 'Mw', 'mhz', 'KWH ton'])('%s is not guessed at', (name) =>
    expect(findUnit(name)).toBeUndefined(),
  );

  test('a name that nobody uses is no unit', () => expect(findUnit('furlong')).toBeUndefined());
});

function converted(value: number, from: string, to: string): number {
  const { scale, offset, steps } = findConversion(findUnit(from) as Unit, findUnit(to) as Unit) ?? unknown;
  return convert(value, scale, offset, steps);
}

const unknown = { scale: Number.NaN, offset: 0, steps: 0 };
