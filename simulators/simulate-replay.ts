/** `simulate replay`: a trend log on the command line. */
import { type OptionTable, readNumber, readOptions, UsageError } from './arguments.ts';
import { type ReplayProgress, type ReplayTimes, replayTrendLog } from './replay/replay.ts';
import { isoFormat } from './replay/time-format.ts';
import type { BadCell } from './replay/trend-log.ts';

const table: OptionTable = {
  columns: { type: 'string' },
  url: { type: 'string' },
  username: { type: 'string' },
  password: { type: 'string' },
  site: { type: 'string' },
  asset: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  day: { type: 'string' },
  speed: { type: 'string' },
  times: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
};

export const replayHelp = `npm run simulate -- replay FILE.csv --columns MAP.yaml [options]

  A trend log, published over MQTT row by row, each with its time.

  --columns MAP.yaml             which column is the time, which asset it is, what each point is
  --url mqtt://127.0.0.1:1883    the broker
  --username U, --password P     or FAULTLINE_MQTT_USERNAME, FAULTLINE_MQTT_PASSWORD
  --site main                    topics are telemetry/{site}/{asset}
  --asset NAME                   instead of the map's name for the asset
  --from T, --to T               local time of the map's zone, or ISO 8601; the end is not included
  --day 2007-08-31               one local day
  --speed 60                     seconds of the log in a second, or max
  --times now                    now: the first row now, the others behind it at their spacing divided by the speed
                                 original: as in the log (the default with --speed max)
                                 shift:2026-01-05T00:00:00Z: the first row then, spacing kept`;

const badLinesMax = 10;

/** Plays to the end or until SIGINT; exit code 1 when not everything was acknowledged. Throws a UsageError. */
export async function simulateReplay(args: string[]): Promise<void> {
  const given = readOptions(args, table, 1);
  if (given.has('help')) return console.log(replayHelp);
  const [file] = given.positionals;
  const mapFile = given.find('columns');
  if (file === undefined) throw new UsageError('replay needs the file to play: replay FILE.csv --columns MAP.yaml');
  if (mapFile === undefined) throw new UsageError('replay needs --columns MAP.yaml, which says what the columns are');
  const speed =
    given.find('speed') === 'max' ? 'max' : (readNumber('speed', given.find('speed'), { from: 0.001, to: 1e6 }) ?? 60);
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  process.once('SIGTERM', () => stopping.abort());
  const progress = createProgressLines();
  const bad = createBadLines(file);
  const summary = await replayTrendLog({
    file,
    mapFile,
    url: given.find('url') ?? 'mqtt://127.0.0.1:1883',
    username: given.find('username') ?? process.env.FAULTLINE_MQTT_USERNAME,
    password: given.find('password') ?? process.env.FAULTLINE_MQTT_PASSWORD,
    site: given.find('site') ?? 'main',
    asset: given.find('asset'),
    from: given.find('from'),
    to: given.find('to'),
    day: given.find('day'),
    speed,
    times: readTimes(given.find('times'), speed),
    onLine: (line) => console.log(line),
    onBad: bad,
    onProgress: progress,
    signal: stopping.signal,
  }).catch((cause: unknown) => {
    // Files, maps and brokers are the person's to mend; the message says how, the stack would not.
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  });
  const { rows, readings, acknowledged, badRows, badValues, seconds } = summary;
  const rate = seconds > 0 ? Math.round(readings / seconds) : readings;
  console.log(
    `${rows} rows, ${readings} readings sent, ${acknowledged} acknowledged in ${seconds.toFixed(1)} s, ${rate} readings/s`,
  );
  if (badRows + badValues > 0) console.log(`${badRows} rows and ${badValues} values could not be understood`);
  if (acknowledged < readings) process.exitCode = 1;
}

function readTimes(text: string | undefined, speed: number | 'max'): ReplayTimes {
  if (text === undefined) return speed === 'max' ? { kind: 'original' } : { kind: 'now' };
  if (text === 'original') return { kind: 'original' };
  if (text === 'now') {
    if (speed === 'max')
      throw new UsageError('--times now spaces rows by the speed, which --speed max does not have; use shift:');
    return { kind: 'now' };
  }
  const start = /^shift:(.+)$/.exec(text)?.[1];
  const startMs = start !== undefined && isoFormat.parse(start) ? Date.parse(start) : Number.NaN;
  if (Number.isNaN(startMs)) {
    throw new UsageError(
      `--times is now, original or shift: and an ISO time, such as shift:2026-01-05T00:00:00Z, not ${text}`,
    );
  }
  return { kind: 'shift', startMs };
}

/** A line a second at most. */
function createProgressLines(): (progress: ReplayProgress) => void {
  let nextMs = Date.now() + 1000;
  let before = 0;
  return ({ rows, readings, acknowledged, at, lateMs }) => {
    if (Date.now() < nextMs) return;
    nextMs = Date.now() + 1000;
    const late = lateMs > 5000 ? `, ${Math.round(lateMs / 1000)} s behind` : '';
    console.log(
      `${at.toISOString().slice(0, 16)}Z  ${rows} rows, ${readings - before} readings/s, ${acknowledged} of ${readings} acknowledged${late}`,
    );
    before = readings;
  };
}

function createBadLines(file: string): (bad: BadCell) => void {
  let count = 0;
  return ({ line, column, problem }) => {
    count += 1;
    const place = column === undefined ? `${file}:${line}` : `${file}:${line}: column ${JSON.stringify(column)}`;
    if (count <= badLinesMax) console.error(`${place}: ${problem}`);
    if (count === badLinesMax) console.error('further lines of this kind are only counted');
  };
}
