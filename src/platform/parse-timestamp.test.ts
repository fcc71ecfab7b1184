import fc from 'fast-check';
import pg from 'pg';
import { expect, test } from 'vitest';
import { parseTimestamp } from './parse-timestamp.ts';

const ofDriver = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ);

test.each([
  ['2026-03-17 17:00:00+00', '2026-03-17T17:00:00.000Z'],
  ['2026-03-17 17:00:00.5+00', '2026-03-17T17:00:00.500Z'],
  ['2026-03-17 17:00:00.123999+00', '2026-03-17T17:00:00.123Z'],
  ['2026-03-17 00:30:00+05', '2026-03-16T19:30:00.000Z'],
  ['2026-03-17 23:30:00-03', '2026-03-18T02:30:00.000Z'],
  ['2026-03-17 23:30:00+05:30', '2026-03-17T18:00:00.000Z'],
  ['1890-01-01 00:00:00+00:53:28', '1889-12-31T23:06:32.000Z'],
  ['0044-03-15 12:00:00+00', '0044-03-15T12:00:00.000Z'],
  ['12026-03-17 17:00:00+00', '+012026-03-17T17:00:00.000Z'],
  ['0001-01-01 00:00:00+00 BC', '0000-01-01T00:00:00.000Z'],
])('%s is %s', (text, iso) => expect(parseTimestamp(text).toISOString()).toBe(iso));

test('infinity stays what the driver makes of it', () => {
  expect(parseTimestamp('infinity')).toBe(Number.POSITIVE_INFINITY);
  expect(parseTimestamp('-infinity')).toBe(Number.NEGATIVE_INFINITY);
});

test('instants of all years, in whichever zone they are written, are read as the driver reads them', () => {
  const two = (value: number) => String(value).padStart(2, '0');
  const zone = fc.integer({ min: -15, max: 15 }).map((hours) => `${hours < 0 ? '-' : '+'}${two(Math.abs(hours))}`);
  const instant = fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true });
  fc.assert(
    fc.property(instant, fc.integer({ min: 0, max: 3 }), zone, (at, digits, zone) => {
      const iso = at.toISOString();
      const text = `${iso.slice(0, 10)} ${iso.slice(11, 19)}${digits === 0 ? '' : iso.slice(19, 20 + digits)}${zone}`;
      expect(parseTimestamp(text)).toEqual(ofDriver(text));
    }),
    { numRuns: 2_000 },
  );
});
