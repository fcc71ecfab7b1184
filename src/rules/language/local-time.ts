import { zoneOffsetMs } from './schedule.ts';

/** Reads the times of a trend log: a text and the instant of the row before it give an instant, undefined when it is none. */
export type TimeReader = (text: string, afterMs: number) => number | undefined;

/**
 * A reader for a format of `yyyy M MM d dd H HH h hh m mm s ss a`, or `iso`, `seconds`, `milliseconds`. Times without a zone of
 * their own are local to `zone`. A local time that comes twice (the end of daylight saving) is the first of the two that lies
 * after the row before; one that never comes (the beginning) is read as if the clock had not been changed.
 */
export function createTimeReader(format: string, zone: string): TimeReader {
  if (format === 'seconds') return (text) => finite(Number(text) * 1000);
  if (format === 'milliseconds') return (text) => finite(Number(text));
  if (format === 'iso') return (text, afterMs) => readIso(text, zone, afterMs);
  const { pattern, fields } = compileFormat(format);
  return (text, afterMs) => {
    const match = pattern.exec(text.trim());
    if (!match) return undefined;
    const part: Partial<Record<Field, string>> = {};
    fields.forEach((field, index) => {
      part[field] = match[index + 1] as string;
    });
    return localToInstant(localMsOf(part), zone, afterMs);
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

function localMsOf({ year, month, day, hour, hour12, minute, second, half }: Partial<Record<Field, string>>): number {
  const hours = hour12 === undefined ? Number(hour ?? 0) : (Number(hour12) % 12) + (/p/i.test(half ?? '') ? 12 : 0);
  return (
    Date.UTC(Number(year ?? 1970), Number(month ?? 1) - 1, Number(day ?? 1), hours, Number(minute ?? 0)) +
    Number(second ?? 0) * 1000
  );
}

function readIso(text: string, zone: string, afterMs: number): number | undefined {
  const trimmed = text.trim().replace(' ', 'T');
  if (/(?:Z|[+-]\d\d:?\d\d)$/.test(trimmed)) return finite(Date.parse(trimmed));
  const localMs = finite(Date.parse(`${trimmed.length === 10 ? `${trimmed}T00:00` : trimmed}Z`));
  return localMs === undefined ? undefined : localToInstant(localMs, zone, afterMs);
}

function localToInstant(localMs: number, zone: string, afterMs: number): number | undefined {
  if (!Number.isFinite(localMs)) return undefined;
  const halfDayMs = 43_200_000;
  const offsets = [zoneOffsetMs(zone, localMs - halfDayMs), zoneOffsetMs(zone, localMs + halfDayMs)] as const;
  if (offsets[0] === offsets[1]) return localMs - offsets[0];
  const instants = offsets
    .map((offset) => localMs - offset)
    .filter((instant, index) => zoneOffsetMs(zone, instant) === offsets[index]);
  instants.sort((a, b) => a - b);
  return instants.find((instant) => instant > afterMs) ?? instants.at(-1) ?? localMs - offsets[0];
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
