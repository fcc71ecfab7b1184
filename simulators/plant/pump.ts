/**
 * A centrifugal pump on a three-phase motor behind a frequency converter, which runs day and night on a slowly varying
 * demand. Affinity laws: flow follows speed, head its square, power its cube. A worn bearing shakes and heats:
 *
 *   wear 0 → 1   vibration 1.2 → 11 mm/s RMS (exponential), friction heats the bearing by up to 45 K
 */
import { createFaultSwitches, type FaultSwitches, type PumpFault } from './faults.ts';
import { createDrift, createRandom } from './random.ts';

/** Units: mm/s RMS, degC, A, rpm, kW, kPa. */
export type PumpReadings = {
  vibration: number;
  bearing_temp: number;
  current_a: number;
  current_b: number;
  current_c: number;
  speed: number;
  power: number;
  run_status: boolean;
  run_command: boolean;
  discharge_pressure: number;
};

export type Pump = {
  faults: FaultSwitches<PumpFault>;
  /** Of the rated speed, 0..1. */
  speedFraction(): number;
  readings(): PumpReadings;
  step(seconds: number): void;
};

const ratedSpeedRpm = 2950;
const ratedPowerKw = 22;
const ratedHeadKpa = 420;
const rampSeconds = 20;
const roomC = 24;
const healthyVibration = 1.2;
const ruinedVibration = 11;
// At intensity 1 and the usual speed, vibration passes 7.1 mm/s, where zone D of ISO 10816-1 begins, after 2.7 minutes.
const wearSecondsToRuin = 170;

/**
 * A pump at rest in a warm plant room; the seed decides its noise and its motor's small unbalance. It runs all the time at
 * what a slowly varying demand wants, or at the fraction of its rated speed that `demand` asks for.
 */
export function createPump(options: { seed: number; demand?: () => number }): Pump {
  const random = createRandom(options.seed, 'pump');
  const drift = createDrift(random, { deviation: 0.03, memorySeconds: 3600 });
  const unbalance = [0, 1, 2].map(() => 0.01 * random.normal());
  const faults = createFaultSwitches<PumpFault>();
  let speedFraction = 0;
  let wear = 0;
  let bearingC = roomC;

  function step(seconds: number): void {
    const usual = Math.min(1, Math.max(0.5, 0.85 + drift.step(seconds)));
    const wanted = options.demand?.() ?? usual;
    const reach = seconds / rampSeconds;
    speedFraction += Math.min(reach, Math.max(-reach, wanted - speedFraction));
    const rate = faults.intensity('bearing-wear');
    // A bearing that is put right has been exchanged, so its wear is gone.
    wear = rate === undefined ? 0 : Math.min(1, wear + (rate * speedFraction * seconds) / wearSecondsToRuin);
    const balanceC = roomC + speedFraction ** 2 * (22 + 45 * wear);
    bearingC += (balanceC - bearingC) * (1 - Math.exp(-seconds / 600));
  }

  function readings(): PumpReadings {
    const turns = speedFraction > 0.02;
    const amplitude = healthyVibration * (ruinedVibration / healthyVibration) ** wear;
    const vibration =
      amplitude * (speedFraction / 0.85) * (1 + 0.03 * random.normal()) + 0.02 * Math.abs(random.normal());
    const powerKw = ratedPowerKw * speedFraction ** 3 * (1 + 0.04 * wear);
    // Three phases at 400 V and a power factor of 0.86; the magnetising current stays when the load falls.
    const currentA = turns ? (powerKw * 1000) / (Math.sqrt(3) * 400 * 0.86) + 6 : 0;
    const [currentPhaseA = 0, currentPhaseB = 0, currentPhaseC = 0] = unbalance.map(
      (share) => currentA * (1 + share + 0.003 * random.normal()),
    );
    return {
      vibration: round(vibration, 3),
      bearing_temp: round(bearingC + 0.1 * random.normal(), 2),
      current_a: round(currentPhaseA, 2),
      current_b: round(currentPhaseB, 2),
      current_c: round(currentPhaseC, 2),
      speed: Math.max(0, Math.round(ratedSpeedRpm * speedFraction + (turns ? 2 * random.normal() : 0))),
      power: round(Math.max(0, powerKw * (1 + 0.005 * random.normal())), 3),
      run_status: turns,
      run_command: true,
      discharge_pressure: round(120 + ratedHeadKpa * speedFraction ** 2 + 1.5 * random.normal(), 1),
    };
  }

  return { faults, speedFraction: () => speedFraction, readings, step };
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
