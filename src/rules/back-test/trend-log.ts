import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import type { RuleAsset, RulePoint } from '../kernel/bind.ts';
import type { RuleReading } from '../kernel/replay.ts';
import { durationPattern, findDurationMs } from '../language/durations.ts';
import { createTimeReader } from '../language/local-time.ts';
import type { RuleError, Source } from '../language/rule-error.ts';
import { assertZone } from '../language/schedule.ts';
import { parseSource, validateSource } from '../language/yaml-source.ts';
import { checkColumnMap } from './check-columns.ts';

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
    site: z.string().min(1).optional().describe('what overrides call its site'),
    tags: z.array(z.string()).optional().describe('its tags, which overrides may name'),
  }),
  assets: z
    .record(
      z.string(),
      z.strictObject({
        class: z.string().optional(),
        params: z.record(z.string(), z.number()).optional(),
        tags: z.array(z.string()).optional(),
        upstream: z.array(z.string()).optional().describe('the assets that feed it or that it is part of'),
        points: z.array(z.string()).optional().describe('which of the points it has; absent: all'),
      }),
    )
    .optional()
    .describe('what is different for single assets of several'),
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
      values: z.record(z.string(), z.number()).optional().describe('what the texts of the column stand for'),
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
  rows: number;
  /** The first time that could not be read. */
  strangeTime: string | null;
};

/** A column map from its YAML, with errors that name file, line and column; those that are warnings leave the map usable. */
export function parseColumnMap(
  file: string,
  text: string,
): { map: ColumnMap | undefined; source: Source; errors: RuleError[] } {
  const { source, errors } = parseSource(file, text);
  if (errors.length > 0) return { map: undefined, source, errors };
  const { value, rest, errors: found } = validateSource(source, ColumnMap);
  if (rest) found.push(...checkColumnMap(source, rest));
  const isSound = found.every(({ severity }) => severity === 'warning');
  return { map: isSound ? value : undefined, source, errors: found };
}

/** The names of a CSV's columns; none for an empty one. */
export function readHeader(csv: Uint8Array): string[] {
  const [header = []] = parse(csv, {
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    to: 1,
  }) as string[][];
  return header;
}

/** The readings of a CSV by its column map. Blank cells are no readings; a column that the file lacks throws a sentence. */
export function readTrendLog(csv: string, map: ColumnMap): TrendLog {
  const zone = zoneOf(map);
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
  const log: TrendLog = {
    assets: [],
    readings: [],
    zone,
    unreadable: { times: 0, values: 0 },
    rows: rows.length,
    strangeTime: null,
  };
  const known = new Map(
    Object.entries(map.points).map(([name, { values }]) => [name, new Map(Object.entries(values ?? {}))]),
  );
  const assets = new Set<string>();
  const lastMs = new Map<string, number>();
  for (const row of rows) {
    const asset = assetColumn === undefined ? (map.asset.name ?? 'asset') : (row[assetColumn] ?? '');
    const at = readTime(row[timeColumn] ?? '', lastMs.get(asset) ?? Number.NEGATIVE_INFINITY);
    if (at === undefined) {
      log.unreadable.times++;
      log.strangeTime ??= row[timeColumn] ?? '';
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

/** The zone of the log's local times; throws a sentence for one that does not exist. */
export function zoneOf(map: ColumnMap): string {
  return assertZone(map.time.zone ?? 'UTC');
}

function addReading(
  log: TrendLog,
  asset: string,
  point: string,
  text: string,
  at: number,
  known: Map<string, Map<string, number>>,
): void {
  const values = known.get(point);
  const trimmed = text.trim();
  if (values === undefined || trimmed === '') return;
  const value = values.get(trimmed) ?? readValue(trimmed);
  if (value === undefined) log.unreadable.values++;
  else log.readings.push({ point: pointId(asset, point), at, value, quality: 0 });
}

/** The number that a trimmed cell stands for, true as 1 and false as 0; undefined when it is neither. */
export function readValue(text: string): number | undefined {
  if (/^true$/i.test(text)) return 1;
  if (/^false$/i.test(text)) return 0;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** An asset of the log and its points, as the column map describes them. */
export function describeAsset(name: string, map: ColumnMap, zone: string): TrendLog['assets'][number] {
  const own = map.assets?.[name] ?? {};
  const { site } = map.asset;
  const asset: RuleAsset = {
    id: name,
    name,
    class: own.class ?? map.asset.class,
    siteTimeZone: map.asset.zone ?? zone,
    params: { ...map.asset.params, ...own.params },
    upstream: own.upstream ?? [],
    tags: [...(map.asset.tags ?? []), ...(own.tags ?? [])],
    ...(site !== undefined && { site: { id: site, slug: site } }),
  };
  const columns = Object.entries(map.points).filter(([column]) => own.points?.includes(column) ?? true);
  const points = columns.map(([column, point]): RulePoint => {
    const { stale_after: staleAfter, expected_interval: interval } = point;
    return {
      id: pointId(name, column),
      name: column,
      class: point.class,
      of: point.of ?? null,
      unit: point.unit ?? null,
      ...(staleAfter !== undefined && { staleAfterMs: findDurationMs(staleAfter) as number }),
      ...(interval !== undefined && { expectedIntervalMs: findDurationMs(interval) as number }),
    };
  });
  return { asset, points };
}

/** The id of a column's point of an asset. */
export function pointId(asset: string, column: string): string {
  return `${asset}/${column}`;
}

/** Throws the sentence for a column that is not there. */
export function missingColumn(name: string, header: string[]): never {
  throw new Error(`the file has no column '${name}'; it has ${header.join(', ')}`);
}
