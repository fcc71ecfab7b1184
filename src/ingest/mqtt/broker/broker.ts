/**
 * The broker: it speaks MQTT 3.1 and 3.1.1 with a device that the door has let in, packet by packet.
 *
 *   door: CONNECT, who is it? ─▶ CONNACK ─▶ PUBLISH ─▶ intake ─▶ commit ─┬▶ PUBACK, PUBREC
 *                                                                        └▶ forwarded to those who subscribe
 *
 *   connecting ──CONNECT──▶ connected ──DISCONNECT, a violation, a takeover, the connection's end──▶ ended
 *
 * A message is acknowledged and forwarded after its commit, never before. A will is a message like any other, of the
 * device that left it. Pings and PUBRELs are answered by the connection, before they come here.
 */
import type { Device } from '../../../access/device.ts';
import type { PresenceReason } from '../../../access/presence.ts';
import type { Log } from '../../../platform/log.ts';
import type { IngestCounters } from '../../intake/counters.ts';
import type { Intake } from '../../intake/intake.ts';
import type { Message } from '../../intake/message.ts';
import type { NoteRefusal } from '../door/refusals.ts';
import { connack, pubrel, suback, unsuback } from '../packets/answers.ts';
import type { Connect, Will } from '../packets/connect-packet.ts';
import { createPacketReader, type PacketReader } from '../packets/packet-reader.ts';
import { type ClientPacket, type PublishPacket, readPacket, type Wanted } from '../packets/packets.ts';
import { type ClientSession, type ClientSessions, createClientSessions } from './client-sessions.ts';
import type { Forwarding } from './forwarding.ts';
import { createLink } from './link.ts';
import { createMqttSession, type MqttGuest } from './session.ts';
import { maySubscribe } from './subscribe-grants.ts';

export type MqttBroker = {
  /** Serves a device that the door has let in, from its CONNECT on. */
  handle(arrival: Arrival): void;
  /** Lets all sessions go, without their wills: it is not the devices that end. */
  close(): void;
};

export type Arrival = {
  readonly guest: MqttGuest;
  readonly device: Device;
  /** The device has its CONNACK, and what was kept for it: what it sends from now on may pass. */
  readonly onReady: () => void;
};

export type BrokerOptions = {
  readonly noteRefusal: NoteRefusal;
  readonly forwarding: Forwarding;
  readonly intake: Intake;
  readonly counters: IngestCounters;
  readonly log: Log;
};

/** Identifiers of QoS 2 messages that a client may leave without a PUBREL. */
const unreleasedMax = 2_000;
const waitingBytesMax = 64 * 1_024 * 1_024;
const sweepMs = 60_000;
const refusedFilter = 0x80;

type Client = Arrival & {
  readonly read: PacketReader;
  state: 'connecting' | 'connected' | 'ended';
  /** Absent until it is connected. */
  session: ClientSession | undefined;
  will: Will | undefined;
};

type Broker = BrokerOptions & {
  readonly sessions: ClientSessions;
  /** Those that are connected, by the key of their session. */
  readonly present: Map<string, Client>;
  unnamed: number;
};

/** A broker that hands each message of a device to the intake, and to subscribers what has been committed. */
export function createMqttBroker(options: BrokerOptions): MqttBroker {
  const { forwarding, counters } = options;
  const onDropped = () => counters.undelivered.inc({ reason: 'waiting_full' });
  const sessions = createClientSessions({ forwarding, onDropped, budget: { bytes: 0, bytesMax: waitingBytesMax } });
  const broker: Broker = { ...options, sessions, present: new Map(), unnamed: 0 };
  const sweep = setInterval(sessions.sweep, sweepMs).unref();
  return {
    handle: (arrival) => handle(broker, arrival),
    close: () => {
      clearInterval(sweep);
      for (const client of broker.present.values()) {
        client.will = undefined;
        finish(broker, client, 'shutdown');
      }
    },
  };
}

function handle(broker: Broker, arrival: Arrival): void {
  const { stream } = arrival.guest.connection;
  const client: Client = {
    ...arrival,
    read: createPacketReader(),
    state: 'connecting',
    session: undefined,
    will: undefined,
  };
  stream.on('data', (chunk: Buffer) => {
    try {
      receive(broker, client, chunk);
    } catch (error) {
      broker.log.error({ err: error }, 'a packet could not be handled');
      violate(broker, client, 'a packet could not be handled');
    }
  });
  // Both are the end of a client that has said nothing: a half-open connection is of no use to MQTT.
  stream.on('end', () => finish(broker, client, 'connection_lost'));
  stream.on('close', () => finish(broker, client, 'connection_lost'));
  stream.on('error', () => stream.destroy()); // Its close follows.
}

function receive(broker: Broker, client: Client, chunk: Buffer): void {
  const packets = client.read(chunk);
  if (!packets) violate(broker, client, 'a remaining length of more than four bytes'); // 2.2.3
  for (const packet of packets ?? []) {
    // [MQTT-3.14.4-2]: what comes behind a DISCONNECT is not looked at.
    if (client.state === 'ended') return;
    serve(broker, client, readPacket(packet));
  }
}

