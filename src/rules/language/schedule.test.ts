import { describe, expect, test } from 'vitest';
import { createTimeReader } from './local-time.ts';
import type { PeriodFile } from './rule-file.ts';
import { isActive, parseSchedule } from './schedule.ts';

describe('schedules', () => {
  test.each<[PeriodFile, string, string, boolean, string]>([
    [{ days: 'mon-fri', from: '08:00', to: '18:00' }, '2026-01-05T07:59Z', 'UTC', false, 'before it begins'],
    [{ days: 'mon-fri', from: '08:00', to: '18:00' }, '2026-01-05T08:00Z', 'UTC', true, 'the first minute is inside'],
    [{ days: 'mon-fri', from: '08:00', to: '18:00' }, '2026-01-05T18:00Z', 'UTC', false, 'the last is not'],
    [{ days: 'mon-fri', from: '08:00', to: '18:00' }, '2026-01-04T12:00Z', 'UTC', false, 'a Sunday'],
    [{ days: 'sat,sun' }, '2026-01-04T12:00Z', 'UTC', true, 'a day without hours is the whole day'],
    [
      { days: 'fri', from: '22:00', to: '06:00' },
      '2026-01-10T05:59Z',
      'UTC',
      true,
      'the night belongs to the day on which it begins',
    ],
    [
      { days: 'fri', from: '22:00', to: '06:00' },
      '2026-01-09T05:00Z',
      'UTC',
      false,
      'and not to the day on which it ends',
    ],
    [{ from: '06:00', to: '06:00' }, '2026-01-05T05:59Z', 'UTC', true, 'from and to alike are the whole day'],
    [{ days: 'fri-mon' }, '2026-01-05T12:00Z', 'UTC', true, 'days run over the end of the week'],
    [{ from: '08:00', to: '09:00' }, '2026-01-05T07:30Z', 'Europe/Berlin', true, 'winter time'],
    [{ from: '08:00', to: '09:00' }, '2026-07-06T06:30Z', 'Europe/Berlin', true, 'summer time'],
    [
      { from: '08:00', to: '09:00', zone: 'Asia/Kolkata' },
      '2026-01-05T03:00Z',
      'UTC',
      true,
      'a zone of its own, half an hour off',
    ],
    [{ from: '02:00', to: '03:00' }, '2026-10-25T00:30Z', 'Europe/Berlin', true, 'the hour that comes twice: once'],
    [{ from: '02:00', to: '03:00' }, '2026-10-25T01:30Z', 'Europe/Berlin', true, 'and again'],
    [{ from: '02:00', to: '03:00' }, '2026-03-29T01:00Z', 'Europe/Berlin', false, 'the hour that never comes'],
  ])('%o at %s in %s is %s: %s', (period, at, zone, wanted) => {
    expect(isActive(parseSchedule(period), Date.parse(at), zone)).toBe(wanted);
  });

  test.each([[{ days: 'funday' }], [{ days: 'mon-', from: '08:00' }], [{ zone: 'Mars/Olympus' }]])(
    '%o is refused',
    (period) => {
      expect(() => parseSchedule(period)).toThrow();
    },
  );
});

describe('local times of trend logs', () => {
  test.each([
    ['M/d/yyyy H:mm', 'America/Chicago', '8/31/2007 6:05', '2007-08-31T11:05:00Z'],
    ['dd.MM.yyyy HH:mm:ss', 'Europe/Berlin', '05.01.2026 08:00:30', '2026-01-05T07:00:30Z'],
    ['M/d/yyyy h:mm a', 'UTC', '1/5/2026 12:30 AM', '2026-01-05T00:30:00Z'],
    ['M/d/yyyy h:mm a', 'UTC', '1/5/2026 1:30 pm', '2026-01-05T13:30:00Z'],
    ['iso', 'Europe/Berlin', '2026-01-05 08:00', '2026-01-05T07:00:00Z'],
    ['iso', 'Europe/Berlin', '2026-01-05T08:00:00+05:30', '2026-01-05T02:30:00Z'],
    ['iso', 'UTC', '2026-01-05', '2026-01-05T00:00:00Z'],
    ['iso', 'UTC', '2026-01-05 08:00:00.250 +0200', '2026-01-05T06:00:00.250Z'],
    ['iso', 'UTC', '2026-01-05 08:00:00+02', '2026-01-05T06:00:00Z'],
    ['seconds', 'UTC', '90.5', '1970-01-01T00:01:30.500Z'],
    ['seconds', 'UTC', ' 1.5e3 ', '1970-01-01T00:25:00Z'],
    ['M/d/yyyy', 'UTC', '2/29/2028', '2028-02-29T00:00:00Z'],
    ['M/d/yyyy H:mm', 'Europe/Berlin', '3/29/2026 2:30', '2026-03-29T01:30:00Z'],
  ])('%s in %s: %s is %s', (format, zone, text, wanted) => {
    expect(createTimeReader(format, zone)(text, Number.NEGATIVE_INFINITY)).toBe(Date.parse(wanted));
  });

  test('an hour that comes twice goes on from the row before', () => {
    const read = createTimeReader('M/d/yyyy H:mm', 'Europe/Berlin');
    let lastMs = Number.NEGATIVE_INFINITY;
    const seen = ['1:30', '2:00', '2:30', '2:00', '2:30', '3:00'].map((time) => {
      lastMs = read(`10/25/2026 ${time}`, lastMs) as number;
      return new Date(lastMs).toISOString().slice(11, 16);
    });
    expect(seen).toEqual(['23:30', '00:00', '00:30', '01:00', '01:30', '02:00']);
  });

  test.each([
    ['M/d/yyyy H:mm', 'yesterday'],
    ['d/M/yyyy', '1/31/2026'],
    ['M/d/yyyy', '0/1/2026'],
    ['M/d/yyyy', '1/0/2026'],
    ['M/d/yyyy', '2/29/2026'],
    ['M/d/yyyy', '4/31/2026'],
    ['d.M.yyyy H:mm', '1.1.2026 24:00'],
    ['d.M.yyyy H:mm', '1.1.2026 23:60'],
    ['d.M.yyyy H:mm:ss', '1.1.2026 23:59:60'],
    ['M/d/yyyy h:mm a', '1/1/2026 13:00 PM'],
    ['M/d/yyyy', '1/1/0026'],
    ['iso', '2026-02-30 00:00'],
    ['iso', '2026-02-30T00:00Z'],
    ['iso', '2026-04-31'],
    ['iso', '2026-13-01T00:00:00+01:00'],
    ['iso', '2026-01-01T00:60'],
    ['iso', '2026-01'],
    ['iso', '5'],
    ['iso', ''],
    ['seconds', ''],
    ['seconds', ' '],
    ['milliseconds', ''],
    ['seconds', '0x10'],
    ['milliseconds', '0b1'],
    ['seconds', 'Infinity'],
  ])('for %s %j is no time', (format, text) => {
    expect(createTimeReader(format, 'Europe/Berlin')(text, 0)).toBeUndefined();
  });
});
