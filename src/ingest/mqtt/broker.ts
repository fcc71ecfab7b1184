/**
 * The broker, Aedes (MQTT 3.1 and 3.1.1), and the only file that knows it.
 *
 *   preConnect ─▶ authenticate ─▶ CONNACK ─▶ authorizePublish ─▶ intake ─▶ commit ─▶ PUBACK, PUBREC
 *
 * Aedes would acknowledge before it tells anybody of a message, and while it is made to wait it reads nothing, not even a
 * ping. So authorizePublish takes the message over: it goes on as QoS 0, which nobody acknowledges, and the
 * acknowledgement is written past Aedes after the commit. Devices publish and are no subscribers: what one publishes is
 * forwarded to nobody, and retained for nobody.
 */
import type { Duplex } from 'node:stream';
import { Aedes, type AedesOptions, type AuthenticateError } from 'aedes';
import type { DeviceAuthenticator } from '../../access/device.ts';
import type { Log } from '../../platform/log.ts';
import type { IngestCounters } from '../intake/counters.ts';
import type { Intake } from '../intake/intake.ts';
import { createKeptSessions, createMqttSession, type KeptSessions, type MqttGuest } from './session.ts';

export type MqttBroker = {
  /** Serves a connection whose guest `guestOf` knows. */
  handle(stream: Duplex): void;
  /** Ends all connections that it serves. */
  close(): Promise<void>;
};

export type BrokerOptions = {
  readonly guestOf: (stream: object) => MqttGuest | undefined;
  readonly authenticate: DeviceAuthenticator;
  readonly intake: Intake;
  readonly counters: IngestCounters;
  readonly log: Log;
};

/** Return codes of CONNACK (MQTT 3.1.1, table 3.1). */
const unavailable = 3;
const badCredentials = 4;
const notAuthorized = 5;
const identifierRejected = Buffer.from([0x20, 2, 0, 2]);
/** No device may subscribe to it, and nothing is published there but what devices have published. */
const nobodysTopic = 'devices';
const topicLevelsMax = 100;
/** Errors of Aedes that tell of a connection's end, and not of what the device did. */
const isOurs: ReadonlySet<string> = new Set(['connection closed', 'drain timeout']);

/** A broker that hands each message of an authenticated device to the intake. */
export async function createMqttBroker(options: BrokerOptions): Promise<MqttBroker> {
  const { guestOf, log } = options;
  const kept = createKeptSessions();
  const hooks = guarded(createHooks(options, kept), log);
  // What is pipelined behind a CONNECT waits in the connection, so the broker's own queue stays empty.
  const broker = await Aedes.createBroker({ ...hooks, connectTimeout: 10_000, drainTimeout: 5_000, queueLimit: 100 });
  openUp(broker as unknown as BrokerInside, kept);
  broker.on('clientError', (client, error) => noteEnd(error, guestOf(client.conn), options));
  broker.on('connectionError', (_client, error) => noteEnd(error, undefined, options));
  broker.on('clientReady', (client) => guestOf(client.conn)?.connection.admit());
  // The types leave this event out; without a listener it would end the process.
  const onError = (error?: unknown) => log.error({ err: error }, 'the broker reported an error');
  broker.on('error' as 'closed', onError);
  return {
    handle: (stream) => {
      broker.handle(stream);
    },
    close: () => new Promise((resolve) => broker.close(resolve)),
  };
}

type BrokerInside = {
  maxTopicLevels: number;
  readonly persistence: { subscriptionsByClient(client: { id: string }): Promise<{ topic: string; qos: number }[]> };
};

/** Two things about Aedes that no option changes: they are public properties, which its types leave out. */
function openUp(broker: BrokerInside, kept: KeptSessions): void {
  // It would close the connection of a client whose topic has too many levels, and the client would send it again for
  // ever. Its index of topics throws at so many; `authorizePublish` and `authorizeSubscribe` keep them away from it.
  broker.maxTopicLevels = Number.POSITIVE_INFINITY;
  // It says "session present" of sessions with subscriptions only. [MQTT-3.2.2-2]: identifiers that are kept are a
  // session, too; so a subscription is shown to it, which `authorizeSubscribe` refuses.
  const { persistence } = broker;
  const find = persistence.subscriptionsByClient.bind(persistence);
  persistence.subscriptionsByClient = async (client) => {
    if (!kept.isPresent(client.id)) return [];
    const subscriptions = await find(client);
    return subscriptions.length > 0 ? subscriptions : [{ topic: nobodysTopic, qos: 0 }];
  };
}

/** Counts and logs what a device did that ended its connection; before it is known, `admit` and the door do so. */
function noteEnd(error: Error, guest: MqttGuest | undefined, { counters, log }: BrokerOptions): void {
  if (!guest?.session || isOurs.has(error.message)) {
    log.debug({ err: error }, 'a connection ended');
    return;
  }
  const reason = 'protocol_violation';
  counters.refused.inc({ reason });
  const { connection, session } = guest;
  const detail = { reason, error: error.message, username: session.device.username, address: connection.remoteAddress };
  log.info(detail, 'a connection was ended');
}

