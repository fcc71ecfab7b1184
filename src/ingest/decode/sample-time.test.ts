import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTime } from './sample-time.ts';

const receivedMs = Date.parse('2026-12-01T10:00:00Z');
const chicago = { receivedMs, timeZone: 'America/Chicago' };

/** An instant to the microsecond, or the reason of a refusal. */
function shown(given: unknown, arrived = chicago): string {
  const time = readTime(given, arrived);
  if (typeof time !== 'number') return time.reason;
  const microseconds = Math.round((time - Math.floor(time)) * 1_000);
  return new Date(Math.floor(time)).toISOString().replace('Z', `${String(microseconds).padStart(3, '0')}Z`);
}

test.each<[number | string, string, string]>([
  [1_760_000_000, '2025-10-09T08:53:20.000000Z', 'seconds'],
  [1_760_000_000.5, '2025-10-09T08:53:20.500000Z', 'seconds with a fraction'],
  [1_760_000_000.123457, '2025-10-09T08:53:20.123457Z', 'seconds to the microsecond'],
  [1_760_000_000_123, '2025-10-09T08:53:20.123000Z', 'milliseconds'],
  [1_760_000_000_123.457, '2025-10-09T08:53:20.123457Z', 'milliseconds with a fraction'],
  [1_760_000_000_123_457, '2025-10-09T08:53:20.123457Z', 'microseconds'],
  [Number('1760000000123457000'), '2025-10-09T08:53:20.123457Z', 'nanoseconds beyond the integers of a double'],
  ['1760000000', '2025-10-09T08:53:20.000000Z', 'seconds as a text'],
  ['1760000000.123456', '2025-10-09T08:53:20.123456Z', 'seconds with a fraction as a text'],
  ['1760000000123456499', '2025-10-09T08:53:20.123456Z', 'nanoseconds as a text, to the last digit'],
  ['1760000000123456500', '2025-10-09T08:53:20.123457Z', 'nanoseconds as a text, to the last digit'],
  ['1.76e9', '2025-10-09T08:53:20.000000Z', 'an exponent'],
  [' 1760000000 ', '2025-10-09T08:53:20.000000Z', 'spaces around it'],
])('the number %j is %s: %s', (given, expected) => {
  expect(shown(given)).toBe(expected);
});

test.each([
  ['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.000000Z'],
  ['2026-03-01T12:00:00.5Z', '2026-03-01T12:00:00.500000Z'],
  ['2026-03-01T12:00:00.123456499Z', '2026-03-01T12:00:00.123456Z'],
  ['2026-03-01T12:00:00,25Z', '2026-03-01T12:00:00.250000Z'],
  ['2026-03-01t12:00:00z', '2026-03-01T12:00:00.000000Z'],
  ['2026-03-01 12:00:00 UTC', '2026-03-01T12:00:00.000000Z'],
  ['2026-03-01 12:00:00+00', '2026-03-01T12:00:00.000000Z'],
  ['2026-03-01T12:00:00+05', '2026-03-01T07:00:00.000000Z'],
  ['2026-03-01T12:00:00.25-0530', '2026-03-01T17:30:00.250000Z'],
  ['2026-03-01T12:00+01:00', '2026-03-01T11:00:00.000000Z'],
  ['20260301T120000Z', '2026-03-01T12:00:00.000000Z'],
  ['20260301T1200', '2026-03-01T18:00:00.000000Z'],
  ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000000Z'],
])('the text %s is %s', (given, expected) => {
  expect(shown(given)).toBe(expected);
});

test.each([
  ['2026-01-15T06:00:00', '2026-01-15T12:00:00.000000Z', 'winter'],
  ['2026-07-15T06:00:00.5', '2026-07-15T11:00:00.500000Z', 'summer'],
  ['2026-03-08T01:59:59', '2026-03-08T07:59:59.000000Z', 'before the clocks go forward'],
  ['2026-03-08T02:30:00', '2026-03-08T08:30:00.000000Z', 'in the hour that is skipped: the offset before it'],
  ['2026-03-08T03:00:00', '2026-03-08T08:00:00.000000Z', 'after it'],
  ['2026-11-01T00:59:59', '2026-11-01T05:59:59.000000Z', 'before the hour that comes twice'],
  ['2026-11-01T01:30:00', '2026-11-01T06:30:00.000000Z', 'in the hour that comes twice: the first of the two'],
  ['2026-11-01T02:00:00', '2026-11-01T08:00:00.000000Z', 'after it'],
])('the local time %s in Chicago is %s: %s', (given, expected) => {
  expect([shown(given), shown(given)]).toEqual([expected, expected]);
});

test('the zone of one site is not that of another, however often its day was asked for', () => {
  const given = '2026-07-15T06:00:00';
  expect(shown(given)).toBe('2026-07-15T11:00:00.000000Z');
  expect(shown(given, { receivedMs, timeZone: 'Asia/Kolkata' })).toBe('2026-07-15T00:30:00.000000Z');
  expect(shown(given, { receivedMs, timeZone: 'UTC' })).toBe('2026-07-15T06:00:00.000000Z');
});

test.each([
  ['2026-02-29T12:00:00Z', 'time_unreadable'],
  ['2026-13-01T12:00:00Z', 'time_unreadable'],
  ['2026-03-01T24:00:00Z', 'time_unreadable'],
  ['2026-03-01T12:60:00Z', 'time_unreadable'],
  ['2026-03-01T12:00:00.Z', 'time_unreadable'],
  ['2026-03-01T12:00:00.1234567890Z', 'time_unreadable'],
  ['2026-03-01T1x:00:00Z', 'time_unreadable'],
  ['2026-03-01', 'time_unreadable'],
  ['01/03/2026 12:00', 'time_unreadable'],
  ['Sun, 01 Mar 2026 12:00:00 GMT', 'time_unreadable'],
  ['', 'time_unreadable'],
  ['12:00', 'time_unreadable'],
  ['0x5f5e100', 'time_unreadable'],
  [true, 'time_unreadable'],
  [[1], 'time_unreadable'],
  [{}, 'time_unreadable'],
  [Number.NaN, 'time_unreadable'],
  [12_345, 'time_too_old'],
  [0, 'time_too_old'],
  [-1_760_000_000, 'time_too_old'],
  [99_999_999_999, 'time_in_future'],
  ['2099-01-01T00:00:00Z', 'time_in_future'],
])('%j is refused: %s', (given, reason) => {
  expect(shown(given)).toBe(reason);
});

test('every microsecond is read alike from seconds, milliseconds, microseconds, nanoseconds and ISO 8601', () => {
  const microsecond = fc.integer({ min: Date.UTC(1990, 0, 1) * 1_000, max: receivedMs * 1_000 });
  fc.assert(
    fc.property(microsecond, (us) => {
      const text = String(us);
      const iso = new Date(Math.floor(us / 1_000)).toISOString().replace('Z', `${text.slice(-3)}Z`);
      const forms = [
        us,
        `${text}000`,
        us / 1_000,
        `${text.slice(0, -6)}.${text.slice(-6)}`,
        iso,
        iso.replace('Z', '+00:00'),
      ];
      const seen = forms.map((form) => shown(form));
      expect(new Set(seen)).toEqual(new Set([iso]));
    }),
    { numRuns: 2_000 },
  );
});
