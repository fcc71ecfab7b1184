import { instantOfLocal, parseDate, parseInstant } from '../platform/instant.ts';

/** A deadline as it was given, and the instant by which it is compared. */
export type DueDate = { readonly text: string; readonly at: Date };

const dayMs = 86_400_000;

/**
 * Reads a deadline: an ISO 8601 instant, or a date, which is the last millisecond of that day in `timeZone`, so that it is compared
 * as one of that day. The text is kept, so that it is returned in the form in which it came (T8). Undefined: neither.
 */
export function parseDueDate(text: string, timeZone: string): DueDate | undefined {
  const day = parseDate(text);
  if (day !== undefined) return { text, at: new Date(instantOfLocal(day + dayMs, timeZone).getTime() - 1) };
  const at = parseInstant(text, timeZone);
  return at && { text, at };
}
