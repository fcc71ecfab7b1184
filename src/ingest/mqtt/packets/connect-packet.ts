/**
 * The CONNECT packet (MQTT 3.1.1, 3.1), as far as the door needs it to know who comes: read and checked here, so that
 * nothing of a stranger's reaches the broker.
 */
import { isUtf8 } from 'node:buffer';
import { readHeader } from './frames.ts';

export type Connect = {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  /** False: its session outlives its connections (3.1.2.4). */
  readonly isClean: boolean;
  /** 0 is no keep-alive. */
  readonly keepAliveMs: number;
  readonly will: Will | undefined;
};

/** What is published for a client whose connection ends without a DISCONNECT (3.1.2.5). */
export type Will = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
};

export type ReadConnect =
  | { readonly connect: Connect }
  /** To be answered with this return code (table 3.1), and closed. */
  | { readonly returnCode: 1 | 2; readonly reason: 'protocol_version' | 'client_id' }
  /** [MQTT-3.1.4-1]: to be closed without an answer. */
  | { readonly malformed: string };

/** [MQTT-3.1.3-5] asks for 23 at least; with the device's id before them these are names in maps and rows of tables. */
const clientIdBytesMax = 256;

const flag = {
  reserved: 0x01,
  clean: 0x02,
  will: 0x04,
  willQos: 0x18,
  willRetain: 0x20,
  password: 0x40,
  username: 0x80,
};

/** Reads a whole CONNECT packet with its fixed header. */
export function readConnect(packet: Buffer): ReadConnect {
  const header = readHeader(packet, 0);
  if (typeof header !== 'object') return { malformed: 'the header is not whole' };
  const read = createReader(packet.subarray(header.bytes, header.bytes + header.length));
  const protocol = read.text();
  if (protocol !== 'MQTT' && protocol !== 'MQIsdp') return { malformed: 'the protocol is not MQTT' };
  // Mosquitto's bridges set the highest bit of the level.
  const level = (read.byte() ?? 0) & 0x7f;
  // [MQTT-3.1.2-2]
  if (level !== (protocol === 'MQTT' ? 4 : 3)) return { returnCode: 1, reason: 'protocol_version' };
  const flags = read.byte() ?? flag.reserved;
  const wrong = findWrongFlags(flags);
  if (wrong) return { malformed: wrong };
  const has = (bit: number) => (flags & bit) !== 0;

  const keepAlive = read.bytes(2);
  const clientId = read.text();
  const willTopic = has(flag.will) ? read.text() : 'none';
  const willPayload = has(flag.will) ? read.binary() : 'none';
  const username = has(flag.username) ? read.text() : 'none';
  const password = has(flag.password) ? read.binary() : 'none';
  // [MQTT-1.5.3-1], [MQTT-1.5.3-2]
  if (!keepAlive || clientId === undefined || !willTopic || !willPayload || username === undefined || !password) {
    return { malformed: 'a field is cut off, or is no UTF-8 text without U+0000' };
  }
  if (!read.isAtEnd()) return { malformed: 'there are bytes behind the last field' };
  // [MQTT-3.1.3-8]: without an identifier there is no session to keep; MQTT 3.1 knows no client without one.
  const isNamed = clientId !== '' || (has(flag.clean) && level === 4);
  if (!isNamed || Buffer.byteLength(clientId) > clientIdBytesMax) return { returnCode: 2, reason: 'client_id' };
  return {
    connect: {
      clientId,
      username: has(flag.username) ? username : undefined,
      password: typeof password === 'string' ? undefined : password,
      isClean: has(flag.clean),
      keepAliveMs: keepAlive.readUInt16BE(0) * 1_000,
      will: typeof willPayload === 'string' ? undefined : readWill(willTopic, willPayload, flags),
    },
  };
}

function readWill(topic: string, payload: Buffer, flags: number): Will {
  const qos = ((flags & flag.willQos) >> 3) as 0 | 1 | 2;
  return { topic, payload: Buffer.from(payload), qos, retain: (flags & flag.willRetain) !== 0 };
}

function findWrongFlags(flags: number): string | undefined {
  // [MQTT-3.1.2-3]
  if (flags & flag.reserved) return 'the reserved flag is set, or the packet ends before the flags';
  // [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-15]
  if (!(flags & flag.will) && flags & (flag.willQos | flag.willRetain)) return 'flags of a will without a will';
  // [MQTT-3.1.2-14]
  if ((flags & flag.willQos) === flag.willQos) return 'the will has a quality of service of 3';
  // [MQTT-3.1.2-22]
  if (flags & flag.password && !(flags & flag.username)) return 'a password without a user name';
  return undefined;
}

/** Reads fields one after the other; undefined where one is cut off or malformed, and from there on. */
export function createReader(body: Buffer) {
  let at = 0;
  const bytes = (count: number): Buffer | undefined => {
    const taken = body.subarray(at, at + count);
    at += count;
    return taken.length === count ? taken : undefined;
  };
  const binary = (): Buffer | undefined => {
    const length = bytes(2)?.readUInt16BE(0);
    return length === undefined ? undefined : bytes(length);
  };
  return {
    bytes,
    binary,
    byte: () => bytes(1)?.[0],
    text: (): string | undefined => {
      const field = binary();
      return field && isUtf8(field) && !field.includes(0) ? field.toString() : undefined;
    },
    isAtEnd: () => at === body.length,
  };
}
