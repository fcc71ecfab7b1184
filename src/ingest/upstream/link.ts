/**
 * One connection to an external broker, in MQTT 5 or 3.1.1.
 *
 *   dialling ──CONNECT──▶ waiting ──CONNACK 0──▶ open ──end(), an error, silence──▶ closed
 *                            └─ refused, or nothing within connectMsMax ─▶ closed
 *
 * mqtt.js handles one message at a time and acknowledges it before it takes the next; so a commit would hold one message
 * each. Here messages are handed on as they come, as many as the broker lets be under way, and whoever has committed them
 * writes the acknowledgements. While the gate is shut nothing is read, so that TCP pushes back; pings are still sent.
 */
import type { Duplex } from 'node:stream';
import mqttPacket, { type IConnackPacket, type Packet } from 'mqtt-packet';
import type { ServerMessage } from '../publish.ts';
import { dial, type TlsFiles } from './dial.ts';
import { createExchanges, type Exchanges } from './exchanges.ts';
import { createPacketReader, type Delivery } from './packets.ts';
import { describeCode } from './reason.ts';

export type LinkOptions = {
  readonly url: URL;
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly tls: TlsFiles;
  /** Whether the session begins anew, and ends with the connection. */
  readonly isClean: boolean;
  /** What the broker publishes when the connection is lost. */
  readonly will: ServerMessage | undefined;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Nothing is read while it is false; `resume` looks again. */
  readonly isGateOpen: () => boolean;
  /** Ends the attempt to connect. */
  readonly signal: AbortSignal;
};

export type Link = {
  /** Asks for topic filters at QoS 1; returns those that were refused, with the reason. */
  subscribe(filters: readonly string[]): Promise<Map<string, string>>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Resolves when the broker has answered, or, at QoS 0, when it is written; rejects with the reason it gives. */
  publish(message: ServerMessage): Promise<void>;
  /** Writes bytes that are whole packets. */
  write(bytes: Buffer): void;
  resume(): void;
  isOpen(): boolean;
  /** Whether the broker says that it has shared subscriptions, or says nothing. */
  readonly hasShared: boolean;
  /** Resolves with the reason once the connection is closed. */
  readonly closed: Promise<Error>;
  /** Says goodbye, so that no will is published, and closes; the session stays at the broker. */
  end(): void;
};

/** The broker said no, or hung up. With `isVersion` it may be that it does not speak this version of MQTT. */
export class LinkRefused extends Error {
  override readonly name = 'LinkRefused';
  readonly isVersion: boolean;
  constructor(message: string, isVersion: boolean) {
    super(message);
    this.isVersion = isVersion;
  }
}

const connectMsMax = 15_000;
const answerMsMax = 30_000;
const closeMsMax = 2_000;
const keepAliveSeconds = 30;
const sweepMs = 5_000;
/** How many messages a broker may have under way to us: with fewer a commit would hold fewer. */
const receiveMaximum = 10_000;
/** Long enough for a weekend; with MQTT 3.1.1 it is the broker's own setting. */
const sessionExpirySeconds = 7 * 86_400;
const unreadBytesMax = 16 * 1_048_576;
const connackByte = 0x20;

type Line = {
  readonly stream: Duplex;
  readonly version: 4 | 5;
  readonly options: LinkOptions;
  heardAt: number;
  saidAt: number;
  failure: Error | undefined;
};

