/**
 * A chilled-water plant, the rooms that it serves, and a server room that takes the same day and night:
 *
 *                               ┌──────────── CHWP-1 | CHWP-2 ◀──────────┐
 *    CT-1 ◀─▶ CWP-1 | CWP-2 ◀─▶ CH-1 ──┬──▶ fan coils, FC-001 … ─────────┤
 *                                      ├──▶ server room ─────────────────┤ return
 *                                      └──▶ bypass, which a fault opens ─┘
 *
 * One pump of each pair runs, the other takes over when it fails. The chilled-water pump holds the differential pressure at
 * the fan coils, whose valves decide the flow. Stepped by plant seconds; the same seed, steps and faults give the same plant.
 */
import { hourOf, isOccupied } from '../plant/calendar.ts';
import { createPiController } from '../plant/pi-controller.ts';
import { createPump, type Pump } from '../plant/pump.ts';
import { createDrift, createRandom } from '../plant/random.ts';
import { createWeather, type Season } from '../plant/weather.ts';
import { type Chiller, createChiller, waterHeatPerKgK } from './chiller.ts';
import { type CoolingTower, createCoolingTower } from './cooling-tower.ts';
import { createFanCoil, type FanCoil } from './fan-coil.ts';
import type { FaultBoard } from './plant-faults.ts';

export type PumpName = 'CHWP-1' | 'CHWP-2' | 'CWP-1' | 'CWP-2';
export const pumpNames: readonly PumpName[] = ['CHWP-1', 'CHWP-2', 'CWP-1', 'CWP-2'];
export const chillerName = 'CH-1';
export const towerName = 'CT-1';

export type ChilledWaterPlant = {
  readonly chiller: Chiller;
  readonly tower: CoolingTower;
  readonly pumps: ReadonlyMap<PumpName, PlantPump>;
  readonly fanCoils: ReadonlyMap<string, FanCoil>;
  /** What people may set, in degC, kPa and as a command. */
  readonly settings: { supplyC: number; dpKpa: number; isEnabled: boolean };
  plantSeconds(): number;
  outdoorC(): number;
  wetBulbC(): number;
  returnC(): number;
  /** Chilled water in all, kg/s. */
  flow(): number;
  condenserFlow(): number;
  /** At the fan coils. */
  dpKpa(): number;
  isOccupied(): boolean;
  step(seconds: number): void;
};

export type PlantPump = { readonly pump: Pump; isCommanded(): boolean; speedCommand(): number };

const stepSecondsMax = 10;
const headMaxKpa = 280;
const pumpLossKpa = 0.05;
const plantLossKpa = 0.45;
const strainerLossKpa = 1.6;
const condenserFlowDesign = 20;
const loopKg = 3000;
const takeOverSeconds = 30;
const bypassConductance = 1.6;
const serverRoomKw = 50;
/** 2.5 kg/s at 100 kPa. */
const serverRoomConductance = 0.25;

export type PlantSettings = {
  seed: number;
  season: Season;
  fanCoils: readonly string[];
  faults: FaultBoard;
  plantSeconds: number;
};

