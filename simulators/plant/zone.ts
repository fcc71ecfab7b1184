/**
 * One thermal zone with its variable-volume terminal box and hot-water reheat. Two nodes: the air with the furniture, and
 * the slow mass of floors and walls. The box is pressure independent: its damper seeks a flow, whatever the duct does.
 */
import { airHeatPerM3K } from './duct.ts';
import { createPiController } from './pi-controller.ts';

export type Zone = {
  temperatureC(): number;
  /** Stand of the box's damper, 0..1. */
  damper(): number;
  /** What the box lets through, m3/s per root of Pa of duct pressure. */
  conductance(): number;
  step(surroundings: ZoneSurroundings, seconds: number): void;
};

type ZoneSurroundings = {
  occupied: boolean;
  outdoorC: number;
  /** Sun on this zone's windows, 0..1. */
  sun: number;
  /** Fraction of the zone's people and machines that are there, 0..1. */
  presence: number;
  supplyC: number;
  staticPa: number;
};

const airCapacity = 4.5e6;
const massCapacity = 6e7;
const massCoupling = 900;
const internalGainW = 10_000;
const flowMaxM3s = 1.2;
const flowMinM3s = 0.3;
const flowHeatingM3s = 0.5;
const coolingSetpointC = 23.5;
const heatingSetpointC = 21;
const setbackC = 17;
const reheatMaxK = 20;
const setbackHeatingW = 8000;
const damperStrokeSeconds = 90;
// A box with an open damper passes 1.3 times its greatest flow at 250 Pa.
const openConductance = (1.3 * flowMaxM3s) / Math.sqrt(250);

/** A zone at a temperature; `lossWPerK` is its envelope's, `sunMaxW` what a clear noon brings in. */
export function createZone(options: { startC: number; lossWPerK: number; sunMaxW: number; gainShare: number }): Zone {
  let airC = options.startC;
  let massC = options.startC;
  let damper = 0;
  const cooling = createPiController({ gain: 0.35, integralSeconds: 900, low: 0, high: 1 });
  const heating = createPiController({ gain: 0.35, integralSeconds: 900, low: 0, high: 1 });

  function step(around: ZoneSurroundings, seconds: number): void {
    const flow = conductance() * Math.sqrt(around.staticPa);
    const cool = around.occupied ? cooling.step(airC - coolingSetpointC, seconds) : 0;
    const heat = around.occupied ? heating.step(heatingSetpointC - airC, seconds) : 0;
    if (!around.occupied) {
      cooling.startFrom(0);
      heating.startFrom(0);
    }
    const wanted = flowMinM3s + Math.max(cool * (flowMaxM3s - flowMinM3s), heat * (flowHeatingM3s - flowMinM3s));
    seek(around.occupied ? wanted - flow : -1, seconds);

    const setback = !around.occupied && airC < setbackC ? setbackHeatingW * Math.min(1, setbackC - airC) : 0;
    const gains = internalGainW * options.gainShare * around.presence + options.sunMaxW * around.sun + setback;
    const dischargeC = around.supplyC + heat * reheatMaxK;
    const balance =
      gains +
      options.lossWPerK * (around.outdoorC - airC) +
      massCoupling * (massC - airC) +
      airHeatPerM3K * flow * (dischargeC - airC);
    massC += ((massCoupling * (airC - massC)) / massCapacity) * seconds;
    airC += (balance / airCapacity) * seconds;
  }

  /** Floating control: the actuator runs towards the flow that is wanted, at most at its stroke's speed. */
  function seek(errorM3s: number, seconds: number): void {
    const reach = seconds / damperStrokeSeconds;
    const move = Math.abs(errorM3s) < 0.01 ? 0 : 0.25 * errorM3s;
    damper = Math.min(1, Math.max(0, damper + Math.min(reach, Math.max(-reach, move))));
  }

  function conductance(): number {
    return openConductance * (0.02 + 0.98 * damper);
  }

  return { temperatureC: () => airC, damper: () => damper, conductance, step };
}