function serve(broker: Broker, client: Client, packet: ClientPacket): void {
  const { session } = client;
  if (!session) {
    if (packet.type === 'connect') connect(broker, client, packet.connect);
    else violate(broker, client, 'the first packet is a CONNECT'); // [MQTT-3.1.0-1]
    return;
  }
  switch (packet.type) {
    case 'connect':
      violate(broker, client, 'a second CONNECT'); // [MQTT-3.1.0-2]
      break;
    case 'publish':
      takeMessage(broker, client, packet);
      break;
    case 'subscribe':
      subscribe(broker, client, { session, ...packet });
      break;
    case 'unsubscribe':
      broker.forwarding.unsubscribe(session, packet.filters);
      // [MQTT-3.10.4-5]: answered when there was no such subscription, too.
      client.guest.connection.write(unsuback(packet.messageId));
      break;
    case 'puback':
    case 'pubrec':
    case 'pubcomp':
      if (session.delivery.acknowledge(packet.type, packet.messageId) === 'unknown' && packet.type === 'pubrec') {
        // The client waits for it to end the exchange.
        client.guest.connection.write(pubrel(packet.messageId));
      }
      break;
    case 'pubrel':
    case 'pingreq':
      break; // The connection has answered it.
    case 'disconnect':
      client.will = undefined; // [MQTT-3.1.2-10]
      finish(broker, client, 'disconnected');
      break;
    case 'malformed':
      violate(broker, client, packet.why);
  }
}

function connect(broker: Broker, client: Client, { clientId, isClean, keepAliveMs, will }: Connect): void {
  const { guest, device } = client;
  const { stream } = guest.connection;
  const named = clientId || `\0${++broker.unnamed}`;
  const present = broker.present.get(`${device.id}:${named}`);
  if (present) takeOver(broker, present);
  const { session, isPresent } = broker.sessions.open({ device, clientId: named, isClean });
  broker.present.set(session.key, client);
  client.session = session;
  client.state = 'connected';
  client.will = will;
  guest.keepAliveMs = keepAliveMs;
  guest.inbound = session.inbound;
  guest.session = createMqttSession({ device, guest, onStored: (message) => forward(broker, message) });
  stream.write(connack(0, isPresent));
  session.delivery.attach(
    createLink(stream, { onRoom: session.delivery.pump, onFrozen: () => freeze(broker, client) }),
  );
  client.onReady();
}

/** [MQTT-3.1.4-2]: a client with the same identifier disconnects the one before it, whose will is published. */
function takeOver(broker: Broker, present: Client): void {
  finish(broker, present, 'taken_over');
  present.guest.connection.destroy();
}

function takeMessage(broker: Broker, client: Client, { topic, payload, qos, retain, messageId }: PublishPacket): void {
  const origin = client.guest.session;
  if (!origin) return;
  if (client.guest.inbound.size > unreleasedMax) {
    violate(broker, client, `more than ${unreleasedMax} messages of QoS 2 without a PUBREL`);
    return;
  }
  const { isRepeated } = origin.take({ qos, messageId, payload });
  broker.counters.received.inc({ qos });
  broker.intake.offer({ origin, topic, payload, receivedMs: Date.now(), qos, messageId, isRepeated, retain });
}

function subscribe(
  { forwarding }: Broker,
  { device, guest: { connection } }: Client,
  { session, messageId, filters }: { session: ClientSession; messageId: number; filters: readonly Wanted[] },
): void {
  const granted: Wanted[] = [];
  const returnCodes = filters.map((wanted) => {
    if (!maySubscribe(device, wanted.filter) || !forwarding.subscribe(session, wanted)) return refusedFilter;
    granted.push(wanted);
    return wanted.qos;
  });
  connection.write(suback(messageId, returnCodes));
  if (granted.length > 0) forwarding.offerRetained(session, granted);
}

/** Called for each message once it is stored, in the order in which its device published. */
function forward({ forwarding, log }: Broker, message: Message): void {
  const { topic, payload, qos, retain = false, origin } = message;
  if (message.isRepeated || !forwarding.isWanted(origin.device.tenantId, { retain })) return;
  try {
    forwarding.forward(origin.device, { topic, payload, qos, retain });
  } catch (error) {
    log.error({ err: error, topic }, 'a message could not be forwarded');
  }
}

function freeze({ noteRefusal }: Broker, { device, guest: { connection } }: Client): void {
  noteRefusal('does_not_read', { address: connection.remoteAddress, username: device.username });
  connection.destroy();
}

/** [MQTT-4.8.0-1]: a violation of the protocol ends the connection, without an answer. */
function violate(broker: Broker, client: Client, why: string): void {
  if (client.state === 'ended') return;
  const { connection } = client.guest;
  const reason = 'protocol_violation';
  broker.noteRefusal(reason, { address: connection.remoteAddress, username: client.device.username, error: why });
  finish(broker, client, reason);
}

/** The end of a client's connection; of several reasons the first one counts. */
function finish(broker: Broker, client: Client, reason: PresenceReason): void {
  if (client.state === 'ended') return;
  const { guest, session, will } = client;
  client.state = 'ended';
  guest.endReason ??= reason;
  if (session) {
    broker.present.delete(session.key);
    broker.sessions.leave(session);
    if (will) leaveWill(broker, client, will);
  }
  guest.connection.end();
}

function leaveWill({ intake, counters }: Broker, { guest }: Client, { topic, payload, qos, retain }: Will): void {
  const origin = guest.session;
  if (!origin) return;
  const message = { topic, payload, qos, retain, messageId: undefined };
  const { isRepeated } = origin.take(message);
  counters.received.inc({ qos });
  // Nobody will send it again, so that it may wait on the disk.
  intake.offer({ ...message, origin, receivedMs: Date.now(), isRepeated, isSpoolable: true });
}
