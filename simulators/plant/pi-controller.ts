/**
 * A proportional-integral controller whose integral never winds up: what the limits cut off is taken out of the integral
 * in the same step (back-calculation), so the output leaves a limit as soon as the error turns.
 */
export type PiController = {
  /** The output after `seconds` of this error; positive errors raise the output. */
  step(error: number, seconds: number): number;
  /** Starts over from an output, without a bump. */
  startFrom(output: number): void;
};

/** `gain` is output per unit of error, `integralSeconds` the time in which the integral repeats the proportional part. */
export function createPiController(options: {
  gain: number;
  integralSeconds: number;
  low: number;
  high: number;
}): PiController {
  const { gain, integralSeconds, low, high } = options;
  let integral = low;
  return {
    step(error, seconds) {
      const wanted = gain * error + integral + (gain * error * seconds) / integralSeconds;
      const output = Math.min(high, Math.max(low, wanted));
      integral = Math.min(high, Math.max(low, output - gain * error));
      return output;
    },
    startFrom(output) {
      integral = Math.min(high, Math.max(low, output));
    },
  };
}
