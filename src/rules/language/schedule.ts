import type { PeriodFile } from './rule-file.ts';

/**
 * When a rule is active: periods of the week in local time, daylight saving by the IANA rules of the zone.
 *
 *   { days: mon-fri, from: "06:00", to: "18:00" }     from is inside, to is not
 *   { days: fri, from: "22:00", to: "06:00" }         runs into Saturday morning and belongs to Friday
 */
export type Schedule = { days: boolean[]; fromMinute: number; toMinute: number; zone: string | null }[];

/** A schedule from its file form; throws a plain sentence for days or zones that do not exist. */
export function parseSchedule(periods: PeriodFile | PeriodFile[]): Schedule {
  return [periods].flat().map(({ days, from, to, zone }) => ({
    days: parseDays(days ?? 'mon-sun'),
    fromMinute: minuteOfDay(from ?? '00:00'),
    toMinute: minuteOfDay(to ?? '24:00'),
    zone: zone === undefined ? null : assertZone(zone),
  }));
}

/** What is wrong with a period, by its keys. */
export function findPeriodProblems({ days, from, zone }: PeriodFile): { key: keyof PeriodFile; message: string }[] {
  const problems: { key: keyof PeriodFile; message: string }[] = [];
  const attempt = (key: keyof PeriodFile, parse: () => unknown) => {
    try {
      parse();
    } catch (error) {
      problems.push({ key, message: (error as Error).message });
    }
  };
  if (days !== undefined) attempt('days', () => parseDays(days));
  if (zone !== undefined) attempt('zone', () => assertZone(zone));
  if (from === '24:00')
    problems.push({ key: 'from', message: 'a period that begins at 24:00 begins at 00:00 of the day after' });
  return problems;
}

/** True when the schedule says yes at `atMs`, read in each period's zone or in the site's. */
export function isActive(schedule: Schedule, atMs: number, siteTimeZone: string): boolean {
  return schedule.some(({ days, fromMinute, toMinute, zone }) => {
    const localMinute = Math.floor((atMs + zoneOffsetMs(zone ?? siteTimeZone, atMs)) / minuteMs);
    const minute = modulo(localMinute, 1440);
    // 1970-01-01 was a Thursday, day 3 counted from Monday.
    const day = modulo(Math.floor(localMinute / 1440) + 3, 7);
    if (fromMinute < toMinute) return days[day] === true && minute >= fromMinute && minute < toMinute;
    const dayBefore = modulo(day - 1, 7);
    return (days[day] === true && minute >= fromMinute) || (days[dayBefore] === true && minute < toMinute);
  });
}

/** How far local time is ahead of UTC at an instant, in milliseconds, by the IANA rules of the zone. */
export function zoneOffsetMs(zone: string, atMs: number): number {
  // Offsets change on quarter hours at most, so one look per quarter hour is exact.
  const quarter = Math.floor(atMs / quarterMs);
  const cache = offsets.get(zone) ?? offsets.set(zone, new Map()).get(zone);
  const known = cache?.get(quarter);
  if (known !== undefined) return known;
  const offset = lookUpOffsetMs(zone, quarter * quarterMs);
  if ((cache?.size ?? 0) > offsetsMax) cache?.clear();
  cache?.set(quarter, offset);
  return offset;
}

/** The zone itself when the runtime knows it; throws a sentence otherwise. */
export function assertZone(zone: string): string {
  try {
    formatter(zone);
  } catch (cause) {
    throw new Error(`'${zone}' is no IANA time zone`, { cause });
  }
  return zone;
}

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const offsetsMax = 50_000;
const offsets = new Map<string, Map<number, number>>();
const formatters = new Map<string, Intl.DateTimeFormat>();

function lookUpOffsetMs(zone: string, atMs: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of formatter(zone).formatToParts(atMs)) part[type] = Number(value);
  const { year, month, day, hour, minute, second } = part as Record<
    'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
    number
  >;
  return Date.UTC(year, month - 1, day, hour % 24, minute, second) - Math.floor(atMs / 1000) * 1000;
}

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const numeric = 'numeric';
  const fresh = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  });
  formatters.set(zone, fresh);
  return fresh;
}

const dayNames = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

function parseDays(text: string): boolean[] {
  const days = dayNames.map(() => false);
  if (text.trim() === '') throw new Error("no day is named: write them as 'mon-fri' or 'sat, sun'");
  for (const part of text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)) {
    const [first, last, ...rest] = part.split('-').map(dayOf);
    if (first === undefined || first < 0 || last === -1 || rest.length > 0)
      throw new Error(`'${part}' is no day: mon, tue, wed, thu, fri, sat, sun`);
    for (let day = first; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === (last ?? first)) break;
    }
  }
  return days;
}

/** The day of a name, or of its first three letters or more; -1 for what is none. */
function dayOf(name: string): number {
  return name.length < 3 ? -1 : dayNames.findIndex((day) => day.startsWith(name));
}

function minuteOfDay(text: string): number {
  const [hours, minutes] = text.split(':').map(Number) as [number, number];
  return hours * 60 + minutes;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
