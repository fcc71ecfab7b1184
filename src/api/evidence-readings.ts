import type { EvidenceReadings } from '../insights/evidence/read-evidence.ts';
import type { Db } from '../platform/database.ts';
import { Refusal } from '../platform/refusal.ts';
import type { Buckets } from '../telemetry/rollups/bucket.ts';
import { readBuckets } from '../telemetry/rollups/bucket-store.ts';
import { readSpans } from '../telemetry/span-store.ts';

type Span = { readonly seriesIds: readonly number[]; readonly startMs: number; readonly endMs: number };

/** Of what retention has left only wider buckets: a quarter of an hour, an hour, a day. */
const widerMs = [900_000, 3_600_000, 86_400_000];

/** How evidence reads telemetry: the readings, and good ones in steps, wider than asked where retention leaves no narrower ones. */
export const evidenceReadings: EvidenceReadings = {
  readSpans,
  readSteps: async (db, { stepMs, ...span }) => {
    const widths = [stepMs, ...widerMs.filter((ms) => ms > stepMs)];
    for (const [i, ms] of widths.entries()) {
      const buckets = await findBuckets(db, span, ms, i + 1 === widths.length);
      if (buckets) return toSteps(buckets, ms);
    }
    return new Map();
  },
};

/** The buckets of that width; undefined where they are gone, unless they are the widest. */
async function findBuckets(db: Db, span: Span, ms: number, isWidest: boolean): Promise<Buckets | undefined> {
  try {
    return await readBuckets(db, {
      ...span,
      width: { unit: 'fixed', ms },
      qualities: ['good'],
      values: ['count', 'mean', 'min', 'max'],
    });
  } catch (error) {
    if (isWidest || !(error instanceof Refusal) || error.code !== 'resolution_dropped') throw error;
    return undefined;
  }
}

function toSteps({ edgesMs, series }: Buckets, stepMs: number): Awaited<ReturnType<EvidenceReadings['readSteps']>> {
  return new Map(
    [...series].map(([seriesId, { index, count, mean, min, max }]) => [
      seriesId,
      {
        stepMs,
        startsMs: Array.from(index, (bucket) => edgesMs[bucket] as number),
        counts: [...count],
        means: [...mean],
        least: [...min],
        greatest: [...max],
      },
    ]),
  );
}
