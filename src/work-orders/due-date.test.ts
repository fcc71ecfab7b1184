import { expect, test } from 'vitest';
import { parseDueDate } from './due-date.ts';

test.each([
  ['2026-04-15', 'UTC', '2026-04-15T23:59:59.999Z', 'a date is due at the last moment of its day'],
  ['2026-04-15', 'Asia/Kolkata', '2026-04-15T18:29:59.999Z', 'in the zone of the site'],
  ['2026-03-28', 'Europe/London', '2026-03-28T23:59:59.999Z', 'before the clocks change'],
  ['2026-03-29', 'Europe/London', '2026-03-29T22:59:59.999Z', 'on a day of 23 hours'],
  ['2026-03-17T17:00:00Z', 'Asia/Kolkata', '2026-03-17T17:00:00.000Z', 'an instant is due at that instant'],
  ['2026-03-17T17:00', 'Asia/Kolkata', '2026-03-17T11:30:00.000Z', 'without a zone it is read in that of the site'],
])('%s in %s is %s: %s', (text, zone, at) => {
  expect(parseDueDate(text, zone)).toEqual({ text, at: new Date(at) });
});

test.each(['', 'soon', '2026-04-31', '2026-04-15T', '15/04/2026'])('%j is no deadline', (text) => {
  expect(parseDueDate(text, 'UTC')).toBeUndefined();
});