export function createChilledWaterPlant(options: PlantSettings): ChilledWaterPlant {
  const { seed, faults } = options;
  const weather = createWeather(options);
  const random = createRandom(seed, 'chilled-water');
  const dewDrift = createDrift(random, { deviation: 1, memorySeconds: 43_200 });
  const chiller = createChiller(9);
  const tower = createCoolingTower(24);
  const fanCoils = new Map(
    options.fanCoils.map((name) => [name, createFanCoil({ size: 0.8 + 0.4 * random.uniform() })] as const),
  );
  const sunHours = options.fanCoils.map((_, index) => [9, 12, 16, 0][index % 4] ?? 0);
  const settings = { supplyC: 7, dpKpa: 100, isEnabled: true };
  const dpControl = createPiController({ gain: 0.002, integralSeconds: 30, low: 0.35, high: 1 });
  let plantSeconds = options.plantSeconds;
  let returnC = 12;
  let flow = 0;
  let dpKpa = 0;
  let wetBulbC = 18;

  const chilled = createPumpPair(['CHWP-1', 'CHWP-2'], {
    seed,
    faults,
    isWanted: () => settings.isEnabled,
    speed: () => chilledSpeed,
  });
  const condenser = createPumpPair(['CWP-1', 'CWP-2'], {
    seed,
    faults,
    isWanted: () => settings.isEnabled,
    speed: () => 0.9,
  });
  let chilledSpeed = 0.5;

  function step(seconds: number): void {
    for (let left = seconds; left > 0; left -= stepSecondsMax) advance(Math.min(left, stepSecondsMax));
  }

  function advance(seconds: number): void {
    plantSeconds += seconds;
    weather.step(plantSeconds, seconds);
    wetBulbC = wetBulb(weather.outdoorC(), dewDrift.step(seconds));
    chilledSpeed = dpControl.step(settings.dpKpa - dpKpa, seconds);
    chilled.step(seconds);
    condenser.step(seconds);
    balance();
    serveRooms(seconds);
    chiller.step(
      {
        isCommanded: settings.isEnabled,
        setpointC: settings.supplyC,
        returnC,
        flow,
        condenserFlow: condenserFlow(),
        condenserEnteringC: tower.leavingC(),
        fouling: faults.intensity('condenser-fouled', chillerName),
        refrigerantLost: faults.intensity('refrigerant-low', chillerName),
        isTripped: faults.intensity('chiller-trip', chillerName) > 0,
      },
      seconds,
    );
    tower.step(
      {
        enteringC: chiller.condenserLeavingC(),
        wetBulbC,
        flow: condenserFlow(),
        fouling: faults.intensity('tower-fouled', towerName),
      },
      seconds,
    );
  }

  /** Head of the pumps = losses of coils, plant and strainer; all of them square with the flow. */
  function balance(): void {
    const speed = chilled.speedFraction();
    const coils = [...fanCoils.values()].reduce((sum, coil) => sum + coil.conductance(), 0);
    const open = coils + serverRoomConductance + bypass();
    const strainer = strainerLossKpa * faults.intensity('strainer-blocked', chilled.running());
    const losses = 1 / open ** 2 + pumpLossKpa + plantLossKpa + strainer;
    flow = speed * Math.sqrt(headMaxKpa / losses);
    dpKpa = (flow / open) ** 2;
  }

  function bypass(): number {
    return bypassConductance * faults.intensity('bypass-open', chillerName);
  }

  function serveRooms(seconds: number): void {
    const occupied = isOccupied(plantSeconds);
    const hour = hourOf(plantSeconds);
    const presence = occupied ? 0.1 + 0.9 * Math.min(1, Math.max(0, Math.min((hour - 6) / 2, (20 - hour) / 2))) : 0.1;
    const supplyC = chiller.supplyC();
    const serverRoomFlow = serverRoomConductance * Math.sqrt(dpKpa);
    // Warmer water takes less from the room's air, of 22 degC, and none once it is as warm.
    const serverRoomTakenKw = (serverRoomKw * Math.max(0, 22 - supplyC)) / 15;
    const serverRoomC = supplyC + serverRoomTakenKw / (Math.max(0.1, serverRoomFlow) * waterHeatPerKgK);
    let mixed = bypass() * supplyC + serverRoomConductance * serverRoomC;
    let open = bypass() + serverRoomConductance;
    let index = 0;
    for (const [name, coil] of fanCoils) {
      const conductance = coil.conductance();
      const facing = Math.max(0.25, Math.cos(((hour - (sunHours[index++] ?? 0)) * Math.PI) / 9));
      const stuck = faults.intensity('valve-stuck', name);
      coil.step(
        {
          isOccupied: occupied,
          outdoorC: weather.outdoorC(),
          sun: weather.sunFraction() * facing,
          presence,
          waterC: supplyC,
          flow: conductance * Math.sqrt(dpKpa),
          stuckAt: stuck > 0 ? stuck : undefined,
          leak: faults.intensity('valve-leaking', name),
        },
        seconds,
      );
      mixed += conductance * coil.waterLeavingC();
      open += conductance;
    }
    returnC += (mixed / open - returnC) * (1 - Math.exp((-flow * seconds) / loopKg));
  }

  const condenserFlow = () => (condenserFlowDesign * condenser.speedFraction()) / 0.9;
  return {
    chiller,
    tower,
    pumps: new Map([...chilled.pumps, ...condenser.pumps]),
    fanCoils,
    settings,
    plantSeconds: () => plantSeconds,
    outdoorC: weather.outdoorC,
    wetBulbC: () => wetBulbC,
    returnC: () => returnC,
    flow: () => flow,
    condenserFlow,
    dpKpa: () => dpKpa,
    isOccupied: () => isOccupied(plantSeconds),
    step,
  };
}

/** By the rule of thumb that the wet bulb lies a third of the way from dry bulb to dew point. */
function wetBulb(outdoorC: number, drift: number): number {
  const dewC = Math.min(outdoorC - 1, 0.55 * outdoorC + 1 + drift);
  return outdoorC - (outdoorC - dewC) / 3;
}

type PairOptions = { seed: number; faults: FaultBoard; isWanted(): boolean; speed(): number };

/** Duty and standby: when the first does not turn though it is told to, the second is told as well. */
function createPumpPair(names: readonly [PumpName, PumpName], { seed, faults, isWanted, speed }: PairOptions) {
  let silentSeconds = 0;
  const needsSecond = () => silentSeconds >= takeOverSeconds;
  const [first, second] = names.map((name, index) => {
    const isCommanded = () => isWanted() && (index === 0 || needsSecond());
    const speedCommand = () => (isCommanded() ? speed() : 0);
    const pump = createPump({
      seed: seed * 1000 + pumpNames.indexOf(name),
      demand: () => (faults.intensity('pump-trip', name) > 0 ? 0 : speedCommand()),
    });
    return { name, pump, isCommanded, speedCommand };
  }) as [NamedPump, NamedPump];
  return {
    pumps: [first, second].map((entry) => [entry.name, entry] as const),
    speedFraction: () => Math.max(first.pump.speedFraction(), second.pump.speedFraction()),
    running: () => (second.pump.speedFraction() > first.pump.speedFraction() ? second.name : first.name),
    step: (seconds: number) => {
      for (const { name, pump } of [first, second]) {
        const wear = faults.intensity('bearing-wear', name);
        if (wear > 0) pump.faults.inject('bearing-wear', { intensity: wear });
        else pump.faults.clear('bearing-wear');
        pump.step(seconds);
      }
      const isSilent = first.isCommanded() && first.pump.speedFraction() < 0.05;
      silentSeconds = isSilent ? silentSeconds + seconds : 0;
    },
  };
}

type NamedPump = PlantPump & { readonly name: PumpName };
