/**
 * What could not be understood: acknowledged like everything else, and kept with its reason where a person sees it. A
 * device that sends nothing else may fill it at `perSecond` only; what is beyond is counted and not kept.
 */

/** Why a message, or a part of it, was not stored. */
export type Rejection = { readonly reason: Reason; readonly detail: string };

export const reasons = [
  'not_granted',
  'unknown_topic',
  'unknown_site',
  'unknown_point',
  'malformed',
  'too_large',
  'too_many_readings',
  'unknown_alias',
  'before_birth',
  'unusable_value',
  'time_unreadable',
  'time_in_future',
  'time_too_old',
  'not_storable',
] as const;
export type Reason = (typeof reasons)[number];

/** That something has none of the forms that are read, and which would be right. */
export function malformed(detail: string): Rejection {
  return { reason: 'malformed', detail };
}

export type QuarantineEntry = Rejection & {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly topic: string;
  readonly payload: Buffer;
  readonly receivedMs: number;
};

export const payloadBytesMax = 65_536;

const perSecond = 5;
const burst = 200;
const devicesMax = 50_000;

/** Tells whether one more entry of that device may be kept, and counts it if so. */
export type QuarantineLimit = (deviceId: string, nowMs: number) => boolean;

/** A bucket per device that holds `burst` and is filled again at `perSecond`. */
export function createQuarantineLimit(): QuarantineLimit {
  const buckets = new Map<string, { left: number; filledAtMs: number }>();
  return (deviceId, nowMs) => {
    const known = buckets.get(deviceId);
    const bucket = known ?? { left: burst, filledAtMs: nowMs };
    if (!known) {
      if (buckets.size >= devicesMax) buckets.clear();
      buckets.set(deviceId, bucket);
    }
    bucket.left = Math.min(burst, bucket.left + (Math.max(0, nowMs - bucket.filledAtMs) / 1_000) * perSecond);
    bucket.filledAtMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  };
}
