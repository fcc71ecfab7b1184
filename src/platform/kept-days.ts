/** For how long something is kept, as people write it: `400d`, `26w`, `3y` (of 365 days) or `forever`. */

const daysMin = 7;
const daysMax = 36_500;

/** What a text may be, in words. */
export const keptDaysForm = `a time such as 90d, 26w or 3y (from ${daysMin}d to ${daysMax}d; a year has 365 days), or forever`;

/** Days, Infinity for ever; undefined for any other text, and for less or more than is allowed. */
export function readDays(given: string): number | undefined {
  if (given === 'forever') return Number.POSITIVE_INFINITY;
  const [, amount, unit] = /^(\d{1,6})([dwy])$/.exec(given) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const days = Number(amount) * ({ d: 1, w: 7, y: 365 }[unit] ?? Number.NaN);
  return days >= daysMin && days <= daysMax ? days : undefined;
}

/** Days as a text that `readDays` reads, in years where they are whole ones. */
export function writeDays(days: number): string {
  if (days === Number.POSITIVE_INFINITY) return 'forever';
  return days % 365 === 0 ? `${days / 365}y` : `${days}d`;
}
