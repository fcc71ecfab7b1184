/** How much one query may ask for, and how much of it is in hand at a time. Beyond it a refusal says what would be less. */
export const queryLimits = {
  pointsMax: 500,
  pixelsMin: 10,
  pixelsMax: 10_000,
  pixelsDefault: 1_000,
  /** Buckets of one point, in a stream too: one a minute for 19 years. */
  bucketsMax: 10_000_000,
  /** Values of a JSON answer that is not paged: points times buckets times aggregates. */
  valuesMax: 1_000_000,
  /** Readings of a JSON answer that is not paged. */
  readingsMax: 100_000,
  /** Rows of a page of POST /telemetry/query. */
  pageRowsMax: 100_000,
  /** Buckets over which a page looks for rows; one of many empty ones ends early, with a cursor. */
  pageBucketsMax: 2_000_000,
  /** Buckets, and readings, that are read at a time. */
  windowBuckets: 50_000,
  windowReadings: 10_000,
  /** Readings of which LTTB chooses itself, of one point and of all; of more it chooses among the extremes of narrow buckets. */
  trianglesReadingsMax: 100_000,
  trianglesReadingsInAllMax: 500_000,
  /** How far a filled value may come from. */
  reachMsMax: 366 * 86_400_000,
  reachBucketsMax: 50_000,
} as const;
