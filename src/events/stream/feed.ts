/**
 * What has happened since a position, for some streams together: events by their transactions, readings by theirs. Much of it comes in
 * pieces, which are cut between transactions:
 *
 *   position ──piece──▶ position ──piece──▶ … ──▶ now
 *
 * What cannot be told, since it is too much or too long ago, is told as a gap, with the span to read from history.
 */
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { type Event, eventTypes } from '../event.ts';
import { advanceBelow, type Position } from './snapshot.ts';
import { type FoundEvent, listEventsSince } from './stream-store.ts';
import { type Entry, type Scope, type StreamType, scopeOf, streamTypes, type Wanted } from './wanted.ts';

export type FreshReading = {
  readonly tenantId: string;
  readonly siteId: string;
  readonly site: string;
  readonly assetId: string;
  readonly pointId: string;
  readonly mergedIds: readonly string[];
  readonly time: string;
  readonly value: number | null;
  readonly quality: string;
};

/**
 * Finds what a position has not seen of some points: the transaction of each reading, and a way to take those of the transactions below
 * one. `isAll` is false, and the rest means nothing, where there are more than `rowsMax`.
 */
export type FindFresh = (
  trx: Db,
  query: { scope: Scope; since: Position['snapshot']; begunMs: number; rowsMax: number },
) => Promise<{ xids: readonly number[]; isAll: boolean; take: (belowXid: number) => Promise<FreshReading[]> }>;

const gapReasons = {
  too_old: 'It is too long ago: readings are told again for an hour.',
  too_many: 'There are more at once than a stream tells.',
  other_history: 'The database has not come from where this stream was: it was restored, or is another one.',
} as const;

/** What is not told: of these types whatever was stored in a span, in ms since 1970. */
export type Gap = {
  readonly reason: keyof typeof gapReasons;
  readonly types: readonly StreamType[];
  readonly startMs: number;
  readonly endMs: number;
};

/** A piece of what has happened, and where it leads; `isWhole`: to now. */
export type Piece = {
  readonly entries: readonly Entry[];
  readonly gaps: readonly Gap[];
  readonly position: Position;
  readonly isWhole: boolean;
};

export type FeedLimits = {
  /** What is told at once, but that the changes of one transaction stay together. */
  readonly pieceMax: number;
  /** Readings, and events, that a stream may have missed. */
  readonly readingsMax: number;
  readonly eventsMax: number;
};
export const feedLimits: FeedLimits = { pieceMax: 20_000, readingsMax: 200_000, eventsMax: 20_000 };

/** What was late is noted for an hour after it has been rolled up. */
const readingsBackMsMax = 3_600_000;
/** `age` tells transactions apart as long as they are less than two thousand million apart. */
const transactionsBackMax = 1_000_000_000;

type Asked = {
  readonly wanted: readonly Wanted[];
  readonly since: Position;
  readonly now: Position;
  readonly findFresh: FindFresh;
  readonly limits: FeedLimits;
};

/** What some streams want of what was not there at `since`: all, or its first piece; run it within a look (see `lookingAt`). */
export async function readSince(trx: Db, asked: Asked): Promise<Piece> {
  const { since, now, limits } = asked;
  if (since.snapshot.xmax > now.snapshot.xmax) {
    return { entries: [], gaps: [gapOf(asked, 'other_history', streamTypes)], position: now, isWhole: true };
  }
  const readings = await findReadings(trx, asked);
  const events = await findEvents(trx, asked);
  const xids = [...readings.xids, ...events.xids];
  const end = cutOf(xids, limits.pieceMax) ?? now.snapshot.xmax;
  const isWhole = end >= now.snapshot.xmax;
  return {
    entries: [...(await readings.take(end)), ...(await events.take(end))],
    // One that stops on the way is told of it again, rather than not at all.
    gaps: [...readings.gaps, ...events.gaps],
    position: isWhole ? now : { ...since, snapshot: advanceBelow(end, { from: since.snapshot, to: now.snapshot }) },
    isWhole,
  };
}

