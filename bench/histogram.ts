const bucketsPerMs = 20;
const latencyMsMax = 60_000;

/** Latencies in buckets of a twentieth of a millisecond, up to a minute. */
export function createHistogram() {
  const buckets = new Uint32Array(latencyMsMax * bucketsPerMs + 1);
  let count = 0;
  return {
    add: (ms: number) => {
      const bucket = Math.min(buckets.length - 1, Math.floor(ms * bucketsPerMs));
      buckets[bucket] = (buckets[bucket] as number) + 1;
      count++;
    },
    /** In milliseconds; NaN of nothing. */
    quantile: (fraction: number) => {
      let seen = 0;
      for (const [bucket, n] of buckets.entries()) {
        seen += n;
        if (count > 0 && seen >= count * fraction) return (bucket + 1) / bucketsPerMs;
      }
      return Number.NaN;
    },
  };
}
