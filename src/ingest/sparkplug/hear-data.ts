import { isTopicName } from '../../assets/discovery.ts';
import { shorten } from '../decode/sample.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { type Birth, declare, isAlive, metricsOfNodeMax, type NamedMetric, nameMetrics, unborn } from './births.ts';
import { type EdgeMessage, type Heard, type Known, nothingHeard, rejected, sentIn } from './heard.ts';
import type { Metric } from './payload.ts';
import { datatypeOf, isControl, readData } from './samples.ts';
import type { EdgeTopic } from './topic.ts';

/**
 * An NDATA or a DDATA. What says its name and its datatype is read whether there was a birth or not; for the rest its edge
 * node is asked to send its births again, and the message is rejected with what it needs.
 */
export async function hearData(one: EdgeMessage, { nodes, places, rebirths, isReplay }: Known): Promise<Heard> {
  const { topic, payload, node } = one;
  const device = topic.device ?? '';
  const known = node.births.get(device);
  const declared = isReplay && one.message.receivedMs < (known?.bornMs ?? 0) ? undefined : known;
  const { named, unnamed } = nameMetrics(payload.metrics, declared);
  const strange = unnamed.length === 0 ? [] : [unknownAliases(unnamed, { topic, birth: declared })];
  // What is known from before this process may be out of date: the node may have been born again unheard.
  if (known?.state !== 'live' || !isAlive(node) || !node.isHeard || unnamed.length > 0) rebirths.want(node.key);
  if (named.length === 0) return { ...nothingHeard, rejections: strange };
  const place = known
    ? await places.ofKnown(node.key, known)
    : await places.ofBirth(node.key, { device, before: undefined });
  if ('reason' in place) return rejected(place);
  const birth = known ?? unborn({ device, ...place.names });
  node.births.set(device, birth);
  const { samples, rejections, undeclared } = readData(named, birth, sentIn(one, place.site.timeZone));
  nodes.grew(learn(birth, named));
  if (undeclared.length > 0) {
    rebirths.want(node.key);
    strange.push(unknownDatatypes(undeclared, topic));
  }
  const parts = [{ site: place.site, asset: birth.asset, samples }];
  return { parts, rejections: [...rejections, ...strange], births: [] };
}

/** What data says of metrics that no birth has declared, so that a death is theirs, too; returns how many. */
function learn(birth: Birth, named: readonly NamedMetric[]): number {
  const before = birth.metrics.size;
  for (const one of named) {
    if (birth.metrics.size >= metricsOfNodeMax || birth.metrics.has(one.name) || !isTopicName(one.name)) continue;
    const datatype = datatypeOf(one, birth);
    if (datatype !== undefined && !isControl(one.name)) declare(birth, one.name, { datatype, alias: undefined });
  }
  return birth.metrics.size - before;
}

function unknownAliases(
  unnamed: readonly Metric[],
  { topic, birth }: { topic: EdgeTopic; birth: Birth | undefined },
): Rejection {
  const shown = unnamed
    .slice(0, 10)
    .map(({ alias }) => (alias === undefined ? 'neither name nor alias' : String(alias)));
  const isBorn = birth?.state === 'live' || birth?.state === 'dead';
  const why = isBorn ? `are not in the birth of ${whose(topic)}` : `mean nothing before a birth of ${whose(topic)}`;
  return {
    reason: isBorn ? 'unknown_alias' : 'before_birth',
    detail: `the aliases ${shown.join(', ')} ${why}; ${asked}`,
  };
}

function unknownDatatypes(names: readonly string[], topic: EdgeTopic): Rejection {
  const listed = names.slice(0, 10).map(shorten).join(', ');
  return { reason: 'before_birth', detail: `${listed}: no birth of ${whose(topic)} says the datatype; ${asked}` };
}

const asked = 'the edge node is asked to send its births again';

function whose({ edge, device }: EdgeTopic): string {
  return shorten(device ?? edge);
}
