import { type Quality, qualities } from '../../assets/quality.ts';
import type { FieldError } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';
import { isTimeZone } from '../../platform/time-zone.ts';
import { type Fill, fills } from './fill.ts';
import {
  type Aggregate,
  aggregates,
  allTime,
  type BucketForm,
  type Query,
  type ShownSeries,
  widthOf,
} from './query.ts';
import { type AskedBucket, bucketForms, countBuckets, parseBucket, widthForPixels } from './query-grid.ts';
import { instantForms, parseLength, parseWhen } from './query-instant.ts';
import { queryLimits } from './query-limits.ts';
import { type Sampling, samplings } from './sampling.ts';

/** A query as it was asked: what is absent is undefined, and nothing but its type is known to be right. */
export type AskedQuery = {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  readonly bucket?: string | undefined;
  readonly agg?: readonly string[] | undefined;
  readonly fill?: Fill | undefined;
  readonly reach?: string | undefined;
  readonly pixels?: number | undefined;
  readonly sampling?: Sampling | undefined;
  readonly time_zone?: string | undefined;
  readonly quality?: readonly string[] | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
};

type Given = {
  /** Which part of the request the query is. */
  readonly place: 'query' | 'body';
  readonly series: readonly ShownSeries[];
  /** Of instants that have none. */
  readonly timeZone: string;
  readonly nowMs: number;
  readonly orderOfReadings: 'asc' | 'desc';
};

/** The query that was asked for; throws validation_failed with every part that is wrong, and what would be right. */
export function understandQuery(asked: AskedQuery, given: Given): Query {
  const faults: FieldError[] = [];
  const { place, series, nowMs } = given;
  const fault: Fault = (name, code, message) => faults.push({ in: place, pointer: `/${name}`, code, message });
  const bucket = readBucket(asked, fault);
  if (!bucket) throw refusals.invalid(faults);
  refuseWhatGoesWithOthers(asked, bucket, fault);
  const timeZone = readTimeZone(asked, given, fault);
  const span = readSpan(asked, { bucket, timeZone, nowMs, fault });
  const form = readForm(asked, { bucket, span, fault });
  const named = readNames(asked.quality, { name: 'quality', known: qualities, fault });
  if (faults.length === 0 && form.kind === 'buckets') refuseTooMany(form, series, { span, fault });
  if (faults.length > 0) throw refusals.invalid(faults);
  const order = asked.order ?? (form.kind === 'raw' ? given.orderOfReadings : 'asc');
  return { series, form, ...span, qualities: named ?? qualitiesOf(form.kind), order, nowMs };
}

type Fault = (name: keyof AskedQuery, code: string, message: string) => void;
type Span = { readonly startMs: number; readonly endMs: number };

const dayMs = 86_400_000;
const aggregatesDefault: readonly Aggregate[] = ['mean', 'min', 'max', 'count'];

function qualitiesOf(kind: Query['form']['kind']): readonly Quality[] {
  return kind === 'raw' ? qualities : ['good'];
}

function readBucket({ bucket, pixels, sampling }: AskedQuery, fault: Fault): AskedBucket | undefined {
  if (bucket === undefined) return { kind: pixels === undefined && sampling === undefined ? 'raw' : 'auto' };
  const parsed = parseBucket(bucket);
  if (!parsed) fault('bucket', 'invalid', bucketForms);
  return parsed;
}

function refuseWhatGoesWithOthers(asked: AskedQuery, { kind }: AskedBucket, fault: Fault): void {
  const isLttb = asked.sampling === 'lttb';
  for (const name of ['agg', 'fill', 'reach'] as const) {
    if (asked[name] === undefined) continue;
    if (kind === 'raw') fault(name, 'conflict', 'goes with buckets: give bucket, such as 15m or auto');
    else if (isLttb) fault(name, 'conflict', 'does not go with lttb, which keeps measurements as they are');
  }
  for (const name of ['pixels', 'sampling'] as const)
    if (asked[name] !== undefined && kind !== 'auto') fault(name, 'conflict', 'goes with bucket=auto');
  if (isLttb && asked.order === 'desc') fault('order', 'conflict', 'is always asc with lttb');
}

function readTimeZone({ time_zone: asked }: AskedQuery, { timeZone }: Given, fault: Fault): string {
  if (asked === undefined) return timeZone;
  if (isTimeZone(asked)) return asked;
  fault('time_zone', 'invalid', 'must be an IANA time zone, such as Europe/London');
  return timeZone;
}

