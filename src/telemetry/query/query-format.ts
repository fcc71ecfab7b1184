/**
 * Rows of a query as they are written: as items of a page, as columns of each series, as a line of JSON each, or as comma-separated
 * values. A number that there is not is null, or an empty cell.
 */

import { qualityOf } from '../../assets/quality.ts';
import { JsonText } from '../../platform/json-text.ts';
import { columnsOf, type Piece, type Query, seriesAt, widthOf } from './query.ts';
import { nameOfWidth } from './query-grid.ts';
import { createTimeText } from './time-text.ts';

/** The rows of a piece, with the names of their columns. */
export function itemsOf(query: Query, piece: Piece): Record<string, unknown>[] {
  const names = columnsOf(query);
  const timeOf = createTimeText();
  return Array.from({ length: piece.timesMs.length }, (_, row) => {
    const item: Record<string, unknown> = { time: timeOf(piece.timesMs[row] as number) };
    names.forEach((name, column) => {
      item[name] = numberOf(piece, column, row);
    });
    if (piece.qualities) item.quality = qualityAt(piece, row);
    return item;
  });
}

/**
 * Pieces as one object of columns for each of their series, as JSON. Series on one grid have the same times, which are most of such an
 * answer's text: they are written once.
 */
export function seriesObjects(query: Query, pieces: readonly Piece[]): JsonText<object>[] {
  const names = ['time', ...columnsOf(query), ...(query.form.kind === 'raw' ? ['quality'] : [])];
  const timesOf = createTimesText();
  const written = new Map<number, string[][]>();
  for (const piece of pieces) {
    const texts = written.get(piece.of) ?? names.map(() => []);
    written.set(piece.of, texts);
    if (piece.timesMs.length === 0) continue;
    const cells = [timesOf(piece.timesMs), ...piece.columns.map(numbersText), ...qualityTexts(query, piece)];
    texts.forEach((column, i) => void column.push(cells[i] as string));
  }
  return [...written].map(([of, texts]) => {
    const head = JSON.stringify(headOf(query, of)).slice(0, -1);
    return new JsonText(`${head}${names.map((name, i) => `,"${name}":[${texts[i]?.join(',')}]`).join('')}}`);
  });
}

function headOf(query: Query, of: number): object {
  const { pointId, site, asset, point, unit, timeZone } = seriesAt(query, of);
  return {
    point_id: pointId,
    site,
    asset,
    point,
    unit,
    bucket: bucketNameOf(query, of),
    time_zone: (query.form.kind === 'buckets' ? query.form.timeZone : undefined) ?? timeZone,
  };
}

/** Times as the elements of a JSON array; the same text again for the same times as those before. */
function createTimesText(): (timesMs: ArrayLike<number>) => string {
  const timeOf = createTimeText();
  let last: ArrayLike<number> = [];
  let text = '';
  return (timesMs) => {
    if (isSame(timesMs, last)) return text;
    last = timesMs;
    text = elements(timesMs.length, (row) => `"${timeOf(timesMs[row] as number)}"`);
    return text;
  };
}

function isSame(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** A number that there is not is null. */
function numbersText(numbers: ArrayLike<number>): string {
  return JSON.stringify(Array.from(numbers)).slice(1, -1);
}

function qualityTexts({ form }: Query, piece: Piece): string[] {
  return form.kind === 'raw' ? [elements(piece.timesMs.length, (row) => `"${qualityAt(piece, row)}"`)] : [];
}

function elements(count: number, textAt: (row: number) => string): string {
  let text = '';
  for (let row = 0; row < count; row++) text += row === 0 ? textAt(row) : `,${textAt(row)}`;
  return text;
}

/** How the buckets of a series would be asked for; what is not in buckets has a name as well. */
export function bucketNameOf({ form, series }: Query, of: number): string {
  switch (form.kind) {
    case 'raw':
      return 'raw';
    case 'triangles':
      return 'lttb';
    case 'buckets':
      return nameOfWidth(widthOf(form, seriesAt({ series }, of)));
  }
}

/** Whether rows have the names of their series: where a query is of many. */
export type Names = 'named' | 'unnamed';

/** A piece as lines of JSON. */
export function ndjsonOf(query: Query, piece: Piece, names: Names): string {
  const { pointId } = seriesAt(query, piece.of);
  const named = names === 'named' ? { point_id: pointId } : {};
  return itemsOf(query, piece)
    .map((item) => `${JSON.stringify({ ...named, ...item })}\n`)
    .join('');
}

/** The first line of comma-separated values (RFC 4180). */
export function csvHeadOf(query: Query, names: Names): string {
  const first = names === 'named' ? ['point_id', 'site', 'asset', 'point', 'unit', 'time'] : ['time'];
  return `${[...first, ...columnsOf(query), ...(query.form.kind === 'raw' ? ['quality'] : [])].join(',')}\r\n`;
}

/** A piece as lines of comma-separated values. */
export function csvOf(query: Query, piece: Piece, names: Names): string {
  const { pointId, site, asset, point, unit } = seriesAt(query, piece.of);
  const first = names === 'named' ? `${[pointId, site, asset, point, unit ?? ''].map(csvCell).join(',')},` : '';
  const timeOf = createTimeText();
  let text = '';
  for (let row = 0; row < piece.timesMs.length; row++) {
    text += first + timeOf(piece.timesMs[row] as number);
    for (let column = 0; column < piece.columns.length; column++) text += `,${numberOf(piece, column, row) ?? ''}`;
    text += piece.qualities ? `,${qualityAt(piece, row)}\r\n` : '\r\n';
  }
  return text;
}

/**
 * A text as a cell, which is never a formula: spreadsheets run what begins with one of these, also behind spaces, so such a text is
 * written with an apostrophe before it, which they show and do not run.
 */
function csvCell(text: string): string {
  const safe = /^\s*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) ? `'${text}` : text;
  return /[",\r\n;\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function numberOf({ columns }: Piece, column: number, row: number): number | null {
  const value = columns[column]?.[row] as number;
  return Number.isFinite(value) ? value : null;
}

function qualityAt({ qualities: codes }: Piece, row: number): string {
  return qualityOf(codes?.[row] as number);
}
