import { formatInstant } from '../../platform/instant.ts';

const dayMs = 86_400_000;
const twoDigits = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/**
 * What `formatInstant` writes, for many instants of which neighbours are mostly of one day: a sixth of the time of a Date each, of
 * which an answer of 50 points' day at a minute has 72,000.
 */
export function createTimeText(): (timeMs: number) => string {
  let day = Number.NaN;
  let date = '';
  return (timeMs) => {
    const wholeMs = Math.trunc(timeMs);
    const today = Math.floor(wholeMs / dayMs);
    if (today !== day) {
      day = today;
      date = formatInstant(new Date(today * dayMs)).slice(0, -9);
    }
    const ms = wholeMs - today * dayMs;
    const hour = twoDigits[Math.trunc(ms / 3_600_000)];
    const minute = twoDigits[Math.trunc(ms / 60_000) % 60];
    const second = twoDigits[Math.trunc(ms / 1_000) % 60];
    const fraction = ms % 1_000 === 0 ? '' : `.${String(ms % 1_000).padStart(3, '0')}`;
    return `${date}${hour}:${minute}:${second}${fraction}Z`;
  };
}