/** The transaction before which at most `max` of all entries lie, or behind a single one that has more; undefined where all may go. */
function cutOf(xids: readonly number[], max: number): number | undefined {
  if (xids.length <= max) return undefined;
  const sorted = Float64Array.from(xids).sort();
  const cut = sorted[max] as number;
  return sorted[0] === cut ? cut + 1 : cut;
}

/** What there is of one kind: the transaction of each entry, and a way to take those of the transactions below one. */
type Found = {
  readonly xids: readonly number[];
  readonly gaps: readonly Gap[];
  readonly take: (belowXid: number) => Promise<Entry[]>;
};

async function findReadings(trx: Db, asked: Asked): Promise<Found> {
  const { wanted, since, now, findFresh, limits } = asked;
  const scope = scopeOf(wanted);
  if (!scope) return nothing;
  const transactions = now.snapshot.xmax - since.snapshot.xmin;
  if (now.atMs - since.atMs > readingsBackMsMax || transactions > transactionsBackMax) {
    return { ...nothing, gaps: [gapOf(asked, 'too_old', ['reading'])] };
  }
  const { snapshot, begunMs } = since;
  const fresh = await findFresh(trx, { scope, since: snapshot, begunMs, rowsMax: limits.readingsMax });
  if (!fresh.isAll) return { ...nothing, gaps: [gapOf(asked, 'too_many', ['reading'])] };
  return { xids: fresh.xids, gaps: [], take: async (below) => (await fresh.take(below)).map(readingEntry) };
}

async function findEvents(trx: Db, asked: Asked): Promise<Found> {
  const { wanted, since, limits } = asked;
  // Events are about no point.
  const listeners = wanted.filter(({ types, pointIds }) => pointIds === null && !isReadingAlone(types));
  const tenantIds = [...new Set(listeners.map(({ tenantId }) => tenantId))];
  if (tenantIds.length === 0) return nothing;
  const found = await listEventsSince(trx, { since: since.snapshot, tenantIds, limit: limits.eventsMax + 1 });
  if (found.length > limits.eventsMax) return { ...nothing, gaps: [gapOf(asked, 'too_many', eventTypes)] };
  return {
    xids: found.map(({ xid }) => xid),
    gaps: [],
    take: async (below) => found.filter(({ xid }) => xid < below).map(eventEntry),
  };
}

const nothing: Found = { xids: [], gaps: [], take: async () => [] };

function isReadingAlone(types: ReadonlySet<StreamType>): boolean {
  return types.size === 1 && types.has('reading');
}

function gapOf({ since, now }: Asked, reason: Gap['reason'], types: readonly StreamType[]): Gap {
  return { reason, types, startMs: since.atMs, endMs: now.atMs };
}

function readingEntry({ site, time, value, quality, ...about }: FreshReading): Entry {
  const shown = { point_id: about.pointId, asset_id: about.assetId, site, time, value, quality };
  return { ...about, type: 'reading', text: frame('reading', shown) };
}

function eventEntry({ tenantId, siteId, mergedIds, at, ...event }: FoundEvent): Entry {
  const { id, type, site, asset_id, subject, actor, changes, data } = event;
  const shown: Event = { id, type, at: formatInstant(at), site, asset_id, subject, actor, changes, data };
  return { type, tenantId, siteId, assetId: asset_id, pointId: null, mergedIds, text: frame(type, shown) };
}

/** A gap as it is sent, with those of its types that a stream wants; undefined where it wants none of them. */
export function gapText({ reason, types, startMs, endMs }: Gap, { types: wanted }: Wanted): string | undefined {
  const missing = types.filter((type) => wanted.has(type));
  if (missing.length === 0) return undefined;
  return frame('gap', {
    reason,
    detail: gapReasons[reason],
    types: missing,
    start: formatInstant(new Date(startMs)),
    end: formatInstant(new Date(endMs)),
  });
}

/** An event of a stream (HTML, 9.2.5) without its end: JSON has no line feeds of its own, so its data is one line. */
export function frame(type: string, shown: object): string {
  return `event: ${type}\ndata: ${JSON.stringify(shown)}\n`;
}
