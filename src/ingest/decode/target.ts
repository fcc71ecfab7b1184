/** What a message is about, once its topic, its tenant's templates and its device's home have told; and how it is read. */
import { isTopicName } from '../../assets/discovery.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import type { TemplateMatch } from '../templates/compile.ts';
import { decodeTemplate } from '../templates/decode-template.ts';
import { decodeAsset, decodePoint } from './decode.ts';
import type { DecodedAssets, Sample } from './sample.ts';
import type { Arrived } from './sample-time.ts';
import type { Home, KnownTenant } from './tenants.ts';
import { decodeDevice, decodeGateway } from './thingsboard.ts';
import {
  type AssetTopic,
  badName,
  type DescriptionTopic,
  type HomeTopic,
  type PointTopic,
  type ProtocolTopic,
} from './topic.ts';

export type ReadableTarget =
  | PointTopic
  | AssetTopic
  | { readonly kind: 'device'; readonly site: string; readonly asset: string }
  | { readonly kind: 'gateway'; readonly site: string }
  | { readonly kind: 'template'; readonly site: string; readonly match: TemplateMatch };
export type Target = ReadableTarget | DescriptionTopic;

/** Where a device's own telemetry lands, or what its gateway forwards: its home, or else the tenant's default site. */
export function homeTarget(
  { kind }: HomeTopic | ProtocolTopic,
  home: Home | undefined,
  tenant: KnownTenant | undefined,
): Target | Rejection {
  if (kind === 'sparkplug' || kind === 'opcua') {
    return { reason: 'unknown_topic', detail: `${kind === 'opcua' ? 'OPC-UA' : 'Sparkplug B'} is not read here` };
  }
  const site = home?.site ?? tenant?.defaultSite ?? undefined;
  if (site === undefined) {
    return { reason: 'unknown_site', detail: 'the topic names no site, the device has none, and nor has its tenant' };
  }
  if (kind === 'gateway') return { kind, site };
  if (home && isTopicName(home.asset)) return { kind, site, asset: home.asset };
  return { reason: 'unknown_point', detail: "the device's name cannot name an asset; give the device an asset_name" };
}

/** What a template reads under a topic; `otherwise` when none does. */
export function templateTarget(
  topic: string,
  tenant: KnownTenant | undefined,
  otherwise: Rejection,
): Target | Rejection {
  const match = tenant?.templates.find(topic);
  if (!match) return otherwise;
  const { site = '', ...names } = match.captures;
  if (![site, ...Object.values(names)].every(isTopicName)) return { reason: 'unknown_topic', detail: badName };
  return { kind: 'template', site, match };
}

/** Samples of one asset, or of several by name. */
export type Read =
  | { readonly asset: string; readonly samples: readonly Sample[]; readonly rejections: readonly Rejection[] }
  | DecodedAssets;

/** Reads a payload as its target asks; total, like every reading of payloads. */
export function readTarget(target: ReadableTarget, payload: Buffer, arrived: Arrived): Read {
  switch (target.kind) {
    case 'point':
      return ofAsset(target.asset, decodePoint(target.point, payload, arrived));
    case 'asset':
      return ofAsset(target.asset, decodeAsset(payload, arrived));
    case 'device':
      return ofAsset(target.asset, decodeDevice(payload, arrived));
    case 'gateway':
      return decodeGateway(payload, arrived);
    case 'template':
      return decodeTemplate(target.match, payload, arrived);
  }
}

function ofAsset(asset: string, { samples, rejections }: Omit<Extract<Read, { asset: string }>, 'asset'>): Read {
  return { asset, samples, rejections };
}
