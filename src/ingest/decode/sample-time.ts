import { parseInstant } from '../../platform/instant.ts';
import type { Rejection } from '../quarantine/quarantine.ts';

/** When a message came, in milliseconds since the epoch, and the zone of its site, in which times without one are read. */
export type Arrived = { readonly receivedMs: number; readonly timeZone: string };

const futureMsMax = 5 * 60_000;
/** The epoch of GPS: no clock that was ever set is behind it, and one that was never set begins at 1970. */
const earliestMs = Date.UTC(1980, 0, 6);

/**
 * The instant that a payload gives, in milliseconds since the epoch with microseconds as the fraction: ISO 8601, or a
 * number whose magnitude tells seconds, milliseconds, microseconds or nanoseconds. Absent means the time of arrival.
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

/** Each unit's numbers for the years 1973 to 5138 lie in a range of their own. */
function numberMs(given: number): number {
  const magnitude = Math.abs(given);
  if (magnitude < 1e11) return given * 1_000;
  if (magnitude < 1e14) return given;
  if (magnitude < 1e17) return given / 1_000;
  return given / 1_000_000;
}

/** ISO 8601 with nanoseconds and an offset has 35 characters; the rest is room for spaces around it. */
const textLengthMax = 64;

function textMs(given: string, timeZone: string): number | undefined {
  if (given.length > textLengthMax) return undefined;
  const text = given.trim();
  if (/^\d{1,19}(\.\d{1,9})?$/.test(text)) return numberMs(Number(text));
  const at = parseInstant(text.replace(/^(\d{4}-\d{2}-\d{2}) (?=\d)/, '$1T'), timeZone);
  if (!at) return undefined;
  const microseconds = /[.,]\d{3}(\d{1,3})/.exec(text)?.[1] ?? '';
  return at.getTime() + Number(microseconds.padEnd(3, '0')) / 1_000;
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
