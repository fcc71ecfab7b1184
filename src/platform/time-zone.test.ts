import { expect, test, vi } from 'vitest';
import { dateIn } from './instant.ts';
import { isTimeZone } from './time-zone.ts';

test.each(['UTC', 'Europe/London', 'America/Argentina/Buenos_Aires', 'Etc/GMT+12', 'EST5EDT', 'asia/kathmandu'])(
  '%s is a time zone',
  (name) => expect([isTimeZone(name), isTimeZone(name)]).toEqual([true, true]),
);

// The last one is written with a Kelvin sign, whose small letter is a k.
test.each([
  ...['', ' ', '+05:30', 'GMT+5', 'Mars/Olympus', 'Europe/London ', '__proto__', 'constructor', 'x'.repeat(64)],
  ...['Europe/London\0', "UTC'; --", 'Asia/\u212Aathmandu'],
])('%j is none', (name) => {
  expect(isTimeZone('Asia/Kathmandu')).toBe(true);
  expect(isTimeZone(name)).toBe(false);
});

test('a zone whose letters are written in ever other ways takes one clock, and is asked for once', () => {
  const spellings = Array.from({ length: 256 }, (_, bits) =>
    Array.from('indian/maldives', (letter, at) => (bits & (1 << at) ? letter.toUpperCase() : letter)).join(''),
  );
  const made = vi.spyOn(Intl, 'DateTimeFormat');
  const dates = spellings.map((name) => isTimeZone(name) && dateIn(name, new Date('2026-04-11T18:59:59Z')));
  expect(new Set(dates)).toEqual(new Set(['2026-04-11']));
  expect(made.mock.calls.length).toBeLessThanOrEqual(2);
  made.mockRestore();
});
