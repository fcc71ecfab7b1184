import { z } from 'zod';

/** How far a reading is to be trusted; a bad one is stored and never given to a rule as a number. */
export const Quality = z.enum(['good', 'uncertain', 'bad']);
export type Quality = z.infer<typeof Quality>;

/** Qualities in the order of their stored codes: the index is what the table holds. */
export const qualities = Quality.options;

/**
 * One measurement of one point at one instant, in the point's own unit. `timeMs` counts milliseconds since the UTC
 * epoch; `value` is null only where the device sent something that is not a number, which is then of bad quality.
 */
export type Reading = {
  readonly seriesId: number;
  readonly timeMs: number;
  readonly value: number | null;
  readonly quality: Quality;
};
