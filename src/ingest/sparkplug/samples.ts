/** Metrics become samples of their points. */
import { isTopicName } from '../../assets/discovery.ts';
import { collect, type Decoded, type Found, numberSample, type Sample, shorten } from '../decode/sample.ts';
import { type Arrived, readTime } from '../decode/sample-time.ts';
import { type Birth, type NamedMetric, scalarNames } from './births.ts';
import { isScalar, metricValue, shownDatatype } from './metric-value.ts';

/** The message that the metrics came in. */
export type Sent = {
  readonly arrived: Arrived;
  /** When it was sent, as it says itself; metrics without a time have this one. */
  readonly timeMs: number | undefined;
};

/** Metrics that are for the node and its host, and no measurements: commands, and the number of the session. */
export function isControl(name: string): boolean {
  return name === 'bdSeq' || /^(Node|Device) Control\//.test(name);
}

/** The samples of a birth: what has no number is no rejection here, since a birth names everything that there is. */
export function readBirth(named: readonly NamedMetric[], birth: Birth, sent: Sent): Decoded {
  const found: Found[] = [];
  for (const one of named) {
    if (isControl(one.name)) continue;
    if (!isTopicName(one.name)) found.push(badName(one.name));
    else if (isScalar(one.metric.datatype ?? 0))
      found.push(...sampleOf(one, { birth, sent, revivedAfterMs: birth.diedMs }));
  }
  return collect(found);
}

/** The samples of data; `undeclared` are names of metrics whose datatype is said neither by them nor by a birth. */
export function readData(
  named: readonly NamedMetric[],
  birth: Birth,
  sent: Sent,
): Decoded & { readonly undeclared: readonly string[] } {
  const found: Found[] = [];
  const undeclared: string[] = [];
  for (const one of named) {
    if (isControl(one.name) || one.metric.members !== undefined) continue;
    if (!isTopicName(one.name)) found.push(badName(one.name));
    else if (datatypeOf(one, birth) === undefined && !one.metric.isNull) undeclared.push(one.name);
    else found.push(...sampleOf(one, { birth, sent, revivedAfterMs: null }));
  }
  return { ...collect(found), undeclared };
}

/**
 * One bad sample for each point of what has died, so that rules see at once that nothing is known any more. No reading may
 * come after it: an edge node whose clock is ahead may have sent some, and one of the same instant would be there first.
 */
export function staleSamples(birth: Birth, diedMs: number): Sample[] {
  return [...scalarNames(birth)]
    .filter((name) => !isControl(name))
    .map((point) => ({ point, timeMs: diedMs, value: null, quality: 'bad' }));
}

/** The time of a death: the one that it says, if that can be, else that of its arrival; and after all readings. */
export function deathTime({ newestMs }: Birth, { arrived, timeMs }: Sent): number {
  const said = readTime(timeMs, arrived);
  return Math.max(typeof said === 'number' ? said : arrived.receivedMs, newestMs + 1);
}

/** The datatype of a metric: its own, that of the birth, or what its value is written as; undefined where nothing tells. */
export function datatypeOf({ name, metric }: NamedMetric, birth: Birth): number | undefined {
  return metric.datatype ?? birth.metrics.get(name)?.datatype ?? shownDatatype(metric.value);
}

type How = { readonly birth: Birth; readonly sent: Sent; readonly revivedAfterMs: number | null };

/** One sample or rejection; none for a metric that asks not to be kept (`is_transient`). */
function sampleOf(one: NamedMetric, { birth, sent, revivedAfterMs }: How): Found[] {
  const { name: point, metric } = one;
  if (metric.isTransient) return [];
  const given = readTime(one.timeMs ?? sent.timeMs, sent.arrived);
  if (typeof given !== 'number') return [{ reason: given.reason, detail: `${shorten(point)}: ${given.detail}` }];
  const timeMs = metric.isHistorical ? given : revivedTime(given, { sent, revivedAfterMs });
  // History is kept under its own time, and nothing that is alive follows from it.
  if (!metric.isHistorical && timeMs > birth.newestMs) birth.newestMs = timeMs;
  if (metric.isNull) return [{ point, timeMs, value: null, quality: 'bad' }];
  const datatype = datatypeOf(one, birth) ?? 0;
  const value = metricValue(metric.value, datatype);
  if (typeof value === 'number') return [numberSample(point, value, { timeMs, quality: metric.quality })];
  if (typeof value === 'string') return [{ point, timeMs, value, quality: metric.quality }];
  return [{ reason: 'unusable_value', detail: `${shorten(point)}: ${value.unusable}` }];
}

/**
 * A birth says what is so now, while its metrics may have the time of their last change, which is before the death: then
 * the death would be the last word for as long as the value does not change.
 */
function revivedTime(timeMs: number, { sent, revivedAfterMs }: Pick<How, 'sent' | 'revivedAfterMs'>): number {
  if (revivedAfterMs === null || timeMs > revivedAfterMs) return timeMs;
  const sentMs = readTime(sent.timeMs, sent.arrived);
  return Math.max(typeof sentMs === 'number' ? sentMs : sent.arrived.receivedMs, revivedAfterMs + 1);
}

function badName(name: string): Found {
  const detail = `${shorten(name)}: a metric's name is 1 to 128 characters, none of them a control character`;
  return { reason: 'unknown_point', detail };
}
