/**
 * What a broker sends to its client, from a stream of bytes (MQTT 5 and 3.1.1, 2.1): each PUBLISH taken apart, every other
 * packet whole.
 *
 * A broker hands on whatever its devices have published, 256 MB in one message if it lets them. To end the connection would
 * have it sent again for ever. Of a packet that is too large the beginning is kept, the rest is let pass by unread, and
 * the message goes into quarantine.
 */
import { readHeader } from '../mqtt/packets/frames.ts';

export type Delivery = {
  readonly kind: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly messageId: number | undefined;
  /** It was retained, and comes since we have just subscribed: it may be of any age. */
  readonly isRetained: boolean;
  /** Set for a packet that is too large, of which `payload` is only the beginning. */
  readonly tooLargeBytes: number | undefined;
};

/** Anything but a PUBLISH, as its bytes. */
export type OtherPacket = { readonly kind: 'other'; readonly bytes: Buffer };

/** Takes the bytes that have come and returns the packets that are whole now; throws MalformedPacket. */
export type PacketReader = (chunk: Buffer) => (Delivery | OtherPacket)[];

class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket';
}

const packetBytesMax = 1_048_576;
/** Of a packet that is too large: enough for the longest topic, and for what quarantine keeps of a payload. */
const keptBytes = 131_072;
const publish = 3;
const noBytes: Buffer = Buffer.alloc(0);

/** A reader of one connection. In MQTT 5 a PUBLISH has properties, which are passed over: none of them changes a reading. */
export function createPacketReader(isVersion5: boolean): PacketReader {
  let rest = noBytes;
  let skippedBytes = 0;

  return (chunk) => {
    const unread = chunk.subarray(Math.min(skippedBytes, chunk.length));
    skippedBytes -= chunk.length - unread.length;
    const bytes = rest.length === 0 ? unread : Buffer.concat([rest, unread]);
    const packets: (Delivery | OtherPacket)[] = [];
    let at = 0;
    while (at < bytes.length) {
      const header = readHeader(bytes, at);
      if (header === 'malformed') throw new MalformedPacket('a remaining length of more than four bytes');
      if (header === undefined) break;
      const total = header.bytes + header.length;
      const isPublish = (bytes[at] as number) >> 4 === publish;
      const isTooLarge = total > packetBytesMax;
      if (isTooLarge && !isPublish) throw new MalformedPacket(`a control packet of ${total} bytes`);
      const wanted = isTooLarge ? keptBytes : total;
      if (bytes.length - at < wanted) break;
      const packet = bytes.subarray(at, at + wanted);
      if (!isPublish) packets.push({ kind: 'other', bytes: packet });
      else packets.push(readPublish(packet, { from: header.bytes, isVersion5, total }));
      skippedBytes = Math.max(0, at + total - bytes.length);
      at = Math.min(at + total, bytes.length);
    }
    rest = bytes.subarray(at);
    return packets;
  };
}

type PublishFrame = { readonly from: number; readonly isVersion5: boolean; readonly total: number };

/** MQTT 5, 3.3: the topic, an identifier where the quality of service has one, properties, and the rest is the payload. */
function readPublish(packet: Buffer, { from, isVersion5, total }: PublishFrame): Delivery {
  const flags = packet[0] as number;
  const qos = (flags >> 1) & 3;
  if (qos === 3) throw new MalformedPacket('a PUBLISH of quality of service 3'); // [MQTT-3.3.1-4]
  const topicFrom = from + 2;
  const topicTo = topicFrom + readNumber(packet, from);
  const idTo = qos === 0 ? topicTo : topicTo + 2;
  const messageId = qos === 0 ? undefined : readNumber(packet, topicTo);
  // Behind a byte of any kind, the length of properties is written as a remaining length is.
  const properties = isVersion5 ? readHeader(packet, idTo - 1) : undefined;
  if (properties === 'malformed' || (isVersion5 && !properties)) throw new MalformedPacket('properties without an end');
  const payloadFrom = properties ? idTo - 1 + properties.bytes + properties.length : idTo;
  // We allow no topic aliases, so an empty topic stands for nothing.
  if (payloadFrom > packet.length || topicTo === topicFrom) throw new MalformedPacket('a PUBLISH without a topic');
  return {
    kind: 'publish',
    topic: packet.toString('utf8', topicFrom, topicTo),
    payload: packet.subarray(payloadFrom),
    qos: qos as 0 | 1 | 2,
    messageId,
    isRetained: (flags & 1) === 1,
    tooLargeBytes: total > packet.length ? total : undefined,
  };
}

function readNumber(packet: Buffer, at: number): number {
  if (at + 2 > packet.length) throw new MalformedPacket('a PUBLISH that ends in its header');
  return packet.readUInt16BE(at);
}
