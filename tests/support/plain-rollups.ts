/** What readings say of buckets, worked out one bucket at a time from the definition and from nothing else. */
import { qualities } from '../../src/assets/quality.ts';

export type PlainReading = { seriesId: number; timeMs: number; value: number | null; quality: string };

export type PlainRow = {
  seriesId: number;
  bucketMs: number;
  quality: number;
  count: number;
  nulls: number;
  firstMs: number;
  lastMs: number;
  first: number | null;
  last: number | null;
  min: number | null;
  max: number | null;
  sum: number | null;
  heldS: number;
  heldSum: number;
};

/** The rows that a roll-up of a width has, ordered by their key. */
export function plainRows(readings: readonly PlainReading[], widthMs: number): PlainRow[] {
  const rows: PlainRow[] = [];
  for (const [seriesId, own] of bySeries(readings)) {
    const starts = [...new Set(own.map(({ timeMs }) => Math.floor(timeMs / widthMs) * widthMs))];
    for (const bucketMs of starts) {
      const inside = own.filter(({ timeMs }) => timeMs >= bucketMs && timeMs < bucketMs + widthMs);
      for (const [code, quality] of qualities.entries()) {
        const alike = inside.filter((one) => one.quality === quality);
        if (alike.length === 0) continue;
        const rest = summary(alike, holds(inside, [quality]));
        rows.push({ seriesId, bucketMs, quality: code, ...rest });
      }
    }
  }
  return rows.sort((a, b) => a.seriesId - b.seriesId || a.bucketMs - b.bucketMs || a.quality - b.quality);
}

export type PlainBucket = Omit<PlainRow, 'bucketMs' | 'quality' | 'seriesId' | 'heldSum'> & {
  index: number;
  twa: number | null;
};

type Asked = { edgesMs: readonly number[]; qualities: readonly string[]; carryMsMax: number; nowMs: number };

/** The buckets of one series that a read has. */
export function plainBuckets(
  readings: readonly PlainReading[],
  { edgesMs, qualities: wanted, carryMsMax, nowMs }: Asked,
): PlainBucket[] {
  const own = readings.toSorted((a, b) => a.timeMs - b.timeMs);
  return edgesMs.slice(0, -1).flatMap((startMs, index) => {
    const endMs = edgesMs[index + 1] as number;
    const inside = own.filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs);
    const alike = inside.filter(({ quality }) => wanted.includes(quality));
    if (alike.length === 0) return [];
    const spans = holds(inside, wanted);
    const first = inside[0] as PlainReading;
    const last = inside.at(-1) as PlainReading;
    const before = own.findLast(({ timeMs }) => timeMs < startMs);
    const lead = before && Math.min(first.timeMs, before.timeMs + carryMsMax) - startMs;
    if (before && wanted.includes(before.quality)) spans.push({ value: before.value, ms: lead ?? 0 });
    const tail = Math.min(endMs, last.timeMs + carryMsMax, nowMs) - last.timeMs;
    if (wanted.includes(last.quality)) spans.push({ value: last.value, ms: tail });
    const { heldSum, ...rest } = summary(alike, spans);
    return [{ index, ...rest, twa: rest.heldS > 0 ? heldSum / rest.heldS : null }];
  });
}

function bySeries(readings: readonly PlainReading[]): Map<number, PlainReading[]> {
  const sorted = readings.toSorted((a, b) => a.timeMs - b.timeMs);
  return Map.groupBy(sorted, ({ seriesId }) => seriesId);
}

type Held = { value: number | null; ms: number };

/** How long each reading of some qualities holds until the next of any. */
function holds(inside: readonly PlainReading[], wanted: readonly string[]): Held[] {
  return inside.slice(0, -1).flatMap((one, i) => {
    const ms = (inside[i + 1] as PlainReading).timeMs - one.timeMs;
    return wanted.includes(one.quality) ? [{ value: one.value, ms }] : [];
  });
}

function summary(alike: readonly PlainReading[], spans: readonly Held[]) {
  const numbers = alike.flatMap(({ value }) => (value === null ? [] : [value]));
  const known = spans.filter(({ value, ms }) => value !== null && ms > 0);
  const first = alike[0] as PlainReading;
  const last = alike.at(-1) as PlainReading;
  return {
    count: numbers.length,
    nulls: alike.length - numbers.length,
    firstMs: first.timeMs,
    lastMs: last.timeMs,
    first: first.value,
    last: last.value,
    min: numbers.length > 0 ? Math.min(...numbers) : null,
    max: numbers.length > 0 ? Math.max(...numbers) : null,
    sum: numbers.length > 0 ? add(numbers) : null,
    heldS: add(known.map(({ ms }) => ms / 1_000)),
    heldSum: add(known.map(({ value, ms }) => (value as number) * (ms / 1_000))),
  };
}

function add(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
