/**
 * A payload becomes samples: pure, and total. Whatever a device sends gives samples, rejections, or both; nothing throws.
 *
 *   topic of a point    21.5 · true · {"value": 21.5, "time": …, "quality": "good"} · an array of those
 *   topic of an asset   {"sat": 13.2, "fan": true, "time": …} · {"time": …, "values": {…}} · an array of those
 */
import type { Quality } from '../../telemetry/reading.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { type Arrived, readTime } from './sample-time.ts';

/** A value as sent: a text is a state's name, which only its point can tell; null is a number that was not finite. */
export type Sample = {
  readonly point: string;
  readonly timeMs: number;
  readonly value: number | string | null;
  readonly quality: Quality;
};

export type Decoded = { readonly samples: readonly Sample[]; readonly rejections: readonly Rejection[] };

export const samplesMax = 10_000;

/** Reads the payload of `telemetry/{site}/{asset}/{point}`. */
export function decodePoint(point: string, payload: Buffer, arrived: Arrived): Decoded {
  const number = bareNumber(payload);
  if (number !== undefined) return { samples: [good(point, number, arrived.receivedMs)], rejections: [] };
  const text = payload.toString('utf8').trim();
  const parsed = parseJson(text);
  if (parsed === undefined) {
    if (/^[[{"]/.test(text) || text === '') return refused('malformed', pointForms);
    return collect([sampleOf(point, bareText(text), plain(arrived))]);
  }
  const entries = Array.isArray(parsed) ? parsed : [parsed];
  if (entries.length > samplesMax) return tooMany;
  if (entries.length > 1 && entries.some((entry) => !isObject(entry) || entry.time === undefined)) {
    return refused('malformed', 'in an array of several values each needs its time: [{"value": 21.5, "time": …}, …]');
  }
  return collect(entries.map((entry) => pointSample(point, entry, arrived)));
}

/** Reads the payload of `telemetry/{site}/{asset}`. */
export function decodeAsset(payload: Buffer, arrived: Arrived): Decoded {
  const parsed = parseJson(payload.toString('utf8').trim());
  const entries = Array.isArray(parsed) ? parsed : [parsed];
  if (entries.length > samplesMax) return tooMany;
  const found: Found[] = [];
  for (const entry of entries) {
    if (!isObject(entry)) return refused('malformed', assetForms);
    const isWrapped = isObject(entry.values);
    const values = isWrapped ? (entry.values as Fields) : entry;
    const stamp = stampOf(entry, arrived);
    for (const [name, value] of Object.entries(values)) {
      if (!isWrapped && (name === 'time' || (name === 'quality' && typeof value === 'string'))) continue;
      if (found.length >= samplesMax) return tooMany;
      found.push(namedSample(name, value, { stamp, arrived }));
    }
  }
  if (found.length === 0) return refused('malformed', assetForms);
  return collect(found);
}

type Fields = Record<string, unknown>;
type Found = Sample | Rejection;

const pointForms =
  'the payload of a point is a number, true, false, or {"value": 21.5, "time": …, "quality": "good"}, or an array of those';
const assetForms =
  'the payload of an asset is {"point": 21.5, …, "time": …} or {"time": …, "values": {"point": 21.5, …}}, or an array of those';
const tooMany = refused('too_many_readings', `a message may hold ${samplesMax} readings at most`);

/** A double has 17 digits that count; what is longer is text, or a number that JSON reads too. */
const bareNumberLengthMax = 64;
/** No two parts can match the same digits, so that a text that is no number is refused after one look at each character. */
const numberPattern = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

function bareNumber(payload: Buffer): number | undefined {
  if (payload.length === 0 || payload.length > bareNumberLengthMax) return undefined;
  const text = payload.toString('latin1');
  return numberPattern.test(text) ? Number(text) : undefined;
}

function bareText(text: string): unknown {
  if (text.length > bareNumberLengthMax) return text;
  if (numberPattern.test(text)) return Number(text);
  if (/^[+-]?(nan|inf|infinity)$/i.test(text)) return Number.NaN;
  return text;
}

/** Undefined when it is no JSON, or nested deeper than any form here: building half a million arrays would take 300 ms. */
function parseJson(text: string): unknown {
  if (text.length > shallowBytes && isDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  try {
    // Python's json writes these three words, which JSON does not have; a number that is none is null here.
    return JSON.parse(text.replace(/(?<=[[:,]\s{0,8})(NaN|-?Infinity)(?=\s{0,8}[\]},])/g, 'null'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined;
  }
}

const shallowBytes = 1_024;
const depthMax = 8;

function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) inString = !inString;
    else if (code === 0x5c) i++;
    else if (!inString && (code === 0x5b || code === 0x7b)) {
      if (++depth > depthMax) return true;
    } else if (!inString && (code === 0x5d || code === 0x7d)) depth--;
  }
  return false;
}

/** What an object says of all the values in it, judged once however many there are. */
type Stamp = { readonly time: number | Rejection; readonly quality: unknown };

function stampOf({ time, quality }: Fields, arrived: Arrived): Stamp {
  return { time: readTime(time, arrived), quality };
}

/** Of a value that comes without an object. */
function plain({ receivedMs }: Arrived): Stamp {
  return { time: receivedMs, quality: undefined };
}

function pointSample(point: string, entry: unknown, arrived: Arrived): Found {
  if (!isObject(entry)) return sampleOf(point, entry, plain(arrived));
  if (!Object.hasOwn(entry, 'value')) return { reason: 'malformed', detail: pointForms };
  return sampleOf(point, entry.value, stampOf(entry, arrived));
}

function namedSample(name: string, value: unknown, { stamp, arrived }: { stamp: Stamp; arrived: Arrived }): Found {
  if (!isObject(value)) return sampleOf(name, value, stamp);
  if (!Object.hasOwn(value, 'value')) return { reason: 'malformed', detail: `${shorten(name)}: ${assetForms}` };
  const time = value.time === undefined || value.time === null ? stamp.time : readTime(value.time, arrived);
  return sampleOf(name, value.value, { time, quality: value.quality ?? stamp.quality });
}

function sampleOf(point: string, given: unknown, { time: timeMs, quality: said }: Stamp): Found {
  const quality = said === undefined || typeof said === 'number' ? 'good' : said;
  if (quality !== 'good' && quality !== 'uncertain' && quality !== 'bad') {
    return { reason: 'malformed', detail: `${shorten(point)}: quality must be good, uncertain or bad` };
  }
  if (typeof timeMs !== 'number') return { reason: timeMs.reason, detail: `${shorten(point)}: ${timeMs.detail}` };
  switch (typeof given) {
    case 'number':
      return Number.isFinite(given)
        ? { point, timeMs, value: given, quality }
        : { point, timeMs, value: null, quality: 'bad' };
    case 'boolean':
      return { point, timeMs, value: given ? 1 : 0, quality };
    case 'string':
      return { point, timeMs, value: given, quality };
    default:
      if (given === null) return { point, timeMs, value: null, quality: 'bad' };
      return {
        reason: 'unusable_value',
        detail: `${shorten(point)}: a value must be a number, true, false or the name of a state`,
      };
  }
}

function good(point: string, value: number, timeMs: number): Sample {
  return Number.isFinite(value)
    ? { point, timeMs, value, quality: 'good' }
    : { point, timeMs, value: null, quality: 'bad' };
}

/** Splits what was found; of many rejections with one reason the first stands for all. */
function collect(found: readonly Found[]): Decoded {
  const samples: Sample[] = [];
  const rejections = new Map<string, { first: Rejection; count: number }>();
  for (const one of found) {
    if ('point' in one) samples.push(one);
    else {
      const known = rejections.get(one.reason);
      if (known) known.count++;
      else rejections.set(one.reason, { first: one, count: 1 });
    }
  }
  return { samples, rejections: [...rejections.values()].map(summed) };
}

function summed({ first, count }: { first: Rejection; count: number }): Rejection {
  return count === 1 ? first : { reason: first.reason, detail: `${first.detail} (and ${count - 1} more)` };
}

function refused(reason: Rejection['reason'], detail: string): Decoded {
  return { samples: [], rejections: [{ reason, detail }] };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name as it may stand in a sentence, however long the device made it. */
export function shorten(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
