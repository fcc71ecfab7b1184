/**
 * One look at the database for all streams of this process, about twice a second and only while there are any:
 *
 *   join ─▶ behind ──piece by piece, as fast as it reads──▶ live ──leave · key ended · closing──▶ gone
 *              └─ a new one is live at once
 *
 * A look sees one snapshot; what the snapshot before did not see is what has happened. So nothing is lost or told twice between
 * two looks, whoever wrote it in whichever process, and in a transaction that took however long. All that are live stand at one
 * position; each that is behind has its own.
 */
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { pause } from '../../platform/pause.ts';
import { refusals } from '../../platform/refusals.ts';
import { type FeedLimits, type FindFresh, gapText, type Piece, readSince } from './feed.ts';
import { createMarks } from './marks.ts';
import type { Position } from './snapshot.ts';
import { listRights, lookingAt, type Rights } from './stream-store.ts';
import { type Entry, matcherOf, type Wanted } from './wanted.ts';

/** A stream as the hub needs it. */
export type Listener = {
  /** The key, or the person, however often logged in. */
  readonly holderId: string;
  readonly rights: Rights;
  /** Who has logged in; otherwise it is a key. */
  readonly isPerson: boolean;
  readonly wanted: Wanted;
  /** Where it stopped; absent: it begins now. */
  readonly since: Position | undefined;
  /** Called once, before anything is put, with where it begins. */
  readonly onJoined: (from: Position) => void;
  /** Whether it has read what was put, so that more of what it missed may follow. */
  readonly isReady: () => boolean;
  /** Events as they are sent, and where the stream stands after them; also when there are none. */
  readonly put: (events: readonly string[], after: Position) => void;
  readonly end: (type: 'resume' | 'closed', reason: string) => void;
};

export type Hub = {
  /** Resolves when the listener is live, or has left before; rejects with the database's error, or streams_busy where the hub closes. */
  join(listener: Listener): Promise<void>;
  leave(listener: Listener): void;
  /** How many streams there are, or of one key or person. */
  count(holderId?: string): number;
  /** Tells all streams to come back, to another process or to this one's successor. */
  close(): Promise<void>;
};

export type HubOptions = {
  readonly db: Db;
  readonly log: Log;
  readonly findFresh: FindFresh;
  readonly limits: FeedLimits;
  readonly lookMs?: number;
};

type Member = {
  readonly listener: Listener;
  readonly matches: (entry: Entry) => boolean;
  /** Where it is, while it is behind; undefined before it has begun, and when it is live. */
  position: Position | undefined;
  isLive: boolean;
  readonly joined: PromiseWithResolvers<void>;
  hasJoined: boolean;
};

const retryMs = 1_000;
/** Looking takes at most this part of the time. */
const shareMax = 0.25;
/** What streams have missed is read within a look, for which all others wait. */
const behindAtOnceMax = 5;

