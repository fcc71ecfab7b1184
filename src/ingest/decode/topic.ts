import { isTopicName } from '../../assets/discovery.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { createMemo } from './memo.ts';

export type PointTopic = {
  readonly kind: 'point';
  readonly site: string;
  readonly asset: string;
  readonly point: string;
};
export type AssetTopic = { readonly kind: 'asset'; readonly site: string; readonly asset: string };
export type DescriptionTopic = { readonly kind: 'description'; readonly site: string; readonly asset: string };

/** What a topic names: one point, an asset whose points the payload names, or an asset's description of itself. */
export type TelemetryTopic = PointTopic | AssetTopic | DescriptionTopic;

/** Topics that name neither site nor asset: a device's own telemetry, or what a gateway knows of several. */
export type HomeTopic = { readonly kind: 'device' } | { readonly kind: 'gateway' };

/** Topics of a protocol that reads its messages itself. */
export type ProtocolTopic = { readonly kind: 'sparkplug' | 'opcua' };

export type Topic = TelemetryTopic | HomeTopic | ProtocolTopic;

/** The last level of the topic under which a device describes its asset. */
const descriptionLevel = '$points';

/** A will can have such a topic; in a PUBLISH it is a violation of the protocol [MQTT-3.3.2-2]. */
const wildcard = /[+#]/;

const longestKept = 256;
const kept = 20_000;

/** A `parseTopic` that knows the topics it has read of late; what is no topic is read again each time. */
export function createTopicReader(): (topic: string) => Topic | Rejection {
  const known = createMemo<Topic>(kept);
  return (topic) => {
    const found = known.get(topic);
    if (found !== undefined) return found;
    const parsed = parseTopic(topic);
    if ('kind' in parsed && topic.length <= longestKept) known.set(topic, parsed);
    return parsed;
  };
}

/** Reads a topic; it never holds a tenant, which comes from the credentials. */
export function parseTopic(topic: string): Topic | Rejection {
  const [root, site, asset, point, ...more] = topic.split('/', levelsMax + 1);
  if (wildcard.test(topic)) return unknownTopic('a topic that something is published under has no wildcards');
  if (topic === deviceTopic) return { kind: 'device' };
  if (topic === gatewayTopic) return { kind: 'gateway' };
  if (root === sparkplugRoot) return { kind: 'sparkplug' };
  if (isConnectionTopic(topic)) return { kind: 'opcua' };
  if (root !== telemetryRoot || site === undefined || asset === undefined || more.length > 0) {
    return unknownTopic(
      `topics are telemetry/{site}/{asset}/{point}, telemetry/{site}/{asset}, ${deviceTopic}, ${gatewayTopic}, spBv1.0/… and those of the tenant's templates, which POST /api/v1/topic-templates makes`,
    );
  }
  if (!isTopicName(site) || !isTopicName(asset)) return unknownTopic(badName);
  if (point === undefined) return { kind: 'asset', site, asset };
  if (point === descriptionLevel) return { kind: 'description', site, asset };
  if (!isTopicName(point)) return unknownTopic(badName);
  return { kind: 'point', site, asset, point };
}

export const telemetryRoot = 'telemetry';
export const sparkplugRoot = 'spBv1.0';
export const opcuaRoot = 'opcua';
export const deviceTopic = 'v1/devices/me/telemetry';
export const gatewayTopic = 'v1/gateway/telemetry';

const levelsMax = 4;
export const badName = 'each level of the topic must be 1 to 128 characters, none of them a control character';

/** Of one OPC-UA connection, by its id; what else begins so is for templates. */
function isConnectionTopic(topic: string): boolean {
  return topic.length === connectionTopicLength && connectionTopic.test(topic);
}

const connectionTopic = new RegExp(`^${opcuaRoot}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`);
const connectionTopicLength = opcuaRoot.length + 1 + 36;

function unknownTopic(detail: string): Rejection {
  return { reason: 'unknown_topic', detail };
}
