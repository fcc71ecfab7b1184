/**
 * A trend log played again over MQTT, as the devices that it was taken from would have sent it.
 *
 *   rows of the log ─▶ span asked for ─▶ wait until due ─▶ describe a new asset ─▶ message a row ─▶ window ─▶ broker
 *
 * Times of the messages, where `at` is the row's own time, `first` the first row's, and `start` the present:
 *   now        start + (at − first) / speed       a server under the same TIME_SCALE sees the original spacing
 *   original   at
 *   shift      a given instant + (at − first)
 */
import { access, constants, readFile } from 'node:fs/promises';
import { connectMqttDevice, type MqttDevice } from '../mqtt-device.ts';
import { waited } from '../wait.ts';
import { type ColumnMap, parseColumnMap } from './column-map.ts';
import { topicLevelOf } from './slug.ts';
import { isoFormat } from './time-format.ts';
import { createInstantsOf } from './time-zone.ts';
import { type BadCell, readTrendLog } from './trend-log.ts';

export type ReplayTimes = { kind: 'now' } | { kind: 'original' } | { kind: 'shift'; startMs: number };

export type ReplayOptions = {
  file: string;
  mapFile: string;
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  site: string;
  /** Replaces the name of the map's asset. */
  asset?: string | undefined;
  /** Local times of the map's zone, or ISO 8601 with an offset; the end is not included. */
  from?: string | undefined;
  to?: string | undefined;
  /** One local day, `2007-08-31`. */
  day?: string | undefined;
  /** Seconds of the log in a second of the wall clock, or as fast as the broker acknowledges. */
  speed: number | 'max';
  times: ReplayTimes;
  onLine?: ((line: string) => void) | undefined;
  onBad?: ((bad: BadCell) => void) | undefined;
  /** Called after every row that was sent. */
  onProgress?: ((progress: ReplayProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
};

export type ReplayProgress = { rows: number; readings: number; acknowledged: number; at: Date; lateMs: number };
export type ReplaySummary = {
  rows: number;
  readings: number;
  acknowledged: number;
  badRows: number;
  badValues: number;
  seconds: number;
};

const inFlightMax = 100;
const connectSecondsMax = 30;
const drainMsMax = 30_000;

/** Plays a log to its end, or until the signal aborts. Throws an Error for a map, file, span or broker that will not do. */
export async function replayTrendLog(options: ReplayOptions): Promise<ReplaySummary> {
  const map = withAsset(parseColumnMap(await readFile(options.mapFile, 'utf8'), options.mapFile), options);
  const span = readSpan(options, map.time.zone ?? 'UTC');
  await access(options.file, constants.R_OK);
  const { url, username, password, onLine } = options;
  const clientId = `replay-${options.site}-${process.pid}`;
  const device = await connectMqttDevice({ url, username, password, clientId, inFlightMax, onLine, connectSecondsMax });
  try {
    return await play(options, map, span, device);
  } finally {
    await device.close();
  }
}

async function play(options: ReplayOptions, map: ColumnMap, span: Span, device: MqttDevice): Promise<ReplaySummary> {
  const signal = options.signal ?? new AbortController().signal;
  const summary = { rows: 0, readings: 0, acknowledged: 0, badRows: 0, badValues: 0, seconds: 0 };
  const onBad = (bad: BadCell) => {
    if (bad.rowLost) summary.badRows += 1;
    else summary.badValues += 1;
    options.onBad?.(bad);
  };
  const described = new Set<string>();
  const seen = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY };
  let schedule: Schedule | undefined;
  for await (const { asset, at, values } of readTrendLog({
    file: options.file,
    map,
    mapFile: options.mapFile,
    onBad,
  })) {
    seen.first = Math.min(seen.first, at);
    seen.last = Math.max(seen.last, at);
    if (at < span.from || at >= span.to) continue;
    const topic = `telemetry/${options.site}/${topicLevelOf(asset)}`;
    if (!described.has(topic)) {
      described.add(topic);
      await device.publish(`${topic}/$points`, JSON.stringify(describe(map)), 0);
      // The description must have been taken in before the first reading makes the server guess.
      await device.drain(drainMsMax);
    }
    schedule ??= createSchedule(options, at);
    const { waitMs, time } = schedule(at);
    if (signal.aborted || (waitMs > 0 && !(await waited(waitMs, signal)))) break;
    summary.rows += 1;
    const readings = Object.keys(values).length;
    if (readings > 0) await device.publish(topic, JSON.stringify({ time: time.toISOString(), values }), readings);
    summary.readings = device.published();
    const { rows } = summary;
    options.onProgress?.({
      rows,
      readings: summary.readings,
      acknowledged: device.acknowledged(),
      at: new Date(at),
      lateMs: Math.max(0, -waitMs),
    });
  }
  if (summary.rows === 0 && !signal.aborted) throw new Error(nothingToPlay(options, seen));
  await device.drain(drainMsMax);
  const seconds = schedule ? schedule.elapsedMs() / 1000 : 0;
  return { ...summary, acknowledged: device.acknowledged(), seconds };
}

type Schedule = ((at: number) => { waitMs: number; time: Date }) & { elapsedMs(): number };

/** When each row is due and which time it carries, counted from the first row and the present. */
function createSchedule({ speed, times }: ReplayOptions, first: number): Schedule {
  const startMs = Date.now();
  const schedule = (at: number) => {
    const dueMs = speed === 'max' ? startMs : startMs + (at - first) / speed;
    const waitMs = speed === 'max' ? 0 : dueMs - Date.now();
    return { waitMs, time: new Date(timeOf(times, at, dueMs)) };
  };
  function timeOf(kind: ReplayTimes, at: number, dueMs: number): number {
    switch (kind.kind) {
      case 'now':
        return Math.round(dueMs);
      case 'original':
        return at;
      case 'shift':
        return kind.startMs + at - first;
    }
  }
  return Object.assign(schedule, { elapsedMs: () => Date.now() - startMs });
}

type Span = { from: number; to: number };

/** The instants between which rows are played. Throws an Error that names the option. */
function readSpan({ from, to, day }: ReplayOptions, zone: string): Span {
  const instantsOf = createInstantsOf(zone);
  const instantOf = (option: string, text: string, daysLater: number): number => {
    const time = isoFormat.parse(text);
    if (!time)
      throw new Error(`--${option} is a time such as 2007-08-31 or "2007-08-31 06:00", not ${JSON.stringify(text)}`);
    const shifted = { ...time, day: time.day + daysLater };
    // Where daylight saving begins at midnight, the day begins an hour later.
    const [instant] = [...instantsOf(shifted), ...instantsOf({ ...shifted, hour: shifted.hour + 1 })];
    if (instant === undefined) throw new Error(`--${option}: ${text} does not exist in ${zone}`);
    return instant;
  };
  if (day !== undefined) {
    if (from !== undefined || to !== undefined) throw new Error('--day stands alone, without --from and --to');
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day))
      throw new Error(`--day is a date such as 2007-08-31, not ${JSON.stringify(day)}`);
    return { from: instantOf('day', day, 0), to: instantOf('day', day, 1) };
  }
  return {
    from: from === undefined ? Number.NEGATIVE_INFINITY : instantOf('from', from, 0),
    to: to === undefined ? Number.POSITIVE_INFINITY : instantOf('to', to, 0),
  };
}

function withAsset(map: ColumnMap, { asset, mapFile }: ReplayOptions): ColumnMap {
  if (asset === undefined) return map;
  if (map.asset.column) {
    const { line, column } = map.asset.column.place;
    throw new Error(`--asset names one asset, but ${mapFile}:${line}:${column} takes the assets from a column`);
  }
  return { ...map, asset: { ...map.asset, name: asset } };
}

/** What the map knows of an asset, for the server to learn before it sees the first reading. */
function describe({ asset, points }: ColumnMap) {
  return {
    ...(asset.class === undefined ? {} : { class: asset.class }),
    params: asset.params,
    points: Object.fromEntries(points.map(({ slug, label: _, place: __, ...details }) => [slug, details])),
  };
}

function nothingToPlay({ file }: ReplayOptions, { first, last }: { first: number; last: number }): string {
  if (first > last) return `${file} has no rows that can be played`;
  return `no row of ${file} lies in that span; it goes from ${new Date(first).toISOString()} to ${new Date(last).toISOString()}`;
}
