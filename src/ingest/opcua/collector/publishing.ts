/**
 * Keeps publish requests at the server, so that it always has one to answer, and takes what it answers. While there is
 * no room here, none is sent: the server's queues hold what comes.
 */
import { PublishRequest, type PublishResponse } from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { statusOf } from '../client/trouble.ts';
import type { Inbox } from './inbox.ts';
import { readMessage } from './message.ts';
import type { Subscription } from './subscription.ts';

export type Publishing = {
  /** Sends what may be sent: after a start, a new subscription, or when there is room again. */
  fill(): void;
  /** Whether requests are held back because there is no room. */
  isHeld(): boolean;
  /** Sends no more; resolves when what was being handled is, which a request to a dead link may delay until that is closed. */
  stop(): Promise<void>;
};

export type PublishingOptions = {
  readonly caller: Caller;
  readonly subscriptions: ReadonlyMap<number, Subscription>;
  readonly inbox: Inbox;
  hasRoom(): boolean;
  /** The link is of no more use: whatever the reason, it is made anew, which finds out what is left. */
  onBroken(error: unknown): void;
};

/** More than one for each subscription, so that a distant server need not wait for the next request. */
const requestsAhead = 4;
const requestsMax = 60;
/** A server may drop requests that have waited longer; keep-alives answer each one sooner. */
const requestMsMax = 600_000;
const failuresMax = 5;
const failureMs = 500;

export function startPublishing({ caller, subscriptions, inbox, hasRoom, onBroken }: PublishingOptions): Publishing {
  let pending = 0;
  let pendingMax = requestsMax;
  let failures = 0;
  let isStopped = false;
  let draining: Promise<void> | null = null;

  const fill = () => {
    if (isStopped || subscriptions.size === 0 || !hasRoom()) return;
    const wanted = Math.min(pendingMax, requestsMax, subscriptions.size + requestsAhead);
    while (pending + inbox.length < wanted) publish();
  };

  const publish = () => {
    pending += 1;
    const subscriptionAcknowledgements = inbox.takeAcknowledgements();
    call<PublishResponse>(caller, new PublishRequest({ subscriptionAcknowledgements }), requestMsMax).then(
      (response) => {
        pending -= 1;
        failures = 0;
        take(response);
      },
      (error) => {
        pending -= 1;
        if (!isStopped) fail(error);
      },
    );
  };

  const take = (response: PublishResponse) => {
    if (isStopped) return;
    const nowMs = Date.now();
    const subscription = subscriptions.get(response.subscriptionId);
    if (subscription) subscription.lastHeardMs = nowMs;
    inbox.put(readMessage(response.subscriptionId, response, nowMs));
    drain();
    fill();
  };

  const fail = (error: unknown) => {
    const remedy = remedyOf(statusOf(error));
    if (remedy === 'later') failures += 1;
    if (remedy === 'new link' || failures > failuresMax) onBroken(error);
    else if (remedy === 'fewer') pendingMax = Math.max(1, pending);
    else if (remedy === 'again') fill();
    else setTimeout(fill, failureMs).unref();
  };

  const drain = () => {
    draining ??= inbox.drain(caller).then(
      () => {
        draining = null;
        // What came while the last one was on its way.
        if (!isStopped && inbox.length > 0 && hasRoom()) drain();
        else fill();
      },
      (error) => {
        draining = null;
        if (!isStopped) onBroken(error);
      },
    );
  };

  return {
    fill: () => {
      if (inbox.length > 0) drain();
      fill();
    },
    isHeld: () => !hasRoom(),
    stop: async () => {
      isStopped = true;
      await draining;
    },
  };
}

/** What to do about a publish request that was answered with a status, or not at all. */
function remedyOf(status: string | null): 'new link' | 'fewer' | 'again' | 'later' {
  if (status === 'BadTooManyPublishRequests') return 'fewer';
  if (status === 'BadTimeout' || status === 'BadRequestTimeout') return 'again';
  return status === null || /Session|SecureChannel|Connection|NoSubscription/.test(status) ? 'new link' : 'later';
}
