import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant, localMsAt } from '../../platform/instant.ts';
import { addBusinessMs, type BusinessHours, days, minutesOf } from './business-time.ts';

const office = days.slice(0, 5).map((day) => ({ day, from: '08:00', to: '18:00' }));
const zurich = { hours: office, timeZone: 'Europe/Zurich' };
const add = (since: string, minutes: number, where: Parameters<typeof addBusinessMs>[2] = zurich) =>
  formatInstant(addBusinessMs(new Date(since), minutes * 60_000, where));

describe('time within business hours', () => {
  // 2 March 2026 is a Monday; Zurich is an hour ahead of UTC until 29 March.
  test.each([
    ['2026-03-02T09:00:00Z', 60, '2026-03-02T10:00:00Z', 'within a day'],
    ['2026-03-02T16:30:00Z', 60, '2026-03-03T07:30:00Z', 'over a night, which does not count'],
    ['2026-03-06T16:30:00Z', 60, '2026-03-09T07:30:00Z', 'over a weekend'],
    ['2026-03-07T12:00:00Z', 30, '2026-03-09T07:30:00Z', 'begun when nobody is there'],
    ['2026-03-02T05:00:00Z', 0, '2026-03-02T07:00:00Z', 'nothing before the hours ends when they begin'],
    ['2026-03-02T09:00:00Z', 480, '2026-03-02T17:00:00Z', 'what ends with the hours ends that day'],
    ['2026-03-02T09:00:00Z', 600, '2026-03-03T09:00:00Z', 'a day of ten hours'],
    ['2026-03-02T07:00:00Z', 3_000, '2026-03-06T17:00:00Z', 'a week ends on Friday evening, not on Monday morning'],
    ['2026-03-02T09:00:00Z', 12_000, '2026-03-30T08:00:00Z', 'four weeks later the clock has gone forward'],
  ])('%s and %i minutes is %s: %s', (since, minutes, expected) => expect(add(since, minutes)).toBe(expected));

  test('hours may be in pieces, in any order, and reach midnight', () => {
    const hours = [
      { day: 'tue', from: '00:00', to: '01:00' },
      { day: 'mon', from: '13:00', to: '14:00' },
      { day: 'mon', from: '23:00', to: '24:00' },
    ] as const;
    expect(add('2026-03-02T13:30:00Z', 60, { hours, timeZone: 'UTC' })).toBe('2026-03-02T23:30:00Z');
    expect(add('2026-03-02T13:30:00Z', 120, { hours, timeZone: 'UTC' })).toBe('2026-03-03T00:30:00Z');
    expect(add('2026-03-03T01:00:00Z', 60, { hours, timeZone: 'UTC' })).toBe('2026-03-09T14:00:00Z');
  });

  test('is the minutes that somebody counts who looks at the clock each minute', () => {
    const time = fc.constantFrom('00:00', '00:30', '08:00', '12:00', '17:45', '23:00');
    const span = fc.record({
      day: fc.constantFrom(...days),
      from: time,
      to: fc.constantFrom('06:00', '12:30', '18:00', '24:00'),
    });
    const hoursOf = fc
      .uniqueArray(span, { minLength: 1, maxLength: 5, selector: ({ day }) => day })
      .filter((hours) => hours.every(({ from, to }) => from < to));
    const since = fc
      .integer({ min: 0, max: 14 * 1_440 })
      .map((minute) => new Date(Date.UTC(2026, 2, 2) + minute * 60_000));
    const minutes = fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom(60, 240, 360, 600, 1_440));
    fc.assert(
      fc.property(hoursOf, since, minutes, (hours, from, count) => {
        const timeZone = 'Asia/Kolkata';
        const end = addBusinessMs(from, count * 60_000, { hours, timeZone });
        expect(end).toEqual(counted(hours, from, { count, timeZone }));
      }),
      { numRuns: 60 },
    );
  });
});

/** Walks minute by minute; one counts if it lies within the hours. */
function counted(hours: BusinessHours, from: Date, { count, timeZone }: { count: number; timeZone: string }): Date {
  // Kolkata has one offset all year, so the walk need ask for it once.
  const ahead = localMsAt(timeZone, from) - from.getTime();
  let at = from.getTime();
  for (let rest = count; rest > 0; at += 60_000) {
    const local = new Date(at + ahead);
    const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
    const day = days[(local.getUTCDay() + 6) % 7];
    if (hours.some((span) => span.day === day && minute >= minutesOf(span.from) && minute < minutesOf(span.to)))
      rest -= 1;
  }
  return new Date(at);
}