function createHooks(options: BrokerOptions, kept: KeptSessions): AedesOptions {
  const { guestOf, intake, counters } = options;
  return {
    preConnect: (client, packet, done) => {
      const guest = guestOf(client.conn);
      if (!guest) return done(new Error('a connection without a guest'), false);
      guest.keepAliveMs = (packet.keepalive ?? 0) * 1_000;
      guest.isClean = packet.clean !== false;
      packet.keepalive = 0; // The door keeps it: Aedes sees no pings.
      if (packet.clientId !== '' || guest.isClean) return done(null, true);
      // [MQTT-3.1.3-8]: without an identifier there is no session to keep.
      guest.connection.write(identifierRejected);
      done(new Error('an empty client identifier needs a clean session'), false);
    },
    authenticate: (client, username, password, done) => {
      const guest = guestOf(client.conn);
      if (!guest || !username || !password) return done(refusal(notAuthorized, 'anonymous'), null);
      if (!isUsername(username)) {
        counters.refused.inc({ reason: 'credentials_wrong' });
        const address = guest.connection.remoteAddress;
        options.log.info({ username: shown(username), address, refused: 'wrong' }, 'a device was refused');
        return done(refusal(badCredentials, 'no user name'), null);
      }
      admit(client, { guest, kept, username, password, ...options }).then(
        (refused) => done(refused ?? null, refused === undefined),
        (cause) => {
          options.log.warn({ err: cause, username: shown(username) }, 'a device could not be authenticated');
          done(refusal(unavailable, 'the credentials cannot be checked now'), null);
        },
      );
    },
    authorizePublish: (client, packet, done) => {
      const session = client && guestOf(client.conn)?.session;
      if (!session) return done(new Error('a message of nobody'));
      const { qos, messageId, topic } = packet;
      packet.qos = 0;
      packet.retain = false;
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      const { isRepeated } = session.take(qos, messageId);
      counters.received.inc({ qos });
      intake.offer({ origin: session, topic, payload, receivedMs: Date.now(), qos, messageId, isRepeated });
      packet.topic = nobodysTopic;
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const username = guestOf(client.conn)?.session?.device.username ?? '';
      const isOwn = /^[^+#/]+$/.test(username) && subscription.topic.startsWith(`devices/${username}/`);
      const isShallow = subscription.topic.split('/').length <= topicLevelsMax;
      done(null, isOwn && isShallow ? subscription : null);
    },
    // Only what the server itself publishes has no client.
    authorizeForward: (_client, packet) => ('clientId' in packet ? null : packet),
  };
}

/** User names are 1 to 128 characters, none of them a control character, which a database might not even take. */
function isUsername(text: string): boolean {
  return /^\P{Cc}{1,128}$/u.test(text);
}

/** As much of a user name as a log line takes: whoever connects may have made it up. */
function shown(username: string): string {
  return username.slice(0, 64);
}

type Admission = BrokerOptions & {
  readonly guest: MqttGuest;
  readonly kept: KeptSessions;
  readonly username: string;
  readonly password: Buffer;
};

/** Gives the guest a session, or the reason why not. */
async function admit(client: { id: string }, admission: Admission): Promise<AuthenticateError | undefined> {
  const { guest, kept, username, password, authenticate, counters, log } = admission;
  const outcome = await authenticate({ username, password });
  if ('refused' in outcome) {
    const { refused } = outcome;
    counters.refused.inc({ reason: `credentials_${refused}` });
    log.info({ username: shown(username), address: guest.connection.remoteAddress, refused }, 'a device was refused');
    return refusal(refused === 'wrong' ? badCredentials : unavailable, refused);
  }
  // Client identifiers are the device's own: another tenant's cannot take its session over.
  client.id = `${outcome.device.id}:${client.id}`;
  if (guest.isClean) kept.forget(client.id);
  else guest.inbound = kept.resume(client.id, guest.inbound);
  guest.session = createMqttSession(outcome.device, guest);
  return undefined;
}

/** Aedes brings the process down when a hook throws, so none may. */
function guarded(hooks: AedesOptions, log: Log): AedesOptions {
  const wrapped = Object.entries(hooks).map(([name, hook]) => {
    const guard = (...parameters: unknown[]) => {
      try {
        return (hook as (...given: unknown[]) => unknown)(...parameters);
      } catch (error) {
        log.error({ err: error, hook: name }, 'a hook of the broker failed');
        const done = parameters.at(-1);
        if (typeof done === 'function') done(error, null);
        return null;
      }
    };
    return [name, guard];
  });
  return Object.fromEntries(wrapped);
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode }) as AuthenticateError;
}
