/**
 * What devices and the server publish, on its way to those who subscribe. Each tenant has trees of its own, so that no
 * topic and no wildcard reaches from one into another.
 *
 *   tenant ─┬─ filters    filter ─▶ sessions and the QoS granted to them
 *           ├─ retained   of its devices
 *           └─ retained   of the server itself: devices neither replace it nor crowd it out
 *
 * A session gets a message once, however many of its filters match, with the highest QoS granted by them but not more
 * than it was published with (MQTT 3.1.1, 3.3.5 and 3.8.4). Topics that begin with `$` are forwarded to nobody (4.7.2).
 */
import type { Device } from '../../../access/device.ts';
import { isGranted } from '../../../access/device-grants.ts';
import type { Log } from '../../../platform/log.ts';
import type { IngestCounters } from '../../intake/counters.ts';
import type { Publish } from '../../publish.ts';
import type { Qos, Wanted } from '../packets/packets.ts';
import { createCatchUp } from './catch-up.ts';
import type { Delivery, Forwarded } from './delivery.ts';
import { createRetainedMessages, type RetainedMessages, retainedLimits } from './retained.ts';
import { createTopicTree, type TopicTree } from './topic-tree.ts';

/** One of a tenant's clients, as far as messages are sent to it. */
export type Subscriber = {
  readonly tenantId: string;
  readonly delivery: Delivery;
  /** Its filters, with the QoS granted. */
  readonly subscriptions: Map<string, Qos>;
};

export type Forwarding = {
  readonly publish: Publish;
  /** Whether a message of that kind concerns anybody: nothing is spent on others. */
  isWanted(tenantId: string, message: { retain: boolean }): boolean;
  /**
   * Forwards a message of a device that is committed, and retains it if it asks for that; one that is not granted goes
   * nowhere. The payload may be a part of a larger buffer.
   */
  forward(device: Device, message: Forwarded): void;
  /** Whether somebody subscribes to the topic, who may be away, or its last message is retained. */
  isHeard(tenantId: string, topic: string): boolean;
  /** Adds a filter to those of a subscriber, or changes its QoS; false when there are too many, or it is too deep. */
  subscribe(subscriber: Subscriber, wanted: Wanted): boolean;
  /** Offers a subscriber what is retained under filters of its own (3.8.4). */
  offerRetained(subscriber: Subscriber, filters: readonly Wanted[]): void;
  unsubscribe(subscriber: Subscriber, filters: Iterable<string>): void;
};

type Tenant = {
  readonly filters: TopicTree<Map<Subscriber, Qos>>;
  readonly retained: RetainedMessages;
  readonly retainedByServer: RetainedMessages;
};

const retainedBytesMax = 64 * 1_024 * 1_024;
/** The server's own are lists of what is open, which is not to vanish when there is much of it. */
const serverLimits = { ...retainedLimits, payloadBytesMax: 1_000_000 };
export const subscriptionLimits = { filtersMax: 500, filtersOfTenantMax: 20_000, levelsMax: 32 } as const;

export type ForwardingOptions = { readonly counters: IngestCounters; readonly log: Log };

