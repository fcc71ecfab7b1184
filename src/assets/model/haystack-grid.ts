/**
 * Project Haystack's grids in JSON as rows of tags (https://project-haystack.org/doc/docHaystack/Json), in both encodings:
 *
 *   Haystack 3    "m:"  "r:p:demo:r:1 RTU-1"  "n:72.5 °F"  "s:text"  "u:http://..."   and plain texts
 *   Hayson (4)    {"_kind":"marker"}  {"_kind":"ref","val":"p:demo:r:1","dis":"RTU-1"}  72.5  {"_kind":"number","val":72.5,"unit":"°F"}
 */
import { z } from 'zod';
import { ModelError } from './building-model.ts';

/** A value of a tag, as far as models use it. */
export type Tag =
  | { readonly kind: 'marker' }
  | { readonly kind: 'ref'; readonly id: string; readonly dis: string | null }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number; readonly unit: string | null }
  | { readonly kind: 'bool'; readonly value: boolean };

export type TagRow = ReadonlyMap<string, Tag>;

const Grid = z.object({ rows: z.array(z.record(z.string(), z.unknown())) });
const rowsMax = 500_000;

/** The rows of a grid, or of a bare list of records. Throws ModelError for what is neither. */
export function readGrid(text: string): TagRow[] {
  const given = parse(text);
  const grid = Grid.safeParse(Array.isArray(given) ? { rows: given } : given);
  if (!grid.success) throw new ModelError('this is not a Haystack grid: it needs "rows", a list of records');
  if (grid.data.rows.length > rowsMax)
    throw new ModelError(`the grid has ${grid.data.rows.length} rows; at most ${rowsMax} are read`);
  return grid.data.rows.map(
    (row) => new Map(Object.entries(row).flatMap(([name, value]) => entryOf(name, readTag(value)))),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelError(`this is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function entryOf(name: string, tag: Tag | undefined): [string, Tag][] {
  return tag === undefined ? [] : [[name, tag]];
}

function readTag(value: unknown): Tag | undefined {
  if (typeof value === 'boolean') return { kind: 'bool', value };
  if (typeof value === 'number') return { kind: 'number', value, unit: null };
  if (typeof value === 'string') return readPrefixed(value);
  return typeof value === 'object' && value !== null ? readHayson(value as Record<string, unknown>) : undefined;
}

/** Haystack 3: a letter and a colon before all but plain texts. */
function readPrefixed(given: string): Tag | undefined {
  const [, letter, rest = ''] = /^([a-z-]):(.*)$/s.exec(given) ?? [];
  switch (letter) {
    case 'm':
      return { kind: 'marker' };
    case 'r': {
      const [, id = '', dis] = /^(\S+)(?: (.*))?$/s.exec(rest) ?? [];
      return { kind: 'ref', id, dis: dis ?? null };
    }
    case 'n': {
      const [number = '', unit] = rest.split(' ', 2);
      return { kind: 'number', value: Number(number), unit: unit ?? null };
    }
    case 's':
    case 'u':
    case 'b':
      return { kind: 'text', text: rest };
    // Removed, not available, dates, times, coordinates and the like say nothing of what a thing is.
    case '-':
    case 'z':
    case 'd':
    case 'h':
    case 't':
    case 'c':
    case 'x':
      return undefined;
    default:
      return { kind: 'text', text: given };
  }
}

function readHayson(value: Record<string, unknown>): Tag | undefined {
  const text = typeof value.val === 'string' ? value.val : '';
  switch (value._kind) {
    case 'marker':
      return { kind: 'marker' };
    case 'ref':
      return { kind: 'ref', id: text, dis: typeof value.dis === 'string' ? value.dis : null };
    case 'number':
      return { kind: 'number', value: Number(value.val), unit: typeof value.unit === 'string' ? value.unit : null };
    case 'symbol':
    case 'uri':
    case 'str':
      return { kind: 'text', text };
    default:
      return undefined;
  }
}
