import { expect, test } from 'vitest';
import { parseLength, parseWhen } from './query-instant.ts';

const nowMs = Date.parse('2026-03-29T12:00:00Z');
const at = (text: string, timeZone = 'Europe/London') => {
  const ms = parseWhen(text, { timeZone, nowMs });
  return ms === undefined ? undefined : new Date(ms).toISOString();
};

test.each([
  ['now', '2026-03-29T12:00:00.000Z'],
  ['-24h', '2026-03-28T12:00:00.000Z'],
  ['now-90s', '2026-03-29T11:58:30.000Z'],
  ['-15m', '2026-03-29T11:45:00.000Z'],
  ['-7d', '2026-03-22T12:00:00.000Z'],
  ['-2w', '2026-03-15T12:00:00.000Z'],
  ['-1mo', '2026-02-28T13:00:00.000Z'],
  ['-2mo', '2026-01-29T13:00:00.000Z'],
  ['now-6mo', '2025-09-29T12:00:00.000Z'],
  ['-1y', '2025-03-29T13:00:00.000Z'],
  ['-12mo', '2025-03-29T13:00:00.000Z'],
  ['2026-03-29', '2026-03-29T00:00:00.000Z'],
  ['2026-03-30', '2026-03-29T23:00:00.000Z'],
  ['2026-03-29T00:30', '2026-03-29T00:30:00.000Z'],
  ['2026-03-29T12:00', '2026-03-29T11:00:00.000Z'],
  ['2026-03-29T12:00:00Z', '2026-03-29T12:00:00.000Z'],
  ['2026-03-29T12:00:00+05:30', '2026-03-29T06:30:00.000Z'],
  ['2026-03-29 12:00:00.25Z', '2026-03-29T12:00:00.250Z'],
])('%s is %s to a clock in London, at noon of the day on which its clocks go forward', (text, instant) =>
  expect(at(text)).toBe(instant),
);

test.each([
  ...['', 'Now', 'today', '24h', '+24h', '-24', '-h', '--24h', '-1.5h', '-1M', '-1.5y', '-24h ', 'now-', 'now+1h'],
  ...[
    '-999999999d',
    '-999999999w',
    '-127y',
    '-999999999y',
    '2026-02-29',
    '2026-3-9',
    '2026-02-29T00:00Z',
    '2026-13-01',
    '1773766980',
    '2026-03-29T25:00',
    'NaN',
    '0000-01-01',
  ],
])('%j is no instant', (text) => expect(at(text)).toBeUndefined());

test.each([
  ['2026-03-29', 'Asia/Beirut', '2026-03-28T22:00:00.000Z', 'its midnight is skipped'],
  ['2026-11-01', 'America/Havana', '2026-11-01T04:00:00.000Z', 'its midnight comes twice'],
])('the day %s begins in %s at %s: %s', (text, zone, instant) => expect(at(text, zone)).toBe(instant));

test.each([
  ['-1y', '2024-02-29T12:00:00Z', '2023-02-28T12:00:00.000Z'],
  ['-4y', '2024-02-29T12:00:00Z', '2020-02-29T12:00:00.000Z'],
  ['-3mo', '2026-05-31T12:00:00Z', '2026-02-28T13:00:00.000Z'],
  ['-1mo', '2026-03-01T02:30:00Z', '2026-01-29T02:30:00.000Z'],
])('%s of %s in New York is %s: no month is longer than its last day', (text, now, instant) => {
  const ms = parseWhen(text, { timeZone: 'America/New_York', nowMs: Date.parse(now) });
  expect(new Date(ms ?? Number.NaN).toISOString()).toBe(instant);
});

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['1w', undefined],
  ['0s', undefined],
  ['-1h', undefined],
  ['1', undefined],
  ['1h30m', undefined],
  ['', undefined],
])('of lengths up to two days %j is %s ms', (text, ms) => expect(parseLength(text, 2 * 86_400_000)).toBe(ms));
