import { parseInstant } from '../../platform/instant.ts';
import type { Rejection } from '../quarantine/quarantine.ts';

/** When a message came, in milliseconds since the epoch, and the zone of its site, in which times without one are read. */
export type Arrived = { readonly receivedMs: number; readonly timeZone: string };

const futureMsMax = 5 * 60_000;
/** The epoch of GPS: no clock that was ever set is behind it, and one that was never set begins at 1970. */
const earliestMs = Date.UTC(1980, 0, 6);

/**
 * The instant that a payload gives, in milliseconds since the epoch with microseconds as the fraction: ISO 8601, or a
 * number, also as a text, whose magnitude tells seconds, milliseconds, microseconds or nanoseconds. Absent means the time
 * of arrival. What is finer than a microsecond is rounded to the nearest.
 */
export function readTime(given: unknown, { receivedMs, timeZone }: Arrived): number | Rejection {
  if (given === undefined || given === null) return receivedMs;
  const timeMs =
    typeof given === 'number' ? numberMs(given) : typeof given === 'string' ? textMs(given, timeZone) : undefined;
  if (timeMs === undefined || !Number.isFinite(timeMs)) {
    return {
      reason: 'time_unreadable',
      detail: `time must be ISO 8601 or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, not ${show(given)}`,
    };
  }
  return judgeTime(timeMs, receivedMs);
}

/** An instant in ms since 1970, unless it is too far from `receivedMs`, or before any clock was set, to be one. */
export function judgeTime(timeMs: number, receivedMs: number): number | Rejection {
  if (timeMs > receivedMs + futureMsMax) {
    return {
      reason: 'time_in_future',
      detail: `${iso(timeMs)} is more than 5 minutes after it came; is the device's clock right?`,
    };
  }
  if (timeMs < earliestMs) {
    return {
      reason: 'time_too_old',
      detail: `${iso(timeMs)} is before ${iso(earliestMs)}; has the device's clock been set?`,
    };
  }
  return timeMs;
}

/**
 * Each unit's numbers for the years 1973 to 5138 lie in a range of their own. A double holds nanoseconds of today to the
 * nearest 256, which leaves the microsecond as it is.
 */
function numberMs(given: number): number {
  const magnitude = Math.abs(given);
  if (magnitude < 1e11) return toMicroseconds(given * 1_000);
  if (magnitude < 1e14) return toMicroseconds(given);
  if (magnitude < 1e17) return Math.round(given) / 1_000;
  return Math.round(given / 1_000) / 1_000;
}

function toMicroseconds(ms: number): number {
  return Number.isInteger(ms) ? ms : Math.round(ms * 1_000) / 1_000;
}

/** ISO 8601 with nanoseconds and an offset has 35 characters; the rest is room for spaces around it. */
const textLengthMax = 64;

function textMs(given: string, timeZone: string): number | undefined {
  if (given.length > textLengthMax) return undefined;
  const text = given.trim();
  const at = text.endsWith('Z') ? utcMs(text) : steadyMs(text, timeZone);
  if (at !== undefined) return at;
  // Nanoseconds of today have nineteen digits: the last six are taken off before a double could round them.
  const nanoseconds = /^(\d{12,16})(\d{6})$/.exec(text);
  if (nanoseconds) return Number(nanoseconds[1]) + Math.round(Number(nanoseconds[2]) / 1_000) / 1_000;
  if (/^[+-]?\d{1,18}(\.\d{0,9})?([eE]\+?\d{1,2})?$/.test(text)) return numberMs(Number(text));
  return isoMs(text, timeZone);
}

