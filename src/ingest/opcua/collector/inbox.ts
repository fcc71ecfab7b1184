/**
 * Messages on their way to the port: in the order of their sequence numbers, none of them twice, and none missing
 * without having been asked for again and, where the server has it no more, a gap recorded first.
 *
 *   publish answers ──▶ inbox ──▶ in order? ──▶ delivery ──▶ committed? ──▶ acknowledged with the next publish
 *                                    └─ no: Republish, or a gap
 */
import { RepublishRequest, type RepublishResponse } from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { statusOf } from '../client/trouble.ts';
import type { FoundGap } from '../connection.ts';
import type { Delivery } from './delivery.ts';
import { isBefore, type Message, nextSequence, readMessage } from './message.ts';
import type { Subscription } from './subscription.ts';
import type { Watches } from './watches.ts';

export type Acknowledgement = { readonly subscriptionId: number; readonly sequenceNumber: number };

export type Inbox = {
  readonly length: number;
  put(message: Message): void;
  /** Handles what is there while there is room. Rejects where the server has to be asked and does not answer. */
  drain(caller: Caller): Promise<void>;
  /** Asks for all that the server still has of a subscription, after the link was away. Rejects as drain does. */
  catchUp(subscription: Subscription, caller: Caller): Promise<void>;
  /** Gives on what has come of a subscription that the server knows no more. */
  flush(subscription: Subscription, caller: Caller): Promise<void>;
  takeAcknowledgements(): Acknowledgement[];
};

export type InboxOptions = {
  readonly subscriptions: ReadonlyMap<number, Subscription>;
  readonly watches: Watches;
  readonly delivery: Delivery;
  hasRoom(): boolean;
};

/** A subscription that the server has ended, or knows no more. */
export class SubscriptionEnded extends Error {}

/** So many missing messages are asked for one by one; beyond that the server surely has them no more. */
const republishMax = 1_000;

