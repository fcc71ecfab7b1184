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
import type { DeviceAuthenticator } from '../access/device.ts';
import type { Log } from '../platform/log.ts';
import type { IngestCounters } from './ingest-counters.ts';
import type { Intake } from './intake.ts';
import { createKeptSessions, createMqttSession, type KeptSessions, type MqttGuest } from './mqtt-session.ts';

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

/** A broker that hands each message of an authenticated device to the intake. */
export async function createMqttBroker(options: BrokerOptions): Promise<MqttBroker> {
  const { guestOf, log } = options;
  const hooks = guarded(createHooks(options), log);
  // What is pipelined behind a CONNECT waits in the connection, so the broker's own queue stays empty.
  const broker = await Aedes.createBroker({ ...hooks, connectTimeout: 10_000, drainTimeout: 5_000, queueLimit: 100 });
  const note = (error: Error) => log.debug({ err: error }, 'a connection ended');
  broker.on('clientError', (_client, error) => note(error));
  broker.on('connectionError', (_client, error) => note(error));
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

function createHooks(options: BrokerOptions): AedesOptions {
  const { guestOf, intake, counters } = options;
  const kept = createKeptSessions();
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
      admit(client, { guest, kept, username, password, ...options }).then(
        (refused) => done(refused ?? null, refused === undefined),
        (cause) => {
          options.log.warn({ err: cause, username }, 'a device could not be authenticated');
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
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const username = guestOf(client.conn)?.session?.device.username ?? '';
      const isOwn = /^[^+#/]+$/.test(username) && subscription.topic.startsWith(`devices/${username}/`);
      done(null, isOwn ? subscription : null);
    },
    // Only what the server itself publishes has no client.
    authorizeForward: (_client, packet) => ('clientId' in packet ? null : packet),
  };
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
    log.info({ username, address: guest.connection.remoteAddress, refused }, 'a device was refused');
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
