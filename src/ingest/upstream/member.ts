/**
 * One client of the external broker, kept connected: it takes a place, and with it a name and the session that waits under
 * that name at the broker; it subscribes to what its duty says, and looks every `refreshMs` whether that has changed.
 *
 *   idle ──a duty, a place──▶ connecting ──CONNACK──▶ subscribed ──lost, refused──▶ waiting ──1 s to 30 s──▶ connecting
 *                                └─ the broker does not speak MQTT 5 ─▶ connecting with 3.1.1
 */
import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { pause } from '../../platform/pause.ts';
import type { ServerMessage } from '../publish.ts';
import type { TlsFiles } from './dial.ts';
import { type Link, LinkRefused, openLink } from './link.ts';
import type { Delivery } from './packets.ts';
import { type Place, takePlace } from './place-store.ts';
import { addSubscriptions, deleteSubscriptions, listSubscriptions } from './subscription-store.ts';

/** What a member is there for at present. */
export type Duty = {
  /** The name, but for the number of its place. */
  readonly name: string;
  /** Topic filters. */
  readonly filters: readonly string[];
  /** Whose members get each message once between them; undefined: every member gets every message. */
  readonly group: string | undefined;
};

export type MemberOptions = {
  readonly url: URL;
  readonly tls: TlsFiles;
  /** In the order in which they are tried. */
  readonly versions: readonly (4 | 5)[];
  readonly database: Database;
  /** How many processes may be members at once. */
  readonly placesMax: number;
  /** How often it looks what its duty is. */
  readonly refreshMs: number;
  /** Undefined while there is nothing to do; rejects when that cannot be told now. */
  readonly findDuty: () => Promise<Duty | undefined>;
  /** Whether the broker is to forget the session when the connection ends. */
  readonly isClean?: boolean;
  readonly will?: () => ServerMessage;
  /** Takes the messages of one connection; `write` sends acknowledgements on it, and nowhere else. */
  readonly onLink: (write: (bytes: Buffer) => void) => (delivery: Delivery) => void;
  readonly isGateOpen: () => boolean;
  /** Connected and subscribed. */
  readonly onUp?: () => void;
  readonly onDown?: () => void;
  readonly log: Log;
};

export type Member = {
  /** Its connection while there is one. */
  link(): Link | undefined;
  /** Ends the connection and gives the place away; the session stays at the broker. */
  close(): Promise<void>;
};

const retryMsMin = 1_000;
const retryMsMax = 30_000;

type State = {
  readonly options: MemberOptions;
  readonly signal: AbortSignal;
  place: Place | undefined;
  link: Link | undefined;
};

/** Starts a member; it connects as soon as it can, and for ever after whenever it is not connected. */
export function startMember(options: MemberOptions): Member {
  const closing = new AbortController();
  const state: State = {
    options,
    signal: closing.signal,
    place: undefined,
    link: undefined,
  };
  const running = run(state);
  return {
    link: () => state.link,
    close: async () => {
      closing.abort();
      state.link?.end();
      await running;
      state.place?.release();
    },
  };
}

async function run(state: State): Promise<void> {
  const { log, url, refreshMs } = state.options;
  for (let failures = 0; !state.signal.aborted; ) {
    const startedAt = performance.now();
    try {
      await serve(state);
      failures = 0;
    } catch (error) {
      if (state.signal.aborted) return;
      log.warn({ err: error, broker: url.host }, `MQTT_URL: ${(error as Error).message}`);
      // Whoever was connected for a while begins anew; a broker that ends each connection at once is spared.
      failures = performance.now() - startedAt > 2 * retryMsMax ? 1 : failures + 1;
    }
    const waitMs = failures === 0 ? refreshMs : Math.min(retryMsMax, retryMsMin * 2 ** (failures - 1));
    // Processes that were cut off together do not come back together.
    await pause(waitMs * (0.5 + Math.random() / 2), state.signal);
  }
}

/** From a duty to the end of a connection; returns when there is nothing to do, or no place, and rejects when it is lost. */
async function serve(state: State): Promise<void> {
  const { options, signal } = state;
  const duty = await options.findDuty();
  if (!duty) return;
  if (!state.place?.isHeld()) await findPlace(state, duty.name);
  if (!state.place || signal.aborted) return;
  const clientId = `${duty.name}-${state.place.number}`;
  const link = await connect(state, clientId);
  state.link = link;
  if (signal.aborted) link.end();
  try {
    const held = new Map((await listSubscriptions(options.database.db, clientId)).map((asked) => [asked, false]));
    await subscribe(link, { clientId, duty, held, options });
    options.onUp?.();
    options.log.info({ broker: options.url.host, filters: [...held.keys()] }, 'subscribed at the external broker');
    while (await isStill(link, options.refreshMs, signal))
      if (!(await refresh(state, { link, clientId, held }))) return;
    if (!signal.aborted) throw await link.closed;
  } finally {
    link.end();
    await link.closed;
    state.link = undefined;
    options.onDown?.();
  }
}