export function createInbox({ subscriptions, watches, delivery, hasRoom }: InboxOptions): Inbox {
  const messages: Message[] = [];
  let acknowledgements: Acknowledgement[] = [];

  const acknowledge = (subscriptionId: number, sequenceNumber: number) => {
    acknowledgements.push({ subscriptionId, sequenceNumber });
  };

  const give = async (subscription: Subscription, message: Message, caller: Caller) => {
    if (message.ended !== null) throw new SubscriptionEnded(message.ended);
    const { committed } = await delivery.give(message.samples, {
      publishedMs: message.publishedMs,
      throughMs: throughOf(subscription, message),
      session: caller.session,
    });
    subscription.lastSequence = message.sequence;
    if (message.isLast) subscription.throughMs = message.publishedMs;
    if (!committed) return acknowledge(message.subscriptionId, message.sequence);
    committed.then(
      () => acknowledge(message.subscriptionId, message.sequence),
      // Not kept: the server keeps it, for as long as it does.
      () => {},
    );
  };

  /** What all subscriptions have told until now: one of them may be far behind the others. */
  const throughOf = (subscription: Subscription, message: Message) => {
    let throughMs = message.isLast ? message.publishedMs : subscription.throughMs;
    for (const other of subscriptions.values()) {
      if (other !== subscription) throughMs = Math.min(throughMs, other.throughMs);
    }
    return throughMs;
  };

  /** Gives on the missing messages up to one; where the server has one no more, its subscription's items have a gap. */
  const recover = async (subscription: Subscription, from: number, upTo: Message, caller: Caller) => {
    let isLost = false;
    const lose = async () => {
      if (isLost) return;
      isLost = true;
      await delivery.recordGaps(listGaps(subscription, watches, subscription.throughMs, upTo.publishedMs));
    };
    if ((upTo.sequence - from) >>> 0 > republishMax) return await lose();
    for (let wanted = from; wanted !== upTo.sequence; wanted = nextSequence(wanted)) {
      const found = takeFrom(messages, subscription.id, wanted) ?? (await republish(subscription, wanted, caller));
      // While we asked it may have come by itself: some servers answer out of order.
      const message = found ?? takeFrom(messages, subscription.id, wanted);
      if (message) await give(subscription, message, caller);
      else await lose();
    }
  };

  const handle = async (message: Message, caller: Caller) => {
    const subscription = subscriptions.get(message.subscriptionId);
    if (!subscription) return;
    if (subscription.lastSequence === null) {
      // Taken over from before the program was started: what was never acknowledged was perhaps never committed.
      const older = message.available.filter((sequence) => isBefore(sequence, message.sequence)).sort(byOrder);
      for (const sequence of older) {
        const found = await republish(subscription, sequence, caller);
        if (found) await give(subscription, found, caller);
      }
    } else {
      const expected = nextSequence(subscription.lastSequence);
      if (isBefore(message.sequence, expected)) {
        if (!message.isKeepAlive) acknowledge(message.subscriptionId, message.sequence);
        return;
      }
      if (message.sequence !== expected) await recover(subscription, expected, message, caller);
    }
    if (!message.isKeepAlive) return await give(subscription, message, caller);
    const throughMs = throughOf(subscription, message);
    await delivery.give([], { publishedMs: message.publishedMs, throughMs, session: null });
    if (message.isLast) subscription.throughMs = message.publishedMs;
  };

  return {
    get length() {
      return messages.length;
    },
    put: (message) => {
      messages.push(message);
    },
    drain: async (caller) => {
      while (messages.length > 0 && hasRoom()) {
        const [message] = messages;
        if (!message) return;
        await handle(message, caller);
        // Only now: what a broken link has interrupted is handled again through the next one.
        const index = messages.indexOf(message);
        if (index >= 0) messages.splice(index, 1);
      }
    },
    catchUp: async (subscription, caller) => {
      while (subscription.lastSequence !== null) {
        const next = nextSequence(subscription.lastSequence);
        const message = takeFrom(messages, subscription.id, next) ?? (await republish(subscription, next, caller));
        if (!message) return;
        await give(subscription, message, caller);
      }
    },
    flush: async (subscription, caller) => {
      const rest = messages.filter(
        ({ subscriptionId, isKeepAlive }) => subscriptionId === subscription.id && !isKeepAlive,
      );
      for (const message of rest) {
        messages.splice(messages.indexOf(message), 1);
        if (message.ended === null) await give(subscription, message, caller);
      }
    },
    takeAcknowledgements: () => {
      const taken = acknowledgements;
      acknowledgements = [];
      return taken;
    },
  };
}

/** Null where the server has it no more. Throws SubscriptionEnded where it has the subscription no more. */
async function republish(subscription: Subscription, sequence: number, caller: Caller): Promise<Message | null> {
  try {
    const request = new RepublishRequest({ subscriptionId: subscription.id, retransmitSequenceNumber: sequence });
    return readMessage(subscription.id, await call<RepublishResponse>(caller, request), Date.now());
  } catch (error) {
    const status = statusOf(error);
    if (status === 'BadSubscriptionIdInvalid') throw new SubscriptionEnded(status, { cause: error });
    // Some servers do not know the service, or name another status for what they do not have.
    if (status === null || /Session|SecureChannel|Connection/.test(status)) throw error;
    return null;
  }
}

function takeFrom(messages: Message[], subscriptionId: number, sequence: number): Message | null {
  const index = messages.findIndex(
    (message) => message.subscriptionId === subscriptionId && message.sequence === sequence && !message.isKeepAlive,
  );
  return index < 0 ? null : (messages.splice(index, 1)[0] ?? null);
}

/** Of all items where the subscription has them all, else of those that it has. */
function listGaps(subscription: Subscription, watches: Watches, fromMs: number, toMs: number): FoundGap[] {
  const ours = [...watches.all()].filter((watch) => watch.subscription === subscription);
  const span = { fromMs, toMs: Math.max(fromMs, toMs), reason: 'link_lost' as const };
  if (ours.length === watches.size) return [{ itemId: null, ...span }];
  return ours.flatMap(({ items }) => items.map(({ id }) => ({ itemId: id, ...span })));
}

const byOrder = (one: number, other: number) => (one === other ? 0 : isBefore(one, other) ? -1 : 1);
