/** Requests for a part of a file (RFC 9110, section 14). */
import type { ByteRange } from './file-bytes.ts';

/**
 * The part that a Range header asks for: `bytes=0-499`, `bytes=500-`, `bytes=-500`. Undefined: all of it, also for a header that
 * means nothing and for several parts at once, both of which a server may pass over. `unsatisfiable`: nothing of it is there.
 */
export function readRange(header: string | undefined, bytes: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), bytes);
    return length === 0 ? 'unsatisfiable' : { start: bytes - length, end: bytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= bytes ? 'unsatisfiable' : { start, end };
}

/** Whether If-Range, if there is one, still names what there is; otherwise all of it is sent. */
export function ifRangeHolds(header: string | undefined, { etag, at }: { etag: string; at: Date }): boolean {
  if (header === undefined) return true;
  const given = header.trim();
  if (given.includes('"')) return given === etag;
  const time = Date.parse(given);
  return !Number.isNaN(time) && time === Math.floor(at.getTime() / 1_000) * 1_000;
}
