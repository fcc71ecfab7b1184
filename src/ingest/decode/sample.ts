/**
 * What is read from a payload: samples, which name a point and hold a value as it was sent, and rejections. A text is kept
 * as it is, since only its point can tell what it stands for (bind.ts).
 */
import type { Quality } from '../../assets/quality.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { readQuality } from './quality.ts';
import { type Arrived, readTime } from './sample-time.ts';

/** A value as sent: a text may be a state's name or a number; null is a number that was not finite. */
export type Sample = {
  readonly point: string;
  readonly timeMs: number;
  readonly value: number | string | null;
  readonly quality: Quality;
};

export type Decoded = { readonly samples: readonly Sample[]; readonly rejections: readonly Rejection[] };
export type Found = Sample | Rejection;

/** What one message says of several assets, by their names, and what is wrong with it. */
export type DecodedAssets = {
  readonly assets: ReadonlyMap<string, readonly Sample[]>;
  readonly rejections: readonly Rejection[];
};

/** How many readings one message may hold. */
export const samplesMax = 10_000;
export const tooMany: Rejection = {
  reason: 'too_many_readings',
  detail: `a message may hold ${samplesMax} readings at most`,
};

/** What an object says of all the values in it, judged once however many there are. */
export type Stamp = { readonly timeMs: number | Rejection; readonly quality: Quality | Rejection };

/** The time and the quality that go with one value or with many; each may be a reason to refuse them. */
export function stampOf(time: unknown, quality: unknown, arrived: Arrived): Stamp {
  return { timeMs: readTime(time, arrived), quality: readQuality(quality) };
}

/** Of a value that comes without an object. */
export function plainStamp({ receivedMs }: Arrived): Stamp {
  return { timeMs: receivedMs, quality: 'good' };
}

/** A sample of a value as JSON gives it; a rejection that begins with the point's name when something is wrong. */
export function sampleOf(point: string, given: unknown, { timeMs, quality }: Stamp): Found {
  if (typeof quality !== 'string') return about(point, quality);
  if (typeof timeMs !== 'number') return about(point, timeMs);
  switch (typeof given) {
    case 'number':
      return numberSample(point, given, { timeMs, quality });
    case 'boolean':
      return { point, timeMs, value: given ? 1 : 0, quality };
    case 'string':
      return { point, timeMs, value: given, quality };
    default:
      if (given === null) return { point, timeMs, value: null, quality: 'bad' };
      return about(point, unusable);
  }
}

const unusable: Rejection = {
  reason: 'unusable_value',
  detail: 'a value must be a number, true, false or the name of a state',
};

function about(point: string, { reason, detail }: Rejection): Rejection {
  return { reason, detail: `${shorten(point)}: ${detail}` };
}

/** NaN and the infinities are no numbers, and bad. */
export function numberSample(
  point: string,
  value: number,
  { timeMs, quality }: { timeMs: number; quality: Quality },
): Sample {
  return Number.isFinite(value) ? { point, timeMs, value, quality } : { point, timeMs, value: null, quality: 'bad' };
}

/** Splits what was found of several assets in the same way. */
export function collectAssets(found: ReadonlyMap<string, readonly Found[]>): DecodedAssets {
  const assets = new Map<string, readonly Sample[]>();
  const wrong: Rejection[] = [];
  for (const [asset, ofAsset] of found) {
    const samples: Sample[] = [];
    for (const one of ofAsset) {
      if ('point' in one) samples.push(one);
      else wrong.push({ reason: one.reason, detail: `${shorten(asset)}: ${one.detail}` });
    }
    if (samples.length > 0) assets.set(asset, samples);
  }
  return { assets, rejections: collect(wrong).rejections };
}

/** Splits what was found; of many rejections with one reason the first stands for all. */
export function collect(found: readonly Found[]): Decoded {
  const samples: Sample[] = [];
  let rejections: Map<string, { first: Rejection; count: number }> | undefined;
  for (const one of found) {
    if ('point' in one) {
      samples.push(one);
      continue;
    }
    rejections ??= new Map();
    const known = rejections.get(one.reason);
    if (known) known.count++;
    else rejections.set(one.reason, { first: one, count: 1 });
  }
  return { samples, rejections: rejections ? [...rejections.values()].map(summed) : none };
}

function summed({ first, count }: { first: Rejection; count: number }): Rejection {
  return count === 1 ? first : { reason: first.reason, detail: `${first.detail} (and ${count - 1} more)` };
}

export const none: readonly never[] = [];

/** A payload that gives no reading, with the reason. */
export function refused(rejection: Rejection): Decoded {
  return { samples: none, rejections: [rejection] };
}

/** The same of a payload that may tell of several assets. */
export function whollyRefused(rejection: Rejection): DecodedAssets {
  return { assets: new Map(), rejections: [rejection] };
}

/** A name as it may stand in a sentence, however long the device made it. */
export function shorten(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
