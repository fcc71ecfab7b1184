/** Durations as rule files write them: `90s`, `5m`, `1h30m`, `7d`; a bare `0` is none at all. */

const unitMs: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** The pattern of a duration, for schemas and editors. */
export const durationPattern = /^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+)$/;

/** The duration in milliseconds, or undefined when the text is not one. Whole but for what lies below a microsecond: 1.1h is 3,960,000. */
export function findDurationMs(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    totalMs += Number(count) * (unitMs[unit as string] as number);
  }
  // 1.1 * 3600000 is 3960000.0000000005.
  return Math.round(totalMs * 1000) / 1000;
}

/** A duration in milliseconds as a person writes it, in the largest whole units: 5_400_000 is `1h30m`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  let restMs = durationMs;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const count = Math.floor(restMs / (unitMs[unit] as number));
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * (unitMs[unit] as number);
  }
  return text || `${durationMs}ms`;
}
