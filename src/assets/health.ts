/**
 * How a piece of equipment is doing, in one number. From 100 is taken:
 *
 *   40, 15, 5 for each critical, warning, info insight that stands (open, in_progress or snoozed), is not on trial, and is not explained
 *             by another; that data are missing is counted below, and not here
 *   20        while its status is degraded
 *   30 times  the share of its points expected to report that have stopped reporting
 *
 * It is never below 0, it is 0 while the status is down, and there is none for what is retired, nor for what is operational and has
 * neither points nor insights, of which nothing is known. The weights stand here, the sum is made in health-store.ts.
 */
import { z } from 'zod';
import { Id, Instant } from '../platform/fields.ts';

export const healthWeights = { critical: 40, warning: 15, info: 5, degraded: 20, stalePoints: 30 } as const;
/** The least score of each level. */
const healthLevels = { good: 80, fair: 50 } as const;

const { critical, warning, info, degraded, stalePoints } = healthWeights;

/** What the document says of the number. */
export const healthFormula = [
  `100 less ${critical} for each critical insight, ${warning} for each warning, ${info} for each info that stands (open, in_progress or snoozed), is not on trial, not explained by another, and not about missing data;`,
  `less ${degraded} while the status is degraded; less ${stalePoints} times the share of its points expected to report that have stopped;`,
  'never below 0; 0 while the status is down; null for what is retired, or is operational and has neither points nor insights.',
].join(' ');

const count = () => z.int().min(0);

export const AssetHealth = z
  .object({
    asset_id: Id,
    score: z.int().min(0).max(100).nullable().describe(healthFormula),
    level: z
      .enum(['good', 'fair', 'poor', 'down', 'unknown'])
      .describe(
        `good from ${healthLevels.good}, fair from ${healthLevels.fair}, poor below; down by its status; unknown without a score.`,
      ),
    open_insights: z
      .object({ critical: count(), warning: count(), info: count() })
      .describe('Those that stand, by severity, as they count for the score.'),
    points: count().describe('How many points it has.'),
    points_expected: count().describe('How many of them are expected to report every so often.'),
    points_stale: count().describe('How many of these have not reported for three times as long, as rules have found.'),
    at: Instant,
  })
  .meta({ id: 'AssetHealth' });
export type AssetHealth = z.infer<typeof AssetHealth>;

/** The level of a score. */
export function levelOf(score: number | null, status: string): AssetHealth['level'] {
  if (score === null) return 'unknown';
  if (status === 'down') return 'down';
  if (score >= healthLevels.good) return 'good';
  return score >= healthLevels.fair ? 'fair' : 'poor';
}
