/**
 * A variable-volume, single-duct air handler with its rooms:
 *
 *   outdoor ─▶ damper ─┐                                                        ┌─▶ box, reheat ─▶ zone ─┐ × 5
 *                      ├─▶ mixed ─▶ filter ─▶ heating ─▶ cooling ─▶ fan ─▶ duct ─┤                        │
 *   return  ─▶ damper ─┘                                                        └────────────────────────┤
 *      ▲                                                                                                 │
 *      └──────────────────────────── return fan ◀────────────────────────────────────────────────────────┘
 *
 * Stepped by simulated seconds; the same seed, steps and faults give the same readings.
 */
import { type Commands, createAirHandlerControl, type Mode } from './air-handler-control.ts';
import { createAirHandlerSensors } from './air-handler-sensors.ts';
import { createBuilding } from './building.ts';
import { isOccupied } from './calendar.ts';
import { coolingCoil, heatingCoil, leavingAirC, waterFraction } from './coil.ts';
import { type Airflow, airHeatPerM3K, balanceAirflow, outdoorAirFraction } from './duct.ts';
import { type AirHandlerFault, createFaultSwitches, type FaultSwitches } from './faults.ts';
import { createDrift, createRandom } from './random.ts';
import { createWeather, type Season } from './weather.ts';

/** Temperatures in degC, pressures in Pa, commands in percent. */
export type AirHandlerReadings = {
  sat: number;
  sat_sp: number;
  oat: number;
  mat: number;
  rat: number;
  fan_status: boolean;
  fan_speed: number;
  oa_damper: number;
  cooling_valve: number;
  heating_valve: number;
  duct_static: number;
  duct_static_sp: number;
  filter_dp: number;
  occupied: boolean;
  zone_temp: number;
};

/** What no sensor shows: for tests, and for people who ask what is really going on. Positions are 0..1, heats in kW. */
export type AirHandlerTruth = {
  mode: Mode;
  flowM3s: number;
  damper: number;
  coolingValve: number;
  heatingValve: number;
  mixedC: number;
  returnC: number;
  supplyC: number;
  coolingKw: number;
  heatingKw: number;
};

export type AirHandler = {
  faults: FaultSwitches<AirHandlerFault>;
  plantSeconds(): number;
  readings(): AirHandlerReadings;
  truth(): AirHandlerTruth;
  step(seconds: number): void;
};

const stepSecondsMax = 5;
const strokeSeconds = 90;
const fanRampSeconds = 60;
const leakAtFullIntensity = 0.5;

