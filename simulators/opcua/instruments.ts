/** The instruments of the chilled-water plant: about a thousand, of which most are those of the fan coils. */
import { createRandom } from '../plant/random.ts';
import {
  type ChilledWaterPlant,
  chillerName,
  type PlantPump,
  type PumpName,
  towerName,
} from './chilled-water-plant.ts';
import type { FanCoil } from './fan-coil.ts';
import { createInstrumentMaker, type Instrument, type InstrumentMaker } from './instrument.ts';
import type { FaultBoard } from './plant-faults.ts';

const temperature = { unit: 'degC', noise: 0.03, digits: 2 } as const;
const water = { ...temperature, range: [0, 60] } as const;
const air = { ...temperature, range: [0, 50] } as const;
const percent = { unit: '%', range: [0, 100], digits: 1 } as const;

/** Every instrument of the plant, asset by asset. */
export function createInstruments(
  plant: ChilledWaterPlant,
  options: { seed: number; faults: FaultBoard },
): Instrument[] {
  const make = createInstrumentMaker({ random: createRandom(options.seed, 'instruments'), faults: options.faults });
  return [
    ...chillerInstruments(plant, make),
    ...[...plant.pumps].flatMap(([name, pump]) => pumpInstruments(plant, name, pump, make)),
    ...towerInstruments(plant, make),
    ...[...plant.fanCoils].flatMap(([name, coil]) => fanCoilInstruments(plant, name, coil, make)),
  ];
}

function chillerInstruments(plant: ChilledWaterPlant, { number, counter, flag, text }: InstrumentMaker): Instrument[] {
  const { chiller, tower, settings } = plant;
  const asset = chillerName;
  let energyKwh = 0;
  const energy = counter(asset, 'Energy', () => energyKwh, { unit: 'kWh' });
  return [
    flag(
      asset,
      'RunCommand',
      () => settings.isEnabled,
      (value) => (settings.isEnabled = value),
    ),
    flag(asset, 'RunStatus', chiller.isRunning),
    number(asset, 'LeavingWaterTemperature', chiller.supplyC, water),
    number(asset, 'EnteringWaterTemperature', plant.returnC, water),
    number(asset, 'LeavingWaterSetpoint', () => settings.supplyC, {
      unit: 'degC',
      range: [5, 15],
      write: (value) => (settings.supplyC = value),
    }),
    number(asset, 'WaterFlow', plant.flow, { unit: 'L/s', range: [0, 40], noise: 0.05, lagSeconds: 3 }),
    number(asset, 'Power', chiller.powerKw, { unit: 'kW', range: [0, 200], noise: 0.2, lagSeconds: 2 }),
    number(asset, 'Load', () => 100 * chiller.load(), percent),
    number(asset, 'CoolingPower', chiller.coolingKw, { unit: 'kW', range: [0, 500], digits: 1 }),
    number(asset, 'CondenserEnteringTemperature', tower.leavingC, water),
    number(asset, 'CondenserLeavingTemperature', chiller.condenserLeavingC, water),
    number(asset, 'CondenserFlow', plant.condenserFlow, { unit: 'L/s', range: [0, 40], noise: 0.05, lagSeconds: 3 }),
    number(asset, 'EvaporatorPressure', () => saturationKpa(chiller.evaporatingC()), {
      unit: 'kPa',
      range: [0, 1500],
      noise: 1,
    }),
    number(asset, 'CondenserPressure', () => saturationKpa(chiller.condensingC()), {
      unit: 'kPa',
      range: [0, 2500],
      noise: 2,
    }),
    number(asset, 'EvaporatorApproach', chiller.evaporatorApproachK, { unit: 'K', range: [0, 20] }),
    number(asset, 'CondenserApproach', chiller.condenserApproachK, { unit: 'K', range: [0, 40] }),
    number(asset, 'CompressorCurrent', () => chiller.powerKw() * 1.68, { unit: 'A', range: [0, 400], noise: 0.3 }),
    number(asset, 'OilTemperature', () => (chiller.isRunning() ? 42 + 14 * chiller.load() : 30), {
      ...temperature,
      range: [0, 90],
      lagSeconds: 300,
    }),
    number(asset, 'OilPressure', () => (chiller.isRunning() ? 310 - 20 * chiller.load() : 0), {
      unit: 'kPa',
      range: [0, 600],
      noise: 1.5,
    }),
    counter(asset, 'Starts', chiller.starts),
    number(asset, 'RunHours', chiller.runHours, { unit: 'h', range: [0, 200_000], digits: 3 }),
    {
      ...energy,
      step: (seconds) => {
        energyKwh += (chiller.powerKw() * seconds) / 3600;
      },
    },
    text(asset, 'Alarm', () => (settings.isEnabled && !chiller.isRunning() ? 'Safety chain open' : '')),
  ];
}

/** Of R-134a, within 5 % from 0 to 50 degC. */
function saturationKpa(degreesC: number): number {
  return 293 * Math.exp(0.0318 * degreesC);
}

