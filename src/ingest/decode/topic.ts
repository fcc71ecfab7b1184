import { isTopicName } from '../../assets/discovery.ts';
import type { Rejection } from '../quarantine/quarantine.ts';

/** What a topic names: one point, an asset whose points the payload names, or an asset's description of itself. */
export type TelemetryTopic =
  | { readonly kind: 'point'; readonly site: string; readonly asset: string; readonly point: string }
  | { readonly kind: 'asset'; readonly site: string; readonly asset: string }
  | { readonly kind: 'description'; readonly site: string; readonly asset: string };

/** The last level of the topic under which a device describes its asset. */
const descriptionLevel = '$points';

/** A will can have such a topic; in a PUBLISH it is a violation of the protocol [MQTT-3.3.2-2]. */
const wildcard = /[+#]/;

/** Reads a topic; it never holds a tenant, which comes from the credentials. */
export function parseTopic(topic: string): TelemetryTopic | Rejection {
  const [root, site, asset, point, ...more] = topic.split('/');
  if (root !== 'telemetry' || site === undefined || asset === undefined || more.length > 0) {
    return unknownTopic('topics are telemetry/{site}/{asset}/{point} or telemetry/{site}/{asset}');
  }
  if (wildcard.test(topic)) return unknownTopic('a topic that something is published under has no wildcards');
  if (!isTopicName(site) || !isTopicName(asset)) return unknownTopic(badName);
  if (point === undefined) return { kind: 'asset', site, asset };
  if (point === descriptionLevel) return { kind: 'description', site, asset };
  if (!isTopicName(point)) return unknownTopic(badName);
  return { kind: 'point', site, asset, point };
}

const badName = 'each level of the topic must be 1 to 128 characters, none of them a control character';

function unknownTopic(detail: string): Rejection {
  return { reason: 'unknown_topic', detail };
}
