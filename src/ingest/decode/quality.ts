import type { Quality } from '../../assets/quality.ts';
import type { Rejection } from '../quarantine/quarantine.ts';

/**
 * How far a device trusts its value, in the words and numbers that devices use; absent means good.
 *
 *   words     good, uncertain, bad, alone or as the stem of an OPC-UA status (`BadNotConnected`); ok, valid; invalid, stale …
 *   numbers   OPC DA's byte by its two upper bits: 192 and more good, from 64 to 127 uncertain, below bad (0 is bad, as in
 *             Sparkplug); 500 is Sparkplug's stale, bad; 2^30 and more an OPC-UA status by its two upper bits
 *   booleans  true good, false bad
 */
export function readQuality(given: unknown): Quality | Rejection {
  if (given === undefined || given === null || given === 'good') return 'good';
  const quality =
    typeof given === 'string'
      ? wordQuality(given)
      : typeof given === 'number'
        ? numberQuality(given)
        : typeof given === 'boolean'
          ? boolean(given)
          : undefined;
  return quality ?? unknownQuality;
}

const unknownQuality: Rejection = {
  reason: 'malformed',
  detail: 'quality must be good, uncertain or bad, or an OPC quality such as 192',
};

const charactersMax = 64;
const synonyms: ReadonlyMap<string, Quality> = new Map([
  ['ok', 'good'],
  ['valid', 'good'],
  ['true', 'good'],
  ['questionable', 'uncertain'],
  ['suspect', 'uncertain'],
  ['invalid', 'bad'],
  ['false', 'bad'],
  ['stale', 'bad'],
  ['fault', 'bad'],
  ['error', 'bad'],
]);

function wordQuality(given: string): Quality | undefined {
  if (given.length > charactersMax) return undefined;
  const text = given.trim();
  if (/^\d{1,10}$/.test(text)) return numberQuality(Number(text));
  const word = text === text.toUpperCase() ? text.toLowerCase() : text.charAt(0).toLowerCase() + text.slice(1);
  // What follows the stem begins a word of its own: BadNoCommunication, GOOD_CLAMPED, uncertain (last usable value).
  const stem = /^(good|uncertain|bad)(?![a-z])/.exec(word)?.[1];
  return stem === undefined ? synonyms.get(word.toLowerCase()) : (stem as Quality);
}

function numberQuality(given: number): Quality | undefined {
  if (!Number.isInteger(given) || given < 0 || given > 0xffff_ffff) return undefined;
  if (given >= 0x4000_0000) return statusQuality(given);
  if (given === 500) return 'bad';
  if (given > 0xffff) return undefined;
  // The upper byte is the vendor's own (OPC DA 3.0, 6.8).
  const upper = given & 0xc0;
  if (upper === 0xc0) return 'good';
  if (upper === 0x40) return 'uncertain';
  return upper === 0 ? 'bad' : undefined;
}

/** What an OPC-UA StatusCode, as an unsigned number of 32 bits, says by its severity (OPC 10000-4, 7.39.1). */
export function statusQuality(status: number): Quality {
  const severity = status >>> 30;
  if (severity === 0) return 'good';
  return severity === 1 ? 'uncertain' : 'bad';
}

function boolean(given: boolean): Quality {
  return given ? 'good' : 'bad';
}
