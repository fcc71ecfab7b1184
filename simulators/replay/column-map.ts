/**
 * The column map of a trend log: which column is the time, which asset it is about, and what each point is.
 *
 *   time:   { column: Datetime, format: "M/d/yyyy H:mm", zone: America/Chicago }
 *   asset:  { name: AHU-A, class: brick:AHU, params: { min_oa: 0.40 } }     or  { column: Unit, class: brick:AHU }
 *   points: { "AHU: Supply Air Temperature": { class: brick:Supply_Air_Temperature_Sensor, unit: degF } }
 *   layout: long                                     one reading a row, in the columns `point` and `value`
 *
 * Every mistake is reported with its line and column, together with what would be right.
 */
import { isMap, isScalar, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { slugsOf } from './slug.ts';
import { compileTimeFormat, isoFormat, type TimeFormat } from './time-format.ts';
import { isTimeZone } from './time-zone.ts';

/** Where in the map something stands, for errors that only the file's header brings to light. */
export type Place = { line: number; column: number };

export type MappedPoint = {
  /** The column's name, or in the long layout what stands in the point column. */
  label: string;
  slug: string;
  class?: string;
  of?: string;
  unit?: string;
  place: Place;
};

export type ColumnMap = {
  layout: 'wide' | 'long';
  time: { column: string; format: TimeFormat; zone: string | undefined; place: Place };
  asset: {
    name: string | undefined;
    column: { name: string; place: Place } | undefined;
    class: string | undefined;
    params: Record<string, number>;
  };
  /** The columns of the long layout. */
  pointColumn: string;
  valueColumn: string;
  points: MappedPoint[];
};

// The last of each are the rules' affair: one map serves the replay and the back-test.
const assetKeys = ['name', 'column', 'class', 'params', 'zone'];
const pointKeys = ['class', 'of', 'unit', 'stale_after', 'expected_interval'];

/** Parses a map; throws an Error that lists every mistake, a line each, as `file:line:column: what`. */
export function parseColumnMap(text: string, file: string): ColumnMap {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const mistakes: string[] = document.errors.map(({ message, pos }) => {
    const { line, col } = lines.linePos(pos[0]);
    return `${file}:${line}:${col}: ${message.split('\n')[0]}`;
  });
  const reader = createReader(file, lines, mistakes);
  const map = mistakes.length === 0 ? readMap(reader, document.contents) : undefined;
  if (mistakes.length > 0 || !map) throw new Error(mistakes.join('\n'));
  return map;
}

function readMap(reader: Reader, contents: Node | null): ColumnMap | undefined {
  const root = reader.mapOf(contents, contents, 'the file', ['time', 'asset', 'points', 'layout', 'point', 'value']);
  if (!root) return undefined;
  const layoutText = reader.text(root, 'layout') ?? 'wide';
  if (layoutText !== 'wide' && layoutText !== 'long') {
    reader.wrong(root.get('layout', true), `layout is wide or long, not ${JSON.stringify(layoutText)}`);
  }
  const layout = layoutText === 'long' ? 'long' : 'wide';
  const time = readTime(reader, root);
  const asset = readAsset(reader, root);
  const points = readPoints(reader, root);
  if (layout === 'wide') {
    for (const key of ['point', 'value']) {
      if (root.has(key)) reader.wrong(root.get(key, true), `${key} belongs to layout: long`);
    }
  }
  const pointColumn = readColumn(reader, root, 'point') ?? 'point';
  const valueColumn = readColumn(reader, root, 'value') ?? 'value';
  if (!time || !asset) return undefined;
  return { layout, time, asset, points, pointColumn, valueColumn };
}

function readTime(reader: Reader, root: YAMLMap): ColumnMap['time'] | undefined {
  const time = reader.section(root, 'time', ['column', 'format', 'zone'], '{ column: Datetime, zone: Europe/Berlin }');
  if (!time) return undefined;
  const column = reader.text(time, 'column');
  if (column === undefined) reader.wrong(time, 'time needs column, the name of the column that holds the time');
  const pattern = reader.text(time, 'format');
  let format = isoFormat;
  if (pattern !== undefined) {
    try {
      format = compileTimeFormat(pattern);
    } catch (cause) {
      reader.wrong(time.get('format', true), cause instanceof Error ? cause.message : String(cause));
    }
  }
  const zone = reader.text(time, 'zone');
  if (zone !== undefined && !isTimeZone(zone)) {
    reader.wrong(
      time.get('zone', true),
      `no time zone ${JSON.stringify(zone)}; write an IANA name such as America/Chicago`,
    );
  }
  if (zone === undefined && pattern !== undefined && !format.hasOffset) {
    reader.wrong(time, 'time needs zone, an IANA name such as America/Chicago, since its format has no offset');
  }
  return { column: column ?? '', format, zone, place: reader.place(time.get('column', true) ?? time) };
}

function readAsset(reader: Reader, root: YAMLMap): ColumnMap['asset'] | undefined {
  const asset = reader.section(root, 'asset', assetKeys, '{ name: AHU-1, class: brick:AHU }');
  if (!asset) return undefined;
  const name = reader.text(asset, 'name');
  const column = reader.text(asset, 'column');
  if ((name === undefined) === (column === undefined)) {
    reader.wrong(asset, 'asset needs either name, or column when the file holds several assets');
  }
  const params: Record<string, number> = {};
  const given = asset.has('params') ? reader.mapOf(asset.get('params', true), asset, 'params') : undefined;
  for (const { key, value } of given?.items ?? []) {
    const content = isScalar(value) ? value.value : undefined;
    if (typeof content === 'number') params[String(key)] = content;
    else reader.wrong(value ?? given, `params: ${String(key)} is a number`);
  }
  const columnNode = asset.get('column', true);
  return {
    name,
    column: column === undefined ? undefined : { name: column, place: reader.place(columnNode) },
    class: reader.text(asset, 'class'),
    params,
  };
}

function readPoints(reader: Reader, root: YAMLMap): MappedPoint[] {
  const points = reader.section(root, 'points', undefined, '{ "column name": { class: brick:…, unit: degC } }');
  if (points?.items.length === 0) reader.wrong(points, 'points is empty; name at least one column');
  const labels = points?.items.map(({ key }) => String(key)) ?? [];
  const slugs = slugsOf(labels);
  return labels.flatMap((label, index) => {
    const pair = points?.items[index];
    const place = reader.place(pair?.key);
    const point = reader.mapOf(pair?.value, pair?.key, `point ${JSON.stringify(label)}`, pointKeys);
    if (!point) return [];
    const details: Pick<MappedPoint, 'class' | 'of' | 'unit'> = {};
    for (const key of ['class', 'of', 'unit'] as const) {
      const text = reader.text(point, key);
      if (text !== undefined) details[key] = text;
    }
    return [{ label, slug: slugs[index] ?? label, ...details, place }];
  });
}

/** The columns of the long layout are written as `point: { column: Tag }`. */
function readColumn(reader: Reader, root: YAMLMap, key: string): string | undefined {
  if (!root.has(key)) return undefined;
  const section = reader.section(root, key, ['column'], '{ column: Tag }');
  return section && reader.text(section, 'column');
}

type Reader = ReturnType<typeof createReader>;

/** Reads nodes of the document, and keeps a list of what is wrong with them. */
function createReader(file: string, lines: LineCounter, mistakes: string[]) {
  function place(node: unknown): Place {
    const start = node && typeof node === 'object' && 'range' in node && Array.isArray(node.range) ? node.range[0] : 0;
    const { line, col } = lines.linePos(start);
    return { line, column: col };
  }
  function wrong(node: unknown, message: string): void {
    const { line, column } = place(node);
    mistakes.push(`${file}:${line}:${column}: ${message}`);
  }
  function mapOf(node: unknown, near: unknown, name: string, keys?: string[]): YAMLMap | undefined {
    if (!isMap(node)) {
      wrong(node ?? near, `${name} is a mapping${keys ? ` with ${keys.join(', ')}` : ''}`);
      return undefined;
    }
    for (const { key } of node.items) {
      if (keys && !keys.includes(String(key))) {
        wrong(key, `${name} has no key ${String(key)}; there are ${keys.join(', ')}`);
      }
    }
    return node;
  }
  function section(root: YAMLMap, key: string, keys: string[] | undefined, example: string): YAMLMap | undefined {
    if (root.has(key)) return mapOf(root.get(key, true), root, key, keys);
    wrong(root, `${key} is missing; write for example ${key}: ${example}`);
    return undefined;
  }
  function text(map: YAMLMap, key: string): string | undefined {
    const node = map.get(key, true);
    if (node === undefined) return undefined;
    if (isScalar(node) && typeof node.value === 'string' && node.value.trim() !== '') return node.value;
    wrong(node, `${key} is a text`);
    return undefined;
  }
  return { place, wrong, mapOf, section, text };
}
