import { z } from 'zod';

/** How far a reading is to be trusted; a bad one is stored and never given to a rule as a number. */
export const Quality = z.enum(['good', 'uncertain', 'bad']);
export type Quality = z.infer<typeof Quality>;

/** Qualities in the order of their stored codes: the index is what the table holds. */
export const qualities = Quality.options;

/** The code that a quality is stored by. */
export function codeOf(quality: Quality): number {
  return qualities.indexOf(quality);
}

/** The quality that a code stands for; a code that nobody has written is not to be trusted. */
export function qualityOf(code: number): Quality {
  return qualities[code] ?? 'bad';
}
