import { describe, expect, test } from 'vitest';
import { type AirHandler, type AirHandlerReadings, createAirHandler } from './air-handler.ts';
import type { AirHandlerFault, FaultOptions } from './faults.ts';
import { listAlarms, operatingState } from './guideline-36.ts';
import { createPump } from './pump.ts';
import type { Season } from './weather.ts';

/** A Tuesday of a season, which is struck by the fault at an hour; gives a sample a minute for six hours from then on. */
function strike(season: Season, hour: number, fault: AirHandlerFault, options: FaultOptions): AirHandlerReadings[] {
  const airHandler = createAirHandler({ seed: 4, season });
  airHandler.step(86_400 + hour * 3600);
  airHandler.faults.inject(fault, options);
  return runMinutes(airHandler, 360);
}

function runMinutes(airHandler: AirHandler, minutes: number): AirHandlerReadings[] {
  return Array.from({ length: minutes }, () => {
    airHandler.step(60);
    return airHandler.readings();
  });
}

test.each<[string, Season, number, AirHandlerFault, FaultOptions, string]>([
  ['wide open in winter: far too much outdoor air', 'winter', 9, 'damper-stuck', { intensity: 1 }, 'FC6'],
  ['shut when the economizer wants all of it', 'spring', 13, 'damper-stuck', { intensity: 0 }, 'FC10'],
  ['cools against the heating', 'winter', 9, 'cooling-valve-leaking', { intensity: 1 }, 'FC14'],
  ['cools while free cooling would do', 'spring', 9, 'cooling-valve-leaking', { intensity: 0.5 }, 'FC14'],
  ['fully open: the heating cannot make up for it', 'summer', 10, 'cooling-valve-stuck', { intensity: 1 }, 'FC7'],
  ['shut: nothing cools', 'summer', 10, 'cooling-valve-stuck', { intensity: 0 }, 'FC13'],
  ['warms what free cooling cools', 'winter', 10, 'heating-valve-leaking', { intensity: 0.3 }, 'FC15'],
  ['makes the cooling coil run in cold weather', 'spring', 8, 'heating-valve-leaking', { intensity: 0.3 }, 'FC11'],
  ['the mixed air reads warmer than both its parts', 'winter', 9, 'sensor-drift', {}, 'FC3'],
])('%s (%s, %i:00, %s %j): %s', (_, season, hour, fault, options, condition) => {
  const conditions = listAlarms(strike(season, hour, fault, options)).map((alarm) => alarm.condition);
  expect(conditions).toContain(condition);
});

describe('within ten minutes of a summer morning at ten', () => {
  test.each<[AirHandlerFault, FaultOptions]>([
    ['cooling-valve-stuck', { intensity: 1 }],
    ['cooling-valve-leaking', { intensity: 1 }],
  ])(
    '%s %j: the supply air is far colder than the mixed air while the cooling valve is told to be shut',
    (fault, options) => {
      const last = strike('summer', 10, fault, options).at(9);
      expect(last?.cooling_valve).toBe(0);
      expect(last?.sat).toBeLessThan((last?.sat_sp ?? 0) - 1);
      expect(last?.sat).toBeLessThan((last?.mat ?? 0) - 5);
    },
  );
});

test('a leaking heating valve makes the cooling work harder for the same supply air', () => {
  const healthy = createAirHandler({ seed: 4, season: 'summer' });
  healthy.step(86_400 + 10 * 3600);
  const [clean] = runMinutes(healthy, 60).slice(-1);
  const leaking = strike('summer', 10, 'heating-valve-leaking', { intensity: 0.2 })[59];
  expect(leaking?.cooling_valve).toBeGreaterThan((clean?.cooling_valve ?? 100) + 3);
  expect(Math.abs((leaking?.sat ?? 0) - (leaking?.sat_sp ?? 0))).toBeLessThan(1);
});

test('a flat supply air sensor reads the same to the last digit while the air that it should measure wanders off', () => {
  const airHandler = createAirHandler({ seed: 4, season: 'summer' });
  airHandler.step(86_400 + 10 * 3600);
  airHandler.faults.inject('sensor-flat');
  const samples = runMinutes(airHandler, 480);
  expect(new Set(samples.map(({ sat }) => sat)).size).toBe(1);
  expect(new Set(samples.map(({ mat }) => mat)).size).toBeGreaterThan(50);
  expect(Math.abs(airHandler.truth().supplyC - airHandler.readings().sat)).toBeGreaterThan(1);
});

