/**
 * MQTT control packets in a stream of bytes, as far as their fixed header tells (MQTT 3.1.1, 2.2): where each ends, and
 * whether it is one that is answered before the broker sees it.
 */

export type Scan =
  | {
      /** What is for the broker, in order, without the packets below. */
      readonly forward: readonly Buffer[];
      readonly pings: number;
      /** Packet identifiers of PUBRELs. */
      readonly releases: readonly number[];
    }
  | { readonly refused: 'packet_too_large' | 'malformed' | 'protocol_violation' };

export type FrameScanner = (chunk: Buffer) => Scan;

const pingreq = 0xc0;
const pubrel = 0x62;
/** Types that a client may send once it has sent its CONNECT; the others are reserved, or a server's (table 2.1). */
const clientTypes: ReadonlySet<number> = new Set([3, 4, 5, 6, 7, 8, 10, 12, 14]);

/** A scanner of one connection, which remembers where in a packet the last chunk ended; `bytesMax` bounds a packet. */
export function createFrameScanner(bytesMax: number): FrameScanner {
  let bodyLeft = 0;
  let carried: Buffer | undefined;

  return (arrived) => {
    const chunk = carried ? Buffer.concat([carried, arrived]) : arrived;
    carried = undefined;
    const forward: Buffer[] = [];
    const releases: number[] = [];
    let pings = 0;
    let from = 0;
    let at = Math.min(bodyLeft, chunk.length);
    bodyLeft -= at;
    const keep = (to: number) => {
      if (to > from) forward.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    };

    while (at < chunk.length) {
      const header = readHeader(chunk, at);
      if (header === 'malformed') return { refused: 'malformed' };
      const type = chunk[at] as number;
      // [MQTT-3.1.0-2], [MQTT-4.8.0-1]
      if (!clientTypes.has(type >> 4)) return { refused: 'protocol_violation' };
      const isOurs =
        header !== undefined && ((type === pingreq && header.length === 0) || (type === pubrel && header.length === 2));
      if (header === undefined || (isOurs && at + header.bytes + header.length > chunk.length)) {
        keep(at);
        carried = chunk.subarray(at);
        return { forward, pings, releases };
      }
      if (header.length > bytesMax) return { refused: 'packet_too_large' };
      const end = at + header.bytes + header.length;
      if (isOurs) {
        keep(at);
        if (type === pingreq) pings++;
        else {
          const messageId = chunk.readUInt16BE(end - 2);
          if (messageId === 0) return { refused: 'protocol_violation' }; // [MQTT-2.3.1-1]
          releases.push(messageId);
        }
        from = end;
      } else if (end > chunk.length) bodyLeft = end - chunk.length;
      at = Math.min(end, chunk.length);
    }
    keep(chunk.length);
    return { forward, pings, releases };
  };
}

export type FixedHeader = { readonly bytes: number; readonly length: number };

/** The fixed header at `at`: its own bytes, and the remaining length; undefined while it is not whole. */
export function readHeader(chunk: Buffer, at: number): FixedHeader | 'malformed' | undefined {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    const byte = chunk[at + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) return { bytes: i + 1, length };
  }
  return 'malformed';
}
