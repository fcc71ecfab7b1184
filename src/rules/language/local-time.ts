import { findDay, parseInstant } from '../../platform/instant.ts';
import { zoneOffsetMs } from './schedule.ts';

/** Reads the times of a trend log: a text and the instant of the row before it give an instant, undefined when it is none. */
export type TimeReader = (text: string, afterMs: number) => number | undefined;

/**
 * A reader for a format of `yyyy M MM d dd H HH h hh m mm s ss a`, or `iso`, `seconds`, `milliseconds`. Times without a zone of
 * their own are local to `zone`. A local time that comes twice (the end of daylight saving) is the first of the two that lies
 * after the row before; one that never comes (the beginning) is read as if the clock had not been changed.
 */
export function createTimeReader(format: string, zone: string): TimeReader {
  if (format === 'seconds') return (text) => readEpoch(text, 1000);
  if (format === 'milliseconds') return (text) => readEpoch(text, 1);
  if (format === 'iso') return (text, afterMs) => readIso(text, zone, afterMs);
  const { pattern, fields } = compileFormat(format);
  return (text, afterMs) => {
    const match = pattern.exec(text.trim());
    if (!match) return undefined;
    const part: Partial<Record<Field, string>> = {};
    fields.forEach((field, index) => {
      part[field] = match[index + 1] as string;
    });
    const localMs = localMsOf(part);
    return localMs === undefined ? undefined : localToInstant(localMs, zone, afterMs);
  };
}

type Field = 'year' | 'month' | 'day' | 'hour' | 'hour12' | 'minute' | 'second' | 'half';

const tokens: Record<string, [Field, string]> = {
  yyyy: ['year', '(\\d{4})'],
  MM: ['month', '(\\d{2})'],
  M: ['month', '(\\d{1,2})'],
  dd: ['day', '(\\d{2})'],
  d: ['day', '(\\d{1,2})'],
  HH: ['hour', '(\\d{2})'],
  H: ['hour', '(\\d{1,2})'],
  hh: ['hour12', '(\\d{2})'],
  h: ['hour12', '(\\d{1,2})'],
  mm: ['minute', '(\\d{2})'],
  m: ['minute', '(\\d{1,2})'],
  ss: ['second', '(\\d{2}(?:\\.\\d+)?)'],
  s: ['second', '(\\d{1,2}(?:\\.\\d+)?)'],
  a: ['half', '([AaPp][Mm])'],
};

/**
 * What helps with a time that a format does not fit: undefined unless it fits with day and month the other way round. Then the times
 * that did fit are likely to be wrong as well.
 */
export function createTimeHelp(format: string): (text: string) => string | undefined {
  if (!/M.*d|d.*M/.test(format)) return () => undefined;
  const swapped = swapDayAndMonth(format);
  const read = createTimeReader(swapped, 'UTC');
  const help = `format: '${swapped}' fits it: are day and month the other way round, in all rows?`;
  return (text) => (read(text, 0) === undefined ? undefined : help);
}

function swapDayAndMonth(format: string): string {
  return format.replace(/M+|d+/g, (token) => (token.startsWith('M') ? 'd' : 'M').repeat(token.length));
}

function compileFormat(format: string): { pattern: RegExp; fields: Field[] } {
  const fields: Field[] = [];
  const source = format.replace(/yyyy|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s|a|[^A-Za-z]|[A-Za-z]/g, (token) => {
    const known = tokens[token];
    if (!known) return token.replace(/[^A-Za-z0-9 ]/g, '\\$&');
    fields.push(known[0]);
    return known[1];
  });
  return { pattern: new RegExp(`^${source}$`), fields };
}

/** Undefined for what no calendar or clock shows: days are not counted on into the next month, nor hours into the next day. */
function localMsOf(part: Partial<Record<Field, string>>): number | undefined {
  const { year = 1970, month = 1, day = 1, hour = 0, hour12, minute = 0, second = 0, half = '' } = part;
  const dayMs = findDay(Number(year), Number(month), Number(day));
  const isClock = Number(hour) < 24 && Number(hour12 ?? 0) <= 12 && Number(minute) < 60 && Number(second) < 60;
  if (dayMs === undefined || !isClock) return undefined;
  const hours = hour12 === undefined ? Number(hour) : (Number(hour12) % 12) + (/p/i.test(half) ? 12 : 0);
  return dayMs + (hours * 60 + Number(minute)) * 60_000 + Number(second) * 1000;
}

const isoPattern = /^(\d{4}-\d{2}-\d{2})(?:[T ]([\d:.,]+) *(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

function readIso(text: string, zone: string, afterMs: number): number | undefined {
  const [, date, time = '00:00', offset] = isoPattern.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  const shown = `${date}T${time}`;
  if (offset !== undefined)
    return parseInstant(`${shown}${offset.length === 3 ? `${offset}:00` : offset}`, 'UTC')?.getTime();
  const local = parseInstant(`${shown}Z`, 'UTC');
  return local && localToInstant(local.getTime(), zone, afterMs);
}

function localToInstant(localMs: number, zone: string, afterMs: number): number {
  const halfDayMs = 43_200_000;
  const offsets = [zoneOffsetMs(zone, localMs - halfDayMs), zoneOffsetMs(zone, localMs + halfDayMs)] as const;
  if (offsets[0] === offsets[1]) return localMs - offsets[0];
  const instants = offsets
    .map((offset) => localMs - offset)
    .filter((instant, index) => zoneOffsetMs(zone, instant) === offsets[index]);
  instants.sort((a, b) => a - b);
  return instants.find((instant) => instant > afterMs) ?? instants.at(-1) ?? localMs - offsets[0];
}

/** `Number` takes a blank for 0, and 0x10 for 16. */
function readEpoch(text: string, unitMs: number): number | undefined {
  const value = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/.test(text) ? Number(text) * unitMs : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}
