/** A sample meets its point: what a text stands for is decided here, by the states that the point declares. */
import type { PointRef } from '../../assets/point-store.ts';
import type { Arrival } from '../../telemetry/arrival.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { numberIn, wordIn } from './bare.ts';
import { type Sample, shorten } from './sample.ts';

/**
 * The reading that a sample is of its point; a rejection, `unusable_value`, for a text that is neither one of the point's
 * states nor, where it declares none, a number or a boolean.
 */
export function bindSample(point: PointRef, { timeMs, value, quality }: Sample): Arrival | Rejection {
  if (typeof value !== 'string') return { point, timeMs, value, quality };
  const text = value.trim();
  const number = point.states === null ? numberOf(text) : stateNumber(point.states, text);
  if (number === undefined) return { reason: 'unusable_value', detail: explain(text, point.states) };
  return Number.isFinite(number)
    ? { point, timeMs, value: number, quality }
    : { point, timeMs, value: null, quality: 'bad' };
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