/** Connects; rejects with LinkRefused, or with what kept it from the broker. The session is the one that it left there. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { url, version, tls } = options;
  const stream = await dial(url, tls);
  const now = performance.now();
  const line: Line = { stream, version, options, heardAt: now, saidAt: now, failure: undefined };
  const closed = new Promise<Error>((resolve) => {
    stream.on('error', (error) => (line.failure ??= error));
    stream.once('close', () => resolve(line.failure ?? new Error('the broker closed the connection')));
  });
  send(line, connectPacket(options));

  let onPacket: (packet: Packet) => void = () => {};
  const receive = createReceiver(line, (packet) => onPacket(packet));
  stream.on('data', (chunk: Buffer) => {
    line.heardAt = performance.now();
    receive(chunk);
    if (!line.failure && !options.isGateOpen()) stream.pause();
  });

  const connack = await awaitConnack(line, closed, (listener) => (onPacket = listener));
  const exchanges = createExchanges((packet) => send(line, packet), connack.properties?.receiveMaximum ?? 65_535);
  onPacket = (packet) => take(line, packet, exchanges);
  // A broker that wants no keep-alive still answers pings.
  const keepAliveMs = (connack.properties?.serverKeepAlive || keepAliveSeconds) * 1_000;
  const sweep = setInterval(() => watch(line, exchanges, keepAliveMs), Math.min(sweepMs, keepAliveMs / 3)).unref();
  void closed.then((reason) => {
    clearInterval(sweep);
    exchanges.fail(reason);
  });
  return createLink(line, { exchanges, closed, hasShared: connack.properties?.sharedSubscriptionAvailable !== false });
}

/** Takes bytes of the broker apart: messages go to whoever takes deliveries, other packets to `onPacket`. */
function createReceiver(line: Line, onPacket: (packet: Packet) => void): (chunk: Buffer) => void {
  const { version, options } = line;
  const read = createPacketReader(version === 5);
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', onPacket);
  parser.on('error', (error) => destroy(line, error));
  let isAnswered = false;

  return (chunk) => {
    // [MQTT-3.2.0-1]: the first packet of a server is a CONNACK.
    if (!isAnswered && chunk[0] !== connackByte) {
      destroy(line, new Error('what answers there does not speak MQTT'));
      return;
    }
    isAnswered = true;
    try {
      for (const packet of read(chunk)) {
        if (line.failure) return;
        if (packet.kind === 'publish') options.onDelivery(packet);
        else parser.parse(packet.bytes);
      }
    } catch (error) {
      destroy(line, error as Error);
    }
  };
}

function connectPacket({ url, version, clientId, isClean, will }: LinkOptions): Packet {
  const { username, password } = url;
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId,
    clean: isClean,
    keepalive: keepAliveSeconds,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: Buffer.from(decodeURIComponent(password)) }),
    ...(will && { will }),
    ...(version === 5 && { properties: { sessionExpiryInterval: isClean ? 0 : sessionExpirySeconds, receiveMaximum } }),
  };
}

