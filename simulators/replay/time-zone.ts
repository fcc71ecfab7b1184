/**
 * Local time to instants by the IANA rules that Node carries. An hour that daylight saving repeats is told apart by the
 * order of the file: the first pass through it is summer time, and when the clock jumps back the second is winter time.
 */
import type { LocalTime } from './time-format.ts';

const dayMs = 86_400_000;

/** Whether the IANA name is known. */
export function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== '';
  } catch {
    return false;
  }
}

/** The instants, earliest first, at which clocks in the zone show a local time: none in spring's gap, two in autumn. */
export function createInstantsOf(zone: string): (time: LocalTime) => number[] {
  const offsetAt = createOffsetAt(zone);
  return (time) => {
    const asUtc = Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second, time.millisecond);
    if (time.offsetMinutes !== undefined) return [asUtc - time.offsetMinutes * 60_000];
    const offsets = new Set([offsetAt(asUtc - dayMs), offsetAt(asUtc + dayMs)]);
    return [...offsets]
      .map((offsetMs) => asUtc - offsetMs)
      .filter((instant) => asUtc - offsetAt(instant) === instant)
      .sort((a, b) => a - b);
  };
}

/** Chooses among the instants of each local time of one series by those before it. */
export function createSequence(): (instants: number[]) => number | undefined {
  let before = Number.NEGATIVE_INFINITY;
  return (instants) => {
    const chosen = instants.find((instant) => instant > before) ?? instants.at(-1);
    if (chosen !== undefined) before = chosen;
    return chosen;
  };
}

/** Offsets are asked for by the quarter of an hour, since zones change at no other times. */
function createOffsetAt(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const quarterMs = 900_000;
  const known = new Map<number, number>();
  return (instant) => {
    const quarter = Math.floor(instant / quarterMs) * quarterMs;
    const offset = known.get(quarter);
    if (offset !== undefined) return offset;
    const parts = Object.fromEntries(format.formatToParts(quarter).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const computed = Date.UTC(year, month - 1, day, hour, minute, second) - quarter;
    // A long log would otherwise grow the memory without end.
    if (known.size > 1000) known.clear();
    known.set(quarter, computed);
    return computed;
  };
}
