import type { Quality } from '../assets/quality.ts';

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