async function awaitConnack(
  line: Line,
  closed: Promise<Error>,
  listen: (listener: (packet: Packet) => void) => void,
): Promise<IConnackPacket> {
  const timer = setTimeout(() => destroy(line, new Error('the broker does not answer')), connectMsMax);
  const { signal } = line.options;
  const abort = () => destroy(line, new Error('closed by us'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  const connack = new Promise<Packet>((resolve) => listen(resolve));
  const first = await Promise.race([connack, closed]);
  clearTimeout(timer);
  signal.removeEventListener('abort', abort);
  if (first instanceof Error) {
    // Some brokers just hang up on a version that they do not know.
    const isHangUp = line.failure === undefined || (first as NodeJS.ErrnoException).code === 'ECONNRESET';
    if (isHangUp) throw new LinkRefused('the broker hung up before it answered', true);
    throw first;
  }
  const isVersion5 = line.version === 5;
  const code = first.cmd === 'connack' ? (isVersion5 ? first.reasonCode : first.returnCode) : undefined;
  if (first.cmd === 'connack' && code === 0) return first;
  // A broker that knows no MQTT 5 answers with a CONNACK of 3.1.1, of which the second byte is the code, too.
  const refused =
    code === undefined
      ? new Error(`the broker answered with ${first.cmd}`)
      : new LinkRefused(`the broker refused: ${describeCode(code, isVersion5)}`, code === 1 || code === 132);
  destroy(line, refused);
  throw refused;
}

function take(line: Line, packet: Packet, exchanges: Exchanges): void {
  if (exchanges.answer(packet) || packet.cmd === 'pingresp') return;
  if (packet.cmd === 'pubrel') {
    send(line, { cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
    return;
  }
  const why =
    packet.cmd === 'disconnect'
      ? `the broker ended the connection: ${describeCode(packet.reasonCode ?? 0, true)}`
      : `the broker sent ${packet.cmd}, which is for brokers`;
  destroy(line, new Error(why));
}

/** Pings, and ends a connection on which the broker is silent, answers no question, or does not read. */
function watch(line: Line, exchanges: Exchanges, keepAliveMs: number): void {
  const now = performance.now();
  if (line.stream.isPaused()) line.heardAt = now;
  if (now - line.heardAt > keepAliveMs * 1.5) destroy(line, new Error('the broker is silent'));
  else if (exchanges.waitingMs() > answerMsMax) destroy(line, new Error('the broker does not answer'));
  else if (now - line.saidAt >= keepAliveMs / 3) send(line, { cmd: 'pingreq' });
}

type Parts = Pick<Link, 'closed' | 'hasShared'> & { readonly exchanges: Exchanges };

function createLink(line: Line, { exchanges, closed, hasShared }: Parts): Link {
  const { stream, version, options } = line;
  return {
    closed,
    hasShared,
    subscribe: async (filters) => {
      // What is retained is of any age, so we want none of it (MQTT 5, 3.8.3.1).
      const handling = version === 5 ? ({ nl: false, rap: false, rh: 2 } as const) : {};
      const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const, ...handling }));
      const answer = await exchanges.ask((messageId) => ({ cmd: 'subscribe', messageId, subscriptions }));
      const codes = answer.cmd === 'suback' ? (answer.granted as number[]) : [];
      const refused = filters.flatMap((filter, i): [string, string][] => {
        const code = codes[i] ?? 0x80;
        return code < 0x80 ? [] : [[filter, version === 5 ? describeCode(code, true) : 'it is not allowed']];
      });
      return new Map(refused);
    },
    unsubscribe: async (filters) => {
      await exchanges.ask((messageId) => ({ cmd: 'unsubscribe', messageId, unsubscriptions: [...filters] }));
    },
    publish: async (message) => {
      const packet = { cmd: 'publish', dup: false, ...message } as const;
      if (line.failure || stream.destroyed) throw line.failure ?? new Error('the connection is closed');
      if (message.qos === 0) return send(line, packet);
      const answer = await exchanges.ask((messageId) => ({ ...packet, messageId }));
      const code = 'reasonCode' in answer ? (answer.reasonCode ?? 0) : 0;
      if (code >= 0x80) throw new Error(`the broker refused a message: ${describeCode(code, true)}`);
    },
    write: (bytes) => write(line, bytes),
    resume: () => {
      if (!stream.isPaused() || !options.isGateOpen()) return;
      line.heardAt = performance.now();
      stream.resume();
    },
    isOpen: () => !line.failure && !stream.destroyed,
    end: () => {
      if (line.failure) return;
      line.failure = new Error('closed by us');
      send(line, { cmd: 'disconnect' });
      stream.end();
      // What is left unread would be answered with a reset, which can overtake the DISCONNECT.
      stream.resume();
      setTimeout(() => stream.destroy(), closeMsMax).unref();
    },
  };
}

function send(line: Line, packet: Packet): void {
  write(line, mqttPacket.generate(packet, { protocolVersion: line.version }));
}

function write(line: Line, bytes: Buffer): void {
  const { stream } = line;
  if (stream.destroyed || !stream.writable) return;
  line.saidAt = performance.now();
  stream.write(bytes);
  if (stream.writableLength > unreadBytesMax) destroy(line, new Error('the broker does not read'));
}

function destroy(line: Line, reason: Error): void {
  line.failure ??= reason;
  line.stream.destroy();
}
