import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parse as parseYaml } from 'yaml';
import { parseColumnMap } from '../simulators/replay/column-map.ts';
import { createInstantsOf } from '../simulators/replay/time-zone.ts';

/** What is known of one day of one unit. `fault` is null on a healthy day; `airAt` is the first minute with the supply fan on. */
export type LabelledDay = {
  unit: string;
  day: string;
  fault: string | null;
  intensity: string;
  airAt: number | null;
};

/** A trend log with its labels: the unit's CSV and column map, and its days in the order of the file. */
export type LabelledLog = { unit: string; csv: string; columns: string; days: LabelledDay[] };

/**
 * The logs that the `ground_truth.csv` of a folder names, each with all its days: a day that is not listed as faulted is healthy.
 * Throws when a day that is listed is not in its log.
 */
export async function readLabelledLogs(folder: string): Promise<LabelledLog[]> {
  const rows = parse(await readFile(join(folder, 'ground_truth.csv'), 'utf8'), { columns: true, bom: true }) as Record<
    'file' | 'day' | 'fault_type' | 'intensity',
    string
  >[];
  const logs: LabelledLog[] = [];
  for (const [file, labels] of Map.groupBy(rows, (row) => row.file)) {
    const unit = basename(file, '.csv');
    const [csv, columns] = [join(folder, `${unit}.csv`), join(folder, `${unit}.columns.yaml`)];
    const faults = new Map(labels.map((label) => [label.day, label]));
    const seen = await readDays(csv, columns);
    const days = [...seen].map(([day, airAt]): LabelledDay => {
      const label = faults.get(day);
      const isFaulted = label !== undefined && label.fault_type !== 'unfaulted';
      return { unit, day, fault: isFaulted ? label.fault_type : null, intensity: label?.intensity ?? '', airAt };
    });
    const absent = [...faults.keys()].filter((day) => !seen.has(day));
    if (absent.length > 0) throw new Error(`${csv} has no rows of ${absent.join(', ')}, which the labels name`);
    logs.push({ unit, csv, columns, days });
  }
  return logs;
}

type FanPoint = { class?: string; of?: string };

/** The local days of a log, each with the first instant at which its supply fan is on, null when it never is. */
async function readDays(csv: string, columns: string): Promise<Map<string, number | null>> {
  const text = await readFile(columns, 'utf8');
  const { time } = parseColumnMap(text, columns);
  const { points } = parseYaml(text) as { points: Record<string, FanPoint> };
  const fan = Object.entries(points).find(
    ([, point]) => point.class === 'brick:Fan_On_Off_Status' && point.of === 'brick:Supply_Fan',
  )?.[0];
  const instantsOf = createInstantsOf(time.zone ?? 'UTC');
  const days = new Map<string, number | null>();
  const rows = parse(await readFile(csv, 'utf8'), { columns: true, bom: true }) as Record<string, string>[];
  for (const row of rows) {
    const local = time.format.parse(row[time.column] ?? '');
    const at = local && instantsOf(local)[0];
    if (at === undefined) continue;
    const day = localDay(at, time.zone ?? 'UTC');
    const airAt = days.get(day) ?? null;
    days.set(day, airAt ?? (fan === undefined || Number(row[fan]) > 0 ? at : null));
  }
  return days;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localDay(atMs: number, zone: string): string {
  const format = formats.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });
  formats.set(zone, format);
  return format.format(atMs);
}
