/**
 * What a controller shows of the plant: a variable of an asset, with its unit and range, and between it and the physics a
 * sensor where there is one. Sensors drift, stand still, are known to be doubtful, or fail: only the last two show in the
 * status of the value.
 */
import type { Random } from '../plant/random.ts';
import { createSensor } from '../plant/sensor.ts';
import type { FaultBoard } from './plant-faults.ts';

export type InstrumentType = 'Double' | 'Boolean' | 'UInt32' | 'String';
export type InstrumentValue = number | boolean | string;
export type InstrumentStatus = 'Good' | 'UncertainSensorNotAccurate' | 'BadSensorFailure';

export type Instrument = {
  readonly asset: string;
  readonly name: string;
  readonly dataType: InstrumentType;
  /** A key of engineeringUnits. */
  readonly unit?: string;
  readonly range?: readonly [low: number, high: number];
  /** Whether a fault of a sensor can strike it. */
  readonly isSensor: boolean;
  /** The value now, of a sensor as it was at the last step. */
  read(): { readonly value: InstrumentValue; readonly status: InstrumentStatus };
  step(seconds: number): void;
  /** Takes what a client has written, where clients may; out of the range it is brought to its end. */
  readonly write?: (value: InstrumentValue) => void;
};

export type InstrumentOptions = {
  readonly unit?: string;
  readonly range?: readonly [low: number, high: number];
  /** Standard deviation of the sensor's noise in the unit of the value; without it the value is exact, as of a command. */
  readonly noise?: number;
  readonly lagSeconds?: number;
  readonly digits?: number;
  readonly write?: (value: number) => void;
};

export type InstrumentMaker = {
  number(asset: string, name: string, of: () => number, options: InstrumentOptions): Instrument;
  counter(asset: string, name: string, of: () => number, options?: InstrumentOptions): Instrument;
  flag(asset: string, name: string, of: () => boolean, write?: (value: boolean) => void): Instrument;
  text(asset: string, name: string, of: () => string): Instrument;
};

export function createInstrumentMaker({ random, faults }: { random: Random; faults: FaultBoard }): InstrumentMaker {
  const plain = (dataType: InstrumentType, asset: string, name: string, of: () => InstrumentValue) => ({
    asset,
    name,
    dataType,
    isSensor: false,
    read: () => ({ value: of(), status: 'Good' as const }),
    step: () => undefined,
  });
  return {
    number: (asset, name, of, options) => {
      const { unit, range, noise, digits = 2, write } = options;
      const shape = {
        ...(unit === undefined ? {} : { unit }),
        ...(range === undefined ? {} : { range }),
        ...(write === undefined ? {} : { write: (value: InstrumentValue) => write(within(Number(value), range)) }),
      };
      if (noise === undefined) {
        return { ...plain('Double', asset, name, () => rounded(of(), digits)), ...shape };
      }
      const strength = (fault: 'sensor-drift' | 'sensor-flat' | 'sensor-uncertain' | 'sensor-failed') =>
        faults.intensity(fault, asset, name);
      const sensor = createSensor({
        random,
        noise,
        lagSeconds: options.lagSeconds ?? 15,
        digits,
        failure: () => ({
          driftIntensity: strength('sensor-drift') || undefined,
          flat: strength('sensor-flat') > 0 || strength('sensor-failed') > 0,
        }),
      });
      return {
        ...plain('Double', asset, name, sensor.reading),
        ...shape,
        isSensor: true,
        read: () => ({
          value: sensor.reading(),
          status:
            strength('sensor-failed') > 0
              ? 'BadSensorFailure'
              : strength('sensor-uncertain') > 0
                ? 'UncertainSensorNotAccurate'
                : 'Good',
        }),
        step: (seconds) => sensor.step(of(), seconds),
      };
    },
    counter: (asset, name, of, { unit } = {}) => ({
      ...plain('UInt32', asset, name, () => Math.floor(of())),
      ...(unit === undefined ? {} : { unit, range: [0, 4_294_967_295] as const }),
    }),
    flag: (asset, name, of, write) => ({
      ...plain('Boolean', asset, name, of),
      ...(write === undefined ? {} : { write: (value: InstrumentValue) => write(value === true) }),
    }),
    text: (asset, name, of) => plain('String', asset, name, of),
  };
}

function within(value: number, [low, high]: readonly [number, number] = [-Infinity, Infinity]): number {
  return Math.min(high, Math.max(low, value));
}

function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
