/** The packets that the broker sends (MQTT 3.1.1, chapter 3), as bytes. */
import type { Qos } from './packets.ts';

/** CONNACK; a refusal never has a session (3.2.2). */
export function connack(returnCode: number, isSessionPresent = false): Buffer {
  return Buffer.from([0x20, 2, isSessionPresent && returnCode === 0 ? 1 : 0, returnCode]);
}

/** SUBACK with a return code for each filter, in the order of the SUBSCRIBE [MQTT-3.8.4-5]. */
export function suback(messageId: number, returnCodes: readonly number[]): Buffer {
  return withHeader(0x90, Buffer.from([messageId >> 8, messageId & 0xff, ...returnCodes]));
}

/** UNSUBACK (3.11). */
export function unsuback(messageId: number): Buffer {
  return Buffer.from([0xb0, 2, messageId >> 8, messageId & 0xff]);
}

/** PUBREL, whose flags are 0010 [MQTT-3.6.1-1]. */
export function pubrel(messageId: number): Buffer {
  return Buffer.from([0x62, 2, messageId >> 8, messageId & 0xff]);
}

/** PUBCOMP (3.7). */
export function pubcomp(messageId: number): Buffer {
  return Buffer.from([0x70, 2, messageId >> 8, messageId & 0xff]);
}

/** PUBACKs and PUBRECs, gathered to be written at once. */
export type Acknowledgements = {
  add(qos: 1 | 2, messageId: number): void;
  /** What has been gathered, if there is anything. */
  take(): Buffer | undefined;
};

/** None gathered yet. */
export function createAcknowledgements(): Acknowledgements {
  let bytes: number[] = [];
  return {
    add: (qos, messageId) => {
      bytes.push(qos === 1 ? 0x40 : 0x50, 2, messageId >> 8, messageId & 0xff);
    },
    take: () => {
      if (bytes.length === 0) return undefined;
      const taken = Buffer.from(bytes);
      bytes = [];
      return taken;
    },
  };
}

export const pingresp = Buffer.from([0xd0, 0]);

export type OutgoingPublish = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly isDuplicate: boolean;
  /** Not written at QoS 0. */
  readonly messageId: number;
};

/** PUBLISH (3.3); the topic is within the lengths that its two bytes allow. */
export function publish({ topic, payload, qos, retain, isDuplicate, messageId }: OutgoingPublish): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const length = 2 + topicBytes + (qos > 0 ? 2 : 0) + payload.length;
  const from = headerBytes(length);
  const packet = Buffer.allocUnsafe(from + length);
  writeHeader(packet, 0x30 | (isDuplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), length);
  packet.writeUInt16BE(topicBytes, from);
  packet.write(topic, from + 2);
  const idAt = from + 2 + topicBytes;
  if (qos > 0) packet.writeUInt16BE(messageId, idAt);
  payload.copy(packet, qos > 0 ? idAt + 2 : idAt);
  return packet;
}

function withHeader(first: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes(body.length));
  writeHeader(header, first, body.length);
  return Buffer.concat([header, body]);
}

/** The fixed header's length: a byte, and the remaining length in groups of seven bits (2.2.3). */
function headerBytes(length: number): number {
  if (length < 128) return 2;
  if (length < 16_384) return 3;
  return length < 2_097_152 ? 4 : 5;
}

function writeHeader(packet: Buffer, first: number, length: number): void {
  packet[0] = first;
  let left = length;
  for (let at = 1; ; at++) {
    packet[at] = left < 128 ? left : (left & 0x7f) | 0x80;
    left = Math.floor(left / 128);
    if (left === 0) return;
  }
}
