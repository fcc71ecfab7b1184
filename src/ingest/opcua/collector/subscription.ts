/** A subscription at a server: made, deleted, and what is known of it. */
import {
  CreateSubscriptionRequest,
  type CreateSubscriptionResponse,
  DeleteSubscriptionsRequest,
} from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { statusOf } from '../client/trouble.ts';
import type { ConnectionSpec } from '../connection.ts';
import type { KeptSubscription } from './port.ts';

export type Subscription = {
  readonly id: number;
  readonly publishingIntervalMs: number;
  readonly keepAliveCount: number;
  readonly lifetimeCount: number;
  /** Monitored items in it. */
  size: number;
  /** The server takes no more items into it. */
  isFull: boolean;
  /** Of the last notification that was handled; null before the first. */
  lastSequence: number | null;
  /** All that the server had to tell until then, by its clock, has been handled. */
  throughMs: number;
  /** When anything of it came last, by our clock: a notification or a keep-alive. */
  lastHeardMs: number;
};

/** At most so many values in one answer: the library tells servers to send no more than 800,000 bytes. */
const notificationsPerPublishMax = 5_000;
/** With nothing to tell, a server says so about this often. */
const keepAliveMs = 5_000;
/** How long a subscription outlives the outage to be bridged: the time to notice it, and to be back. */
const lifetimeMarginMs = 30_000;

/** Throws a ServiceError where the server makes none. */
export async function createSubscription(caller: Caller, spec: ConnectionSpec): Promise<Subscription> {
  const keepAliveCount = Math.max(1, Math.round(keepAliveMs / spec.publishingIntervalMs));
  const lifetimeMs = spec.bridgeMs * 1.5 + lifetimeMarginMs;
  const response = await call<CreateSubscriptionResponse>(
    caller,
    new CreateSubscriptionRequest({
      requestedPublishingInterval: spec.publishingIntervalMs,
      requestedMaxKeepAliveCount: keepAliveCount,
      requestedLifetimeCount: Math.max(3 * keepAliveCount, Math.ceil(lifetimeMs / spec.publishingIntervalMs)),
      maxNotificationsPerPublish: notificationsPerPublishMax,
      publishingEnabled: true,
      priority: 10,
    }),
  );
  return {
    id: response.subscriptionId,
    publishingIntervalMs: response.revisedPublishingInterval || spec.publishingIntervalMs,
    keepAliveCount: response.revisedMaxKeepAliveCount || keepAliveCount,
    lifetimeCount: response.revisedLifetimeCount || 3 * keepAliveCount,
    size: 0,
    isFull: false,
    lastSequence: null,
    throughMs: response.responseHeader.timestamp?.getTime() || Date.now(),
    lastHeardMs: Date.now(),
  };
}

/** Rejects where the server does not answer; what it says matters to nobody. */
export async function deleteSubscriptions(caller: Caller, subscriptionIds: readonly number[]): Promise<void> {
  if (subscriptionIds.length === 0) return;
  try {
    await call(caller, new DeleteSubscriptionsRequest({ subscriptionIds: [...subscriptionIds] }));
  } catch (error) {
    if (statusOf(error) === null) throw error;
  }
}

/** One that the program had before it was started again; until `throughMs` all of it had been handled. */
export function restoreSubscription(kept: KeptSubscription, throughMs: number): Subscription {
  return {
    id: kept.id,
    publishingIntervalMs: kept.publishingIntervalMs,
    keepAliveCount: kept.keepAliveCount,
    lifetimeCount: kept.lifetimeCount,
    size: kept.items.length,
    isFull: false,
    lastSequence: null,
    throughMs,
    lastHeardMs: Date.now(),
  };
}

/** How long it lives at the server without us. */
export function lifetimeMsOf({ lifetimeCount, publishingIntervalMs }: Subscription): number {
  return lifetimeCount * publishingIntervalMs;
}
