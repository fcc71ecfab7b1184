/**
 * One connection to a server, from the channel to what is left of our subscriptions there:
 *
 *   channel ──▶ session taken over ──▶ subscriptions as they were
 *                  └─ gone: a new one ──▶ subscriptions transferred
 *                                            └─ refused: made anew, and a gap
 */
import {
  SetPublishingModeRequest,
  type SetPublishingModeResponse,
  TransferSubscriptionsRequest,
  type TransferSubscriptionsResponse,
} from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { type Channel, openChannel } from '../client/open-channel.ts';
import { createSession, type KeptSession, keepSession, takeOverSession } from '../client/session.ts';
import { statusOf } from '../client/trouble.ts';
import type { ConnectionSpec } from '../connection.ts';
import type { Delivery } from './delivery.ts';
import { type Inbox, SubscriptionEnded } from './inbox.ts';
import { listPolled, missPolled } from './polling.ts';
import type { CollectorOptions, ServerFacts } from './port.ts';
import { readServerFacts } from './server-facts.ts';
import { deleteSubscriptions, type Subscription } from './subscription.ts';
import type { Watches } from './watches.ts';

export type Link = {
  readonly channel: Channel;
  readonly caller: Caller;
  readonly facts: ServerFacts;
  /** Whether all subscriptions that there were are still there, with all that they held. */
  readonly isWhole: boolean;
};

/** What outlives a link, and makes the next one whole. */
export type LinkMemory = {
  remembered: Channel['endpoint'] | undefined;
  session: KeptSession | null;
  facts: ServerFacts | null;
  /** When the server was started that has our subscriptions, by what it said of itself. */
  startedAtMs: number | null;
  /** Attempts in a row at which the server went silent when it was asked for what it has of us. */
  unanswered: number;
};

export type LinkParts = {
  readonly options: CollectorOptions;
  readonly memory: LinkMemory;
  readonly subscriptions: Map<number, Subscription>;
  readonly watches: Watches;
  readonly delivery: Delivery;
  readonly inbox: Inbox;
};

/** A session outlives the outage to be bridged, by the time to notice it and to be back. */
const sessionMarginMs = 30_000;
/** Two starts of one server differ by more than its clock is corrected by in between. */
const sameStartMs = 5_000;
/** Some servers close the connection instead of saying that they do not know a session: then all is made anew. */
const unansweredMax = 2;

/** Throws a TroubleError, or an error of a request; the channel is closed then. */
export async function openLink(parts: LinkParts): Promise<Link> {
  const { options, memory } = parts;
  const sessionMsMax = options.spec.bridgeMs + sessionMarginMs;
  const { application, trust } = options;
  let channel: Channel;
  try {
    channel = await openChannel(options.spec, { application, trust, sessionMsMax, remembered: memory.remembered });
  } catch (error) {
    // Its certificate may have changed: the next attempt asks for the endpoints again.
    memory.remembered = undefined;
    throw error;
  }
  try {
    memory.remembered = channel.endpoint;
    const link = await attach(parts, channel);
    memory.unanswered = 0;
    return link;
  } catch (error) {
    if (statusOf(error) === null) memory.unanswered += 1;
    await channel.close();
    throw error;
  }
}