/** No subscribers, and nothing retained. */
export function createForwarding({ counters, log }: ForwardingOptions): Forwarding {
  const tenants = new Map<string, Tenant>();
  const { startRetaining, retain, notRetained } = createRetaining({ counters, log });
  const tenantOf = (tenantId: string): Tenant => {
    const known = tenants.get(tenantId);
    if (known) return known;
    const made = { filters: createTopicTree<Map<Subscriber, Qos>>(), ...startRetaining() };
    tenants.set(tenantId, made);
    return made;
  };
  const send = (subscribers: ReadonlyMap<Subscriber, Qos>, message: Forwarded) => {
    for (const [{ delivery }, granted] of subscribers) {
      counters.forwarded.inc();
      delivery.offer(message, Math.min(granted, message.qos) as Qos);
    }
  };

  const catchUp = createCatchUp({
    retainedOf: ({ tenantId }) => [tenantOf(tenantId).retained, tenantOf(tenantId).retainedByServer],
    onLeftOut: () => counters.undelivered.inc({ reason: 'retained_too_many' }),
  });

  return {
    publish: async (tenantId, message) => {
      const tenant = tenantOf(tenantId);
      if (message.retain) {
        tenant.retained.put({ ...message, payload: nothing });
        retain(message, tenant.retainedByServer);
      }
      send(findSubscribers(tenant, message.topic), message);
    },
    isWanted: (tenantId, { retain: isRetained }) => isRetained || (tenants.get(tenantId)?.filters.size() ?? 0) > 0,
    forward: ({ tenantId, grants }, { topic, payload, qos, retain: isRetained }) => {
      const tenant = tenantOf(tenantId);
      const subscribers = findSubscribers(tenant, topic);
      if (subscribers.size === 0 && !isRetained) return;
      if (!isPublishable(topic) || !isGranted(grants, topic)) return;
      // The payload is a part of what came in with it, which would stay in memory as long.
      const message = { topic, payload: Buffer.from(payload), qos, retain: isRetained };
      if (isRetained && tenant.retainedByServer.has(topic)) notRetained(message, 'reserved');
      else if (isRetained) retain(message, tenant.retained);
      send(subscribers, message);
    },
    isHeard: (tenantId, topic) => {
      const tenant = tenants.get(tenantId);
      if (!tenant || !isPublishable(topic)) return false;
      return tenant.retained.has(topic) || findSubscribers(tenant, topic).size > 0;
    },
    subscribe: (subscriber, wanted) => add(tenantOf(subscriber.tenantId), subscriber, wanted),
    offerRetained: (subscriber, filters) => {
      const tenant = tenantOf(subscriber.tenantId);
      if (tenant.retained.size() + tenant.retainedByServer.size() > 0) catchUp(subscriber, filters);
    },
    unsubscribe: (subscriber, filters) => {
      const tenant = tenants.get(subscriber.tenantId);
      for (const filter of filters) if (tenant) remove(tenant, subscriber, filter);
    },
  };
}

const nothing = Buffer.alloc(0);

/** What is retained of all tenants together: within its budgets, and counted. */
function createRetaining({ counters, log }: ForwardingOptions) {
  const budget = { bytes: 0, bytesMax: retainedBytesMax };
  const serverBudget = { bytes: 0, bytesMax: retainedBytesMax };
  const notRetained = ({ topic }: Forwarded, why: string): void => {
    counters.undelivered.inc({ reason: `retained_${why}` });
    log.debug({ topic, why }, 'a message is not retained');
  };
  return {
    notRetained,
    retain: (message: Forwarded, into: RetainedMessages): void => {
      const outcome = into.put(message);
      counters.retainedBytes.set(budget.bytes + serverBudget.bytes);
      if (outcome === 'too_large' || outcome === 'full') notRetained(message, outcome);
    },
    startRetaining: (): Pick<Tenant, 'retained' | 'retainedByServer'> => ({
      retained: createRetainedMessages(budget),
      retainedByServer: createRetainedMessages(serverBudget, serverLimits),
    }),
  };
}

/** A will may have wildcards in its topic, and has gone into quarantine for it. */
function isPublishable(topic: string): boolean {
  return !topic.startsWith('$') && !/[+#]/.test(topic);
}

function add({ filters }: Tenant, subscriber: Subscriber, { filter, qos }: Wanted): boolean {
  const { subscriptions } = subscriber;
  const known = filters.get(filter);
  const isNew = !subscriptions.has(filter);
  if (isNew && subscriptions.size >= subscriptionLimits.filtersMax) return false;
  if (!known && (filters.size() >= subscriptionLimits.filtersOfTenantMax || isTooDeep(filter))) return false;
  subscriptions.set(filter, qos);
  if (known) known.set(subscriber, qos);
  else filters.set(filter, new Map([[subscriber, qos]]));
  return true;
}

function remove({ filters }: Tenant, subscriber: Subscriber, filter: string): void {
  if (!subscriber.subscriptions.delete(filter)) return;
  const subscribers = filters.get(filter);
  subscribers?.delete(subscriber);
  if (subscribers?.size === 0) filters.delete(filter);
}

function isTooDeep(filter: string): boolean {
  return filter.split('/', subscriptionLimits.levelsMax + 1).length > subscriptionLimits.levelsMax;
}

function findSubscribers({ filters }: Tenant, topic: string): Map<Subscriber, Qos> {
  const found = new Map<Subscriber, Qos>();
  if (filters.size() === 0) return found;
  filters.eachMatching(topic, (subscribers) => {
    for (const [subscriber, qos] of subscribers) {
      const known = found.get(subscriber);
      if (known === undefined || known < qos) found.set(subscriber, qos);
    }
  });
  return found;
}
