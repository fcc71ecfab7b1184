/**
 * A batch of messages becomes readings and quarantine entries:
 *
 *   topic ─▶ granted? ─▶ site ─▶ payload ─▶ points ─▶ arrivals
 *     └──────────┴─────────┴────────┴─────────┴─────▶ rejections
 *
 * Names that are not in memory are looked up, or discovered, for the whole batch at once, before the last step. A site
 * is found once and kept until the batch ends: what is in memory may grow too old meanwhile, or make room.
 */
import { type Device, isGranted } from '../../access/device.ts';
import { isTopicName, SelfDescription } from '../../assets/discovery.ts';
import type { PointName, PointRef } from '../../assets/point-store.ts';
import type { Arrival } from '../../telemetry/arrival.ts';
import type { Message } from '../intake/message.ts';
import type { QuarantineEntry, Reason, Rejection } from '../quarantine/quarantine.ts';
import { decodeAsset, decodePoint, type Sample, shorten } from './decode.ts';
import { type Directory, type KnownSite, pointKey } from './directory.ts';
import { parseTopic, type TelemetryTopic } from './topic.ts';

export type Interpreted = { readonly arrivals: Arrival[]; readonly rejected: QuarantineEntry[] };

/** Interprets messages in their order; rejects only when the database cannot be asked. */
export async function interpret(messages: readonly Message[], directory: Directory): Promise<Interpreted> {
  const result: Interpreted = { arrivals: [], rejected: [] };
  const routed = messages.flatMap((message) => route(message, result));
  const tenants = await findSites(routed, directory);
  const pending: Pending[] = [];
  for (const one of routed) {
    const site = tenants.get(one.message.origin.device.tenantId)?.get(one.topic.site);
    if (!site) reject(result, one.message, unknownSite(one.topic.site));
    else if (one.topic.kind === 'description')
      await describe(one.message, { topic: one.topic, site, directory, result });
    else read(one.message, { topic: one.topic, site, result, pending });
  }
  const full = await loadMissingPoints(pending, directory);
  for (const one of pending) bind(one, { result, full });
  return result;
}

type Routed = { readonly message: Message; readonly topic: TelemetryTopic };
/** Samples of one asset whose points may still have to be looked up. */
type Pending = {
  readonly message: Message;
  readonly site: KnownSite;
  readonly asset: string;
  readonly samples: readonly Sample[];
};

function route(message: Message, result: Interpreted): Routed[] {
  if (message.isRepeated) return [];
  const { device } = message.origin;
  const topic = isGranted(device.grants, message.topic) ? parseTopic(message.topic) : notGranted(device);
  if ('kind' in topic) return [{ message, topic }];
  reject(result, message, topic);
  return [];
}

type SitesOfTenants = ReadonlyMap<string, ReadonlyMap<string, KnownSite>>;

async function findSites(routed: readonly Routed[], directory: Directory): Promise<SitesOfTenants> {
  const named = new Map<string, Set<string>>();
  for (const { message, topic } of routed) {
    const { tenantId } = message.origin.device;
    const slugs = named.get(tenantId);
    if (slugs) slugs.add(topic.site);
    else named.set(tenantId, new Set([topic.site]));
  }
  const tenants = new Map<string, ReadonlyMap<string, KnownSite>>();
  for (const [tenantId, slugs] of named) tenants.set(tenantId, await directory.findSites(tenantId, slugs));
  return tenants;
}

type Where<Kind> = { topic: Extract<TelemetryTopic, { kind: Kind }>; site: KnownSite; result: Interpreted };

function read(
  message: Message,
  { topic, site, result, pending }: Where<'point' | 'asset'> & { pending: Pending[] },
): void {
  const arrived = { receivedMs: message.receivedMs, timeZone: site.timeZone };
  const { samples, rejections } =
    topic.kind === 'point' ? decodePoint(topic.point, message.payload, arrived) : decodeAsset(message.payload, arrived);
  for (const rejection of rejections) reject(result, message, rejection);
  if (samples.length > 0) pending.push({ message, site, asset: topic.asset, samples });
}

