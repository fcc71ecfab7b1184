/**
 * Lines out of chunks of bytes, whatever their boundaries, in bounded memory: of a line that is too long nothing is kept but
 * that it was there.
 */
import { isUtf8 } from 'node:buffer';

export type Line = { readonly text: string } | { readonly fault: 'too_long' | 'not_utf8' };

export type LineReader = {
  /** The lines that end in this chunk; blank ones are left out. Throws a RangeError once a line is longer than can be skipped. */
  push(chunk: Buffer): Line[];
  /** What is left after the last line end. */
  end(): Line[];
};

const lineFeed = 0x0a;

/** A reader of lines of at most `lineBytesMax`; longer ones are skipped up to `skippedBytesMax`, which is given up. */
export function createLineReader(limits: { lineBytesMax: number; skippedBytesMax: number }): LineReader {
  const { lineBytesMax, skippedBytesMax } = limits;
  let parts: Buffer[] = [];
  let bytes = 0;
  let isFirst = true;

  const add = (part: Buffer) => {
    bytes += part.length;
    if (bytes > skippedBytesMax) throw new RangeError(`a line is longer than ${skippedBytesMax} bytes`);
    if (bytes > lineBytesMax) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const take = (): Line[] => {
    const line = Buffer.concat(parts);
    const isLong = bytes > lineBytesMax;
    parts = [];
    bytes = 0;
    const hasMark = isFirst && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
    isFirst = false;
    if (isLong) return [{ fault: 'too_long' }];
    if (!isUtf8(line)) return [{ fault: 'not_utf8' }];
    const text = line.toString('utf8', hasMark ? 3 : 0).trim();
    return text === '' ? [] : [{ text }];
  };

  return {
    push: (chunk) => {
      const lines: Line[] = [];
      let from = 0;
      for (;;) {
        // Blank lines, of which a small gzip may hold a hundred million.
        if (bytes === 0) while (chunk[from] === lineFeed) from++;
        const at = chunk.indexOf(lineFeed, from);
        if (at < 0) break;
        add(chunk.subarray(from, at));
        lines.push(...take());
        from = at + 1;
      }
      // What waits for the next chunk must not keep all of this one in memory.
      if (from < chunk.length) add(Buffer.from(chunk.subarray(from)));
      return lines;
    },
    end: () => (bytes > 0 ? take() : []),
  };
}
