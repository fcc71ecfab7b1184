/**
 * A sensor between the physics and everything that reads it: lag of its well, electrical noise, and the two ways in which
 * it fails. Controllers and telemetry see the same reading, so a bad sensor misleads both.
 */
import type { Random } from './random.ts';

export type Sensor = {
  reading(): number;
  step(truth: number, seconds: number): void;
};

const driftPerHour = 6;
const driftMax = 12;

/** `noise` is the standard deviation and `digits` the decimals of the converter; `failure` is asked at every step. */
export function createSensor(options: {
  random: Random;
  noise: number;
  lagSeconds: number;
  digits: number;
  failure: () => SensorFailure;
}): Sensor {
  const scale = 10 ** options.digits;
  let settled: number | undefined;
  let drift = 0;
  let reading = 0;
  return {
    reading: () => reading,
    step(truth, seconds) {
      settled =
        settled === undefined ? truth : settled + (truth - settled) * (1 - Math.exp(-seconds / options.lagSeconds));
      const { driftIntensity, flat } = options.failure();
      drift =
        driftIntensity === undefined ? 0 : Math.min(driftMax, drift + (driftIntensity * driftPerHour * seconds) / 3600);
      // The noise is drawn in any case, so that a flat sensor leaves the later noise of the others as it was.
      const noisy = settled + drift + options.noise * options.random.normal();
      if (!flat) reading = Math.round(noisy * scale) / scale;
    },
  };
}

export type SensorFailure = { driftIntensity: number | undefined; flat: boolean };
