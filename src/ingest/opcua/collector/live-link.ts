/** A link in use: its publishing, its watchdog, its polling, and the items asked for as they change and come due. */
import type { ClientSession } from 'node-opcua-client';
import type { Trouble } from '../connection.ts';
import type { Link, LinkParts } from './link.ts';
import { type Polling, startPolling } from './polling.ts';
import type { KeptSubscription } from './port.ts';
import { type Publishing, startPublishing } from './publishing.ts';
import { findItemTrouble, type Reporting } from './reporting.ts';
import { findClockTrouble } from './server-facts.ts';
import { nextRetryMs, type Obsolete, syncWatches } from './sync.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';
import type { Watch } from './watches.ts';

export type LiveLink = {
  readonly session: ClientSession;
  /** Resolves when everything is asked for and values flow. Rejects where the server does not answer. */
  start(): Promise<void>;
  /** Asks for what has changed, now or after what is being asked for. */
  sync(): void;
  fill(): void;
  /** Ends the link. Without a reason, or one that keeps them, session and subscriptions stay at the server. */
  stop(reason: Closing | undefined): Promise<void>;
};

export type LiveLinkOptions = {
  readonly parts: LinkParts;
  readonly link: Link;
  readonly obsolete: Obsolete[];
  readonly reporting: Reporting;
  onBroken(error: unknown): void;
  onGone(watches: readonly Watch[]): void;
};

/** Why the work ends: it is wanted no more, or goes on after a restart of the program. */
export class Closing extends Error {
  readonly isKept: boolean;

  constructor(isKept: boolean) {
    super('The collector is closed.');
    this.isKept = isKept;
  }
}

const retryMsMin = 250;

export function runLink({ parts, link, obsolete, reporting, onBroken, onGone }: LiveLinkOptions): LiveLink {
  const { options, watches, subscriptions, inbox, delivery } = parts;
  const { spec, port } = options;
  const { caller, facts } = link;
  const monitoring = {
    caller,
    spec,
    namespaces: facts.namespaces,
    itemsPerCallMax: facts.monitoredItemsPerCallMax,
  };
  let isStopped = false;
  let serverTrouble: Trouble | null = null;
  let reported = '';
  let kept = '';
  let syncing: Promise<void> | null = null;
  let isToSyncAgain = false;
  let retryTimer: NodeJS.Timeout | null = null;
  let publishing: Publishing | null = null;
  let watchdog: Watchdog | null = null;
  let polling: Polling | null = null;

  const broken = (error: unknown) => {
    if (!isStopped) onBroken(error);
  };
  const report = () => {
    const trouble = serverTrouble ?? findClockTrouble(facts) ?? findItemTrouble(watches, spec.bridgeMs);
    const text = JSON.stringify(trouble);
    if (isStopped || text === reported) return;
    reported = text;
    port.report(trouble ? 'degraded' : 'connected', trouble, facts);
  };
  const keep = () => {
    const state = stateOfKept(parts);
    if (state === kept) return;
    kept = state;
    port.keepSubscriptions(listKept(parts), parts.memory.session);
  };

  const syncOnce = async () => {
    do {
      isToSyncAgain = false;
      reporting.changed(await syncWatches({ watches, subscriptions, obsolete }, monitoring));
      await polling?.readJoined();
    } while (isToSyncAgain && !isStopped);
    if (isStopped) return;
    keep();
    report();
    publishing?.fill();
    const dueMs = nextRetryMs(watches);
    if (retryTimer) clearTimeout(retryTimer);
    retryTimer = dueMs === null ? null : setTimeout(sync, Math.max(retryMsMin, dueMs - Date.now()));
  };
  const sync = () => {
    if (isStopped) return;
    isToSyncAgain = true;
    syncing ??= syncOnce()
      .catch(broken)
      .finally(() => {
        syncing = null;
      });
  };

  return {
    session: caller.session,
    sync,
    fill: () => publishing?.fill(),
    start: async () => {
      caller.client.on('close', (error) => broken(error ?? new Error('closed')));
      // Also of those that were taken over: whoever listens may be new.
      reporting.changed(watches.all());
      syncing = syncOnce().finally(() => {
        syncing = null;
      });
      await syncing;
      const { hasRoom } = port;
      publishing = startPublishing({ caller, subscriptions, inbox, hasRoom, onBroken: broken });
      watchdog = startWatchdog({
        caller,
        subscriptions,
        isHeld: publishing.isHeld,
        onBroken: broken,
        onServerState: (trouble) => {
          serverTrouble = trouble;
          report();
        },
      });
      const reading = { caller, namespaces: facts.namespaces, nodesPerReadMax: facts.nodesPerReadMax };
      polling = startPolling({
        reading,
        watches,
        subscriptions,
        delivery,
        hasRoom,
        onBroken: broken,
        onGone,
      });
      publishing.fill();
    },
    stop: async (reason) => {
      isStopped = true;
      if (retryTimer) clearTimeout(retryTimer);
      const handled = publishing?.stop();
      watchdog?.stop();
      polling?.stop();
      if (reason && !reason.isKept) await caller.session.close(true).catch(() => {});
      await link.channel.close();
      // The next link asks for what is missing after what this one has handled.
      await handled;
    },
  };
}

/** Differs where what is kept differs: there may be tens of thousands of items, and little happens to them. */
function stateOfKept({ subscriptions, watches }: LinkParts): string {
  let sum = 0;
  for (const { handle, monitoredItemId } of watches.all()) sum = (sum * 31 + handle * 7 + monitoredItemId) % 2 ** 45;
  return `${[...subscriptions.keys()].join()} ${sum}`;
}

function listKept({ subscriptions, watches, memory }: LinkParts): KeptSubscription[] {
  const bySubscription = Map.groupBy(watches.all(), ({ subscription }) => subscription);
  return [...subscriptions.values()].map((subscription) => ({
    id: subscription.id,
    publishingIntervalMs: subscription.publishingIntervalMs,
    keepAliveCount: subscription.keepAliveCount,
    lifetimeCount: subscription.lifetimeCount,
    serverStartedAtMs: memory.startedAtMs,
    items: (bySubscription.get(subscription) ?? []).map((watch) => ({
      handle: watch.handle,
      monitoredItemId: watch.monitoredItemId,
      asked: watch.asked,
      samplingMs: watch.revisedSamplingMs ?? watch.samplingMs,
      queueSize: watch.queueSize,
    })),
  }));
}
