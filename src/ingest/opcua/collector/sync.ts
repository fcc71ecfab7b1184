/**
 * Makes the server watch what is to be watched: what is new, what failed and is due, what is no longer wanted. Where the
 * server makes no subscription, or takes no more items, the rest is polled.
 */
import { statusOf } from '../client/trouble.ts';
import { createMonitoredItems, deleteMonitoredItems, type Monitoring } from './monitored-items.ts';
import { createSubscription, deleteSubscriptions, type Subscription } from './subscription.ts';
import type { Watch, Watches } from './watches.ts';

/** A monitored item at the server that nobody wants any more. */
export type Obsolete = { readonly subscription: Subscription; readonly monitoredItemId: number };

export type SyncState = {
  readonly watches: Watches;
  readonly subscriptions: Map<number, Subscription>;
  readonly obsolete: Obsolete[];
};

/** More items than this in one subscription make its notifications long. */
const itemsPerSubscriptionMax = 5_000;
/** After so long a polled item is offered to the server's subscriptions again. */
const pollingRetryMs = 600_000;

/** Answers the watches that were asked for. Throws where the server does not answer. */
export async function syncWatches(state: SyncState, monitoring: Monitoring): Promise<readonly Watch[]> {
  await removeObsolete(state, monitoring);
  const nowMs = Date.now();
  const asked = [...state.watches.all()].filter(
    (watch) => watch.subscription === null && (watch.state === 'new' || watch.retryAtMs <= nowMs),
  );
  let open = asked;
  while (open.length > 0) {
    const subscription = await findRoom(state, monitoring, open);
    if (!subscription) break;
    const batch = open.slice(0, Math.max(1, itemsPerSubscriptionMax - subscription.size));
    const sizeBefore = subscription.size;
    const refused = await createMonitoredItems(monitoring, subscription, batch);
    for (const watch of refused.toPoll) notePolled(watch, `The server does not monitor this node (${watch.status}).`);
    let full = refused.full;
    if (full.length > 0 && sizeBefore === 0 && subscription.size === 0) {
      // Not even an empty one has room: the server's limit is for all of them together.
      for (const watch of full) notePolled(watch, 'The server takes no more monitored items.');
      full = [];
      await drop(state, monitoring, subscription);
    }
    open = [...refused.again, ...full, ...open.slice(batch.length)];
  }
  return asked;
}

/** When something is due for another attempt, by our clock; null where nothing is. */
export function nextRetryMs(watches: Watches): number | null {
  let earliest: number | null = null;
  for (const watch of watches.all()) {
    if (watch.subscription !== null || watch.state === 'new') continue;
    if (earliest === null || watch.retryAtMs < earliest) earliest = watch.retryAtMs;
  }
  return earliest;
}

/** One with room, an old or a new one; null where the server makes none, and what is open is polled. */
async function findRoom(
  { subscriptions }: SyncState,
  { caller, spec }: Monitoring,
  open: readonly Watch[],
): Promise<Subscription | null> {
  for (const subscription of subscriptions.values()) {
    if (!subscription.isFull && subscription.size < itemsPerSubscriptionMax) return subscription;
  }
  try {
    const subscription = await createSubscription(caller, spec);
    subscriptions.set(subscription.id, subscription);
    return subscription;
  } catch (error) {
    const status = statusOf(error);
    if (status === null || /Session|SecureChannel|Connection/.test(status)) throw error;
    for (const watch of open) {
      watch.status = status;
      notePolled(watch, `The server makes no subscription for it (${status}).`);
    }
    return null;
  }
}

function notePolled(watch: Watch, why: string): void {
  watch.state = 'polled';
  watch.detail = `${why} It is read every ${watch.samplingMs} ms instead: what happens in between, or in an outage, is not seen.`;
  watch.retryAtMs = Date.now() + pollingRetryMs;
}

async function removeObsolete({ obsolete }: SyncState, monitoring: Monitoring): Promise<void> {
  const bySubscription = Map.groupBy(obsolete.splice(0), ({ subscription }) => subscription);
  for (const [subscription, items] of bySubscription) {
    await deleteMonitoredItems(
      monitoring,
      subscription,
      items.map(({ monitoredItemId }) => monitoredItemId),
    );
  }
}

async function drop({ subscriptions }: SyncState, { caller }: Monitoring, subscription: Subscription): Promise<void> {
  subscriptions.delete(subscription.id);
  await deleteSubscriptions(caller, [subscription.id]);
}
