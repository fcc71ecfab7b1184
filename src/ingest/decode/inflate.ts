/**
 * Payloads that come as gzip (RFC 1952), inflated within limits that are known before the first byte is: the trailer of a
 * member says how long its content is, so a message can be weighed without being opened, and one that lies is refused.
 */
import { gunzipSync } from 'node:zlib';
import { malformed, type Rejection } from '../quarantine/quarantine.ts';

/** How long the content of a gzip payload may be, in bytes, and how many times as long as the payload beyond `freeBytes`. */
export const inflatedBytesMax = 4 * 1_024 * 1_024;
const ratioMax = 200;
const freeBytes = 65_536;
/** A header of ten bytes, an empty block of two, and the trailer: CRC-32 and ISIZE (RFC 1952, 2.3). */
const gzipBytesMin = 20;

/** Whether a payload begins as gzip does (RFC 1952, 2.3.1). No text does: 0x8b cannot follow 0x1f in UTF-8. */
export function isGzip(payload: Buffer): boolean {
  return payload[0] === 0x1f && payload[1] === 0x8b;
}

/** What a payload takes at most once it has been read, in bytes: its own length if it is no gzip, or one that is refused unopened. */
export function inflatedBytes(payload: Buffer): number {
  if (!isGzip(payload) || payload.length < gzipBytesMin) return payload.length;
  const claimed = payload.readUInt32LE(payload.length - 4);
  return claimed > bytesMaxOf(payload) ? payload.length : Math.max(claimed, payload.length);
}

/** The content of a gzip payload of one member; a rejection, `malformed`, when it is none, lies, or grows beyond the limits. */
export function inflate(payload: Buffer): Buffer | Rejection {
  if (payload.length < gzipBytesMin) return malformed('the gzip payload is cut off');
  const claimed = payload.readUInt32LE(payload.length - 4);
  if (claimed > bytesMaxOf(payload)) {
    return malformed(
      `a gzip payload may hold ${inflatedBytesMax} bytes and ${ratioMax} times its own length at most, not ${claimed}`,
    );
  }
  try {
    return gunzipSync(payload, { maxOutputLength: Math.max(claimed, 1) });
  } catch (cause) {
    if (!(cause instanceof RangeError) && !isZlibError(cause)) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') return malformed('a gzip payload is one member as long as its trailer says');
    return malformed(`the gzip payload cannot be inflated: ${cause.message}`);
  }
}

function bytesMaxOf({ length }: Buffer): number {
  return Math.min(inflatedBytesMax, Math.max(freeBytes, length * ratioMax));
}

function isZlibError(cause: unknown): cause is Error {
  return cause instanceof Error && /^Z_/.test((cause as NodeJS.ErrnoException).code ?? '');
}
