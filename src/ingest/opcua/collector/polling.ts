/**
 * Reads what the server does not monitor, every so often, and looks now and then at what has said nothing for long: a
 * server need not tell that a node has vanished.
 */
import type { Delivery } from './delivery.ts';
import { type Reading, readWatches } from './read-watches.ts';
import { isOfMissingNode, type Sample } from './sample.ts';
import type { Subscription } from './subscription.ts';
import type { Watch, Watches } from './watches.ts';

export type Polling = {
  /** Reads the items that have joined a watch late. */
  readJoined(): Promise<void>;
  stop(): void;
};

export type PollingOptions = {
  readonly reading: Reading;
  readonly watches: Watches;
  readonly subscriptions: ReadonlyMap<number, Subscription>;
  readonly delivery: Delivery;
  hasRoom(): boolean;
  onBroken(error: unknown): void;
  onGone(watches: readonly Watch[]): void;
};

const tickMs = 50;
const silentMsMax = 60_000;
const silentPerLookMax = 2_000;
const lookEveryMs = 5_000;

export function startPolling({
  reading,
  watches,
  subscriptions,
  delivery,
  hasRoom,
  onBroken,
  onGone,
}: PollingOptions): Polling {
  const dueMs = new Map<number, number>();
  const running = new Set<number>();
  const lookedAtMs = new WeakMap<Watch, number>();
  let polled = listPolled(watches);
  let isStopped = false;
  let nextLookMs = Date.now() + lookEveryMs;

  const guarded = (work: Promise<void>) => {
    work.catch((error) => {
      if (!isStopped) onBroken(error);
    });
  };

  /** What is read says nothing of what the subscriptions have still to tell. */
  const throughOf = (readMs: number) =>
    subscriptions.size === 0 ? readMs : Math.min(...[...subscriptions.values()].map(({ throughMs }) => throughMs));

  const giveNew = async (samples: readonly Sample[], publishedMs: number) => {
    if (isStopped) return;
    const news = samples.filter(({ handle, timeMs, status }) => {
      const watch = watches.get(handle);
      return watch && (timeMs !== watch.lastTimeMs || status !== watch.lastStatus);
    });
    await delivery.give(news, { publishedMs, throughMs: throughOf(publishedMs), session: reading.caller.session });
  };

  const poll = async (samplingMs: number, those: readonly Watch[]) => {
    running.add(samplingMs);
    try {
      await readWatches(reading, those, giveNew);
    } finally {
      running.delete(samplingMs);
    }
  };

  const pollDue = (nowMs: number) => {
    for (const [samplingMs, those] of Map.groupBy(polled, (watch) => Math.max(tickMs, watch.samplingMs))) {
      const due = dueMs.get(samplingMs) ?? nowMs;
      if (nowMs < due || running.has(samplingMs)) continue;
      // What could not be read in time is not made up for: the next reading is at the next full interval.
      dueMs.set(samplingMs, due + samplingMs * Math.max(1, Math.ceil((nowMs - due + 1) / samplingMs)));
      guarded(poll(samplingMs, those));
    }
  };

  const lookAtSilent = (nowMs: number) => {
    const silent = listSilent(watches, lookedAtMs, nowMs);
    if (silent.length === 0) return;
    guarded(
      readWatches(reading, silent, async (samples) => {
        const missing = samples.filter(isOfMissingNode).flatMap(({ handle }) => watches.get(handle) ?? []);
        if (missing.length > 0 && !isStopped) onGone(missing);
      }),
    );
  };

  const timer = setInterval(() => {
    const nowMs = Date.now();
    if (nowMs >= nextLookMs) {
      nextLookMs = nowMs + lookEveryMs;
      lookAtSilent(nowMs);
    }
    if (polled.length === 0) return;
    if (hasRoom()) pollDue(nowMs);
    else missPolled(polled, 'not_kept', delivery.throughMs());
  }, tickMs);
  const listing = setInterval(() => {
    polled = listPolled(watches);
  }, 10 * tickMs);

  return {
    readJoined: async () => {
      const joined = [...watches.all()].filter(({ isToBeRead, subscription }) => isToBeRead && subscription !== null);
      for (const watch of joined) watch.isToBeRead = false;
      if (joined.length === 0) return;
      await readWatches(reading, joined, async (samples, publishedMs) => {
        await delivery.give(samples, {
          publishedMs,
          throughMs: throughOf(publishedMs),
          session: reading.caller.session,
        });
      });
    },
    stop: () => {
      isStopped = true;
      clearInterval(timer);
      clearInterval(listing);
    },
  };
}

/** What was not read of polled items is gone: no queue holds it. */
export function missPolled(
  polled: readonly Watch[],
  reason: 'link_lost' | 'server_restarted' | 'not_kept',
  sinceMs: number | null,
): void {
  for (const watch of polled) {
    const fromMs = sinceMs ?? watch.lastTimeMs;
    if (watch.lastTimeMs !== null && fromMs !== null) watch.missing ??= { fromMs, reason };
  }
}

export const listPolled = (watches: Watches) => [...watches.all()].filter(({ state }) => state === 'polled');

/** Monitored, and neither heard nor looked at for long; some at a time. */
function listSilent(watches: Watches, lookedAtMs: WeakMap<Watch, number>, nowMs: number): Watch[] {
  const silent: Watch[] = [];
  for (const watch of watches.all()) {
    if (watch.state !== 'monitored') continue;
    if (nowMs - Math.max(watch.lastSeenMs, lookedAtMs.get(watch) ?? 0) < silentMsMax) continue;
    lookedAtMs.set(watch, nowMs);
    if (silent.push(watch) >= silentPerLookMax) break;
  }
  return silent;
}