type SpanGiven = { bucket: AskedBucket; timeZone: string; nowMs: number; fault: Fault };

function readSpan(asked: AskedQuery, { bucket, timeZone, nowMs, fault }: SpanGiven): Span {
  const read = (name: 'start' | 'end') => {
    const text = asked[name];
    if (text === undefined) return undefined;
    // An offset's plus sign that was not percent-encoded arrives as a space.
    const atMs = parseWhen(text.replace(/ (\d{2}:?\d{2})$/, '+$1'), { timeZone, nowMs });
    if (atMs === undefined) fault(name, 'invalid', instantForms);
    return atMs;
  };
  const startMs = read('start');
  const endMs = read('end');
  if (bucket.kind !== 'raw' && asked.start === undefined)
    fault('start', 'required', 'is required with a bucket, for instance -24h');
  // Without an end, buckets end now; readings also after it, of clocks that are fast.
  const span = {
    startMs: startMs ?? allTime.startMs,
    endMs: endMs ?? (bucket.kind === 'raw' ? allTime.endMs : nowMs),
  };
  if (span.endMs <= span.startMs) {
    if (endMs === undefined) fault('start', 'conflict', 'must be before now, where there is no end');
    else fault('end', 'conflict', 'must be after start');
  }
  return span;
}

type FormGiven = { bucket: AskedBucket; span: Span; fault: Fault };

function readForm(asked: AskedQuery, { bucket, span, fault }: FormGiven): Query['form'] {
  const { pixels = queryLimits.pixelsDefault, sampling = samplings[0], fill = fills[0] } = asked;
  if (bucket.kind === 'raw') return { kind: 'raw' };
  if (bucket.kind === 'auto' && sampling === 'lttb') return { kind: 'triangles', pointsMax: pixels };
  const named = readNames(asked.agg, { name: 'agg', known: aggregates, fault });
  const reachMs = asked.reach === undefined ? undefined : parseLength(asked.reach, queryLimits.reachMsMax);
  if (asked.reach !== undefined && reachMs === undefined)
    fault('reach', 'invalid', 'must be a length of time up to 366d, such as 90s, 15m, 2h or 7d');
  const isAuto = bucket.kind === 'auto';
  const common = { kind: 'buckets', isAuto, timeZone: asked.time_zone, fill, reachMs } as const;
  if (bucket.kind !== 'auto') return { ...common, bucket, aggregates: named ?? aggregatesDefault };
  const { ms } = widthForPixels(span, pixels);
  return { ...common, bucket: { kind: 'fixed', ms }, aggregates: named ?? ['min', 'max'] };
}

type Known<Name> = { name: keyof AskedQuery; known: readonly Name[]; fault: Fault };

/** Each name once, in the order in which they were asked for; undefined where there are none. */
function readNames<Name extends string>(
  asked: readonly string[] | undefined,
  { name, known, fault }: Known<Name>,
): readonly Name[] | undefined {
  if (asked === undefined) return undefined;
  const found = asked.filter((one): one is Name => (known as readonly string[]).includes(one));
  if (found.length < asked.length || asked.length === 0)
    fault(name, 'invalid', `must be some of ${known.join(', ')}, with commas between them`);
  return [...new Set(found)];
}

function refuseTooMany(
  form: BucketForm,
  series: readonly ShownSeries[],
  { span, fault }: { span: Span; fault: Fault },
): void {
  const [width] = series.map((one) => widthOf(form, one));
  if (!width) return;
  const buckets = countBuckets(width, span);
  if (buckets > queryLimits.bucketsMax) {
    const counts = `${buckets.toLocaleString('en')} buckets, and ${queryLimits.bucketsMax.toLocaleString('en')} are the most`;
    fault('bucket', 'too_many', `makes ${counts}: give a wider one, or a shorter span`);
  }
  const wideMs = width.unit === 'fixed' ? width.ms : dayMs;
  if (form.reachMs !== undefined && form.reachMs / wideMs > queryLimits.reachBucketsMax) {
    const most = queryLimits.reachBucketsMax.toLocaleString('en');
    fault('reach', 'too_long', `must be at most ${most} buckets: give a wider bucket, or a shorter reach`);
  }
}
