import { expect, test } from 'vitest';
import { timesOf } from './labor-times.ts';

const at = new Date('2026-03-16T15:00:00Z');
const times = (given: Parameters<typeof timesOf>[0], timeZone = 'UTC') => {
  const { started_at, ended_at, minutes } = timesOf(given, { timeZone, at });
  return [started_at.toISOString().slice(11, 16), ended_at.toISOString().slice(11, 16), minutes];
};

test.each([
  [{ minutes: 90 }, ['13:30', '15:00', 90], 'minutes alone ended now'],
  [{ started_at: '2026-03-16T13:00:00Z', minutes: 30 }, ['13:00', '13:30', 30], 'from a start'],
  [{ ended_at: '2026-03-16T13:00:00Z', minutes: 30 }, ['12:30', '13:00', 30], 'to an end'],
  [
    { started_at: '2026-03-16T13:00:00Z', ended_at: '2026-03-16T13:45:40Z' },
    ['13:00', '13:45', 46],
    'to the nearest minute',
  ],
  [
    { started_at: '2026-03-16T13:00:00Z', ended_at: '2026-03-16T13:45:00Z', minutes: 45 },
    ['13:00', '13:45', 45],
    'all three, where they agree',
  ],
  [
    { started_at: '2026-03-16T15:04:00Z', ended_at: '2026-03-16T15:04:00Z' },
    ['15:04', '15:04', 0],
    'a clock may be ahead a little',
  ],
])('%j is %j: %s', (given, expected, _why) => {
  expect(times(given)).toEqual(expected);
});

test('a time without a zone is read in that of the site', () => {
  expect(times({ started_at: '2026-03-16T18:30', minutes: 30 }, 'Asia/Kolkata')).toEqual(['13:00', '13:30', 30]);
});

test.each([
  [{}, '/minutes'],
  [{ started_at: '2026-03-16T13:00:00Z' }, '/ended_at'],
  [{ ended_at: '2026-03-16T13:00:00Z' }, '/minutes'],
  [{ started_at: '2026-03-16T13:00:00Z', ended_at: '2026-03-16T12:59:00Z' }, '/ended_at'],
  [{ started_at: '2026-03-16T13:00:00Z', ended_at: '2026-03-16T14:00:00Z', minutes: 59 }, '/minutes'],
  [{ started_at: '2026-03-16T15:00:00Z', minutes: 30 }, '/ended_at'],
  [{ started_at: '2026-01-01T13:00:00Z', ended_at: '2026-03-16T14:00:00Z' }, '/ended_at'],
])('%j is refused at %s', (given, pointer) => {
  expect(() => times(given)).toThrow(expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }));
});
