/**
 * Where a stream stands: what its database had committed at an instant, as a snapshot of PostgreSQL tells it. What is new is what
 * that snapshot did not see. Numbers in the order of writing or clocks would lose what was written before and committed
 * after it; a snapshot cannot.
 */

/** Transactions below xmin had ended, those from xmax on had not begun, and of those between, the ones in xips were under way. */
export type Snapshot = { readonly xmin: number; readonly xmax: number; readonly xips: readonly number[] };

/** Where a stream stands. Both instants are of the database's clock, in ms since 1970. */
export type Position = {
  readonly snapshot: Snapshot;
  readonly atMs: number;
  /** No transaction from xmin on had a number before then. */
  readonly begunMs: number;
};

/** Transactions under way that are written out one by one; beyond it all from the oldest on count as not seen. */
const xipsMax = 200;

/** What an older snapshot saw, and of the transactions below `xid` also what a newer one sees: a place between the two. */
export function advanceBelow(xid: number, { from, to }: { from: Snapshot; to: Snapshot }): Snapshot {
  const below = Math.min(xid, to.xmax);
  const xmax = Math.max(below, from.xmax);
  const xips = [...to.xips.filter((xip) => xip < below), ...from.xips.filter((xip) => xip >= below)];
  return { xmin: Math.min(xmax, ...xips), xmax, xips };
}

/** Reads the text form of pg_snapshot, `xmin:xmax:xip,…`; undefined for anything else. */
export function parseSnapshot(text: string): Snapshot | undefined {
  const [, xmin, xmax, xips] = /^(\d{1,15}):(\d{1,15}):((?:\d{1,15}(?:,\d{1,15})*)?)$/.exec(text) ?? [];
  if (xmin === undefined || xmax === undefined || xips === undefined) return undefined;
  const snapshot = { xmin: Number(xmin), xmax: Number(xmax), xips: xips === '' ? [] : xips.split(',').map(Number) };
  return snapshot.xmin <= snapshot.xmax ? snapshot : undefined;
}

/** The text form; of a snapshot with very many transactions under way one that has seen less: some comes twice, nothing is lost. */
export function formatSnapshot({ xmin, xmax, xips }: Snapshot): string {
  return xips.length > xipsMax ? `${xmin}:${xmin}:` : `${xmin}:${xmax}:${xips.join(',')}`;
}
