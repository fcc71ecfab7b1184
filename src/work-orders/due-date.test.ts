import { expect, test } from 'vitest';
import { parseDueDate } from './due-date.ts';

test.each([
  ['2026-04-15', 'UTC', '2026-04-16T00:00:00.000Z', 'a date is due when its day ends'],
  ['2026-04-15', 'Asia/Kolkata', '2026-04-15T18:30:00.000Z', 'in the zone of the site'],
  ['2026-03-28', 'Europe/London', '2026-03-29T00:00:00.000Z', 'before the clocks change'],
  ['2026-03-29', 'Europe/London', '2026-03-29T23:00:00.000Z', 'on a day of 23 hours'],
  ['2026-03-17T17:00:00Z', 'Asia/Kolkata', '2026-03-17T17:00:00.000Z', 'an instant is due at that instant'],
  ['2026-03-17T17:00', 'Asia/Kolkata', '2026-03-17T11:30:00.000Z', 'without a zone it is read in that of the site'],
])('%s in %s is %s: %s', (text, zone, at) => {
  expect(parseDueDate(text, zone)).toEqual({ text, at: new Date(at) });
});

test.each(['', 'soon', '2026-04-31', '2026-04-15T', '15/04/2026'])('%j is no deadline', (text) => {
  expect(parseDueDate(text, 'UTC')).toBeUndefined();
});
