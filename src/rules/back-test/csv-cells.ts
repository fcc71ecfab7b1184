/**
 * A comma-separated file read over its bytes: only the cells that are wanted are looked at, as places in the buffer, and no string
 * is made of a plain number. RFC 4180: quoted cells may hold commas, line ends and doubled quotes. LF and CRLF end a row.
 *
 *   next() ──▶ start[k], end[k]   the k-th wanted cell of the row, both 0 where the row is too short
 */
export type CsvRows = {
  /** The names of the first row. */
  readonly header: string[];
  /** Chooses the columns to look at, by index; the k-th of them is cell k. */
  want(columns: readonly number[]): void;
  /** Goes to the next row that is not empty; false at the end. Throws `IrregularCsv` for quotes where none may be. */
  next(): boolean;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** The line on which the row begins, counted from 1. */
  line(): number;
  /** A cell's text, its doubled quotes undone. */
  text(cell: number): string;
};

/** Thrown where a lenient reader may do better. */
export class IrregularCsv extends Error {}

const [comma, quote, lineFeed, carriageReturn] = [44, 34, 10, 13];
/** Of a header with more columns the rest are not seen. */
const cellsMax = 65_536;

/** Opens a file; a byte order mark is skipped. */
export function openCsv(bytes: Uint8Array): CsvRows {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = buffer.length;
  const [start, end] = [new Int32Array(cellsMax), new Int32Array(cellsMax)];
  /** The cell of each column, -1 for those that nobody wants. */
  let cellOf = new Int32Array(0);
  let wanted = 0;
  let rowStart = 0;
  let at = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf ? 3 : 0;
  const header = readHeader();
  return { header, want, next, start, end, line, text };

  function want(columns: readonly number[]): void {
    cellOf = new Int32Array(Math.max(0, ...columns) + 1).fill(-1);
    columns.forEach((column, cell) => {
      cellOf[column] = cell;
    });
    wanted = columns.length;
  }

  function next(): boolean {
    while (at < length && (buffer[at] === lineFeed || (buffer[at] === carriageReturn && buffer[at + 1] === lineFeed)))
      at += buffer[at] === lineFeed ? 1 : 2;
    if (at >= length) return false;
    for (let cell = 0; cell < wanted; cell++) start[cell] = end[cell] = 0;
    rowStart = at;
    at = readRow(buffer, at, cellOf, start, end);
    return true;
  }

  function line(): number {
    let lines = 1;
    for (let end = buffer.indexOf(lineFeed); end >= 0 && end < rowStart; end = buffer.indexOf(lineFeed, end + 1))
      lines++;
    return lines;
  }

  function text(cell: number): string {
    const raw = buffer.toString('utf8', start[cell], end[cell]);
    return buffer[(start[cell] as number) - 1] === quote ? raw.replaceAll('""', '"') : raw;
  }

  function readHeader(): string[] {
    cellOf = Int32Array.from({ length: cellsMax }, (_, column) => column);
    wanted = cellsMax;
    if (!next()) return [];
    let count = cellsMax;
    while (count > 0 && end[count - 1] === 0) count--;
    return Array.from({ length: count }, (_, column) => text(column));
  }
}

/** Notes the wanted cells of the row that begins at `from`; gives where the next one begins. */
function readRow(buffer: Buffer, from: number, cellOf: Int32Array, start: Int32Array, end: Int32Array): number {
  const length = buffer.length;
  let at = from;
  for (let column = 0; ; column++) {
    const cell = column < cellOf.length ? (cellOf[column] as number) : -1;
    let [first, last] = [at, at];
    if (buffer[at] === quote) {
      first = at + 1;
      last = closingQuote(buffer, first);
      at = last + 1;
      if (buffer[at] === carriageReturn && buffer[at + 1] === lineFeed) at++;
      if (at < length && buffer[at] !== comma && buffer[at] !== lineFeed) throw new IrregularCsv('text after a quote');
    } else {
      let byte = buffer[at];
      while (at < length && byte !== comma && byte !== lineFeed) {
        if (byte === quote) throw new IrregularCsv('a quote inside a cell');
        byte = buffer[++at];
      }
      last = at > first && byte === lineFeed && buffer[at - 1] === carriageReturn ? at - 1 : at;
      if (at >= length && at > first && buffer[at - 1] === carriageReturn) last = at - 1;
    }
    if (cell >= 0) {
      start[cell] = first;
      end[cell] = last;
    }
    if (at >= length) return at;
    if (buffer[at++] === lineFeed) return at;
  }
}

function closingQuote(buffer: Buffer, from: number): number {
  for (let at = buffer.indexOf(quote, from); at >= 0; at = buffer.indexOf(quote, at + 2))
    if (buffer[at + 1] !== quote) return at;
  throw new IrregularCsv('a quote that is not closed');
}

const powersOfTen = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);

/**
 * The number of a plain decimal (`-12.5`), NaN for all else. Up to fifteen digits are a whole number below 2^53, and one division by
 * a power of ten below 10^23 is rounded correctly, so the number is the very one that `Number` gives.
 */
export function decimalAt(buffer: Uint8Array, start: number, end: number): number {
  let at = start;
  const isNegative = buffer[at] === 45;
  if (isNegative) at++;
  let [mantissa, digits, decimals] = [0, 0, -1];
  for (; at < end; at++) {
    const byte = buffer[at] as number;
    if (byte >= 48 && byte <= 57) {
      mantissa = mantissa * 10 + (byte - 48);
      digits++;
      if (decimals >= 0) decimals++;
    } else if (byte === 46 && decimals < 0) decimals = 0;
    else return Number.NaN;
  }
  if (digits === 0 || digits > 15) return Number.NaN;
  const value = decimals > 0 ? mantissa / (powersOfTen[decimals] as number) : mantissa;
  return isNegative ? -value : value;
}
