import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dateIn, formatInstant, instantOfLocal, parseDate, parseInstant } from './instant.ts';

const read = (text: string, timeZone = 'UTC') => parseInstant(text, timeZone)?.toISOString();

describe('instants', () => {
  test.each([
    ['2026-03-17T17:00:00Z', '2026-03-17T17:00:00.000Z'],
    ['2026-03-17T17:00:00.25Z', '2026-03-17T17:00:00.250Z'],
    ['2026-03-17T17:00:00.123456789Z', '2026-03-17T17:00:00.123Z'],
    ['2026-03-17T17:00:00,5Z', '2026-03-17T17:00:00.500Z'],
    ['2026-03-17T17:00Z', '2026-03-17T17:00:00.000Z'],
    ['2026-03-17t17:00:00z', '2026-03-17T17:00:00.000Z'],
    ['2026-03-17T17:00:00+05:30', '2026-03-17T11:30:00.000Z'],
    ['2026-03-17T17:00:00-0800', '2026-03-18T01:00:00.000Z'],
    ['2026-03-17 17:00:00', '2026-03-17T17:00:00.000Z'],
  ])('%s is %s', (text, instant) => expect(read(text)).toBe(instant));

  test.each([
    '',
    '2026-03-17',
    '2026-03-17T24:00:00Z',
    '2026-03-17T23:60:00Z',
    '2026-03-17T23:59:60Z',
    '2026-02-30T00:00:00Z',
    '9999-12-31T23:59:59-01:00',
    '2026-13-01T00:00:00Z',
    '1899-12-31T00:00:00Z',
    '2026-03-17T17:00:00+24:00',
    '2026-03-17T17:00:00 01:00',
    ' 2026-03-17T17:00:00Z',
    '1773766800',
  ])('%j is none', (text) => expect(read(text)).toBeUndefined());

  test.each([
    ['2026-01-15T12:00', 'Europe/London', '2026-01-15T12:00:00.000Z', 'winter time'],
    ['2026-07-15T12:00', 'Europe/London', '2026-07-15T11:00:00.000Z', 'summer time'],
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z', 'a time that comes twice is the first'],
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z', 'the same west of Greenwich'],
    [
      '2026-03-29T02:30',
      'Europe/Berlin',
      '2026-03-29T01:30:00.000Z',
      'one that is skipped counts with the offset before',
    ],
    ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z', 'the same west of Greenwich'],
    ['2026-04-05T01:45', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z', 'a shift of half an hour'],
  ])('%s in %s is %s: %s', (text, zone, instant) => expect(read(text, zone)).toBe(instant));

  test('an instant is written without .000, and with its milliseconds where it has some', () => {
    expect(formatInstant(new Date('2026-03-17T17:00:00.000Z'))).toBe('2026-03-17T17:00:00Z');
    expect(formatInstant(new Date('2026-03-17T17:00:00.050Z'))).toBe('2026-03-17T17:00:00.050Z');
  });

  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Africa/Casablanca',
  ];
  // Around the changes of clocks in these zones, where mistakes live, and anywhere else.
  const changes = [
    '2026-03-29T01:00Z',
    '2026-10-25T01:00Z',
    '2026-03-08T07:00Z',
    '2026-11-01T06:00Z',
    '2026-04-04T15:00Z',
    '2011-12-30T10:00Z',
  ];
  const aroundChanges = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -200, max: 200 }), fc.constantFrom(0, -1, -500, 500))
    .map(([text, minutes, ms]) => Date.parse(text) + minutes * 60_000 + ms);
  const anywhere = fc.integer({ min: Date.UTC(1971), max: Date.UTC(2100) });

  test('a local time that a clock shows is read back as an instant at which it shows that time', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.oneof(aroundChanges, anywhere), (zone, atMs) => {
        const localMs = localOf(atMs, zone);
        const back = instantOfLocal(localMs, zone).getTime();
        expect(localOf(back, zone)).toBe(localMs);
        expect(back).toBeLessThanOrEqual(atMs);
      }),
      { numRuns: 500 },
    );
  });
});

/** What a clock shows, by way of another formatter than the one under test. */
function localOf(atMs: number, timeZone: string): number {
  const shown = new Date(atMs).toLocaleString('sv-SE', { timeZone });
  return Date.parse(`${shown.replace(' ', 'T')}Z`) + (((atMs % 1000) + 1000) % 1000);
}

describe('dates', () => {
  test.each(['2024-02-29', '2000-02-29', '2026-12-31'])('%s is a day', (text) =>
    expect(parseDate(text)).toBe(Date.parse(text)),
  );
  test.each(['2026-02-29', '1900-02-29', '2026-00-10', '2026-1-1', '99-01-01', '0099-01-01'])('%s is none', (text) =>
    expect(parseDate(text)).toBeUndefined(),
  );
  test.each([
    ['Pacific/Auckland', '2026-04-12'],
    ['UTC', '2026-04-11'],
    ['Pacific/Pago_Pago', '2026-04-11'],
  ])('today in %s is %s', (zone, day) => expect(dateIn(zone, new Date('2026-04-11T18:22:33Z'))).toBe(day));
});
