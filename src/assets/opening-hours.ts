/** When a site is open, on its own clock: for each day of the week the spans of it, none for a day on which it is closed. */
import { z } from 'zod';

const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
const spansMax = 10;

const Clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be a time of day from 00:00 to 24:00')
  .meta({ example: '07:30' });

const Spans = z
  .array(z.strictObject({ from: Clock, to: Clock }))
  .max(spansMax)
  .refine(areInOrder, 'each span must end after it begins, and begin no sooner than the one before has ended');

export const OpeningHours = z.strictObject(
  Object.fromEntries(days.map((day) => [day, Spans.optional()])) as {
    [day in (typeof days)[number]]: z.ZodOptional<typeof Spans>;
  },
);

/** Times of one form are in the order of their letters. */
function areInOrder(spans: readonly { from: string; to: string }[]): boolean {
  return spans.every(({ from, to }, index) => from < to && (spans[index - 1]?.to ?? '') <= from);
}
