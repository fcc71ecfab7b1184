/**
 * A payload becomes samples: pure, and total. Whatever a device sends gives samples, rejections, or both; nothing throws.
 *
 *   topic of a point    21.5 · true · {"value": 21.5, "time": …, "quality": "good"} · an array of those
 *   topic of an asset   {"sat": 13.2, "fan": true, "time": …} · {"time": …, "values": {…}} · an array of those
 */
import { malformed, type Rejection } from '../quarantine/quarantine.ts';
import { bareNumber, bareValue } from './bare.ts';
import { type Fields, isObject, looksLikeJson, parseJson, textOf } from './payload.ts';
import {
  collect,
  type Decoded,
  type Found,
  none,
  numberSample,
  plainStamp,
  refused,
  type Stamp,
  sampleOf,
  samplesMax,
  shorten,
  stampOf,
  tooMany,
} from './sample.ts';
import type { Arrived } from './sample-time.ts';

/** Reads the payload of `telemetry/{site}/{asset}/{point}`. */
export function decodePoint(point: string, payload: Buffer, arrived: Arrived): Decoded {
  const number = bareNumber(payload);
  if (number !== undefined) {
    return {
      samples: [numberSample(point, number, { timeMs: arrived.receivedMs, quality: 'good' })],
      rejections: none,
    };
  }
  const text = textOf(payload);
  if (typeof text !== 'string') return refused(text);
  if (text === '') return refused(malformed(pointForms));
  if (!looksLikeJson(text)) return bareSample(point, text, arrived);
  const parsed = parseJson(text);
  if (parsed === undefined) return refused(malformed(noJson(pointForms)));
  if (!Array.isArray(parsed)) return collect([pointSample(point, parsed, arrived)]);
  if (parsed.length === 0) return refused(malformed(pointForms));
  if (parsed.length > samplesMax) return refused(tooMany);
  // Of several without a time at most one can be of the instant of arrival, and nobody knows which.
  const isUnclear = parsed.filter(hasNoTime).length > 1;
  return collect(
    parsed.map((entry) => (isUnclear && hasNoTime(entry) ? timeless : pointSample(point, entry, arrived))),
  );
}

/** Reads the payload of `telemetry/{site}/{asset}`. */
export function decodeAsset(payload: Buffer, arrived: Arrived): Decoded {
  const text = textOf(payload);
  if (typeof text !== 'string') return refused(text);
  return collectBudgeted(parseJson(text), { form: assetForm, arrived, found: [] });
}

/** How a form calls what is no point: its time, and whether a text called quality is one. */
export type AssetForm = { readonly timeName: 'time' | 'ts'; readonly hasQuality: boolean; readonly said: string };

const pointForms =
  'the payload of a point is a number, true, false, or {"value": 21.5, "time": …, "quality": "good"}, or an array of those';
const assetForm: AssetForm = {
  timeName: 'time',
  hasQuality: true,
  said: 'the payload of an asset is {"point": 21.5, …, "time": …} or {"time": …, "values": {"point": 21.5, …}}, or an array of those',
};

/** Someone who sees a form that looks like their own searches in the wrong place. */
export function noJson(form: string): string {
  return `it is no JSON (a quote, a bracket or its end may be missing), or nested too deep; ${form}`;
}

type Reading = { readonly form: AssetForm; readonly arrived: Arrived };

/** The samples of what was parsed, undefined for what is no JSON; a rejection of the whole when it has not the form, or holds too many. */
export function collectBudgeted(parsed: unknown, reading: Reading & { found: Found[] }): Decoded {
  if (parsed === undefined) return refused(malformed(noJson(reading.form.said)));
  const refusal = readEntries(parsed, reading);
  if (refusal) return refused(refusal);
  return reading.found.length === 0 ? refused(malformed(reading.form.said)) : collect(reading.found);
}

/** Adds what one asset says to `found`, which never grows beyond `samplesMax`; what is wrong with the whole, if anything is. */
export function readEntries(
  parsed: unknown,
  { form, arrived, found }: Reading & { found: Found[] },
): Rejection | undefined {
  const entries = Array.isArray(parsed) ? parsed : [parsed];
  if (entries.length > samplesMax) return tooMany;
  for (const entry of entries) {
    if (!isObject(entry)) return malformed(form.said);
    const isWrapped = isObject(entry.values);
    const values = isWrapped ? (entry.values as Fields) : entry;
    const hasQuality = form.hasQuality && (isWrapped || typeof entry.quality === 'string');
    const stamp = stampOf(entry[form.timeName], hasQuality ? entry.quality : undefined, arrived);
    for (const name of Object.keys(values)) {
      if (!isWrapped && (name === form.timeName || (name === 'quality' && hasQuality))) continue;
      if (found.length >= samplesMax) return tooMany;
      found.push(namedSample(name, values[name], { stamp, form, arrived }));
    }
  }
  return undefined;
}

const timeless = malformed(
  'in an array only one value may be without a time, which is then that of arrival: [{"value": 21.5, "time": …}, …]',
);

function hasNoTime(entry: unknown): boolean {
  return !isObject(entry) || entry.time === undefined || entry.time === null;
}

function bareSample(point: string, text: string, arrived: Arrived): Decoded {
  if (text.includes('\0')) return refused(malformed('the payload holds NUL characters; is it UTF-16? send UTF-8'));
  return collect([sampleOf(point, bareValue(text), plainStamp(arrived))]);
}

function pointSample(point: string, entry: unknown, arrived: Arrived): Found {
  if (!isObject(entry)) return sampleOf(point, entry, plainStamp(arrived));
  if (!Object.hasOwn(entry, 'value')) return malformed(pointForms);
  return sampleOf(point, entry.value, stampOf(entry.time, entry.quality, arrived));
}

type Around = Reading & { readonly stamp: Stamp };

function namedSample(name: string, value: unknown, { stamp, form, arrived }: Around): Found {
  if (!isObject(value)) return sampleOf(name, value, stamp);
  if (!Object.hasOwn(value, 'value')) return malformed(`${shorten(name)}: ${form.said}`);
  const time = value[form.timeName];
  const own = stampOf(time, value.quality, arrived);
  return sampleOf(name, value.value, {
    timeMs: time === undefined || time === null ? stamp.timeMs : own.timeMs,
    quality: value.quality === undefined || value.quality === null ? stamp.quality : own.quality,
  });
}