/** A hub at rest: the first stream wakes it. */
export function createHub({ db, log, findFresh, limits, lookMs = 500 }: HubOptions): Hub {
  const members = new Map<Listener, Member>();
  const marks = createMarks();
  let position: Position | undefined;
  let failures = 0;
  let looping: Promise<void> | undefined;
  let isClosing = false;
  let resting = new AbortController();

  const look = async (): Promise<boolean> => {
    const live = [...members.values()].filter(({ isLive }) => isLive);
    const waiting = [...members.values()].filter(
      ({ isLive, hasJoined, listener }) => !isLive && (!hasJoined || listener.isReady()),
    );
    const behind = waiting.slice(0, behindAtOnceMax);
    const seen = await see({ db, findFresh, limits, marks, position, live, behind });
    position = seen.news?.position ?? seen.now;
    for (const member of live) {
      endUnusable(member.listener, seen.usable);
      if (seen.news) tell(member, seen.news);
    }
    const isWhole = seen.news?.isWhole ?? true;
    for (const [i, member] of behind.entries()) {
      const { listener } = member;
      if (!members.delete(listener)) continue;
      // At the end of the line, so that each gets its turn.
      members.set(listener, member);
      endUnusable(listener, seen.usable);
      advance(member, { now: seen.now, piece: seen.pieces[i], isWhole });
    }
    return isWhole && waiting.length <= behindAtOnceMax && seen.pieces.every((piece) => piece?.isWhole ?? true);
  };
  const fail = (error: unknown) => {
    if (failures++ === 0) log.warn({ err: error }, 'live streams cannot be read at present; trying again');
    for (const [listener, { hasJoined, joined }] of members) {
      if (hasJoined) continue;
      members.delete(listener);
      joined.reject(error);
    }
  };
  const loop = async () => {
    while (members.size > 0 && !isClosing) {
      const startedAt = performance.now();
      resting = new AbortController();
      let waitMs = retryMs;
      try {
        const isDone = await look();
        const tookMs = performance.now() - startedAt;
        waitMs = isDone ? Math.max(lookMs, tookMs / shareMax) : tookMs;
        if (failures > 0) log.info('live streams go on');
        failures = 0;
      } catch (error) {
        fail(error);
      }
      if (![...members.values()].some(({ hasJoined }) => !hasJoined)) await pause(waitMs, resting.signal);
    }
    // Nobody listens: what happens until somebody does is nobody's.
    position = undefined;
    looping = undefined;
  };

  return {
    join: async (listener) => {
      if (isClosing) throw refusals.streamsBusy();
      const joined = Promise.withResolvers<void>();
      const matches = matcherOf(listener.wanted);
      members.set(listener, { listener, matches, position: listener.since, isLive: false, joined, hasJoined: false });
      resting.abort();
      looping ??= loop();
      return joined.promise;
    },
    leave: (listener) => {
      members.get(listener)?.joined.resolve();
      members.delete(listener);
    },
    count: (holderId) => {
      const holders = [...members.keys()].map((listener) => listener.holderId);
      return holderId === undefined ? holders.length : holders.filter((id) => id === holderId).length;
    },
    close: async () => {
      isClosing = true;
      resting.abort();
      for (const { listener, joined, hasJoined } of members.values()) {
        if (hasJoined) listener.end('resume', 'server_closing');
        else joined.reject(refusals.streamsBusy());
      }
      members.clear();
      await looping;
    },
  };
}

type Seeing = Pick<HubOptions, 'db' | 'findFresh' | 'limits'> & {
  readonly marks: ReturnType<typeof createMarks>;
  readonly position: Position | undefined;
  readonly live: readonly Member[];
  readonly behind: readonly Member[];
};

/** One look: what is new for those who are live, what comes next for those who are behind, and whose rights are still good. */
function see({ db, findFresh, limits, marks, position, live, behind }: Seeing) {
  return lookingAt(db, async (trx, look) => {
    const now: Position = { ...look, begunMs: marks.begunAt(look) };
    const read = (members: readonly Member[], since: Position) =>
      readSince(trx, { wanted: members.map(({ listener }) => listener.wanted), since, now, findFresh, limits });
    const news = position && live.length > 0 ? await read(live, position) : undefined;
    const pieces: (Piece | undefined)[] = [];
    for (const member of behind) pieces.push(member.position && (await read([member], member.position)));
    const holders = new Set([...live, ...behind].map(({ listener }) => listener.rights.id));
    return { now, news, pieces, usable: await listRights(trx, [...holders]) };
  });
}

type Step = { readonly now: Position; readonly piece: Piece | undefined; readonly isWhole: boolean };

/** One who has come to now is live, if those who are live have come there as well. */
function advance(member: Member, { now, piece, isWhole }: Step): void {
  const { listener, joined } = member;
  if (!member.hasJoined) {
    member.hasJoined = true;
    listener.onJoined(member.position ?? now);
    joined.resolve();
  }
  if (piece) tell(member, piece);
  member.isLive = isWhole && (piece?.isWhole ?? true);
  member.position = member.isLive ? undefined : (piece?.position ?? now);
}

function tell({ listener, matches }: Member, { entries, gaps, position }: Piece): void {
  const missing = gaps.map((gap) => gapText(gap, listener.wanted)).filter((text) => text !== undefined);
  listener.put([...missing, ...entries.filter(matches).map(({ text }) => text)], position);
}

/** A key or a log-in that has ended ends its streams; one that may see other things now begins anew with these. */
function endUnusable({ rights, isPerson, end }: Listener, usable: readonly Rights[]): void {
  const now = usable.find(({ id }) => id === rights.id);
  if (!now) {
    end('closed', isPerson ? 'session_ended' : 'api_key_ended');
    return;
  }
  const inOrder = ({ scopes, siteIds }: Rights) => JSON.stringify([[...scopes].sort(), siteIds && [...siteIds].sort()]);
  if (inOrder(now) !== inOrder(rights)) end('resume', 'access_changed');
}