async function describe(
  message: Message,
  { topic, site, directory, result }: Where<'description'> & { directory: Directory },
): Promise<void> {
  if (!site.discovery) return reject(result, message, { reason: 'unknown_point', detail: discoveryIsOff(site) });
  const said = SelfDescription.safeParse(parseDescription(message.payload));
  if (!said.success) {
    const [issue] = said.error.issues;
    const detail = `a description is {"class": "brick:AHU", "params": {…}, "points": {"name": {"class", "of", "unit"}}}: ${issue?.path.join('.')} ${issue?.message}`;
    return reject(result, message, { reason: 'malformed', detail });
  }
  if (!(await directory.describe(site, topic.asset, said.data))) {
    reject(result, message, { reason: 'unknown_point', detail: siteIsFull(site) });
  }
}

function parseDescription(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined; // The schema refuses it, and says what a description is.
  }
}

async function loadMissingPoints(pending: readonly Pending[], directory: Directory): Promise<ReadonlySet<KnownSite>> {
  const missing = new Map<KnownSite, Map<string, PointName>>();
  for (const { site, asset, samples } of pending) {
    for (const { point } of samples) {
      const key = pointKey(asset, point);
      if (site.points.has(key) || !isTopicName(point)) continue;
      const names = missing.get(site);
      if (names) names.set(key, { asset, point });
      else missing.set(site, new Map([[key, { asset, point }]]));
    }
  }
  const full = new Set<KnownSite>();
  for (const [site, names] of missing) {
    const { siteFull } = await directory.loadPoints(site, [...names.values()]);
    if (siteFull) full.add(site);
  }
  return full;
}

function bind(
  { message, site, asset, samples }: Pending,
  { result, full }: { result: Interpreted; full: ReadonlySet<KnownSite> },
): void {
  const rejected = new Map<Reason, string[]>();
  const refuse = (reason: Reason, name: string) =>
    rejected.set(reason, [...(rejected.get(reason)?.slice(0, 9) ?? []), name]);
  for (const { point: name, timeMs, value, quality } of samples) {
    const point = site.points.get(pointKey(asset, name));
    if (!point) refuse('unknown_point', name);
    else if (typeof value !== 'string') result.arrivals.push({ point, timeMs, value, quality });
    else {
      const number = stateNumber(point, value);
      if (number === undefined) refuse('unusable_value', name);
      else result.arrivals.push({ point, timeMs, value: number, quality });
    }
  }
  for (const [reason, names] of rejected) {
    reject(result, message, { reason, detail: explain(reason, { names, asset, site, isFull: full.has(site) }) });
  }
}

function stateNumber(point: PointRef, text: string): number | undefined {
  return point.states && Object.hasOwn(point.states, text) ? point.states[text] : undefined;
}

function explain(
  reason: Reason,
  { names, asset, site, isFull }: { names: readonly string[]; asset: string; site: KnownSite; isFull: boolean },
): string {
  const listed = names.map(shorten).join(', ');
  if (reason === 'unusable_value')
    return `${listed}: a text is no number, and the point declares no state of that name`;
  if (isFull) return siteIsFull(site);
  if (!site.discovery) return `${asset} has no point ${listed}, and ${discoveryIsOff(site)}`;
  return `${asset} has no point ${listed}, and it cannot be made: names are 1 to 128 characters without control characters`;
}

function reject(result: Interpreted, { origin, topic, payload, receivedMs }: Message, rejection: Rejection): void {
  const { tenantId, id: deviceId } = origin.device;
  result.rejected.push({ ...rejection, tenantId, deviceId, topic, payload, receivedMs });
}

function notGranted({ username, grants }: Device): Rejection {
  const allowed = grants.length === 0 ? 'nothing' : grants.map(shorten).join(', ');
  return { reason: 'not_granted', detail: `${username} may publish under ${allowed}` };
}

function unknownSite(slug: string): Rejection {
  return { reason: 'unknown_site', detail: `there is no site ${shorten(slug)}` };
}

function discoveryIsOff(site: KnownSite): string {
  return `discovery is off for site ${site.slug}`;
}

function siteIsFull(site: KnownSite): string {
  return `site ${site.slug} has discovered as many assets and points as it may`;
}
