import { expect, test } from 'vitest';
import { compileTimeFormat, isoFormat, type LocalTime } from './time-format.ts';

/** A time as ISO text, with its offset in minutes behind it when it has one. */
function show(time: LocalTime | undefined): string | undefined {
  if (!time) return undefined;
  const { year, month, day, hour, minute, second, millisecond, offsetMinutes } = time;
  const iso = new Date(Date.UTC(year, month - 1, day, hour, minute, second, millisecond)).toISOString().slice(0, -1);
  return offsetMinutes === undefined ? iso : `${iso} ${offsetMinutes}`;
}

test.each([
  ['M/d/yyyy H:mm', '8/31/2007 0:05', '2007-08-31T00:05:00.000'],
  ['M/d/yyyy H:mm', '12/1/2007 23:59', '2007-12-01T23:59:00.000'],
  ['dd.MM.yy HH:mm:ss', '01.02.24 03:04:05', '2024-02-01T03:04:05.000'],
  ['yyyy-MM-dd HH:mm:ss.SSS', '2024-02-29 00:00:00.125', '2024-02-29T00:00:00.125'],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", '2024-01-05T10:00:00+05:30', '2024-01-05T10:00:00.000 330'],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", '2024-01-05T10:00:00Z', '2024-01-05T10:00:00.000 0'],
  ['yyyyMMddHHmmZ', '202401051000-0800', '2024-01-05T10:00:00.000 -480'],
  ['d-MMM-yyyy h:mm a', '5-Sep-2023 12:30 AM', '2023-09-05T00:30:00.000'],
  ['d-MMM-yyyy h:mm a', '5-Sep-2023 12:30 pm', '2023-09-05T12:30:00.000'],
  ['EEEE, MMMM d, yyyy', 'Friday, March 1, 2024', '2024-03-01T00:00:00.000'],
  ["h 'o''clock' a, d.M.y", "3 o'clock PM, 1.2.2024", '2024-02-01T15:00:00.000'],
])('%s reads %s as %s', (pattern, text, expected) => {
  expect(show(compileTimeFormat(pattern).parse(text))).toBe(expected);
});

test.each([
  ['M/d/yyyy H:mm', '2/30/2024 0:00'],
  ['M/d/yyyy H:mm', '13/1/2024 0:00'],
  ['M/d/yyyy H:mm', '1/1/2024 24:00'],
  ['M/d/yyyy H:mm', '1/1/2024'],
  ['M/d/yyyy h:mm a', '1/1/2024 13:00 PM'],
  ['d MMM yyyy', '1 Foo 2024'],
  ['yyyy.MM', '2024x01'],
])('%s refuses %s', (pattern, text) => {
  expect(compileTimeFormat(pattern).parse(text)).toBeUndefined();
});

test.each([
  ['2025-01-01 00:15:00', '2025-01-01T00:15:00.000'],
  ['2025-01-01', '2025-01-01T00:00:00.000'],
  ['2025-01-01T00:15:00.25Z', '2025-01-01T00:15:00.250 0'],
  ['2025-01-01T00:15-03:30', '2025-01-01T00:15:00.000 -210'],
  ['1/1/2025', undefined],
])('ISO 8601 reads %s as %s', (text, expected) => {
  expect(show(isoFormat.parse(text))).toBe(expected);
});

test('a field that no one knows is named, with those there are', () => {
  expect(() => compileTimeFormat('yyyy-MM-dd KK:mm')).toThrow(/unknown field KK; there are y, yy, yyyy, M,/);
  expect(compileTimeFormat('yyyy-MM-dd HH:mm').hasOffset).toBe(false);
  expect(compileTimeFormat('yyyy-MM-dd HH:mm X').hasOffset).toBe(true);
});
