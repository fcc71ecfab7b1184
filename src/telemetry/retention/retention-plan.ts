/**
 * What of one table goes now. Pure: pieces, points and times in; drops, deletions and what is held back out.
 *
 *                     least cutoff          cutoff of a site's or a class's points
 *   ──[ drop ][ drop ]────┼──[ delete their rows ][ delete … ]──┼──── stays ────▶ now
 *
 * A piece of which everything may go is dropped. From the others the rows go by series: of points that a policy keeps for a
 * shorter time than others, and of all others where the evidence of an open insight holds a few back.
 *
 * A time counts from when it was, or from when the piece that it lies in was made, where that is later: what is imported of old
 * years is kept as long as what is measured now. Readings go in the order of their times, since a horizon tells of all before
 * it; so a piece that was made too recently holds back what is later, too, until it is due:
 *
 *   ──[ 2007, made yesterday ]────────[ due ][ due ]────┼──    nothing of these goes before what is kept for has passed since
 *
 * A device whose clock began in 2000 makes such a piece every day. So what is due waits no longer than it was kept, from when it
 * was first held back; then all before the cutoff goes, and the door refuses such readings from then on.
 */
import type { Piece } from '../storage/piece-store.ts';
import { everySeries, type Horizons, horizonOf } from './horizon.ts';
import { cutoffOf, dayMs, floorDay, type Keep, type KeptTable } from './retention.ts';

/** Points of one class at one site. */
export type Group = {
  readonly tenantId: string;
  readonly siteId: string;
  readonly site: string;
  readonly class: string | null;
  readonly seriesIds: readonly number[];
};

/** Readings that the evidence of an open insight needs: everything of the series from then on stays. */
export type Hold = {
  readonly seriesId: number;
  readonly fromMs: number;
  readonly throughMs: number;
  readonly insightId: string;
};

export type Deletion = {
  readonly piece: Piece;
  readonly seriesIds: readonly number[];
  readonly fromMs: number;
  readonly beforeMs: number;
};

export type TablePlan = {
  readonly table: KeptTable;
  readonly drops: readonly Piece[];
  readonly deletions: readonly Deletion[];
  /** From and before which instant a series loses rows; undefined where it loses none. */
  findLoss(seriesId: number): { readonly fromMs: number; readonly beforeMs: number } | undefined;
  /** Which holds keep rows that would go otherwise. */
  readonly holding: readonly Hold[];
  /** What of a series is old enough and stays, as it lies in a piece that was made too recently, or is later than one. */
  findWait(seriesId: number): Wait | undefined;
  /** Of what is kept for how many days something that is due is held back by an earlier piece. */
  readonly heldDays: ReadonlySet<number>;
};

/** Rows from one instant on and before another that wait for the piece that begins with them; all in milliseconds since the epoch. */
export type Wait = {
  readonly fromMs: number;
  readonly beforeMs: number;
  /** When that piece was made, and until when it stays for that. */
  readonly madeMs: number;
  readonly untilMs: number;
};

export type Planning = {
  readonly table: KeptTable;
  /** The oldest first. */
  readonly pieces: readonly Piece[];
  readonly groups: readonly (Group & { readonly keep: Keep })[];
  /** For series that are of no group: their points are gone. */
  readonly installation: Keep;
  readonly holds: readonly Hold[];
  /** Before which instant each series has lost its rows already; absent where it has lost none by itself. */
  readonly horizons: Horizons;
  /** Since when something that is due is held back, by the days for which it is kept. */
  readonly heldSince: ReadonlyMap<number, number>;
  readonly nowMs: number;
  /** Up to here everything is rolled up; nothing after it goes. */
  readonly settledMs: number;
};

