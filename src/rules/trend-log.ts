import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import type { RuleAsset, RulePoint } from './bind.ts';
import { durationPattern, findDurationMs } from './durations.ts';
import { createTimeReader } from './local-time.ts';
import type { RuleReading } from './replay.ts';
import type { RuleError } from './rule-error.ts';
import { assertZone } from './schedule.ts';
import { parseSource, validateSource } from './yaml-source.ts';

/** How the columns of a trend log become the points of an asset; `layout: long` has one reading per row instead. */
const ColumnMap = z.strictObject({
  layout: z.enum(['wide', 'long']).optional(),
  time: z.strictObject({ column: z.string(), format: z.string().optional(), zone: z.string().optional() }),
  asset: z.strictObject({
    name: z.string().optional(),
    column: z.string().optional().describe('the column that names the asset, where a file holds several'),
    class: z.string(),
    zone: z.string().optional(),
    params: z.record(z.string(), z.number()).optional(),
  }),
  point: z
    .strictObject({ column: z.string() })
    .optional()
    .describe("in the long layout: the column of the point's name"),
  value: z.strictObject({ column: z.string() }).optional().describe('in the long layout: the column of the value'),
  points: z.record(
    z.string(),
    z.strictObject({
      class: z.string(),
      of: z.string().optional(),
      unit: z.string().optional(),
      stale_after: z.string().regex(durationPattern).optional(),
      expected_interval: z.string().regex(durationPattern).optional(),
    }),
  ),
});
export type ColumnMap = z.infer<typeof ColumnMap>;

/** A trend log as the kernel takes it: its assets, and all readings in the order of time. */
export type TrendLog = {
  assets: { asset: RuleAsset; points: RulePoint[] }[];
  readings: RuleReading[];
  zone: string;
  /** Rows whose time could not be read, and cells that were neither number nor truth. */
  unreadable: { times: number; values: number };
};

/** A column map from its YAML, with errors that name file, line and column. */
export function parseColumnMap(file: string, text: string): { map: ColumnMap | undefined; errors: RuleError[] } {
  const { source, errors } = parseSource(file, text);
  if (errors.length > 0) return { map: undefined, errors };
  const { value, errors: found } = validateSource(source, ColumnMap);
  return { map: value, errors: found };
}

/** The readings of a CSV by its column map. Blank cells are no readings; a column that the file lacks throws a sentence. */
export function readTrendLog(csv: string, map: ColumnMap): TrendLog {
  const zone = assertZone(map.time.zone ?? 'UTC');
  const [header = [], ...rows] = parse(csv, {
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
  }) as string[][];
  const columns = new Map(header.map((name, index) => [name.trim(), index]));
  const columnOf = (name: string) => columns.get(name) ?? missingColumn(name, header);
  const isLong = map.layout === 'long';
  const timeColumn = columnOf(map.time.column);
  const assetColumn = map.asset.column === undefined ? undefined : columnOf(map.asset.column);
  const pointColumn = isLong ? columnOf(map.point?.column ?? 'point') : -1;
  const valueColumn = isLong ? columnOf(map.value?.column ?? 'value') : -1;
  const names = Object.keys(map.points);
  const cells = isLong ? [] : names.map((name) => ({ name, column: columnOf(name) }));
  const readTime = createTimeReader(map.time.format ?? 'iso', zone);
  const log: TrendLog = { assets: [], readings: [], zone, unreadable: { times: 0, values: 0 } };
  const known = new Set(names);
  const assets = new Set<string>();
  const lastMs = new Map<string, number>();
  for (const row of rows) {
    const asset = assetColumn === undefined ? (map.asset.name ?? 'asset') : (row[assetColumn] ?? '');
    const at = readTime(row[timeColumn] ?? '', lastMs.get(asset) ?? Number.NEGATIVE_INFINITY);
    if (at === undefined) {
      log.unreadable.times++;
      continue;
    }
    lastMs.set(asset, isLong ? at - 1 : at);
    assets.add(asset);
    if (isLong) addReading(log, asset, row[pointColumn] ?? '', row[valueColumn] ?? '', at, known);
    else for (const { name, column } of cells) addReading(log, asset, name, row[column] ?? '', at, known);
  }
  log.readings.sort((a, b) => a.at - b.at);
  log.assets = [...assets].map((name) => describeAsset(name, map, zone));
  return log;
}

function addReading(log: TrendLog, asset: string, point: string, text: string, at: number, known: Set<string>): void {
  if (!known.has(point) || text.trim() === '') return;
  const value = readValue(text.trim());
  if (value === undefined) log.unreadable.values++;
  else log.readings.push({ point: pointId(asset, point), at, value, quality: 0 });
}

function readValue(text: string): number | undefined {
  if (/^true$/i.test(text)) return 1;
  if (/^false$/i.test(text)) return 0;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function describeAsset(name: string, map: ColumnMap, zone: string): TrendLog['assets'][number] {
  const asset: RuleAsset = {
    id: name,
    name,
    class: map.asset.class,
    siteTimeZone: map.asset.zone ?? zone,
    params: map.asset.params ?? {},
  };
  const points = Object.entries(map.points).map(([column, point]): RulePoint => {
    const { stale_after: staleAfter, expected_interval: interval } = point;
    return {
      id: pointId(name, column),
      class: point.class,
      of: point.of ?? null,
      unit: point.unit ?? null,
      ...(staleAfter !== undefined && { staleAfterMs: findDurationMs(staleAfter) as number }),
      ...(interval !== undefined && { expectedIntervalMs: findDurationMs(interval) as number }),
    };
  });
  return { asset, points };
}

function pointId(asset: string, column: string): string {
  return `${asset}/${column}`;
}

function missingColumn(name: string, header: string[]): never {
  throw new Error(`the file has no column '${name}'; it has ${header.join(', ')}`);
}
