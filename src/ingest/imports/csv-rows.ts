/**
 * The rows of a comma-separated file, read as it streams, in bounded memory (RFC 4180: quoted cells may hold commas, line ends and
 * doubled quotes; LF and CRLF end a row). What is not regular costs one row and not the rest of the file: a quote that is not closed
 * within `rowBytesMax` makes its line a faulty one, and the next line is read afresh.
 */
import { isUtf8 } from 'node:buffer';

export type CsvRow = {
  /** Undefined for a row that cannot be read; `fault` says why. */
  readonly cells: readonly string[] | undefined;
  readonly fault: string | undefined;
  /** The line on which the row begins, counted from 1. */
  readonly line: number;
  /** Where in the file the next row begins, and on which line. */
  readonly end: { readonly bytes: number; readonly line: number };
};

export type CsvOptions = {
  /** Where the stream begins in its file. */
  readonly from?: { readonly bytes: number; readonly line: number };
};

const rowBytesMax = 262_144;
const [comma, quote, lineFeed, carriageReturn] = [0x2c, 0x22, 0x0a, 0x0d];

/** Reads a stream of bytes; blank rows are left out, and so is a byte order mark. */
export async function* readCsvRows(
  stream: AsyncIterable<Buffer>,
  { from = { bytes: 0, line: 1 } }: CsvOptions = {},
): AsyncGenerator<CsvRow> {
  const place = { ...from };
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const { rows, used } = takeRows(rest, place, false);
    yield* rows;
    rest = rest.subarray(used);
  }
  for (let isMore = rest.length > 0; isMore; ) {
    const { rows, used } = takeRows(rest, place, true);
    yield* rows;
    rest = rest.subarray(used);
    isMore = rest.length > 0 && used > 0;
  }
}

type Place = { bytes: number; line: number };

/** The rows that end within a buffer, or all of it at the end of the file; moves the place on. */
function takeRows(buffer: Buffer, place: Place, isEnd: boolean): { rows: CsvRow[]; used: number } {
  const rows: CsvRow[] = [];
  let at = 0;
  if (place.bytes === 0 && buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) at = 3;
  let counted = 0;
  while (at < buffer.length) {
    const found = readRow(buffer, at, isEnd);
    if (!found) break;
    const { line } = place;
    place.bytes += found.end - counted;
    place.line += found.lines;
    counted = found.end;
    at = found.end;
    const isBlank = found.cells?.length === 1 && found.cells[0]?.trim() === '';
    if (!isBlank) rows.push({ cells: found.cells, fault: found.fault, line, end: { ...place } });
  }
  return { rows, used: counted };
}

type FoundRow = { cells: string[] | undefined; fault: string | undefined; end: number; lines: number };

/** The row that begins at `from`; undefined when more bytes must come first. */
function readRow(buffer: Buffer, from: number, isEnd: boolean): FoundRow | undefined {
  const lineEnd = buffer.indexOf(lineFeed, from);
  const end = lineEnd < 0 ? buffer.length : lineEnd;
  // Within the line alone: looking through all of the buffer for each line would be quadratic.
  if (buffer.subarray(from, end).includes(quote)) return readQuoted(buffer, from, isEnd);
  if (lineEnd < 0 && !isEnd) return tooLong(buffer, from);
  if (end - from > rowBytesMax) return faulty(end + 1, `the line is longer than ${rowBytesMax} bytes`, buffer);
  const last = end > from && buffer[end - 1] === carriageReturn ? end - 1 : end;
  return {
    cells: textOf(buffer, from, last).split(','),
    fault: undefined,
    end: Math.min(end + 1, buffer.length),
    lines: 1,
  };
}

/** A line that goes on beyond all measure is given up piece by piece; undefined while it may still end. */
function tooLong(buffer: Buffer, from: number): FoundRow | undefined {
  if (buffer.length - from <= rowBytesMax) return undefined;
  return { cells: undefined, fault: `the line is longer than ${rowBytesMax} bytes`, end: buffer.length, lines: 0 };
}

function readQuoted(buffer: Buffer, from: number, isEnd: boolean): FoundRow | undefined {
  const cells: string[] = [];
  let lines = 1;
  let at = from;
  for (;;) {
    const isQuoted = buffer[at] === quote;
    const close = isQuoted ? closingQuote(buffer, at + 1) : at;
    if (close < 0) {
      if (!isEnd && buffer.length - from <= rowBytesMax) return undefined;
      const lineEnd = buffer.indexOf(lineFeed, from);
      return faulty(lineEnd < 0 ? buffer.length : lineEnd + 1, 'a quote is not closed', buffer);
    }
    const cellEnd = endOfCell(buffer, isQuoted ? close + 1 : at);
    if (cellEnd === buffer.length && !isEnd)
      return buffer.length - from <= rowBytesMax ? undefined : tooLong(buffer, from);
    const isLast = cellEnd >= buffer.length || buffer[cellEnd] === lineFeed;
    const last = isLast && cellEnd > at && buffer[cellEnd - 1] === carriageReturn ? cellEnd - 1 : cellEnd;
    if (isQuoted) {
      const inner = buffer.subarray(at + 1, close);
      for (const byte of inner) if (byte === lineFeed) lines++;
      // What stands behind a closing quote belongs to the cell for those who write it so.
      cells.push(
        textOf(buffer, at + 1, close).replaceAll('""', '"') + textOf(buffer, close + 1, Math.max(close + 1, last)),
      );
    } else cells.push(textOf(buffer, at, last));
    if (isLast) return { cells, fault: undefined, end: Math.min(cellEnd + 1, buffer.length), lines };
    at = cellEnd + 1;
  }
}

function closingQuote(buffer: Buffer, from: number): number {
  for (let at = buffer.indexOf(quote, from); at >= 0; at = buffer.indexOf(quote, at + 2))
    if (buffer[at + 1] !== quote) return at;
  return -1;
}

function endOfCell(buffer: Buffer, from: number): number {
  let at = from;
  while (at < buffer.length && buffer[at] !== comma && buffer[at] !== lineFeed) at++;
  return at;
}

function faulty(end: number, fault: string, buffer: Buffer): FoundRow {
  return { cells: undefined, fault, end: Math.min(end, buffer.length), lines: 1 };
}

/** Loggers on old Windows write Latin-1; a degree sign must not spoil a header. */
function textOf(buffer: Buffer, from: number, to: number): string {
  const bytes = buffer.subarray(from, to);
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
