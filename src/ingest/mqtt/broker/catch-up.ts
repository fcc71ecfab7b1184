/**
 * What is retained, on its way to those who have just subscribed (MQTT 3.1.1, 3.8.4). One subscriber is served in each turn
 * of the event loop, for all that it has subscribed to until then: to look through thousands of topics takes milliseconds,
 * and a client can send thousands of SUBSCRIBEs at once.
 *
 *   SUBSCRIBE ─▶ filters of a subscriber gather ─its turn─▶ its delivery
 */

import type { Qos, Wanted } from '../packets/packets.ts';
import type { Forwarded } from './delivery.ts';
import type { Subscriber } from './forwarding.ts';
import type { RetainedMessages } from './retained.ts';

/** Lets a subscriber have what is retained under filters of its own, soon. */
export type CatchUp = (subscriber: Subscriber, filters: readonly Wanted[]) => void;

export type CatchUpOptions = {
  readonly retainedOf: (subscriber: Subscriber) => readonly RetainedMessages[];
  /** Told when a subscriber's filters match so many retained messages, again and again, that the rest is left out. */
  readonly onLeftOut: () => void;
};

/** Ten times what is retained of a tenant at most, the same message counted for each filter that it matches. */
const matchesMax = 100_000;

/** Nobody waits yet. */
export function createCatchUp({ retainedOf, onLeftOut }: CatchUpOptions): CatchUp {
  const waiting = new Map<Subscriber, Set<string>>();
  const serveNext = () => {
    for (const [subscriber, filters] of waiting) {
      waiting.delete(subscriber);
      subscriber.delivery.offerRetained(
        findRetained(subscriber, { filters, retained: retainedOf(subscriber), onLeftOut }),
      );
      break;
    }
    if (waiting.size > 0) setImmediate(serveNext);
  };
  return (subscriber, filters) => {
    if (waiting.size === 0) setImmediate(serveNext);
    const gathered = waiting.get(subscriber) ?? new Set();
    waiting.set(subscriber, gathered);
    for (const { filter } of filters) gathered.add(filter);
  };
}

type Search = {
  readonly filters: ReadonlySet<string>;
  readonly retained: readonly RetainedMessages[];
  readonly onLeftOut: () => void;
};

/** Each message once, with the highest QoS of the filters that match it. */
function findRetained(
  { subscriptions }: Subscriber,
  { filters, retained, onLeftOut }: Search,
): Iterable<{ message: Forwarded; qos: Qos }> {
  const found = new Map<string, { message: Forwarded; qos: Qos }>();
  let matches = 0;
  for (const filter of filters) {
    const granted = subscriptions.get(filter);
    if (granted === undefined) continue; // It was given up meanwhile.
    if (matches > matchesMax) {
      onLeftOut();
      break;
    }
    const note = (message: Forwarded) => {
      matches++;
      const qos = Math.min(granted, message.qos) as Qos;
      const known = found.get(message.topic);
      if (known === undefined || known.qos < qos) found.set(message.topic, { message, qos });
    };
    for (const one of retained) one.eachWithin(filter, note);
  }
  return found.values();
}
