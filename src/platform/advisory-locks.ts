/**
 * The advisory locks that all processes on one database share, each a number of its own: two with one number would wait for each
 * other, a start for an upkeep that takes an hour.
 */
export const advisoryLocks = {
  migration: 7_241_655,
  storageEngine: 7_241_656,
  bootstrap: 7_241_657,
  upkeep: 7_241_658,
} as const;