test('a sensor fault strikes the point it names', () => {
  const samples = strike('summer', 10, 'sensor-flat', { point: 'oat' });
  expect(new Set(samples.map(({ oat }) => oat)).size).toBe(1);
  expect(new Set(samples.map(({ sat }) => sat)).size).toBeGreaterThan(20);
});

test('a drifting supply air sensor misleads the controller: supply air as ordered by its reading, colder in truth', () => {
  const airHandler = createAirHandler({ seed: 4, season: 'summer' });
  airHandler.step(86_400 + 10 * 3600);
  airHandler.faults.inject('sensor-drift', { point: 'sat', intensity: 0.5 });
  airHandler.step(3600);
  const { sat, sat_sp } = airHandler.readings();
  expect(Math.abs(sat - sat_sp)).toBeLessThan(1);
  expect(airHandler.truth().supplyC).toBeLessThan(sat_sp - 2);
});

test('a fouled filter takes more than 250 Pa, and the fan speeds up to hold the duct pressure', () => {
  const airHandler = createAirHandler({ seed: 4, season: 'summer' });
  airHandler.step(86_400 + 12 * 3600);
  const clean = airHandler.readings();
  airHandler.faults.inject('filter-fouled');
  const fouled = runMinutes(airHandler, 30).at(-1);
  expect(clean.filter_dp).toBeLessThan(100);
  expect(fouled?.filter_dp).toBeGreaterThan(250);
  expect(fouled?.fan_speed).toBeGreaterThan(clean.fan_speed + 10);
});

test.each<[AirHandlerFault]>([
  ['damper-stuck'],
  ['cooling-valve-leaking'],
  ['cooling-valve-stuck'],
  ['heating-valve-leaking'],
  ['sensor-drift'],
  ['sensor-flat'],
  ['filter-fouled'],
])('once %s is put right, the air handler is healthy again within two hours', (fault) => {
  const airHandler = createAirHandler({ seed: 4, season: 'spring' });
  airHandler.step(86_400 + 9 * 3600);
  airHandler.faults.inject(fault);
  airHandler.step(2 * 3600);
  airHandler.faults.clear(fault);
  airHandler.step(2 * 3600);
  const samples = runMinutes(airHandler, 240);
  expect(listAlarms(samples)).toEqual([]);
  expect(samples.map(operatingState).filter((state) => state === 1)).toEqual([]);
});

test('a worn bearing takes vibration from 1.2 to above 7.1 mm/s within four minutes, and then heats', () => {
  const pump = createPump({ seed: 4 });
  for (let minute = 0; minute < 120; minute += 1) pump.step(60);
  const before = pump.readings();
  pump.faults.inject('bearing-wear');
  pump.step(240);
  const shaking = pump.readings();
  pump.step(1800);
  const hot = pump.readings();
  expect(before.vibration).toBeGreaterThan(1);
  expect(before.vibration).toBeLessThan(1.5);
  expect(shaking.vibration).toBeGreaterThan(7.1);
  expect(hot.bearing_temp).toBeGreaterThan(before.bearing_temp + 20);
  expect(hot.power).toBeLessThan(1.3 * before.power);
  pump.faults.clear('bearing-wear');
  pump.step(3600);
  expect(pump.readings().vibration).toBeLessThan(1.6);
});

test('a healthy pump stays in zone B of its class for a week, its phases within three per cent of each other', () => {
  const pump = createPump({ seed: 9 });
  pump.step(3600);
  for (let minute = 0; minute < 7 * 1440; minute += 1) {
    pump.step(60);
    const { vibration, bearing_temp, current_a, current_b, current_c, run_status } = pump.readings();
    const currents = [current_a, current_b, current_c];
    expect(vibration).toBeLessThan(1.8);
    expect(bearing_temp).toBeLessThan(60);
    expect(Math.max(...currents) / Math.min(...currents)).toBeLessThan(1.06);
    expect(run_status).toBe(true);
  }
});

test('an intensity outside 0 to 1 is refused', () => {
  const airHandler = createAirHandler({ seed: 1, season: 'summer' });
  expect(() => airHandler.faults.inject('damper-stuck', { intensity: 1.5 })).toThrow(/from 0 to 1, not 1.5/);
});
