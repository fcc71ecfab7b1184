/**
 * A room with its fan coil: the room asks for colder or warmer air, a chilled-water valve and a heating coil answer. The
 * room is one lump of air, furniture and walls.
 */
import { counterFlowEffectiveness, waterFraction } from '../plant/coil.ts';
import { createPiController } from '../plant/pi-controller.ts';
import { waterHeatPerKgK } from './chiller.ts';

/** Temperatures in degC, valves 0..1, flow in kg/s. */
export type FanCoil = {
  zoneC(): number;
  zoneSetpointC(): number;
  dischargeC(): number;
  dischargeSetpointC(): number;
  coolingValve(): number;
  heatingValve(): number;
  waterLeavingC(): number;
  /** What its valve lets through, kg/s per root of kPa. */
  conductance(): number;
  /** Moves the set-point of the occupied room. */
  setZoneSetpoint(degreesC: number): void;
  step(around: FanCoilSurroundings, seconds: number): void;
};

export type FanCoilSurroundings = {
  isOccupied: boolean;
  outdoorC: number;
  /** Sun and people, as shares of their greatest. */
  sun: number;
  presence: number;
  waterC: number;
  /** Through this coil, kg/s. */
  flow: number;
  /** Where the cooling valve stands whatever it is told, 0..1, and what passes it when it is shut. */
  stuckAt: number | undefined;
  leak: number;
};

const airRate = 320;
const coilConductance = 400;
const zoneCapacity = 2.5e6;
const lossWPerK = 90;
const sunMaxW = 1500;
const peopleMaxW = 1800;
const heatingMaxW = 2500;
const unoccupiedWiderK = 2.5;
const valveStrokeSeconds = 60;
/** 0.17 kg/s at 100 kPa. */
const openConductance = 0.017;

/** A room at 23.5 degC; `size` scales its gains and losses, so that rooms differ. */
export function createFanCoil(options: { size: number }): FanCoil {
  const cooling = createPiController({ gain: 0.3, integralSeconds: 900, low: 0, high: 1 });
  const heating = createPiController({ gain: 0.3, integralSeconds: 900, low: 0, high: 1 });
  const valve = createPiController({ gain: 0.08, integralSeconds: 120, low: 0, high: 1 });
  let occupiedSetpointC = 23.5;
  let setpointC = 23.5;
  let zoneC = 23.5;
  let dischargeC = 23.5;
  let dischargeSetpointC = 23.5;
  let waterLeavingC = 12;
  let command = 0;
  let position = 0;
  let heat = 0;
  let leak = 0;

  function step(around: FanCoilSurroundings, seconds: number): void {
    setpointC = occupiedSetpointC + (around.isOccupied ? 0 : unoccupiedWiderK);
    const cool = cooling.step(zoneC - setpointC, seconds);
    const heatingSetpointC = occupiedSetpointC - (around.isOccupied ? 2.5 : 6);
    heat = heating.step(heatingSetpointC - zoneC, seconds);
    dischargeSetpointC = cool > 0 ? zoneC - cool * (zoneC - 13) : zoneC + heat * 8;
    command = cool > 0 ? valve.step(dischargeC - dischargeSetpointC, seconds) : 0;
    if (cool === 0) valve.startFrom(0);
    moveValve(around, seconds);
    const coldW = exchange(around);
    const heatW = heat * heatingMaxW;
    dischargeC += (zoneC + (heatW - coldW) / airRate - dischargeC) * (1 - Math.exp(-seconds / 30));
    const gains = options.size * (sunMaxW * around.sun + peopleMaxW * around.presence);
    const loss = options.size * lossWPerK * (around.outdoorC - zoneC);
    zoneC += ((gains + loss + airRate * (dischargeC - zoneC)) / zoneCapacity) * seconds;
  }

  function moveValve(around: FanCoilSurroundings, seconds: number): void {
    leak = around.leak;
    const reach = seconds / valveStrokeSeconds;
    position += Math.min(reach, Math.max(-reach, (around.stuckAt ?? command) - position));
  }

  function exchange({ flow, waterC }: FanCoilSurroundings): number {
    if (flow < 1e-3) {
      waterLeavingC += (zoneC - waterLeavingC) * 0.02;
      return 0;
    }
    const waterRate = flow * waterHeatPerKgK * 1000;
    const least = Math.min(airRate, waterRate);
    const ratio = least / Math.max(airRate, waterRate);
    const coldW = counterFlowEffectiveness(coilConductance / least, ratio) * least * (zoneC - waterC);
    waterLeavingC = waterC + coldW / waterRate;
    return coldW;
  }

  return {
    zoneC: () => zoneC,
    zoneSetpointC: () => setpointC,
    dischargeC: () => dischargeC,
    dischargeSetpointC: () => dischargeSetpointC,
    coolingValve: () => command,
    heatingValve: () => heat,
    waterLeavingC: () => waterLeavingC,
    conductance: () => openConductance * waterFraction(position, 0.5 * leak),
    setZoneSetpoint: (degreesC) => {
      occupiedSetpointC = degreesC;
    },
    step,
  };
}
