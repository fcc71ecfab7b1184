import { describe, expect, test } from 'vitest';
import { type AirHandlerReadings, type AirHandlerTruth, createAirHandler } from './air-handler.ts';
import { changesOfState, listAlarms, operatingState } from './guideline-36.ts';
import { type Season, seasons } from './weather.ts';

type Minute = { readings: AirHandlerReadings; truth: AirHandlerTruth };

/** Monday and Tuesday, a sample a minute, after a Sunday in which the building settles. */
function runTwoDays(season: Season, seed: number): Minute[] {
  const airHandler = createAirHandler({ seed, season, plantSeconds: 6 * 86_400 });
  airHandler.step(86_400);
  return Array.from({ length: 2880 }, () => {
    airHandler.step(60);
    return { readings: airHandler.readings(), truth: airHandler.truth() };
  });
}

describe.each(seasons.flatMap((season) => [3, 10].map((seed) => ({ season, seed }))))(
  'a healthy air handler in $season, seed $seed',
  ({ season, seed }) => {
    const minutes = runTwoDays(season, seed);
    const samples = minutes.map(({ readings }) => readings);
    const settled = minutes.filter(
      (_, index) => samples.slice(index - 60, index + 1).every((at) => at.fan_status && at.occupied) && index > 60,
    );

    test('raises none of the fault conditions of Guideline 36', () => {
      expect(listAlarms(samples)).toEqual([]);
    });

    test('runs while the building is occupied, and at no other time', () => {
      const running = samples.filter(({ fan_status }) => fan_status).length;
      const occupied = samples.filter(({ occupied }) => occupied).length;
      expect(occupied).toBe(2 * 14 * 60);
      expect(Math.abs(running - occupied)).toBeLessThan(6);
    });

    test('mixes air between return and outdoor air', () => {
      const outside = settled.filter(({ readings: { mat, rat, oat } }) => {
        return mat < Math.min(rat, oat) - 1 || mat > Math.max(rat, oat) + 1;
      });
      expect(outside).toEqual([]);
    });

    test('holds the supply air at its set-point once it has settled', () => {
      const errors = settled.map(({ readings }) => Math.abs(readings.sat - readings.sat_sp)).sort((a, b) => a - b);
      expect(errors[Math.floor(0.95 * errors.length)]).toBeLessThan(0.9);
      expect(errors.at(-1)).toBeLessThan(2);
    });

    test('holds the pressure in the duct at its set-point', () => {
      const errors = settled.map(({ readings }) => Math.abs(readings.duct_static - readings.duct_static_sp));
      expect(Math.max(...errors)).toBeLessThan(25);
    });

    test('never heats and cools at once, and each coil moves heat its own way', () => {
      for (const { readings, truth } of settled) {
        expect(Math.min(readings.heating_valve, readings.cooling_valve)).toBe(0);
        if (readings.cooling_valve > 0) expect(truth.coolingKw).toBeGreaterThan(-0.5);
        if (readings.heating_valve > 0) expect(truth.heatingKw).toBeGreaterThan(-1.5);
      }
    });

    test('does not hunt: at most seven changes of the operating state an hour', () => {
      const changes = samples.map((_, index) => changesOfState(samples.slice(Math.max(0, index - 60), index + 1)));
      expect(Math.max(...changes)).toBeLessThanOrEqual(7);
    });

    test('keeps people comfortable in working hours', () => {
      const working = minutes.filter((_, index) => index % 1440 >= 9 * 60 && index % 1440 < 17 * 60);
      for (const { readings } of working) {
        expect(readings.zone_temp).toBeGreaterThan(20.5);
        expect(readings.zone_temp).toBeLessThan(25);
      }
    });
  },
);

test.each<[Season, number[]]>([
  ['summer', [3, 4]],
  ['winter', [1, 2]],
  ['spring', [2, 3]],
])('%s takes the air handler through the operating states %j', (season, expected) => {
  const samples = runTwoDays(season, 3).map(({ readings }) => readings);
  const states = samples.filter(({ fan_status }) => fan_status).map(operatingState);
  for (const state of expected) {
    expect(states.filter((candidate) => candidate === state).length).toBeGreaterThan(60);
  }
});

test('the same seed gives the same readings, another seed others', () => {
  const run = (seed: number) => {
    const airHandler = createAirHandler({ seed, season: 'summer' });
    airHandler.step(10 * 3600);
    return airHandler.readings();
  };
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
});

test('an hour in one step is the hour in minutes', () => {
  const [whole, pieces] = [1, 2].map(() => createAirHandler({ seed: 5, season: 'spring', plantSeconds: 8 * 3600 }));
  whole?.step(3600);
  for (let minute = 0; minute < 60; minute += 1) pieces?.step(60);
  expect(pieces?.readings()).toEqual(whole?.readings());
});
