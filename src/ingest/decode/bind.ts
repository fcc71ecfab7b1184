/** A sample meets its point: what a text stands for is decided here, by the states that the point declares. */
import type { PointRef } from '../../assets/point-store.ts';
import { convert } from '../../assets/units.ts';
import type { Arrival } from '../../telemetry/arrival.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { numberIn, wordIn } from './bare.ts';
import { type Sample, shorten } from './sample.ts';

/**
 * The reading that a sample is of its point; a rejection, `unusable_value`, for a text that is neither one of the point's
 * states nor, where it declares none, a number or a boolean, and `time_too_old` for a time whose readings were dropped.
 */
export function bindSample(point: PointRef, { timeMs, value, quality }: Sample): Arrival | Rejection {
  const tooOld = findTooOld(point, timeMs);
  if (tooOld) return tooOld;
  if (typeof value !== 'string') return { point, timeMs, value: inUnitOf(point, value), quality };
  const text = value.trim();
  const number = point.states === null ? numberOf(text) : stateNumber(point.states, text);
  if (number === undefined) return { reason: 'unusable_value', detail: explain(text, point.states) };
  return Number.isFinite(number)
    ? { point, timeMs, value: inUnitOf(point, number), quality }
    : { point, timeMs, value: null, quality: 'bad' };
}

/** A value that came under a name of another unit, in the unit of the point that the name stands for now. */
export function inUnitOf<T extends number | null>({ conversion }: PointRef, value: T): T | number {
  if (!conversion || value === null) return value;
  return convert(value, conversion.scale, conversion.offset, conversion.steps);
}

/** Why a time is too old for its point: its day has been dropped, and the roll-ups made of that must not change any more. */
export function findTooOld({ droppedBeforeMs }: PointRef, timeMs: number): Rejection | undefined {
  if (droppedBeforeMs == null || timeMs >= droppedBeforeMs) return undefined;
  const [time, horizon] = [timeMs, droppedBeforeMs].map((ms) => new Date(ms).toISOString());
  const detail = `${time} is before ${horizon}, and the point's readings of before that were dropped, as RETAIN_RAW or a retention policy says`;
  return { reason: 'time_too_old', detail };
}

/** Some devices write their numbers as texts. */
function numberOf(text: string): number | undefined {
  const number = numberIn(text) ?? wordIn(text);
  return typeof number === 'boolean' ? Number(number) : number;
}

function stateNumber(states: Readonly<Record<string, number>>, text: string): number | undefined {
  return Object.hasOwn(states, text) ? states[text] : undefined;
}

const statesShown = 10;

function explain(text: string, states: PointRef['states']): string {
  const seen = JSON.stringify(shorten(text));
  if (states !== null) {
    const names = Object.keys(states);
    const more = names.length > statesShown ? ', …' : '';
    return `${seen} is none of the point's states: ${names.slice(0, statesShown).map(shorten).join(', ')}${more}`;
  }
  if (text === '') return 'the text is empty';
  const start = text.slice(0, 60);
  if (/^[+-]?\d+,\d+$/.test(start)) return `${seen} has a comma; the decimal separator is a point`;
  if (/^[+-]?\d+([.,]\d+)?\s*[^\d\s.,:/-]/.test(start))
    return `${seen} is more than a number; send it without its unit`;
  return `${seen} is a text and no number, and the point declares no states`;
}
