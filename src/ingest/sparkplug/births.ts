/**
 * What an edge node and its devices have said that they are. A birth names metrics, with their datatypes and aliases; the
 * data that follows may name them by alias only.
 *
 *   named ──birth──▶ live ──death──▶ dead ──birth──▶ live
 *                     └──the node is born again──▶ void ──birth──▶ live
 *
 * named: heard of by data that says everything itself. void: the aliases of an earlier session mean nothing any more; what
 * they meant is kept, so that a death is a death of those points, too.
 */
import type { Alias } from './metric-value.ts';
import { isScalar } from './metric-value.ts';
import type { Metric } from './payload.ts';
import type { BirthChange, BirthRow, BirthState, NodeKey } from './sparkplug-store.ts';

/** A metric under its whole name: that of a template's member begins with the template's. */
export type NamedMetric = { readonly name: string; readonly metric: Metric; readonly timeMs: number | undefined };

type Declared = { readonly datatype: number; readonly alias: Alias | undefined };

/** An edge node, whose `device` is '', or a device. Times are in milliseconds since the epoch. */
export type Birth = {
  readonly device: string;
  readonly siteId: string;
  readonly siteSlug: string;
  readonly asset: string;
  state: BirthState;
  bdSeq: number | null;
  bornMs: number | null;
  diedMs: number | null;
  readonly metrics: Map<string, Declared>;
  readonly names: Map<Alias, string>;
  /** The latest time of a reading that was not historical, as far as this process knows. */
  newestMs: number;
  /** What its points have been described with, so that the same is not described again. */
  described: string;
};

export type EdgeNode = {
  readonly key: NodeKey;
  /** By device; the node itself is ''. */
  readonly births: Map<string, Birth>;
  loadedAt: number;
  /** Born in this process's time; until then what is known is from the database, and may be out of date. */
  isHeard: boolean;
};

export const metricsOfNodeMax = 50_000;
export const devicesMax = 2_000;

/** A birth as it was stored. */
export function birthOf(row: BirthRow): Birth {
  const { device, siteId, siteSlug, asset, state, bdSeq, bornMs, diedMs, described } = row;
  const birth: Birth = { ...unborn({ device, siteId, siteSlug, asset }), state, bdSeq, bornMs, diedMs, described };
  for (const [name, datatype, alias] of row.metrics) declare(birth, name, { datatype, alias: keptAlias(alias) });
  return birth;
}

/** One that is named, and no more. */
export function unborn(place: Pick<Birth, 'device' | 'siteId' | 'siteSlug' | 'asset'>): Birth {
  const empty = { bdSeq: null, bornMs: null, diedMs: null, newestMs: 0, described: '' };
  return { ...place, ...empty, state: 'named', metrics: new Map(), names: new Map() };
}

/** What is to be stored of a birth that has just come. */
export function rowOf(key: NodeKey, birth: Birth): BirthChange {
  const metrics = [...birth.metrics].map(
    ([name, { datatype, alias }]) => [name, datatype, alias === undefined ? null : String(alias)] as const,
  );
  return { ...stateOf(key, birth), metrics };
}

/** What is to be stored of a birth whose metrics are what they were. */
export function stateOf(key: NodeKey, { device, state, bdSeq, bornMs, diedMs, described }: Birth): BirthChange {
  return { ...key, device, state, bdSeq, bornMs, diedMs, described, metrics: null };
}

function keptAlias(text: string | null): Alias | undefined {
  if (text === null) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** Adds a metric to what a birth has declared. */
export function declare(birth: Birth, name: string, declared: Declared): void {
  birth.metrics.set(name, declared);
  if (declared.alias !== undefined) birth.names.set(declared.alias, name);
}

/** How many metrics a node and its devices have declared. */
export function countMetrics({ births }: EdgeNode): number {
  let count = 0;
  for (const { metrics } of births.values()) count += metrics.size;
  return count;
}

/** Whether the node itself has been born and has not died. */
export function isAlive({ births }: EdgeNode): boolean {
  return births.get('')?.state === 'live';
}

/** Names of the points that a death ends: those of metrics that can be readings. */
export function* scalarNames({ metrics }: Birth): Generator<string> {
  for (const [name, { datatype }] of metrics) if (isScalar(datatype)) yield name;
}

/** Metrics with their whole names, templates taken apart; `unnamed` has those whose alias no birth has declared. */
export function nameMetrics(
  metrics: readonly Metric[],
  birth: Birth | undefined,
): { named: NamedMetric[]; unnamed: Metric[] } {
  const result = { named: [] as NamedMetric[], unnamed: [] as Metric[] };
  for (const metric of metrics) nameInto(result, { metric, birth, prefix: '', parentMs: undefined });
  return result;
}

type Naming = { metric: Metric; birth: Birth | undefined; prefix: string; parentMs: number | undefined };

function nameInto(result: ReturnType<typeof nameMetrics>, { metric, birth, prefix, parentMs }: Naming): void {
  const timeMs = metric.timeMs ?? parentMs;
  // The table holds the whole name of a member; an alias is one of the birth, never of the template.
  const name = metric.name === undefined ? nameByAlias(birth, metric.alias) : `${prefix}${metric.name}`;
  if (name === undefined) result.unnamed.push(metric);
  else if (metric.members === undefined) result.named.push({ name, metric, timeMs });
  else
    for (const member of metric.members)
      nameInto(result, { metric: member, birth, prefix: `${name}/`, parentMs: timeMs });
  // A template is declared under its own name as well, since its alias may be all that data says.
  if (name !== undefined && metric.members !== undefined) result.named.push({ name, metric, timeMs });
}

function nameByAlias(birth: Birth | undefined, alias: Alias | undefined): string | undefined {
  if (birth === undefined || alias === undefined) return undefined;
  return birth.state === 'live' || birth.state === 'dead' ? birth.names.get(alias) : undefined;
}