export function planTable(planning: Planning): TablePlan {
  const { table, pieces, horizons } = planning;
  const { seriesOf, holding, waits, heldDays } = cutoffsOf(planning);
  const least = Math.min(...seriesOf.keys());
  const drops = pieces.filter(({ toMs }) => toMs <= least);
  const deletions: Deletion[] = [];
  const before = new Map<number, number>();
  const dropped = drops.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY;
  for (const [cutoff, series] of seriesOf) {
    if (cutoff <= least) continue;
    for (const piece of pieces.slice(drops.length)) {
      if (piece.fromMs >= cutoff) break;
      const beforeMs = Math.min(cutoff, piece.toMs);
      const seriesIds = series.filter((id) => (horizons.get(id) ?? Number.NEGATIVE_INFINITY) < beforeMs);
      if (seriesIds.length === 0) continue;
      deletions.push({ piece, seriesIds, fromMs: piece.fromMs, beforeMs });
      for (const id of seriesIds) before.set(id, beforeMs);
    }
  }
  const findLoss = (seriesId: number) => {
    const fromMs = Math.max(pieces[0]?.fromMs ?? Number.POSITIVE_INFINITY, horizonOf(horizons, seriesId));
    const beforeMs = before.get(seriesId) ?? dropped;
    return fromMs < beforeMs ? { fromMs, beforeMs } : undefined;
  };
  return { table, drops, deletions, holding, findLoss, findWait: (seriesId) => waits.get(seriesId), heldDays };
}

/** The series by the midnight before which their rows may go, each once, the holds that moved theirs, and what waits. */
function cutoffsOf(planning: Planning) {
  const { table, groups, installation, horizons, holds, nowMs, settledMs } = planning;
  const latest = floorDay(settledMs);
  const { findWait, heldDays } = createWaitFinder(planning);
  const waits = new Map<number, Wait>();
  const heldFrom = new Map<number, number>();
  for (const { seriesId, fromMs } of holds)
    heldFrom.set(seriesId, Math.min(heldFrom.get(seriesId) ?? Number.POSITIVE_INFINITY, floorDay(fromMs)));
  const seriesOf = new Map<number, number[]>();
  const unheld = new Map<number, number>();
  for (const { keep, seriesIds } of groups) {
    const due = Math.min(cutoffOf(keep[table], nowMs), latest);
    for (const id of seriesIds) {
      const wait = findWait(keep[table], horizonOf(horizons, id));
      if (wait) waits.set(id, wait);
      const cutoff = Math.min(due, wait?.fromMs ?? due);
      const held = table === 'reading' ? (heldFrom.get(id) ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
      if (held < cutoff) unheld.set(id, cutoff);
      const own = Math.min(cutoff, held);
      const series = seriesOf.get(own);
      if (series) series.push(id);
      else seriesOf.set(own, [id]);
    }
  }
  if (seriesOf.size === 0) {
    const due = Math.min(cutoffOf(installation[table], nowMs), latest);
    const wait = findWait(installation[table], horizonOf(horizons, everySeries));
    seriesOf.set(Math.min(due, wait?.fromMs ?? due), []);
  }
  const holding = holds.filter(
    ({ seriesId, fromMs }) => floorDay(fromMs) < (unheld.get(seriesId) ?? Number.NEGATIVE_INFINITY),
  );
  return { seriesOf, holding, waits, heldDays };
}

/**
 * Finds what of series that are kept for some days, and were dropped before some instant already, waits for a piece. One that lies
 * before that instant has come about since, of a reading that was under way, and nobody waits for it.
 */
function createWaitFinder({ pieces, heldSince, nowMs }: Planning) {
  const known = new Map<string, Wait | undefined>();
  const heldDays = new Set<number>();
  const findWait = (days: number, droppedMs: number): Wait | undefined => {
    const key = `${days} ${droppedMs}`;
    if (known.has(key)) return known.get(key);
    const cutoff = cutoffOf(days, nowMs);
    const young = pieces.find(({ fromMs, toMs, madeMs }) => fromMs < cutoff && toMs > droppedMs && madeMs > cutoff);
    const isHeld = ({ fromMs, toMs, madeMs }: Piece) =>
      young !== undefined && fromMs >= young.toMs && toMs <= cutoff && madeMs <= cutoff;
    const isHolding = pieces.some(isHeld);
    if (isHolding) heldDays.add(days);
    const sinceMs = (isHolding ? heldSince.get(days) : undefined) ?? Number.POSITIVE_INFINITY;
    const wait = young && {
      fromMs: Math.max(young.fromMs, droppedMs),
      beforeMs: cutoff,
      madeMs: young.madeMs,
      untilMs: floorDay(Math.min(young.madeMs, sinceMs) + dayMs - 1) + days * dayMs,
    };
    const current = wait && wait.untilMs > nowMs ? wait : undefined;
    known.set(key, current);
    return current;
  };
  return { findWait, heldDays };
}