function pumpInstruments(
  plant: ChilledWaterPlant,
  asset: PumpName,
  entry: PlantPump,
  make: InstrumentMaker,
): Instrument[] {
  const { number, flag } = make;
  const { pump, isCommanded, speedCommand } = entry;
  let now = pump.readings();
  // The pump draws its noise with each reading: one a step, whoever asks for how many of its points.
  const status: Instrument = { ...flag(asset, 'RunStatus', () => now.run_status), step: () => (now = pump.readings()) };
  const of = (name: Exclude<keyof typeof now, 'run_status' | 'run_command'>) => () => now[name];
  const quick = { noise: 0, lagSeconds: 1e-3 };
  const { settings } = plant;
  return [
    status,
    flag(asset, 'RunCommand', isCommanded),
    number(asset, 'SpeedCommand', () => 100 * speedCommand(), percent),
    number(asset, 'Vibration', of('vibration'), { unit: 'mm/s', range: [0, 25], digits: 3, ...quick }),
    number(asset, 'BearingTemperature', of('bearing_temp'), { unit: 'degC', range: [0, 120], ...quick }),
    number(asset, 'CurrentA', of('current_a'), { unit: 'A', range: [0, 60], ...quick }),
    number(asset, 'CurrentB', of('current_b'), { unit: 'A', range: [0, 60], ...quick }),
    number(asset, 'CurrentC', of('current_c'), { unit: 'A', range: [0, 60], ...quick }),
    number(asset, 'Speed', of('speed'), { unit: 'rpm', range: [0, 3000], digits: 0, ...quick }),
    number(asset, 'Power', of('power'), { unit: 'kW', range: [0, 30], digits: 3, ...quick }),
    number(asset, 'DischargePressure', of('discharge_pressure'), { unit: 'kPa', range: [0, 800], digits: 1, ...quick }),
    ...(asset.startsWith('CHWP')
      ? [
          number(asset, 'DifferentialPressure', plant.dpKpa, {
            unit: 'kPa',
            range: [0, 400],
            noise: 0.4,
            lagSeconds: 2,
          }),
          number(asset, 'DifferentialPressureSetpoint', () => settings.dpKpa, {
            unit: 'kPa',
            range: [20, 200],
            write: (value) => (settings.dpKpa = value),
          }),
        ]
      : []),
  ];
}

function towerInstruments(plant: ChilledWaterPlant, { number, flag }: InstrumentMaker): Instrument[] {
  const { tower, chiller } = plant;
  const asset = towerName;
  return [
    number(asset, 'LeavingWaterTemperature', tower.leavingC, water),
    number(asset, 'EnteringWaterTemperature', chiller.condenserLeavingC, water),
    number(asset, 'LeavingWaterSetpoint', tower.setpointC, { unit: 'degC', range: [10, 35] }),
    number(asset, 'OutdoorTemperature', plant.outdoorC, { ...temperature, range: [-30, 50], lagSeconds: 120 }),
    number(asset, 'WetBulbTemperature', plant.wetBulbC, { ...temperature, range: [-30, 40], lagSeconds: 120 }),
    number(asset, 'FanSpeedCommand', () => 100 * tower.fanSpeed(), percent),
    flag(asset, 'FanStatus', () => tower.fanSpeed() > 0.02),
    number(asset, 'FanPower', () => 11 * tower.fanSpeed() ** 3, { unit: 'kW', range: [0, 15], noise: 0.02 }),
    number(asset, 'FanVibration', () => 0.8 + 1.4 * tower.fanSpeed(), { unit: 'mm/s', range: [0, 25], noise: 0.04 }),
    number(asset, 'BasinLevel', () => 71 - 6 * tower.fanSpeed(), { unit: '%', range: [0, 100], noise: 0.3 }),
    number(asset, 'Conductivity', () => 1250 + 150 * tower.fanSpeed(), { unit: 'uS/cm', range: [0, 5000], noise: 4 }),
  ];
}

function fanCoilInstruments(
  plant: ChilledWaterPlant,
  asset: string,
  coil: FanCoil,
  make: InstrumentMaker,
): Instrument[] {
  const { number, flag } = make;
  return [
    number(asset, 'ZoneTemperature', coil.zoneC, { ...air, lagSeconds: 120 }),
    number(asset, 'ZoneSetpoint', coil.zoneSetpointC, { unit: 'degC', range: [18, 30], write: coil.setZoneSetpoint }),
    number(asset, 'DischargeTemperature', coil.dischargeC, air),
    number(asset, 'DischargeSetpoint', coil.dischargeSetpointC, { unit: 'degC', range: [5, 50] }),
    number(asset, 'WaterLeavingTemperature', coil.waterLeavingC, water),
    number(asset, 'CoolingValve', () => 100 * coil.coolingValve(), percent),
    number(asset, 'HeatingValve', () => 100 * coil.heatingValve(), percent),
    flag(asset, 'FanCommand', () => true),
    flag(asset, 'FanStatus', () => true),
    flag(asset, 'Occupied', plant.isOccupied),
  ];
}
