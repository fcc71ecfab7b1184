/**
 * Faults as people write them: `NAME[=POINT][:INTENSITY][@SECONDS]` on the command line, and a line
 * `fault NAME[=POINT] on [INTENSITY]` or `fault NAME off` on standard input while the plant runs. `ASSET/NAME` strikes
 * another asset than the first.
 */
import { UsageError } from './arguments.ts';
import { type FaultName, faultNames, isFaultName } from './plant/faults.ts';
import type { PlantFaultOptions } from './plant-device.ts';

export type FaultTarget = { fault: FaultName; options: PlantFaultOptions };

/** Parses an option such as `cooling-valve-stuck:0.8@20`; throws a UsageError. */
export function parseFaultOption(text: string): FaultTarget & { afterSeconds: number } {
  const match = /^([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(text);
  if (!match) throw new UsageError(`--fault is NAME[=POINT][:INTENSITY][@SECONDS], not ${JSON.stringify(text)}`);
  const [, target = '', intensity, after] = match;
  const afterSeconds = after === undefined ? 0 : Number(after);
  if (!(afterSeconds >= 0)) throw new UsageError(`--fault ${text}: after @ stand seconds from the start, such as @10`);
  return { ...parseTarget(target, intensity), afterSeconds };
}

/** Parses a line of standard input; throws a UsageError. */
export function parseFaultLine(line: string): FaultTarget & { on: boolean } {
  const [word, target = '', state, intensity, ...rest] = line.trim().split(/\s+/);
  const fits =
    word === 'fault' && rest.length === 0 && (state === 'on' || (state === 'off' && intensity === undefined));
  if (!fits) throw new UsageError('write: fault NAME on [INTENSITY], or: fault NAME off');
  return { ...parseTarget(target, intensity), on: state === 'on' };
}

function parseTarget(target: string, intensityText: string | undefined): FaultTarget {
  const match = /^(?:([^/]+)\/)?([^=]+)(?:=(.+))?$/.exec(target);
  const [, asset, fault = '', point] = match ?? [];
  if (!isFaultName(fault)) {
    throw new UsageError(`no fault ${JSON.stringify(fault || target)}; there are ${faultNames.join(', ')}`);
  }
  const intensity = intensityText === undefined ? undefined : Number(intensityText);
  if (intensity !== undefined && !(intensity >= 0 && intensity <= 1)) {
    throw new UsageError(`fault ${fault}: the intensity is a number from 0 to 1, not ${JSON.stringify(intensityText)}`);
  }
  return {
    fault,
    options: {
      ...(intensity === undefined ? {} : { intensity }),
      ...(point === undefined ? {} : { point }),
      ...(asset === undefined ? {} : { asset }),
    },
  };
}