async function findPlace(state: State, name: string): Promise<void> {
  const { database, placesMax } = state.options;
  const before = state.place?.number;
  state.place?.release();
  const numbers = Array.from({ length: placesMax }, (_, i) => i + 1);
  // The session of the place that was held is the one that waits for us.
  if (before !== undefined) numbers.unshift(before);
  state.place = await takePlace(database.pool, { name, numbers });
}

/** Connects in the first version that the broker speaks. */
async function connect({ options, signal }: State, clientId: string): Promise<Link> {
  const { url, tls, versions, isClean = false, will, onLink, isGateOpen } = options;
  for (const version of versions) {
    let link: Link | undefined;
    const onDelivery = onLink((bytes) => link?.write(bytes));
    try {
      const session = { clientId, isClean, will: will?.() };
      link = await openLink({ url, version, tls, ...session, onDelivery, isGateOpen, signal });
      return link;
    } catch (error) {
      const mayTryNext = error instanceof LinkRefused && error.isVersion && version !== versions.at(-1);
      if (!mayTryNext) throw error;
    }
  }
  throw new Error('no version of MQTT is to be tried');
}

/** Filters as they are asked for, and whether the broker has granted them on this connection. */
type Held = Map<string, boolean>;
type Subscribing = { readonly clientId: string; readonly held: Held };

async function subscribe(
  link: Link,
  { clientId, duty, held, options }: Subscribing & { duty: Duty; options: MemberOptions },
): Promise<void> {
  const { db } = options.database;
  const wanted = new Set(duty.filters.map((filter) => sharedFilter(duty, filter, link.hasShared)));
  const dropped = [...held.keys()].filter((asked) => !wanted.has(asked));
  const added = [...wanted].filter((asked) => !held.get(asked));
  if (dropped.length > 0) {
    await link.unsubscribe(dropped);
    for (const asked of dropped) held.delete(asked);
    await deleteSubscriptions(db, clientId, dropped);
  }
  if (added.length === 0) return;
  await addSubscriptions(db, clientId, added);
  const refused = await link.subscribe(added);
  for (const asked of added) {
    // What is refused is asked for again at the next look, so that a grant at the broker is found.
    const reason = refused.get(asked);
    held.set(asked, reason === undefined);
    if (reason === undefined) continue;
    options.log.warn({ filter: asked, reason }, `MQTT_URL: the broker refused the subscription to ${asked}`);
  }
}

/** MQTT 5, 4.8.2; brokers know the form in MQTT 3.1.1, too. */
function sharedFilter({ group }: Duty, filter: string, hasShared: boolean): string {
  return group !== undefined && hasShared ? `$share/${group}/${filter}` : filter;
}

/** Waits for the time of the next look; false when the connection has ended before. */
async function isStill(link: Link, refreshMs: number, signal: AbortSignal): Promise<boolean> {
  const waiting = new AbortController();
  await Promise.race([link.closed, pause(refreshMs, AbortSignal.any([signal, waiting.signal]))]);
  waiting.abort();
  return link.isOpen() && !signal.aborted;
}

/** Follows what has changed; false when there is nothing more to do here. */
async function refresh(state: State, { link, ...of }: Subscribing & { link: Link }): Promise<boolean> {
  const { options, place } = state;
  try {
    const duty = await options.findDuty();
    if (!duty) return false;
    if (place && !place.isHeld()) {
      // The database was away; meanwhile somebody else may have come to this place.
      place.release();
      state.place = await takePlace(options.database.pool, { name: duty.name, numbers: [place.number] });
      if (!state.place) {
        options.log.warn('MQTT_URL: another process has taken the place of this one, which looks for another');
        return false;
      }
    }
    if (link.isOpen()) await subscribe(link, { duty, ...of, options });
  } catch (error) {
    // While the database is away nothing is acknowledged, and everything else may stay as it is.
    options.log.debug({ err: error }, 'what to do at the external broker could not be read again');
  }
  return true;
}
