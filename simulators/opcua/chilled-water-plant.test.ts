import { expect, test } from 'vitest';
import { secondsPerDay, secondsPerHour } from '../plant/calendar.ts';
import {
  type ChilledWaterPlant,
  chillerName,
  createChilledWaterPlant,
  pumpNames,
  towerName,
} from './chilled-water-plant.ts';
import { createInstruments } from './instruments.ts';
import { createFaultBoard, type FaultPlace, type PlantFault } from './plant-faults.ts';

const coils = Array.from({ length: 92 }, (_, index) => `FC-${String(index + 1).padStart(3, '0')}`);

/** The plant at Tuesday noon, after three hours to settle and two of a fault. */
function run(fault?: PlantFault, place: FaultPlace = {}) {
  const faults = createFaultBoard({
    assets: { chiller: [chillerName], pump: pumpNames, tower: [towerName], 'fan-coil': coils },
    sensorsOf: (asset) =>
      instruments.filter((entry) => entry.asset === asset && entry.isSensor).map(({ name }) => name),
  });
  const plant: ChilledWaterPlant = createChilledWaterPlant({
    seed: 1,
    season: 'summer',
    faults,
    fanCoils: coils,
    plantSeconds: secondsPerDay + 7 * secondsPerHour,
  });
  plant.step(3 * secondsPerHour);
  const instruments = createInstruments(plant, { seed: 1, faults });
  if (fault) faults.inject(fault, place);
  for (let minute = 0; minute < 120; minute += 1) {
    plant.step(60);
    for (const instrument of instruments) instrument.step(60);
  }
  const find = (asset: string, name: string) =>
    instruments.find((entry) => entry.asset === asset && entry.name === name);
  return {
    plant,
    faults,
    instruments,
    number: (asset: string, name: string) => Number(find(asset, name)?.read().value),
    read: (asset: string, name: string) => find(asset, name)?.read(),
  };
}

const healthyPlant = run();

test('a healthy plant holds its set-points, and about a thousand instruments show it', () => {
  const { number, instruments, read } = healthyPlant;
  expect(instruments).toHaveLength(1002);
  expect(number('CH-1', 'LeavingWaterTemperature')).toBeCloseTo(7, 0);
  expect(number('CHWP-1', 'DifferentialPressure')).toBeGreaterThan(95);
  expect(number('CH-1', 'EnteringWaterTemperature') - number('CH-1', 'LeavingWaterTemperature')).toBeGreaterThan(5);
  expect(number('CH-1', 'Power') / number('CH-1', 'CoolingPower')).toBeLessThan(0.26);
  expect(number('CHWP-1', 'Vibration')).toBeLessThan(2);
  expect(number('FC-001', 'ZoneTemperature')).toBeCloseTo(23.5, 0);
  expect([read('CHWP-1', 'RunStatus'), read('CHWP-2', 'RunStatus')].map((entry) => entry?.value)).toEqual([
    true,
    false,
  ]);
});

test('the heat that the chiller takes is what the water brings', () => {
  const { plant } = healthyPlant;
  const brought = plant.flow() * 4.19 * (plant.returnC() - plant.chiller.supplyC());
  expect(brought / plant.chiller.coolingKw()).toBeCloseTo(1, 1);
});

test('the same seed gives the same plant', () => {
  const valuesOf = (plant: typeof healthyPlant) => plant.instruments.map((instrument) => instrument.read().value);
  expect(valuesOf(run())).toEqual(valuesOf(healthyPlant));
});

test.each<[PlantFault, string, string, (value: number, healthy: number) => boolean]>([
  ['condenser-fouled', 'CH-1', 'Power', (value, healthy) => value > 1.3 * healthy],
  ['refrigerant-low', 'CH-1', 'LeavingWaterTemperature', (value) => value > 9],
  ['bypass-open', 'CH-1', 'EnteringWaterTemperature', (value, healthy) => value < healthy - 2],
  ['bearing-wear', 'CHWP-1', 'Vibration', (value) => value > 7.1],
  ['strainer-blocked', 'CHWP-1', 'SpeedCommand', (value, healthy) => value > healthy + 10],
  ['tower-fouled', 'CT-1', 'LeavingWaterTemperature', (value, healthy) => value > healthy + 3],
  ['valve-stuck', 'FC-001', 'DischargeTemperature', (value, healthy) => value > healthy + 3],
])('%s shows in %s %s', (fault, asset, name, shows) => {
  const place = fault === 'valve-stuck' ? { intensity: 0.1 } : {};
  const [value, healthy] = [run(fault, place).number(asset, name), healthyPlant.number(asset, name)];
  expect(shows(value, healthy), `${value} where it would be ${healthy}`).toBe(true);
});

test('a chiller that trips stands still with its command on, and a pump that trips is relieved by the other', () => {
  const chiller = run('chiller-trip');
  expect([chiller.read('CH-1', 'RunCommand')?.value, chiller.read('CH-1', 'RunStatus')?.value]).toEqual([true, false]);
  expect(chiller.number('CH-1', 'LeavingWaterTemperature')).toBeGreaterThan(15);
  const pump = run('pump-trip');
  const states = ['CHWP-1', 'CHWP-2'].map((name) => [
    pump.read(name, 'RunCommand')?.value,
    pump.read(name, 'RunStatus')?.value,
  ]);
  expect(states).toEqual([
    [true, false],
    [true, true],
  ]);
  expect(pump.number('CH-1', 'LeavingWaterTemperature')).toBeCloseTo(7, 0);
});

test('a sensor that fails says so, one that is doubtful as well, one that drifts does not', () => {
  const place = { asset: 'CH-1', point: 'leavingwatertemperature' };
  const statusOf = (fault: PlantFault) => run(fault, place).read('CH-1', 'LeavingWaterTemperature')?.status;
  expect(statusOf('sensor-failed')).toBe('BadSensorFailure');
  expect(statusOf('sensor-uncertain')).toBe('UncertainSensorNotAccurate');
  const drifting = run('sensor-drift', { asset: 'FC-002', point: 'ZoneTemperature' });
  expect(drifting.read('FC-002', 'ZoneTemperature')?.status).toBe('Good');
  expect(drifting.number('FC-002', 'ZoneTemperature')).toBeGreaterThan(30);
});

test('faults that make no sense are refused with what there is', () => {
  const { faults } = healthyPlant;
  expect(() => faults.inject('bearing-wear', { asset: 'CH-1' })).toThrow(
    /no asset CH-1 for it; there are CHWP-1, CHWP-2/,
  );
  expect(() => faults.inject('sensor-flat', { asset: 'CT-1', point: 'FanStatus' })).toThrow(
    /no sensor FanStatus of CT-1/,
  );
  expect(() => faults.inject('pump-trip', { intensity: 2 })).toThrow(/from 0 to 1, not 2/);
  faults.inject('pump-trip', { asset: 'cwp-2', intensity: 0.5 });
  expect(faults.list()).toEqual(['CWP-2/pump-trip:0.5']);
});