/** How most devices write it, 2026-03-01T12:00:00[.123…]Z, read in a twentieth of the time; anything else is undefined. */
function utcMs(text: string): number | undefined {
  const last = text.length - 1;
  if (last < 19 || last > 29 || text.charCodeAt(last) !== 0x5a) return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return undefined;
  const year = digitsAt(text, 0, 4);
  const month = digitsAt(text, 5, 7);
  const day = digitsAt(text, 8, 10);
  const hour = digitsAt(text, 11, 13);
  const minute = digitsAt(text, 14, 16);
  const second = digitsAt(text, 17, 19);
  // Anything that is not two digits is NaN, which no comparison lets through.
  if (!(year >= 1_900 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59)) {
    return undefined;
  }
  if (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  if (last === 19) return at;
  if (text[19] !== '.' || last === 20) return undefined;
  const fraction = digitsAt(text, 20, last);
  return Number.isNaN(fraction) ? undefined : at + Math.round(fraction * 10 ** (26 - last)) / 1_000;
}

/** A local time of a day whose offset is known; anything else is undefined. */
function steadyMs(text: string, timeZone: string): number | undefined {
  const date = text.slice(0, 10);
  const offset = steadyOffsets.get(`${timeZone} ${date}`);
  if (offset === undefined) return undefined;
  const asUtc = utcMs(`${date}T${text.slice(11)}Z`);
  return asUtc === undefined || !/^[T ]/.test(text.slice(10)) ? undefined : asUtc - offset;
}

function digitsAt(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const basicPattern = /^(\d{4})(\d{2})(\d{2})[Tt](\d{2})(\d{2})(\d{2})?/;
const zonePattern = /\s*(?:([Zz]|UTC|GMT)|([+-]\d{2})(?::?(\d{2}))?)$/;

function isoMs(given: string, timeZone: string): number | undefined {
  let text = given
    .replace(basicPattern, (_all, year, month, day, hour, minute, second = '00') =>
      [`${year}-${month}-${day}T${hour}`, minute, second].join(':'),
    )
    .replace(/^(\d{4}-\d{2}-\d{2}) +(?=\d)/, '$1T');
  // A date has signs of its own, so an offset is looked for behind the hour only.
  if (text.length > 13) {
    text =
      text.slice(0, 13) +
      text.slice(13).replace(zonePattern, (_all, utc, hours, minutes = '00') => (utc ? 'Z' : `${hours}:${minutes}`));
  }
  // A leap second, which no clock of a computer has, is the first of the next minute, as in POSIX.
  const isLeap = /^.{13}:[0-5]\d:60/.test(text);
  if (isLeap) text = text.replace(/^(.{16}):60/, '$1:59');
  const fraction = /[.,](\d{1,9})/.exec(text)?.[1];
  const at = localAware(fraction === undefined ? text : text.replace(/[.,]\d{1,9}/, ''), timeZone);
  if (at === undefined) return undefined;
  const microseconds = fraction === undefined ? 0 : Math.round(Number(`0.${fraction}`) * 1_000_000);
  return at + (isLeap ? 1_000 : 0) + microseconds / 1_000;
}

/** How far local time is ahead of UTC on days that have no change of clocks near them, by zone and date. */
const steadyOffsets = new Map<string, number>();
const steadyOffsetsMax = 1_000;
const dayMs = 86_400_000;
const localPattern = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2})?$/;

/** To ask a zone for its offset takes 12 µs: on most days of the year it is asked once. */
function localAware(text: string, timeZone: string): number | undefined {
  const date = localPattern.exec(text)?.[1];
  if (date === undefined) return parseInstant(text, timeZone)?.getTime();
  const key = `${timeZone} ${date}`;
  const known = steadyOffsets.get(key);
  const asUtc = parseInstant(`${text}Z`, 'UTC')?.getTime();
  if (asUtc === undefined) return undefined;
  if (known !== undefined) return asUtc - known;
  const at = parseInstant(text, timeZone)?.getTime();
  if (at === undefined) return undefined;
  const [before, after] = [-dayMs, 2 * dayMs].map((shiftMs) => offsetMs(Date.parse(date) + shiftMs, timeZone));
  if (before !== undefined && before === after) {
    if (steadyOffsets.size >= steadyOffsetsMax) steadyOffsets.clear();
    steadyOffsets.set(key, before);
  }
  return at;
}

function offsetMs(localMs: number, timeZone: string): number | undefined {
  const local = new Date(localMs).toISOString().slice(0, 19);
  const at = parseInstant(local, timeZone)?.getTime();
  return at === undefined ? undefined : localMs - at;
}

function iso(timeMs: number): string {
  const at = new Date(timeMs);
  return Number.isNaN(at.getTime()) ? String(timeMs) : at.toISOString();
}

/** What was given, for a sentence: cut before it is written out, since it may be a megabyte. */
function show(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given.length > 60 ? `${given.slice(0, 60)}…` : given);
  if (typeof given === 'object') return Array.isArray(given) ? 'an array' : 'an object';
  return String(given);
}
