import type { Db } from '../../platform/database.ts';
import { localDay } from '../../rules/back-test/back-test.ts';
import { type FittedAsset, fitParams, formatFits } from '../../rules/back-test/fit.ts';
import type { RuleReading } from '../../rules/kernel/replay.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import type { ModelAsset } from '../../rules/live/store.ts';
import { readPointColumns } from '../../telemetry/history-store.ts';
import { withDatabase } from '../with-database.ts';
import { readReadingsOf } from './column-map.ts';
import { loadWith, tellMistakes } from './load.ts';
import { readOptions, required, rulesOption, UsageError } from './options.ts';
import { print, printJson } from './print.ts';
import { readSpan } from './span.ts';
import { findAssetOf, listPlants, withClass } from './stored-plant.ts';

export const fitUsage = `rules fit --asset A [--site S] --from T --to T [--days D,D] [--rules DIR] [--json]
rules fit --csv FILE --columns MAP.yaml [--days D,D] [--rules DIR] [--json]
  The parameters that each unit must state for itself, found from days on which it was healthy, to put under the asset.
  --days   the healthy days, as 2026-01-05,2026-01-06 in the site's zone; all days when absent
  --json   one asset a line`;

/** `rules fit`: 0, or 1 when rule files have mistakes; it fits what the rules without any ask for. */
export async function runFit(argv: string[]): Promise<number> {
  const options = readOptions(
    { argv },
    {
      ...rulesOption,
      site: { type: 'string' },
      asset: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      csv: { type: 'string' },
      columns: { type: 'string' },
      days: { type: 'string' },
      json: { type: 'boolean' },
    },
  );
  const { rules, errors } = await loadWith(options.rules, []);
  const days = readDays(options.days);
  const isStored = options.csv === undefined && options.columns === undefined;
  const fitted = isStored
    ? await withDatabase(({ db }) => fitStored(db, rules, { ...options, days }))
    : await fitTrendLog(rules, { ...options, days });
  if (options.json) for (const one of fitted) printJson(one);
  else print(formatFits(fitted));
  return tellMistakes(errors) > 0 ? 1 : 0;
}

type Options = { [Key in 'site' | 'asset' | 'from' | 'to' | 'csv' | 'columns']?: string } & {
  days: Set<string> | undefined;
};

async function fitTrendLog(ruleSet: RuleSet, { days, ...options }: Options): Promise<FittedAsset[]> {
  const { assets, readings, zone } = await readReadingsOf(options, ruleSet);
  requireDays(days, readings, zone);
  return fitParams({ ruleSet, assets, readings, zone, ...(days && { days }) });
}

async function fitStored(db: Db, ruleSet: RuleSet, { days, ...options }: Options): Promise<FittedAsset[]> {
  const plants = withClass(await listPlants(db, options.site));
  const { plant, found } = findAssetOf(plants, required('asset', options.asset));
  const span = readSpan(options, [plant.site.timeZone]);
  const readings = await readReadings(db, found, span);
  if (readings.length === 0)
    throw new Error(`${found.asset.name} has no readings from ${options.from} to ${options.to}`);
  requireDays(days, readings, plant.site.timeZone);
  const assets = [{ asset: found.asset, points: [...found.points] }];
  return fitParams({ ruleSet, assets, readings, zone: plant.site.timeZone, ...(days && { days }) });
}

async function readReadings(
  db: Db,
  { points }: ModelAsset,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<RuleReading[]> {
  const idOf = new Map(points.map(({ id, seriesId }) => [seriesId, id]));
  const columns = await readPointColumns(db, { seriesIds: [...idOf.keys()], afterMs: fromMs - 1, throughMs: toMs });
  const readings: RuleReading[] = [];
  for (const [seriesId, { times, values }] of columns) {
    const point = idOf.get(seriesId) as string;
    for (const [index, at] of times.entries()) {
      const value = values[index] as number;
      readings.push({ point, at, value, quality: Number.isNaN(value) ? 2 : 0 });
    }
  }
  return readings.sort((one, other) => one.at - other.at);
}

/** Throws for days of which there are no readings. */
function requireDays(days: ReadonlySet<string> | undefined, readings: readonly RuleReading[], zone: string): void {
  if (!days) return;
  // Local days begin on quarter hours, so that one reading of each tells the day.
  const quarters = new Set(readings.map(({ at }) => Math.floor(at / 900_000)));
  const known = new Set([...quarters].map((quarter) => localDay(quarter * 900_000, zone)));
  const absent = [...days].filter((day) => !known.has(day));
  if (absent.length === 0) return;
  const sorted = [...known].sort();
  const there = sorted.length > daysShown ? `${sorted[0]} to ${sorted.at(-1)}` : sorted.join(', ');
  throw new UsageError(`--days: there are no readings of ${absent.join(', ')}; there are of ${there}`);
}

const daysShown = 31;

function readDays(text: string | undefined): Set<string> | undefined {
  if (text === undefined) return undefined;
  const days = text.split(',').map((day) => day.trim());
  const wrong = days.find((day) => !/^\d{4}-\d{2}-\d{2}$/.test(day));
  if (wrong !== undefined) throw new UsageError(`--days: '${wrong}' is not a day, as in 2026-01-05`);
  return new Set(days);
}
