/**
 * The packets that a client sends (MQTT 3.1.1, chapter 3; MQTT 3.1 differs in its CONNECT only), read from their bytes. What
 * the specification calls malformed is told with the reason why, and ends the connection [MQTT-4.8.0-1]; nothing is
 * guessed, and nothing is read beyond the end of a packet.
 */
import { isUtf8 } from 'node:buffer';
import { isTopicFilter } from '../../../access/device-grants.ts';
import { type Connect, createReader, readConnect } from './connect-packet.ts';
import { type FixedHeader, readHeader } from './frames.ts';

type Reader = ReturnType<typeof createReader>;

export type Qos = 0 | 1 | 2;

export type PublishPacket = {
  readonly type: 'publish';
  readonly topic: string;
  /** A part of the bytes that were read: whoever keeps it for long copies it. */
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Absent at QoS 0. */
  readonly messageId: number | undefined;
};

export type ClientPacket =
  | { readonly type: 'connect'; readonly connect: Connect }
  | PublishPacket
  | { readonly type: 'subscribe'; readonly messageId: number; readonly filters: readonly Wanted[] }
  | { readonly type: 'unsubscribe'; readonly messageId: number; readonly filters: readonly string[] }
  | { readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'; readonly messageId: number }
  | { readonly type: 'pingreq' | 'disconnect' }
  | { readonly type: 'malformed'; readonly why: string };

export type Wanted = { readonly filter: string; readonly qos: Qos };

/** Reads one packet, which `bytes` holds from its first byte to its last. */
export function readPacket(bytes: Buffer): ClientPacket {
  const { bytes: from } = readHeader(bytes, 0) as FixedHeader;
  const first = bytes[0] as number;
  const kind = first >> 4;
  if (kind === 3) return readPublish(bytes, from);
  const flags = first & 0x0f;
  // Table 2.2: PUBREL, SUBSCRIBE and UNSUBSCRIBE have the flags 0010, all others but PUBLISH 0000 [MQTT-2.2.2-2].
  if (flags !== (kind === 6 || kind === 8 || kind === 10 ? 2 : 0)) return malformed('reserved flags are set');
  switch (kind) {
    case 1:
      return readOwnConnect(bytes);
    case 4:
      return readAcknowledgement('puback', createReader(bytes.subarray(from)));
    case 5:
      return readAcknowledgement('pubrec', createReader(bytes.subarray(from)));
    case 6:
      return readAcknowledgement('pubrel', createReader(bytes.subarray(from)));
    case 7:
      return readAcknowledgement('pubcomp', createReader(bytes.subarray(from)));
    case 8:
      return readSubscribe(createReader(bytes.subarray(from)));
    case 10:
      return readUnsubscribe(createReader(bytes.subarray(from)));
    case 12:
      return bytes.length === from ? { type: 'pingreq' } : malformed('a PINGREQ has no body');
    case 14:
      return bytes.length === from ? { type: 'disconnect' } : malformed('a DISCONNECT has no body');
  }
  return malformed('no client sends such a packet');
}

function malformed(why: string): ClientPacket {
  return { type: 'malformed', why };
}

/** Every message comes this way, so it reads from the bytes without anything in between. */
function readPublish(bytes: Buffer, from: number): ClientPacket {
  const first = bytes[0] as number;
  const qos = (first >> 1) & 3;
  if (qos === 3) return malformed('QoS 3 does not exist'); // [MQTT-3.3.1-4]
  if (qos === 0 && (first & 8) !== 0) return malformed('DUP at QoS 0'); // [MQTT-3.3.1-2]
  if (from + 2 > bytes.length) return malformed('a PUBLISH without a topic');
  const topicEnd = from + 2 + bytes.readUInt16BE(from);
  const payloadFrom = qos === 0 ? topicEnd : topicEnd + 2;
  if (payloadFrom > bytes.length) return malformed('a PUBLISH that is too short');
  const topic = bytes.toString('utf8', from + 2, topicEnd);
  if (topic === '' || topic.includes('+') || topic.includes('#')) {
    return malformed('a topic is not empty and has no wildcards'); // [MQTT-4.7.3-1], [MQTT-3.3.2-2]
  }
  if (!isText(topic, bytes.subarray(from + 2, topicEnd))) return malformed('a topic is UTF-8 without U+0000');
  const messageId = qos === 0 ? undefined : bytes.readUInt16BE(topicEnd);
  if (messageId === 0) return malformed('a packet identifier is not 0'); // [MQTT-2.3.1-1]
  const retain = (first & 1) === 1;
  return { type: 'publish', topic, payload: bytes.subarray(payloadFrom), qos: qos as Qos, retain, messageId };
}

/** [MQTT-1.5.3-1], [MQTT-1.5.3-2]: what is not UTF-8 decodes to U+FFFD, which is a character like others, too. */
function isText(text: string, bytes: Buffer): boolean {
  return !text.includes('\0') && (!text.includes('\ufffd') || isUtf8(bytes));
}

/** The door has refused what is no CONNECT of ours, so that what is not one here is malformed. */
function readOwnConnect(bytes: Buffer): ClientPacket {
  const found = readConnect(bytes);
  return 'connect' in found ? { type: 'connect', connect: found.connect } : malformed('this CONNECT was refused');
}

function readAcknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', reader: Reader): ClientPacket {
  const messageId = reader.bytes(2)?.readUInt16BE(0);
  if (!messageId || !reader.isAtEnd()) return malformed(`a ${type.toUpperCase()} is a packet identifier that is not 0`);
  return { type, messageId };
}

function readSubscribe(reader: Reader): ClientPacket {
  const messageId = reader.bytes(2)?.readUInt16BE(0);
  if (!messageId) return malformed('a packet identifier is not 0');
  const filters: Wanted[] = [];
  while (!reader.isAtEnd()) {
    const filter = reader.text();
    const qos = reader.byte();
    if (filter === undefined || qos === undefined) return malformed('a SUBSCRIBE that is too short');
    if (qos > 2) return malformed('a QoS is 0, 1 or 2, with reserved bits 0'); // [MQTT-3.8.3-4]
    if (!isTopicFilter(filter)) return malformed(badFilter);
    filters.push({ filter, qos: qos as Qos });
  }
  return filters.length > 0 ? { type: 'subscribe', messageId, filters } : malformed('a SUBSCRIBE without filters'); // [MQTT-3.8.3-3]
}

const badFilter = 'in a filter # is the last level, and + and # are whole levels';

function readUnsubscribe(reader: Reader): ClientPacket {
  const messageId = reader.bytes(2)?.readUInt16BE(0);
  if (!messageId) return malformed('a packet identifier is not 0');
  const filters: string[] = [];
  while (!reader.isAtEnd()) {
    const filter = reader.text();
    if (filter === undefined) return malformed('an UNSUBSCRIBE that is too short');
    if (!isTopicFilter(filter)) return malformed(badFilter);
    filters.push(filter);
  }
  return filters.length > 0 ? { type: 'unsubscribe', messageId, filters } : malformed('an UNSUBSCRIBE without filters'); // [MQTT-3.10.3-2]
}
