/**
 * A water-cooled chiller that holds the temperature of the water it sends out.
 *
 *   entering water ─▶ evaporator ─▶ leaving water      heat taken: capacity × what its load controller asks for
 *                      compressor                       power: heat ÷ COP, which falls as the condenser grows warmer
 *   from the tower ─▶ condenser  ─▶ to the tower        heat given off: heat taken + power
 *
 * The COP is half of Carnot's between the two saturation temperatures. Scale in the condenser widens its approach by up to
 * 18 K; lost refrigerant takes capacity. A trip opens the safety chain: the command stays and the status falls.
 */
import { createPiController } from '../plant/pi-controller.ts';

export const waterHeatPerKgK = 4.19;

export type Chiller = {
  isRunning(): boolean;
  supplyC(): number;
  /** Of its capacity, 0..1. */
  load(): number;
  coolingKw(): number;
  powerKw(): number;
  condenserLeavingC(): number;
  evaporatorApproachK(): number;
  condenserApproachK(): number;
  evaporatingC(): number;
  condensingC(): number;
  starts(): number;
  runHours(): number;
  step(around: ChillerSurroundings, seconds: number): void;
};

export type ChillerSurroundings = {
  isCommanded: boolean;
  setpointC: number;
  returnC: number;
  /** Through the evaporator and the condenser, kg/s. */
  flow: number;
  condenserFlow: number;
  condenserEnteringC: number;
  /** Faults, 0..1 each. */
  fouling: number;
  refrigerantLost: number;
  isTripped: boolean;
};

const capacityKw = 400;
const waterKg = 1500;
const carnotShare = 0.5;
const idlePowerKw = 1;
/** Below that its flow switch stops it. */
const flowMin = 1;

/** A chiller at rest, with water at a temperature. */
export function createChiller(startC: number): Chiller {
  const control = createPiController({ gain: 0.08, integralSeconds: 240, low: 0, high: 1 });
  let isRunning = false;
  let supplyC = startC;
  let load = 0;
  let coolingKw = 0;
  let powerKw = 0;
  let condenserLeavingC = startC;
  let evaporatorApproachK = 0;
  let condenserApproachK = 0;
  let starts = 0;
  let runSeconds = 0;

  function step(around: ChillerSurroundings, seconds: number): void {
    const wasRunning = isRunning;
    isRunning = around.isCommanded && !around.isTripped && around.flow > flowMin && around.condenserFlow > flowMin;
    if (isRunning && !wasRunning) starts += 1;
    if (isRunning) runSeconds += seconds;
    else control.startFrom(0);
    load = isRunning ? control.step(supplyC - around.setpointC, seconds) : 0;
    coolingKw = load * capacityKw * (1 - 0.25 * around.fouling) * (1 - 0.5 * around.refrigerantLost);
    evaporatorApproachK = isRunning ? 1 + 2 * load + 5 * around.refrigerantLost : 0;
    condenserApproachK = isRunning ? 1 + 3 * load + 18 * around.fouling : 0;
    powerKw = isRunning ? idlePowerKw + coolingKw / cop() : 0;
    const exchanged = around.flow * waterHeatPerKgK * (around.returnC - supplyC);
    supplyC += ((exchanged - coolingKw) / (waterKg * waterHeatPerKgK)) * seconds;
    const rejected = coolingKw + powerKw;
    condenserLeavingC =
      around.condenserEnteringC +
      (around.condenserFlow > flowMin ? rejected / (around.condenserFlow * waterHeatPerKgK) : 0);
  }

  const evaporatingC = () => supplyC - evaporatorApproachK;
  const condensingC = () => condenserLeavingC + condenserApproachK;

  function cop(): number {
    // Never less lift than 8 K, below which a compressor gains nothing from cold condenser water.
    const lift = Math.max(8, condensingC() - evaporatingC());
    return (carnotShare * (evaporatingC() + 273.15)) / lift;
  }

  return {
    isRunning: () => isRunning,
    supplyC: () => supplyC,
    load: () => load,
    coolingKw: () => coolingKw,
    powerKw: () => powerKw,
    condenserLeavingC: () => condenserLeavingC,
    evaporatorApproachK: () => evaporatorApproachK,
    condenserApproachK: () => condenserApproachK,
    evaporatingC,
    condensingC,
    starts: () => starts,
    runHours: () => runSeconds / 3600,
    step,
  };
}
