/**
 * Sessions of clients (MQTT 3.1.1, 3.1.2.4), by the device's id and the client identifier that it uses, so that no device
 * takes over what is another's. They are in memory: after a restart of the program no session is present.
 *
 *   open ─▶ present ─leave─▶ not kept: forgotten
 *             ▲        └───▶ kept: away ─expiryMs, or too many are away─▶ forgotten
 *             └───────open────────────┘
 */
import type { Device } from '../../../access/device.ts';
import { createDelivery, type DeliveryBudget } from './delivery.ts';
import type { Forwarding, Subscriber } from './forwarding.ts';
import { maySubscribe } from './subscribe-grants.ts';

export type ClientSession = Subscriber & {
  readonly key: string;
  readonly isKept: boolean;
  /** Identifiers of QoS 2 messages of the client between PUBLISH and PUBREL. */
  readonly inbound: Set<number>;
};

export type ClientSessions = {
  /** The session of a client that has just come, which must not be here; what it may no longer hear is taken out. */
  open(client: Client): { session: ClientSession; isPresent: boolean };
  /** The client has gone. */
  leave(session: ClientSession): void;
  /** Forgets those that have been away for too long. */
  sweep(): void;
};

export type Client = { readonly device: Device; readonly clientId: string; readonly isClean: boolean };

export type ClientSessionsOptions = {
  readonly forwarding: Forwarding;
  /** Of all; a tenant may have a quarter of it. */
  readonly budget: DeliveryBudget;
  readonly onDropped: () => void;
  readonly limits?: SessionLimits;
};

export type SessionLimits = { readonly awayMax: number; readonly awayOfDeviceMax: number; readonly expiryMs: number };

const sessionLimits: SessionLimits = { awayMax: 10_000, awayOfDeviceMax: 100, expiryMs: 24 * 3_600_000 };

type Away = { readonly session: ClientSession; readonly deviceId: string; readonly sinceMs: number };

/** No sessions yet. */
export function createClientSessions(options: ClientSessionsOptions): ClientSessions {
  const { forwarding, budget, onDropped, limits = sessionLimits } = options;
  /** In the order in which they left. */
  const away = new Map<string, Away>();
  const awayOfDevice = new Map<string, number>();

  const budgets = new Map<string, DeliveryBudget>();
  const budgetOf = (tenantId: string): DeliveryBudget => {
    const known = budgets.get(tenantId) ?? { bytes: 0, bytesMax: budget.bytesMax / 4, within: budget };
    budgets.set(tenantId, known);
    return known;
  };
  const takeBack = (key: string): ClientSession | undefined => {
    const found = away.get(key);
    if (!found) return undefined;
    away.delete(key);
    const left = (awayOfDevice.get(found.deviceId) ?? 1) - 1;
    if (left > 0) awayOfDevice.set(found.deviceId, left);
    else awayOfDevice.delete(found.deviceId);
    return found.session;
  };
  const forget = (session: ClientSession) => {
    takeBack(session.key);
    forwarding.unsubscribe(session, [...session.subscriptions.keys()]);
    session.delivery.clear();
  };
  const forgetOldest = (isOne: (one: Away) => boolean) => {
    for (const one of away.values()) if (isOne(one)) return forget(one.session);
  };

  return {
    open: ({ device, clientId, isClean }) => {
      const key = `${device.id}:${clientId}`;
      const known = takeBack(key);
      if (known && !isClean) {
        const lost = [...known.subscriptions.keys()].filter((filter) => !maySubscribe(device, filter));
        forwarding.unsubscribe(known, lost);
        if (lost.length > 0) known.delivery.keepOnly((topic) => maySubscribe(device, topic));
        return { session: known, isPresent: true };
      }
      if (known) forget(known);
      const session: ClientSession = {
        key,
        isKept: !isClean,
        tenantId: device.tenantId,
        inbound: new Set(),
        subscriptions: new Map(),
        delivery: createDelivery({ budget: budgetOf(device.tenantId), onDropped }),
      };
      return { session, isPresent: false };
    },
    leave: (session) => {
      if (!session.isKept) return forget(session);
      session.delivery.detach();
      const deviceId = session.key.slice(0, session.key.indexOf(':'));
      away.set(session.key, { session, deviceId, sinceMs: performance.now() });
      const count = (awayOfDevice.get(deviceId) ?? 0) + 1;
      awayOfDevice.set(deviceId, count);
      if (count > limits.awayOfDeviceMax) forgetOldest((one) => one.deviceId === deviceId);
      else if (away.size > limits.awayMax) forgetOldest(() => true);
    },
    sweep: () => {
      const now = performance.now();
      for (const { session, sinceMs } of away.values()) {
        if (now - sinceMs < limits.expiryMs) return;
        forget(session);
      }
    },
  };
}
