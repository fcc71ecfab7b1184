/**
 * Reads one server, for as long as it is wanted:
 *
 *   connecting ──▶ connected ⇄ degraded        values flow
 *       ▲              │ the link breaks, or is dead without having been closed
 *       └── failing ◀──┘ tried again every few seconds until closed
 *
 * Nothing that goes wrong here leaves it: a trouble is reported, and the next attempt follows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientSession } from 'node-opcua-client';
import { TroubleError, troubleOf } from '../client/trouble.ts';
import type { ItemSpec, Trouble, TroubleCode } from '../connection.ts';
import { createDelivery } from './delivery.ts';
import { createInbox } from './inbox.ts';
import { type LinkMemory, type LinkParts, openLink } from './link.ts';
import { Closing, type LiveLink, runLink } from './live-link.ts';
import { noteFailure } from './monitored-items.ts';
import type { Collector, CollectorOptions } from './port.ts';
import { createReporting } from './reporting.ts';
import { restoreSubscription, type Subscription } from './subscription.ts';
import type { Obsolete } from './sync.ts';
import { createWatches, type Watch, type Watches } from './watches.ts';

/** Waits before one attempt and the next. With its own patience for silence, an attempt at a dead link takes 4.5 s. */
const waitsMs = [250, 1_000, 2_000, 3_000];
/** Where the server answered, and a person has to do something. */
const refusalWaitMs = 10_000;
const closingMsMax = 3_000;
const steadyMs = 5_000;
const passing: readonly TroubleCode[] = [
  'unreachable',
  'connection_lost',
  'not_responding',
  'server_not_running',
  'sessions_full',
];

/** Starts to read, and keeps at it until it is closed. Never throws. */
export function startCollector(options: CollectorOptions): Collector {
  const { spec, port } = options;
  const closing = new AbortController();
  const kept = options.resume?.subscriptions ?? [];
  const watches = createWatches(
    spec,
    kept.flatMap(({ items }) => items),
  );
  watches.set(options.items);
  const subscriptions = new Map(
    kept.map((each) => [each.id, restoreSubscription(each, options.resume?.throughMs ?? 0)]),
  );
  const obsolete = attachKept(options.resume ?? { subscriptions: [] }, subscriptions, watches);
  const reporting = createReporting(port);
  const connected: (() => void)[] = [];
  let live: LiveLink | null = null;
  const onGone = (gone: readonly Watch[]) => {
    noteGone(gone, obsolete);
    reporting.changed(gone);
    live?.sync();
  };
  const tell = { changed: reporting.changed, gone: onGone };
  const delivery = createDelivery(watches, port, closing.signal, tell);
  const inbox = createInbox({ subscriptions, watches, delivery, hasRoom: port.hasRoom });
  const memory = newMemory(options);
  const parts: LinkParts = { options, memory, subscriptions, watches, delivery, inbox };
  port.onRoom(() => live?.fill());

  let isToBeTold = kept.length > 0;
  /** One link, from its making to its end: what ended it. */
  const useLink = async (): Promise<unknown> => {
    const link = await openLink(parts);
    if (closing.signal.aborted) return await link.channel.close();
    if (isToBeTold) await port.resumed?.(link.isWhole);
    isToBeTold = false;
    const ended = Promise.withResolvers<unknown>();
    live = runLink({ parts, link, obsolete, reporting, onBroken: ended.resolve, onGone });
    const onClosing = () => ended.resolve(null);
    closing.signal.addEventListener('abort', onClosing, { once: true });
    try {
      await live.start();
      for (const listener of connected) listener();
      return closing.signal.aborted ? null : await ended.promise;
    } finally {
      closing.signal.removeEventListener('abort', onClosing);
      const ending = live;
      live = null;
      await ending.stop(closing.signal.reason as Closing | undefined);
    }
  };

  const running = keepTrying(useLink, closing.signal, (trouble, isFirst) => {
    port.report(isFirst ? 'connecting' : 'failing', trouble);
  });
  port.report('connecting', null);

  return {
    setItems: (items: readonly ItemSpec[]) => {
      for (const { subscription, monitoredItemId } of watches.set(items)) {
        if (subscription) obsolete.push({ subscription, monitoredItemId });
      }
      live?.sync();
    },
    withSession: async <T>(work: (session: ClientSession) => Promise<T>): Promise<T> => {
      if (!live) throw new TroubleError(notConnected);
      return await work(live.session);
    },
    namespaces: () => memory.facts?.namespaces ?? [],
    onConnected: (listener) => {
      connected.push(listener);
    },
    close: async ({ keep = false } = {}) => {
      closing.abort(new Closing(keep));
      // An attempt that is under way ends by itself.
      await Promise.race([running, sleep(closingMsMax)]);
      reporting.flush();
    },
  };
}

function newMemory({ resume }: CollectorOptions): LinkMemory {
  return {
    remembered: undefined,
    session: resume?.session ?? null,
    facts: null,
    startedAtMs: resume?.subscriptions[0]?.serverStartedAtMs ?? null,
    unanswered: 0,
  };
}

const notConnected: Trouble = { code: 'connection_lost', detail: 'There is no connection to the server now.' };

async function keepTrying(
  useLink: () => Promise<unknown>,
  closing: AbortSignal,
  tell: (trouble: Trouble, isFirst: boolean) => void,
): Promise<void> {
  let attempt = 0;
  while (!closing.aborted) {
    const startedMs = Date.now();
    let ended: unknown;
    let hasWorked = false;
    try {
      ended = await useLink();
      hasWorked = true;
    } catch (error) {
      ended = error;
    }
    if (closing.aborted) return;
    // A link that breaks as soon as it is made is no success.
    attempt = hasWorked && Date.now() - startedMs > steadyMs ? 0 : attempt + 1;
    const trouble = troubleOf(ended);
    tell(trouble, hasWorked);
    const waitMs = passing.includes(trouble.code)
      ? (waitsMs[Math.min(attempt, waitsMs.length - 1)] ?? 0)
      : refusalWaitMs;
    await sleep(waitMs, undefined, { signal: closing }).catch(() => {});
  }
}

/** Gives the watches what the server still keeps of them, and answers what it keeps of items that are no more. */
function attachKept(
  resume: NonNullable<CollectorOptions['resume']>,
  subscriptions: ReadonlyMap<number, Subscription>,
  watches: Watches,
): Obsolete[] {
  const obsolete: Obsolete[] = [];
  for (const { id, items } of resume.subscriptions) {
    const subscription = subscriptions.get(id);
    if (!subscription) continue;
    for (const item of items) {
      const watch = watches.get(item.handle);
      if (!watch || watch.asked !== item.asked) {
        obsolete.push({ subscription, monitoredItemId: item.monitoredItemId });
        continue;
      }
      watch.subscription = subscription;
      watch.monitoredItemId = item.monitoredItemId;
      watch.state = 'monitored';
      watch.lastTimeMs = resume.throughMs ?? null;
      watch.revisedSamplingMs = item.samplingMs;
      watch.queueSize = item.queueSize;
    }
  }
  return obsolete;
}

/** The node is to be asked for again: its monitored item may never speak again, even where the node comes back. */
function noteGone(gone: readonly Watch[], obsolete: Obsolete[]): void {
  for (const watch of gone) {
    if (watch.subscription) {
      obsolete.push({ subscription: watch.subscription, monitoredItemId: watch.monitoredItemId });
    }
    noteFailure(watch, 'BadNodeIdUnknown', 'The server has no such node.');
  }
}
