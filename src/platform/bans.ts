/**
 * Keys that do something too often.
 *
 *   free ──more than `timesMax` times within `windowMs`──▶ banned ──banMs──▶ free, counted from nothing
 */

export type Bans = {
  isBanned(key: string, nowMs: number): boolean;
  /** Counts one more time; true when the key is banned now. */
  note(key: string, nowMs: number): boolean;
};

export type BanLimits = {
  readonly timesMax: number;
  readonly windowMs: number;
  readonly banMs: number;
  /** Keys that are remembered; beyond that, the one that was counted longest ago is forgotten. */
  readonly keysMax: number;
};

type Counted = { times: number[]; bannedUntilMs: number };

/** Nobody is banned yet. Times are in milliseconds of one clock that does not go back. */
export function createBans({ timesMax, windowMs, banMs, keysMax }: BanLimits): Bans {
  const records = new Map<string, Counted>();
  return {
    isBanned: (key, nowMs) => (records.get(key)?.bannedUntilMs ?? Number.NEGATIVE_INFINITY) > nowMs,
    note: (key, nowMs) => {
      const record = records.get(key) ?? { times: [], bannedUntilMs: Number.NEGATIVE_INFINITY };
      records.delete(key);
      records.set(key, record);
      const [oldest] = records.size > keysMax ? records.keys() : [];
      if (oldest !== undefined) records.delete(oldest);
      if (record.bannedUntilMs > nowMs) return true;
      record.times = [...record.times.filter((time) => nowMs - time < windowMs), nowMs];
      if (record.times.length <= timesMax) return false;
      record.times = [];
      record.bannedUntilMs = nowMs + banMs;
      return true;
    },
  };
}