async function attach(parts: LinkParts, channel: Channel): Promise<Link> {
  const { options, memory, subscriptions, watches, delivery, inbox } = parts;
  const { client } = channel;
  const isAnsweredFor = memory.unanswered < unansweredMax;
  const old = isAnsweredFor ? await takeOver(channel, memory, options.spec) : null;
  const caller = { client, session: old ?? (await createSession(client, options.spec.identity)) };
  memory.session = keepSession(caller.session);
  const facts = await readServerFacts(caller);
  const before = memory.facts;
  memory.facts = facts;
  const isRestarted = Math.abs((facts.startedAtMs ?? 0) - (memory.startedAtMs ?? 0)) > sameStartMs;
  const reason = isRestarted && before !== null ? 'server_restarted' : 'link_lost';
  memory.startedAtMs = facts.startedAtMs;

  const isMoved = before?.namespaces.some((uri, index) => facts.namespaces[index] !== uri);
  let left = new Set<number>();
  if (old) left = await listLeft(caller, subscriptions);
  // A server that was started again gives their numbers to others, who may be ourselves in another connection.
  else if (isAnsweredFor && !isRestarted) left = await transfer(caller, subscriptions);
  if (isMoved) {
    // The indexes in our monitored items now mean other nodes.
    await deleteSubscriptions(caller, [...left]);
    left = new Set();
  }
  const lost = [...subscriptions.values()].filter(({ id }) => !left.has(id));
  for (const subscription of subscriptions.values()) {
    if (!left.has(subscription.id)) continue;
    try {
      await inbox.catchUp(subscription, caller);
    } catch (error) {
      if (!(error instanceof SubscriptionEnded)) throw error;
      lost.push(subscription);
    }
  }
  if (lost.length > 0 && lost.length === subscriptions.size) delivery.miss(reason);
  for (const subscription of lost) {
    await inbox.flush(subscription, caller);
    forget(subscription, parts, lost.length < subscriptions.size ? reason : null);
  }
  for (const subscription of lost) subscriptions.delete(subscription.id);
  missPolled(listPolled(watches), reason, delivery.throughMs());
  const nowMs = Date.now();
  for (const subscription of subscriptions.values()) subscription.lastHeardMs = nowMs;
  return { channel, caller, facts, isWhole: lost.length === 0 };
}

/** Null where there is no session to take over, or the server knows it no more. */
async function takeOver({ client }: Channel, memory: LinkMemory, spec: ConnectionSpec) {
  const kept = memory.session;
  if (!kept) return null;
  try {
    return await takeOverSession(client, kept, spec.identity);
  } catch (error) {
    // Without an answer the next link may still find it.
    if (statusOf(error) === null) throw error;
    memory.session = null;
    return null;
  }
}

/** Which subscriptions a session that was taken over still has. */
async function listLeft(caller: Caller, subscriptions: ReadonlyMap<number, Subscription>): Promise<Set<number>> {
  const subscriptionIds = [...subscriptions.keys()];
  if (subscriptionIds.length === 0) return new Set();
  const request = new SetPublishingModeRequest({ publishingEnabled: true, subscriptionIds });
  try {
    const { results } = await call<SetPublishingModeResponse>(caller, request);
    return new Set(subscriptionIds.filter((_, index) => (results?.[index]?.value ?? 0x8000_0000) < 0x8000_0000));
  } catch (error) {
    if (statusOf(error) === null) throw error;
    // Whether it has them cannot be found out: they are made anew.
    await deleteSubscriptions(caller, subscriptionIds);
    return new Set();
  }
}

/** Which subscriptions the server gives to a new session. */
async function transfer(caller: Caller, subscriptions: ReadonlyMap<number, Subscription>): Promise<Set<number>> {
  const subscriptionIds = [...subscriptions.keys()];
  if (subscriptionIds.length === 0) return new Set();
  const request = new TransferSubscriptionsRequest({ subscriptionIds, sendInitialValues: false });
  try {
    const { results } = await call<TransferSubscriptionsResponse>(caller, request);
    return new Set(
      subscriptionIds.filter((_, index) => (results?.[index]?.statusCode.value ?? 0x8000_0000) < 0x8000_0000),
    );
  } catch (error) {
    // Not every server knows the service.
    if (statusOf(error) === null) throw error;
    return new Set();
  }
}

/** Its items are new again; with a reason, the gap is theirs alone. */
function forget(
  subscription: Subscription,
  { watches }: LinkParts,
  reason: 'link_lost' | 'server_restarted' | null,
): void {
  for (const watch of watches.all()) {
    if (watch.subscription !== subscription) continue;
    watch.subscription = null;
    watch.monitoredItemId = 0;
    watch.state = 'new';
    if (reason) watch.missing ??= { fromMs: subscription.throughMs, reason };
  }
}
