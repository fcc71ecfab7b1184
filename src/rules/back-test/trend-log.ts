import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import type { RuleAsset, RulePoint } from '../kernel/bind.ts';
import type { RuleReading } from '../kernel/replay.ts';
import { durationPattern, findDurationMs } from '../language/durations.ts';
import type { RuleError, Source } from '../language/rule-error.ts';
import { assertZone } from '../language/schedule.ts';
import { parseSource, validateSource } from '../language/yaml-source.ts';
import { checkColumnMap } from './check-columns.ts';
import { createTrendRowReader } from './trend-rows.ts';

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
      name: z.string().min(1).optional().describe('what the site calls the point, for imports; absent: as the column'),
    }),
  ),
});
export type ColumnMap = z.infer<typeof ColumnMap>;

/** A trend log as the kernel takes it: its assets, and all readings in the order of time. */
export type TrendLog = {
  assets: { asset: RuleAsset; points: RulePoint[] }[];
  readings: RuleReading[];
  zone: string;
  /** Rows without a time that could be read, and cells that were neither number nor truth. */
  unreadable: { times: number; values: number };
  rows: number;
  /** The first time that could not be read, blank where there is none, and the line of its row. */
  strangeTime: { text: string; line: number } | null;
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
  const [first, ...rows] = parse(csv, {
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
  }) as unknown as { record: string[]; info: { bytes: number } }[];
  const reader = createTrendRowReader(map, { header: first?.record ?? [], zone });
  const log: TrendLog = {
    assets: [],
    readings: [],
    zone,
    unreadable: { times: 0, values: 0 },
    rows: rows.length,
    strangeTime: null,
  };
  const assets = new Set<string>();
  let rowBytes = first?.info.bytes ?? 0;
  for (const { record: row, info } of rows) {
    const before = rowBytes;
    rowBytes = info.bytes;
    const { asset = 'asset', at, timeText, cells } = reader.read(row);
    if (at === undefined) {
      log.unreadable.times++;
      log.strangeTime ??= { text: timeText, line: lineAfter(csv, before) };
      continue;
    }
    assets.add(asset);
    for (const { name, value } of cells) {
      if (value === undefined) log.unreadable.values++;
      else log.readings.push({ point: pointId(asset, name), at, value, quality: 0 });
    }
  }
  log.readings.sort((a, b) => a.at - b.at);
  log.assets = [...assets].map((name) => describeAsset(name, map, zone));
  return log;
}

/** The line of the first row after some bytes, counted from 1. */
function lineAfter(csv: string, bytes: number): number {
  const buffer = Buffer.from(csv);
  const [blank = ''] = /^(?:\r?\n)*/.exec(buffer.toString('utf8', bytes)) ?? [];
  return (buffer.toString('utf8', 0, bytes) + blank).split('\n').length;
}

/** The zone of the log's local times; throws a sentence for one that does not exist. */
export function zoneOf(map: ColumnMap): string {
  return assertZone(map.time.zone ?? 'UTC');
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