/** An air handler in a building that stands at 22 degC, at `plantSeconds` after a Monday's midnight (default 0). */
export function createAirHandler(options: {
  seed: number;
  season: Season;
  plantSeconds?: number;
  meanC?: number;
  swingC?: number;
}): AirHandler {
  const weather = createWeather(options);
  const control = createAirHandlerControl();
  const faults = createFaultSwitches<AirHandlerFault>();
  const sensors = createAirHandlerSensors({ seed: options.seed, faults });
  const stratification = createDrift(createRandom(options.seed, 'stratification'), {
    deviation: 0.015,
    memorySeconds: 900,
  });
  const building = createBuilding({ startC: 22 });
  const positions: Commands = { fanSpeed: 0, damper: 0, coolingValve: 0, heatingValve: 0 };
  let plantSeconds = options.plantSeconds ?? 0;
  let commands: Commands = { ...positions };
  let air: Airflow = { flowM3s: 0, staticPa: 0, filterPa: 0, fanRiseK: 0 };
  let returnC = 22;
  let mixedC = 22;
  let afterHeatingC = 22;
  let afterCoolingC = 22;
  let supplyC = 22;

  function step(seconds: number): void {
    for (let left = seconds; left > 0; left -= stepSecondsMax) advance(Math.min(left, stepSecondsMax));
  }

  function advance(seconds: number): void {
    plantSeconds += seconds;
    weather.step(plantSeconds, seconds);
    commands = control.step(
      {
        occupied: isOccupied(plantSeconds),
        supplyC: sensors.sat.reading(),
        outdoorC: sensors.oat.reading(),
        returnC: sensors.rat.reading(),
        staticPa: sensors.duct_static.reading(),
        damperMost: building.damperMost(),
      },
      seconds,
    );
    moveActuators(seconds);
    air = balanceAirflow({
      fanSpeed: positions.fanSpeed,
      conductance: building.conductance(),
      fouling: faults.intensity('filter-fouled') ?? 0,
    });
    conditionAir(seconds);
    building.step(
      {
        plantSeconds,
        outdoorC: weather.outdoorC(),
        sunFraction: weather.sunFraction(),
        supplyC,
        staticPa: air.staticPa,
      },
      seconds,
    );
    readSensors(seconds);
  }

  function moveActuators(seconds: number): void {
    positions.fanSpeed = approach(positions.fanSpeed, commands.fanSpeed, seconds / fanRampSeconds);
    positions.damper = approach(
      positions.damper,
      faults.intensity('damper-stuck') ?? commands.damper,
      seconds / strokeSeconds,
    );
    const stuckAt = faults.intensity('cooling-valve-stuck');
    positions.coolingValve = approach(
      positions.coolingValve,
      stuckAt ?? commands.coolingValve,
      seconds / strokeSeconds,
    );
    positions.heatingValve = approach(positions.heatingValve, commands.heatingValve, seconds / strokeSeconds);
  }

  /** Air through mixing box, coils and fan; metal and casing let each follow its balance with a lag. */
  function conditionAir(seconds: number): void {
    const outdoorC = weather.outdoorC();
    const roomsC = building.temperatureC();
    const moving = air.flowM3s > 0.1;
    const share = Math.min(1, Math.max(0, outdoorAirFraction(positions.damper) + stratification.step(seconds)));
    returnC = lag(returnC, roomsC + (moving ? 0.4 : 0), seconds, moving ? 60 : 1800);
    mixedC = lag(mixedC, returnC + share * (outdoorC - returnC), seconds, moving ? 20 : 1800);
    const heated = leavingAirC(heatingCoil, {
      airInC: mixedC,
      airM3s: air.flowM3s,
      water: waterFraction(
        positions.heatingValve,
        leakAtFullIntensity * (faults.intensity('heating-valve-leaking') ?? 0),
      ),
    });
    afterHeatingC = lag(afterHeatingC, moving ? heated : roomsC, seconds, moving ? 45 : 1800);
    const cooled = leavingAirC(coolingCoil, {
      airInC: afterHeatingC,
      airM3s: air.flowM3s,
      water: waterFraction(
        positions.coolingValve,
        leakAtFullIntensity * (faults.intensity('cooling-valve-leaking') ?? 0),
      ),
    });
    afterCoolingC = lag(afterCoolingC, moving ? cooled : roomsC, seconds, moving ? 45 : 1800);
    supplyC = afterCoolingC + (moving ? air.fanRiseK : 0);
  }

  function readSensors(seconds: number): void {
    sensors.sat.step(supplyC, seconds);
    sensors.oat.step(weather.outdoorC(), seconds);
    sensors.mat.step(mixedC, seconds);
    sensors.rat.step(returnC, seconds);
    sensors.duct_static.step(air.staticPa, seconds);
    sensors.filter_dp.step(air.filterPa, seconds);
    sensors.zone_temp.step(building.temperatureC(), seconds);
  }

  function readings(): AirHandlerReadings {
    return {
      sat: sensors.sat.reading(),
      sat_sp: control.supplySetpointC(),
      oat: sensors.oat.reading(),
      mat: sensors.mat.reading(),
      rat: sensors.rat.reading(),
      fan_status: positions.fanSpeed > 0.05,
      fan_speed: percent(commands.fanSpeed),
      oa_damper: percent(commands.damper),
      cooling_valve: percent(commands.coolingValve),
      heating_valve: percent(commands.heatingValve),
      duct_static: sensors.duct_static.reading(),
      duct_static_sp: control.staticSetpointPa(),
      filter_dp: sensors.filter_dp.reading(),
      occupied: isOccupied(plantSeconds),
      zone_temp: sensors.zone_temp.reading(),
    };
  }

  return {
    faults,
    plantSeconds: () => plantSeconds,
    readings,
    truth: () => ({
      mode: control.mode(),
      flowM3s: air.flowM3s,
      damper: positions.damper,
      coolingValve: positions.coolingValve,
      heatingValve: positions.heatingValve,
      mixedC,
      returnC,
      supplyC,
      coolingKw: (airHeatPerM3K * air.flowM3s * (afterHeatingC - afterCoolingC)) / 1000,
      heatingKw: (airHeatPerM3K * air.flowM3s * (afterHeatingC - mixedC)) / 1000,
    }),
    step,
  };
}

function approach(position: number, target: number, reach: number): number {
  return position + Math.min(reach, Math.max(-reach, target - position));
}

function lag(value: number, balance: number, seconds: number, timeConstantSeconds: number): number {
  return value + (balance - value) * (1 - Math.exp(-seconds / timeConstantSeconds));
}

function percent(fraction: number): number {
  return Math.round(fraction * 1000) / 10;
}
