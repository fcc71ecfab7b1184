/**
 * The door to an external broker: the program is a client there, on behalf of one device of ours, and shares the load with
 * every other process that does the same.
 *
 *   devices ─▶ broker ─$share/{group}/telemetry/#─▶ members, each message to one of them ─▶ intake ─▶ commit ─▶ PUBACK
 *                └──spBv1.0/#─▶ the host, one of the processes, since only the whole of a node's messages has an order
 *
 * The broker knows its devices, and we know the broker: what comes from it belongs to the tenant of the device MQTT_DEVICE,
 * and is what that device may publish. Subscriptions are at QoS 1, also for what was published at QoS 2: a message that
 * comes twice is stored once if it says its time, and QoS 2 would not change what a program that was killed has to ask
 * for again. A message without a time that is delivered again has another time of arrival, and is another reading.
 */
import { createHash } from 'node:crypto';
import { type Device, toDevice } from '../../access/device.ts';
import { findDeviceByUsername } from '../../access/device-store.ts';
import type { Database } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { gatewayTopic } from '../decode/topic.ts';
import type { IngestCounters } from '../intake/counters.ts';
import type { Intake } from '../intake/intake.ts';
import type { Publish } from '../publish.ts';
import { sparkplugPrefix } from '../sparkplug/topic.ts';
import { parsePattern, shapeOf } from '../templates/pattern.ts';
import { listEnabledTemplates } from '../templates/template-store.ts';
import { createDeliver, type DeliverOptions } from './deliver.ts';
import type { TlsFiles } from './dial.ts';
import { planFilters } from './filters.ts';
import { createOutsideState } from './host-state.ts';
import { type Duty, type Member, type MemberOptions, startMember } from './member.ts';
import type { Delivery } from './packets.ts';

/** What the settings say about the external broker. */
export type UpstreamSettings = {
  /** mqtt, mqtts, ws or wss, with user name and password. */
  readonly url: string;
  /** Undefined: 5, or else 4, which is 3.1.1. */
  readonly version: 4 | 5 | undefined;
  readonly group: string;
  /** User name of the device on whose behalf we are there. */
  readonly username: string;
  readonly tls: TlsFiles;
  /** How often it is looked what is to be subscribed to; 5 s unless told otherwise. */
  readonly refreshMs?: number;
};

export type UpstreamOptions = {
  readonly settings: UpstreamSettings;
  /** The name of this host application of Sparkplug B. */
  readonly hostId: string;
  readonly database: Database;
  readonly intake: Intake;
  readonly counters: IngestCounters;
  readonly log: Log;
};

export type Upstream = {
  /** To the devices behind the external broker. What is for another tenant than that of MQTT_DEVICE goes nowhere. */
  readonly publish: Publish;
  /** Calls `listener` whenever the broker is there again, and may have forgotten what it retained. */
  onUp(listener: () => void): void;
  /** Takes nothing more; what is under way is still acknowledged. */
  stopReading(): void;
  /** Says goodbye. What has not been acknowledged is delivered again, to this process or another. */
  close(): Promise<void>;
};

const placesMax = 1_000;
/** A broker that hands on QoS 0 without end is not read while so many messages are under way. */
const waitingMax = 20_000;
const telemetryFilter = 'telemetry/#';
const sparkplugFilter = `${sparkplugPrefix}#`;

/** Starts being a client of the broker; it connects when it can. */
export function startUpstream(options: UpstreamOptions): Upstream {
  const { counters, intake } = options;
  const listeners: (() => void)[] = [];
  const identity = createIdentity(options);
  const leaving = { isStopped: false };
  const shared = startShared({ ...options, leaving }, identity, {
    onUp: () => {
      counters.upstream.set(1);
      for (const listener of listeners) listener();
    },
    onDown: () => counters.upstream.set(0),
  });
  const host = startHost({ ...options, leaving }, identity);
  intake.onRoom(() => {
    for (const member of [shared, host]) member.link()?.resume();
  });
  return {
    publish: async (tenantId, message) => {
      const link = shared.link();
      if (!link) throw new Error('the external broker is not connected');
      if (tenantId === identity.device()?.tenantId) await link.publish(message);
    },
    onUp: (listener) => {
      listeners.push(listener);
    },
    stopReading: () => {
      leaving.isStopped = true;
      for (const member of [shared, host]) member.link()?.resume();
    },
    close: async () => {
      await Promise.all([shared.close(), host.close()]);
    },
  };
}

type Identity = {
  /** As it was read last. */
  device(): Device | undefined;
  /** Reads it again; undefined when there is none, or it is revoked. */
  read(): Promise<Device | undefined>;
};

