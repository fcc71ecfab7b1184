/** How long equipment was in which state within a span of time, as its changes of status say. */
import { z } from 'zod';
import { Id, Instant, text } from '../../platform/fields.ts';
import { type AssetStatus, assetStatuses } from '../asset.ts';

/** At most so many periods are shown, the newest first; the sums are of all. */
export const periodsMax = 1_000;

const minutes = () => z.number().min(0);

export const AssetDowntime = z
  .object({
    asset_id: Id,
    start: Instant.describe('As asked for, and not before the equipment was made known here.'),
    end: Instant.describe('As asked for, and not after now.'),
    minutes: z.object({ operational: minutes(), degraded: minutes(), down: minutes(), retired: minutes() }),
    times_down: z.int().describe('How often it went down, or was down from the start.'),
    availability: z
      .number()
      .nullable()
      .describe(
        'The share of the time in which it was not down, of that in which it was not retired; null where there is none.',
      ),
    periods: z
      .array(z.object({ status: z.enum(assetStatuses), from: Instant, to: Instant, reason: z.string() }))
      .describe(`Newest first; of more than ${periodsMax} the newest.`),
  })
  .meta({ id: 'AssetDowntime' });
export type AssetDowntime = z.infer<typeof AssetDowntime>;

export const DowntimeQuery = z.strictObject({
  start: text(40).optional().describe('An instant or a date; 30 days before the end if absent.'),
  end: text(40).optional().describe('An instant or a date, which is before that day; now if absent.'),
});

/** A change of status, as it counts. */
export type Changed = {
  readonly from: AssetStatus;
  readonly to: AssetStatus;
  readonly reason: string;
  readonly at: Date;
};

type Span = { readonly startMs: number; readonly endMs: number };

/** The periods of a span, oldest first; `changes` are the asset's last one before it and all since, oldest first. */
export function periodsOf(changes: readonly Changed[], now: AssetStatus, { startMs, endMs }: Span) {
  const before = changes.filter(({ at }) => at.getTime() <= startMs).at(-1);
  const since = changes.filter(({ at }) => at.getTime() > startMs);
  const within = since.filter(({ at }) => at.getTime() < endMs);
  const first = { status: before?.to ?? since[0]?.from ?? now, fromMs: startMs, reason: before?.reason ?? '' };
  const begun = [first, ...within.map(({ to, at, reason }) => ({ status: to, fromMs: at.getTime(), reason }))];
  return begun
    .map((period, index) => ({ ...period, toMs: begun[index + 1]?.fromMs ?? endMs }))
    .filter(({ fromMs, toMs }) => toMs > fromMs);
}

/** What the periods of a span come to. */
export function sumUp(
  periods: ReturnType<typeof periodsOf>,
): Pick<AssetDowntime, 'minutes' | 'times_down' | 'availability'> {
  const sums = { operational: 0, degraded: 0, down: 0, retired: 0 };
  for (const { status, fromMs, toMs } of periods) sums[status] += toMs - fromMs;
  const inService = sums.operational + sums.degraded + sums.down;
  const minutes = Object.fromEntries(Object.entries(sums).map(([status, ms]) => [status, ms / 60_000]));
  return {
    minutes: minutes as AssetDowntime['minutes'],
    times_down: periods.filter(({ status }, index) => status === 'down' && periods[index - 1]?.status !== 'down')
      .length,
    availability: inService === 0 ? null : 1 - sums.down / inService,
  };
}
