/**
 * Faults as people write them: `NAME[=POINT][:INTENSITY][@SECONDS[-SECONDS]]` on the command line, and a line
 * `fault NAME[=POINT] on [INTENSITY]` or `fault NAME off` on standard input while the plant runs. `ASSET/NAME` strikes
 * another asset than the first. Each plant has faults of its own.
 */
import { UsageError } from './arguments.ts';
import { type FaultName, faultNames } from './plant/faults.ts';
import type { PlantFaultOptions } from './plant-device.ts';

export type FaultTarget<Name extends string = FaultName> = { fault: Name; options: PlantFaultOptions };

/** Parses an option such as `cooling-valve-stuck:0.8@20`; throws a UsageError. */
export const parseFaultOption = (text: string) => parseFaultOptionOf(faultNames, text);

/** Parses a line of standard input; throws a UsageError. */
export const parseFaultLine = (line: string) => parseFaultLineOf(faultNames, line);

/** The same for a plant with these faults. */
export function parseFaultOptionOf<Name extends string>(
  names: readonly Name[],
  text: string,
): FaultTarget<Name> & { afterSeconds: number; untilSeconds?: number } {
  const match = /^([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(text);
  if (!match) {
    throw new UsageError(`--fault is NAME[=POINT][:INTENSITY][@SECONDS[-SECONDS]], not ${JSON.stringify(text)}`);
  }
  const [, target = '', intensity, span = '0'] = match;
  const [afterSeconds = 0, untilSeconds = Number.POSITIVE_INFINITY] = span.split('-').map(Number);
  if (!(afterSeconds >= 0 && untilSeconds > afterSeconds)) {
    throw new UsageError(`--fault ${text}: after @ stand seconds from the start, such as @10 or @10-60`);
  }
  const isForGood = untilSeconds === Number.POSITIVE_INFINITY;
  return { ...parseTarget(names, target, intensity), afterSeconds, ...(isForGood ? {} : { untilSeconds }) };
}

/** The same for a plant with these faults. */
export function parseFaultLineOf<Name extends string>(
  names: readonly Name[],
  line: string,
): FaultTarget<Name> & { on: boolean } {
  const [word, target = '', state, intensity, ...rest] = line.trim().split(/\s+/);
  const fits =
    word === 'fault' && rest.length === 0 && (state === 'on' || (state === 'off' && intensity === undefined));
  if (!fits) throw new UsageError('write: fault NAME on [INTENSITY], or: fault NAME off');
  return { ...parseTarget(names, target, intensity), on: state === 'on' };
}

function parseTarget<Name extends string>(
  names: readonly Name[],
  target: string,
  intensityText: string | undefined,
): FaultTarget<Name> {
  const match = /^(?:([^/]+)\/)?([^=]+)(?:=(.+))?$/.exec(target);
  const [, asset, named = '', point] = match ?? [];
  const fault = names.find((name) => name === named);
  if (fault === undefined) {
    throw new UsageError(`no fault ${JSON.stringify(named || target)}; there are ${names.join(', ')}`);
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