function createIdentity({ settings, database }: UpstreamOptions): Identity {
  let device: Device | undefined;
  return {
    device: () => device,
    read: async () => {
      const row = await findDeviceByUsername(database.db, settings.username);
      device = row && toDevice(row);
      return device;
    },
  };
}

/**
 * Short enough for a broker that takes 23 characters (MQTT 3.1.1, 3.1.3.1) with the number of any place behind it. Another
 * group has other subscriptions, so it has other sessions, too.
 */
function nameOf({ id }: Device, group: string): string {
  const digest = createHash('sha256').update(`${id} ${group}`).digest('hex');
  return `faultline-${digest.slice(0, 8)}`;
}

type MembershipOptions = UpstreamOptions & { readonly leaving: { readonly isStopped: boolean } };

function startShared(
  options: MembershipOptions,
  identity: Identity,
  told: Pick<MemberOptions, 'onUp' | 'onDown'>,
): Member {
  const { settings, database, counters, log } = options;
  const { group, username } = settings;
  const findDuty = async (): Promise<Duty | undefined> => {
    const device = await identity.read();
    if (!device) {
      log.warn(`MQTT_DEVICE: there is no device "${username}", so nothing is taken from MQTT_URL`);
      return undefined;
    }
    const templates = await listEnabledTemplates(database.db, [device.tenantId]);
    const shapes = templates.flatMap(({ pattern }) => {
      const parsed = parsePattern(pattern);
      return 'pattern' in parsed ? [shapeOf(parsed.pattern)] : [];
    });
    // Of what names its device by `me` nobody can tell behind a broker whose it is.
    const filters = planFilters(device.grants, [telemetryFilter, gatewayTopic, ...shapes]);
    return { name: nameOf(device, group), filters, group };
  };
  const load = { waiting: 0 };
  const member: Member = startMember({
    ...memberOptions(options, load),
    ...told,
    placesMax,
    findDuty,
    onLink: (write) => {
      const deliver = createDeliver(
        deliverOptions(options, { identity, load, write, resume: () => member.link()?.resume() }),
      );
      return (delivery) => {
        if (delivery.isRetained) counters.retained.inc();
        deliver(delivery, !delivery.isRetained);
      };
    },
  });
  return member;
}

/** The one process that hears the edge nodes. When it ends, another takes its place; the births are in the database. */
function startHost(options: MembershipOptions, identity: Identity): Member {
  const { hostId, settings, log } = options;
  const state = createOutsideState(hostId, log);
  const findDuty = async (): Promise<Duty | undefined> => {
    const device = await identity.read();
    const filters = device ? planFilters(device.grants, [sparkplugFilter]) : [];
    if (!device || filters.length === 0) return undefined;
    const withState = planFilters([...filters, state.topic], [sparkplugFilter]);
    return { name: `${nameOf(device, settings.group)}-s`, filters: withState, group: undefined };
  };
  const load = { waiting: 0 };
  const member: Member = startMember({
    ...memberOptions(options, load),
    placesMax: 1,
    findDuty,
    isClean: true,
    will: state.will,
    onUp: () => state.sayOnline(member.link()),
    onLink: (write) => {
      const deliver = createDeliver(
        deliverOptions(options, { identity, load, write, resume: () => member.link()?.resume() }),
      );
      return (delivery: Delivery) => {
        const isState = delivery.topic === state.topic;
        if (isState && !delivery.isRetained) state.overheard(delivery.payload, member.link());
        deliver(delivery, !isState && !delivery.isRetained);
      };
    },
  });
  return {
    ...member,
    close: async () => {
      await state.sayOffline(member.link());
      await member.close();
    },
  };
}

function memberOptions({ settings, database, intake, log, leaving }: MembershipOptions, load: { waiting: number }) {
  return {
    url: new URL(settings.url),
    tls: settings.tls,
    versions: settings.version ? [settings.version] : ([5, 4] as const),
    refreshMs: settings.refreshMs ?? 5_000,
    database,
    // Who leaves still has to hear the answers to its farewell.
    isGateOpen: () => leaving.isStopped || (load.waiting < waitingMax && !intake.isFull()),
    log,
  };
}

type OfLink = Pick<DeliverOptions, 'load' | 'write' | 'resume'> & { readonly identity: Identity };

function deliverOptions(
  { intake, counters, leaving }: MembershipOptions,
  { identity, ...ofLink }: OfLink,
): DeliverOptions {
  return { intake, counters, device: identity.device, isStopped: () => leaving.isStopped, ...ofLink };
}
