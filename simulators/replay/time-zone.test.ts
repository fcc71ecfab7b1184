import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoFormat } from './time-format.ts';
import { createInstantsOf, createSequence, isTimeZone } from './time-zone.ts';

function instants(zone: string, text: string): string[] {
  const time = isoFormat.parse(text);
  return time ? createInstantsOf(zone)(time).map((instant) => new Date(instant).toISOString().slice(0, 16)) : [];
}

test.each([
  ['America/Chicago', '2007-08-31 00:00', ['2007-08-31T05:00']],
  ['America/Chicago', '2007-12-31 00:00', ['2007-12-31T06:00']],
  ['America/Chicago', '2025-11-02 01:30', ['2025-11-02T06:30', '2025-11-02T07:30']],
  ['America/Chicago', '2025-11-02 02:00', ['2025-11-02T08:00']],
  ['America/Chicago', '2025-03-09 02:30', []],
  ['Europe/Berlin', '2025-10-26 02:15', ['2025-10-26T00:15', '2025-10-26T01:15']],
  ['Australia/Lord_Howe', '2025-04-06 01:45', ['2025-04-05T14:45', '2025-04-05T15:15']],
  ['Asia/Kolkata', '2025-04-06 01:45', ['2025-04-05T20:15']],
  ['America/Chicago', '2025-11-02T01:30-06:00', ['2025-11-02T07:30']],
])('in %s, %s is %j', (zone, text, expected) => {
  expect(instants(zone, text)).toEqual(expected);
});

test.each([
  [
    'the repeated hour in quarters',
    '0:45 1:00 1:15 1:30 1:45 1:00 1:15 1:30 1:45 2:00',
    '45 60 75 90 105 120 135 150 165 180',
  ],
  ['the repeated hour in whole hours', '0:00 1:00 1:00 2:00', '0 60 120 180'],
  ['a log that begins within the hour', '1:30 1:45 1:00', '90 105 120'],
  ['a gap over the first pass', '0:00 1:30 1:15 2:00', '0 90 135 180'],
])('the order of the file tells apart %s', (_, times, expected) => {
  const instantsOf = createInstantsOf('America/Chicago');
  const choose = createSequence();
  const midnight = Date.parse('2025-11-02T05:00:00Z');
  const minutes = times.split(' ').map((text) => {
    const time = isoFormat.parse(`2025-11-02 ${text.padStart(5, '0')}`);
    return time && ((choose(instantsOf(time)) ?? Number.NaN) - midnight) / 60_000;
  });
  expect(minutes.join(' ')).toBe(expected);
});

test('any instant written as local time is among the instants of that local time', () => {
  const zones = ['America/Chicago', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Casablanca', 'America/St_Johns'];
  // Quarters of an hour around the days on which some zone changes its offset.
  const changes = [
    '2025-03-09T00:00Z',
    '2025-03-30T00:00Z',
    '2025-04-05T14:00Z',
    '2025-10-26T00:00Z',
    '2025-11-02T06:00Z',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...changes),
      fc.integer({ min: -48, max: 48 }),
      (zone, day, quarter) => {
        const instant = Date.parse(day) + quarter * 900_000;
        const local = new Date(instant).toLocaleString('sv-SE', { timeZone: zone });
        expect(instants(zone, local)).toContain(new Date(instant).toISOString().slice(0, 16));
      },
    ),
    { numRuns: 500 },
  );
});

test('a zone is an IANA name', () => {
  expect(isTimeZone('America/Chicago')).toBe(true);
  expect(isTimeZone('America/New_Yrk')).toBe(false);
});
