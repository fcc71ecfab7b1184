/**
 * Instants and calendar dates as people and programs write them (ISO 8601, RFC 3339), and local times in IANA zones. A
 * text without a zone is read in a zone that the caller names: the site's.
 */

/** ISO 8601 in UTC, with milliseconds only where there are some: 2026-03-17T17:00:00Z. */
export function formatInstant(at: Date): string {
  return at.toISOString().replace('.000Z', 'Z');
}

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;
const instantPattern =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d{2}:?\d{2})?$/;
// Before, zones have local mean times with seconds that neither JavaScript nor PostgreSQL drivers agree upon.
const yearMin = 1900;

/** The instant that a text names, to the millisecond; without a zone it is read in `timeZone`. Undefined: not one. */
export function parseInstant(text: string, timeZone: string): Date | undefined {
  const match = instantPattern.exec(text);
  if (!match) return undefined;
  const [, date = '', hour = '', minute = '', second = '0', fraction = '', zone] = match;
  const dayMs = parseDate(date);
  if (dayMs === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const localMs = dayMs + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + milliseconds;
  if (zone === undefined) return withinYears(instantOfLocal(localMs, timeZone));
  const offsetMs = parseOffset(zone);
  return offsetMs === undefined ? undefined : withinYears(new Date(localMs - offsetMs));
}

/** ISO 8601 writes years of four digits, and an offset can lead out of them. */
function withinYears(at: Date): Date | undefined {
  const year = at.getUTCFullYear();
  return year >= 1 && year <= 9_999 ? at : undefined;
}

/** Midnight UTC of a calendar date `YYYY-MM-DD`, in milliseconds; undefined where there is no such day. */
export function parseDate(text: string): number | undefined {
  const match = datePattern.exec(text);
  if (!match) return undefined;
  const [, year, month, day] = match.map(Number) as [number, number, number, number];
  return findDay(year, month, day);
}

/** Midnight UTC of a day, in milliseconds; undefined where there is no such day, as for 30 February. */
export function findDay(year: number, month: number, day: number): number | undefined {
  const at = new Date(Date.UTC(year, month - 1, day));
  const exists = year >= yearMin && at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
  return exists ? at.getTime() : undefined;
}

/** The instant at which a calendar date `YYYY-MM-DD` begins in `timeZone`; undefined where there is no such day. */
export function startOfDate(text: string, timeZone: string): Date | undefined {
  const dayMs = parseDate(text);
  return dayMs === undefined ? undefined : instantOfLocal(dayMs, timeZone);
}

/** So many calendar months before an instant, at the same local time; the last day of a month that has no such day. */
export function monthsBefore(atMs: number, { months, timeZone }: { months: number; timeZone: string }): Date {
  const local = new Date(atMs + offsetMsAt(atMs, timeZone));
  const day = local.getUTCDate();
  local.setUTCMonth(local.getUTCMonth() - months);
  // Day 0 of a month is the last one of the month before.
  if (local.getUTCDate() !== day) local.setUTCDate(0);
  return instantOfLocal(local.getTime(), timeZone);
}

/** The calendar date, `YYYY-MM-DD`, that a clock in `timeZone` shows at an instant. */
export function dateIn(timeZone: string, at: Date): string {
  return new Date(localMsAt(timeZone, at)).toISOString().slice(0, 10);
}

/** The local time that a clock in `timeZone` shows at an instant, as if it were UTC, in milliseconds. */
export function localMsAt(timeZone: string, at: Date): number {
  return at.getTime() + offsetMsAt(at.getTime(), timeZone);
}

/**
 * The instant at which a clock in `timeZone` shows a local time, given as if it were UTC, in milliseconds. A time that
 * comes twice is the first of the two; one that is skipped counts with the offset before the skip (as RFC 5545 reads it).
 */
export function instantOfLocal(localMs: number, timeZone: string): Date {
  const dayMs = 86_400_000;
  const before = offsetMsAt(localMs - dayMs, timeZone);
  const after = offsetMsAt(localMs + dayMs, timeZone);
  for (const offsetMs of [Math.max(before, after), Math.min(before, after)]) {
    if (offsetMsAt(localMs - offsetMs, timeZone) === offsetMs) return new Date(localMs - offsetMs);
  }
  return new Date(localMs - before);
}

function parseOffset(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** By names in small letters: there are some 600 zones, and Intl takes the name of one however its letters are written. */
const clocks = new Map<string, Intl.DateTimeFormat>();

/** How far a clock in `timeZone` is ahead of UTC at an instant, in milliseconds. */
function offsetMsAt(atMs: number, timeZone: string): number {
  const wholeSecondMs = Math.floor(atMs / 1000) * 1000;
  const shown: Record<string, number> = {};
  for (const { type, value } of clockOf(timeZone).formatToParts(wholeSecondMs)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) - wholeSecondMs;
}

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const name = timeZone.toLowerCase();
  let clock = clocks.get(name);
  if (!clock) {
    const numeric = 'numeric' as const;
    const fields = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric };
    clock = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...fields });
    clocks.set(name, clock);
  }
  return clock;
}
