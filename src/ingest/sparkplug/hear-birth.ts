import { isTopicName } from '../../assets/discovery.ts';
import { nameAsset } from '../../assets/naming.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import {
  type Birth,
  countMetrics,
  declare,
  devicesMax,
  type EdgeNode,
  isAlive,
  metricsOfNodeMax,
  type NamedMetric,
  nameMetrics,
  rowOf,
  stateOf,
  unborn,
} from './births.ts';
import { type EdgeMessage, type Heard, type Known, rejected, sentIn } from './heard.ts';
import { isScalar } from './metric-value.ts';
import { bdSeqOf } from './payload.ts';
import type { Place } from './places.ts';
import { isControl, readBirth } from './samples.ts';
import type { EdgeTopic } from './topic.ts';

/** An NBIRTH or a DBIRTH: points are registered, and what it declares takes the place of what was declared before. */
export async function hearBirth(one: EdgeMessage, { nodes, places, rebirths }: Known): Promise<Heard> {
  const { topic, payload, node } = one;
  const { named } = nameMetrics(payload.metrics, undefined);
  const declared = named.filter(({ name, metric }) => isTopicName(name) && metric.datatype !== undefined);
  const device = topic.device ?? '';
  const before = node.births.get(device);
  const more = declared.length - (before?.metrics.size ?? 0);
  const excess = findExcess(node, { isNew: before === undefined, more }) ?? (nodes.hasRoom(more) ? undefined : noRoom);
  if (excess) return rejected(excess);
  const place = await places.ofBirth(node.key, { device, before });
  if ('reason' in place) return rejected(place);
  const points = declared.filter(isPoint);
  const described = await places.describe(place, { before, class: classOf(topic, place), named: points });
  // Nothing is awaited from here on: what is known changes in one piece.
  const birth = declaredBirth(one, { before, place, declared });
  const { samples, rejections } = readBirth(named, birth, sentIn(one, place.site.timeZone));
  Object.assign(birth, { state: 'live', bornMs: one.message.receivedMs, diedMs: null, described });
  node.births.set(device, birth);
  nodes.grew(birth.metrics.size - (before?.metrics.size ?? 0));
  const births = [rowOf(node.key, birth)];
  if (topic.device === undefined) {
    births.push(...voidDevices(node).map((voided) => stateOf(node.key, voided)));
    nodes.born(node);
    rebirths.born(node.key);
  } else if (!isAlive(node)) rebirths.want(node.key);
  const parts = [{ site: place.site, asset: birth.asset, samples, textsMayBeStrange: true }];
  return { parts, rejections, births };
}

/** Why a birth cannot be kept: its node has said too much already. */
function findExcess(node: EdgeNode, { isNew, more }: { isNew: boolean; more: number }): Rejection | undefined {
  if (isNew && node.births.size > devicesMax) return tooMuch(`an edge node may have ${devicesMax} devices at most`);
  if (more <= 0 || countMetrics(node) + more <= metricsOfNodeMax) return undefined;
  return tooMuch(`an edge node and its devices may have ${metricsOfNodeMax} metrics at most`);
}

const noRoom = tooMuch('there is no room for more metrics of edge nodes now');

function tooMuch(detail: string): Rejection {
  return { reason: 'too_many_readings', detail };
}

/** Whether a metric gets a point. */
function isPoint({ name, metric }: NamedMetric): boolean {
  return !isControl(name) && isScalar(metric.datatype ?? 0) && !metric.isTransient;
}

/** The class that the device's own name tells, where its asset had to be named otherwise. */
function classOf({ edge, device }: EdgeTopic, { names }: Place): string | undefined {
  const own = device ?? edge;
  return names.asset === own ? undefined : (nameAsset(own) ?? undefined);
}

type Declaring = { before: Birth | undefined; place: Place; declared: readonly NamedMetric[] };

function declaredBirth({ topic, payload }: EdgeMessage, { before, place, declared }: Declaring): Birth {
  const birth = unborn({ device: topic.device ?? '', ...place.names });
  birth.diedMs = before?.diedMs ?? null;
  birth.newestMs = before?.newestMs ?? 0;
  birth.bdSeq = topic.device === undefined ? bdSeqOf(payload.metrics) : null;
  for (const { name, metric } of declared) {
    declare(birth, name, { datatype: metric.datatype ?? 0, alias: metric.alias });
  }
  return birth;
}

/** After the birth of a node each of its devices has to be born again (Sparkplug B 3.0, 5.6). */
function voidDevices({ births }: EdgeNode): Birth[] {
  const living = [...births.values()].filter(({ device, state }) => device !== '' && state === 'live');
  for (const birth of living) birth.state = 'void';
  return living;
}
