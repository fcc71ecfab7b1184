/**
 * The times of a trend log read from bytes, where they are plain: fixed fields of digits, in a zone whose offset does not change near
 * that day. All else is left to `createTimeReader`, with which this agrees.
 *
 *   1/31/2026 9:05 ──fields──▶ year, month, day ──known day──▶ its midnight UTC, + hours and minutes
 */

import { findDay } from '../../platform/instant.ts';
import { createTimeReader } from '../language/local-time.ts';
import { zoneOffsetMs } from '../language/schedule.ts';
import { decimalAt } from './csv-cells.ts';

/** The instant of a cell of bytes, after a row at `afterMs`; NaN when it is none. `text` gives the cell as a string. */
export type CellTimeReader = (
  buffer: Uint8Array,
  start: number,
  end: number,
  afterMs: number,
  text: () => string,
) => number;

type Field = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';
type Part = { field: Field; digitsMin: number; digitsMax: number } | { byte: number };

const fieldOf: Record<string, [Field, number, number]> = {
  yyyy: ['year', 4, 4],
  MM: ['month', 2, 2],
  M: ['month', 1, 2],
  dd: ['day', 2, 2],
  d: ['day', 1, 2],
  HH: ['hour', 2, 2],
  H: ['hour', 1, 2],
  mm: ['minute', 2, 2],
  m: ['minute', 1, 2],
  ss: ['second', 2, 2],
  s: ['second', 1, 2],
};

/** A reader for the formats of `createTimeReader`. */
export function createCellTimeReader(format: string, zone: string): CellTimeReader {
  const read = createTimeReader(format, zone);
  const slow: CellTimeReader = (_buffer, _start, _end, afterMs, text) => read(text(), afterMs) ?? Number.NaN;
  const unitMs = { seconds: 1000, milliseconds: 1 }[format];
  if (unitMs !== undefined) {
    return (buffer, start, end, afterMs, text) => {
      const value = decimalAt(buffer, start, end);
      return Number.isNaN(value) ? slow(buffer, start, end, afterMs, text) : value * unitMs;
    };
  }
  const layouts = layoutsOf(format);
  if (layouts.length === 0) return slow;
  const [local, utc] = [createDays(zone), createDays('UTC')];
  const fields = new Float64Array(6);
  return (buffer, start, end, afterMs, text) => {
    for (const { parts, isUtc } of layouts) {
      if (!readFields(parts, buffer, start, end, fields)) continue;
      const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
      const isPlain = hour < 24 && minute < 60 && second < 60;
      const midnightMs = isPlain ? (isUtc ? utc : local)(year, month, day) : Number.NaN;
      if (Number.isNaN(midnightMs)) break;
      return midnightMs + hour * 3_600_000 + minute * 60_000 + second * 1000;
    }
    return slow(buffer, start, end, afterMs, text);
  };
}

/** Fields and separators; `isUtc` where a Z at the end says so. */
type Layout = { parts: Part[]; isUtc: boolean };

/** The layouts of a format of digits and separators; for `iso` those of local times and of UTC. None where the fast way does not know it. */
function layoutsOf(format: string): Layout[] {
  if (format === 'iso') return isoLayouts.map((layout) => ({ parts: partsOf(layout), isUtc: layout.endsWith('Z') }));
  const parts = /^(?:yyyy|MM?|dd?|HH?|mm?|ss?|[^A-Za-z0-9]|T)+$/.test(format) ? partsOf(format) : [];
  const named = parts.flatMap((part) => ('field' in part ? part.field : []));
  const isWhole = named.length === new Set(named).size && named.includes('year');
  // Digits of a varying number must end where a separator stands.
  const isClear = parts.every((part, index) => 'byte' in part || !('field' in (parts[index + 1] ?? { byte: 0 })));
  return isWhole && isClear ? [{ parts, isUtc: false }] : [];
}

const isoLayouts = ['HH:mm:ss', 'HH:mm', 'HH:mm:ssZ', 'HH:mmZ'].flatMap((time) =>
  ['T', ' '].map((between) => `yyyy-MM-dd${between}${time}`),
);

function partsOf(format: string): Part[] {
  return (format.match(/yyyy|MM|M|dd|d|HH|H|mm|m|ss|s|./g) ?? []).map((token) => {
    const known = fieldOf[token];
    if (!known) return { byte: token.charCodeAt(0) };
    const [field, digitsMin, digitsMax] = known;
    return { field, digitsMin, digitsMax };
  });
}

const places: Record<Field, number> = { year: 0, month: 1, day: 2, hour: 3, minute: 4, second: 5 };

/** Reads all parts of a cell into `fields`; false where the cell is anything else. */
function readFields(parts: Part[], buffer: Uint8Array, start: number, end: number, fields: Float64Array): boolean {
  fields[0] = 1970;
  fields[1] = fields[2] = 1;
  fields[3] = fields[4] = fields[5] = 0;
  let at = start;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Part;
    if ('byte' in part) {
      if (at >= end || buffer[at++] !== part.byte) return false;
      continue;
    }
    let [value, digits] = [0, 0];
    for (; at < end && digits < part.digitsMax; at++, digits++) {
      const byte = buffer[at] as number;
      if (byte < 48 || byte > 57) break;
      value = value * 10 + (byte - 48);
    }
    if (digits < part.digitsMin) return false;
    fields[places[part.field]] = value;
  }
  return at === end;
}

/** The instant of local midnight of a day on which the zone's offset does not change, nor half a day around it; NaN on others. */
function createDays(zone: string): (year: number, month: number, day: number) => number {
  const midnights = new Map<number, number>();
  let [lastKey, lastMs] = [-1, Number.NaN];
  return (year, month, day) => {
    const key = (year * 100 + month) * 100 + day;
    if (key === lastKey) return lastMs;
    lastKey = key;
    if (!midnights.has(key)) {
      const dayMs = findDay(year, month, day);
      midnights.set(key, dayMs === undefined ? Number.NaN : midnightMs(dayMs, zone));
    }
    lastMs = midnights.get(key) as number;
    return lastMs;
  };
}

const quarterDayMs = 21_600_000;

function midnightMs(localMs: number, zone: string): number {
  const offsetMs = zoneOffsetMs(zone, localMs);
  for (let quarter = -4; quarter <= 8; quarter++)
    if (zoneOffsetMs(zone, localMs + quarter * quarterDayMs) !== offsetMs) return Number.NaN;
  return localMs - offsetMs;
}
