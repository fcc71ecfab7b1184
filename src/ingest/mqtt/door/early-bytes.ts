/**
 * What a device sends before it is admitted: its CONNECT, and what it sends behind that without waiting for the answer. A
 * stranger has little for nothing and shares a budget with all strangers for more, which is given back as soon as it is
 * known.
 */
import { readHeader } from '../packets/frames.ts';

export type EarlyBytes = {
  /** Adds what has come; false when the budget has no room for it. */
  add(chunk: Buffer): boolean;
  length(): number;
  /** Takes the CONNECT out with its fixed header, as soon as it is whole. */
  takeConnect(): Buffer | { readonly refused: 'not_mqtt' | 'packet_too_large' } | undefined;
  /** Takes everything out, and gives the room back. */
  take(): Buffer;
  /** The room that `add` took is not needed any more. */
  giveBack(): void;
};

export const connectBytesMax = 65_536;
/** A device says who it is in less, unless its will is long. */
const freeBytes = 4_096;
const chunksMax = 64;
const connectByte = 0x10;

/** Nothing yet. `takeRoom` asks the budget for so many bytes, or gives them back when they are negative. */
export function createEarlyBytes(takeRoom: (bytes: number) => boolean): EarlyBytes {
  let chunks: Buffer[] = [];
  let length = 0;
  let neededBytes = 2;
  let connectBytes = 0;
  let roomBytes = 0;

  const join = () => {
    const joined = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks = joined.length > 0 ? [joined] : [];
    return joined;
  };
  const hasRoom = () => {
    const missing = connectBytes + length - freeBytes - roomBytes;
    if (missing <= 0) return true;
    if (!takeRoom(missing)) return false;
    roomBytes += missing;
    return true;
  };
  const giveBack = () => {
    if (roomBytes > 0) takeRoom(-roomBytes);
    roomBytes = 0;
  };

  return {
    add: (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (chunks.length > chunksMax) join();
      return hasRoom();
    },
    length: () => length,
    takeConnect: () => {
      if (length < neededBytes) return undefined;
      const bytes = join();
      const header = readHeader(bytes, 0);
      // [MQTT-3.1.0-1]: the first packet must be a CONNECT.
      if (header === 'malformed' || bytes[0] !== connectByte) return { refused: 'not_mqtt' };
      if (header && header.length > connectBytesMax) return { refused: 'packet_too_large' };
      neededBytes = header ? header.bytes + header.length : length + 1;
      if (length < neededBytes) return undefined;
      connectBytes = neededBytes;
      length -= connectBytes;
      chunks = length > 0 ? [bytes.subarray(connectBytes)] : [];
      return bytes.subarray(0, connectBytes);
    },
    take: () => {
      const bytes = join();
      chunks = [];
      length = 0;
      giveBack();
      return bytes;
    },
    giveBack,
  };
}
