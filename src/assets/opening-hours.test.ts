import { expect, test } from 'vitest';
import { OpeningHours } from './opening-hours.ts';

const day = (...spans: string[]) => ({
  monday: spans.map((span) => {
    const [from, to] = span.split('-');
    return { from, to };
  }),
});

test.each([
  [{}, true, 'closed all week'],
  [day(), true, 'closed on a day'],
  [day('00:00-24:00'), true, 'all day'],
  [day('08:00-12:00', '12:00-18:00'), true, 'one after the other'],
  [day('08:00-12:00', '11:59-18:00'), false, 'one within the other'],
  [day('13:00-18:00', '08:00-12:00'), false, 'out of order'],
  [day('12:00-12:00'), false, 'no time at all'],
  [day('22:00-06:00'), false, 'over midnight is two days'],
  [day('8:00-12:00'), false, 'an hour of one digit'],
  [day('08:00-24:01'), false, 'after the end of the day'],
  [{ someday: [] }, false, 'no day of the week'],
])('%j is taken: %s (%s)', (hours: object, isTaken: boolean, _why: string) =>
  expect(OpeningHours.safeParse(hours).success).toBe(isTaken),
);
