/**
 * A batch of messages becomes readings and quarantine entries:
 *
 *   topic ─▶ granted? ─▶ target ─▶ site ─▶ payload ─▶ points ─▶ arrivals
 *     └──────────┴─────────┴────────┴─────────┴─────────┴─────▶ rejections
 *
 * Names that are not in memory are looked up, or discovered, for the whole batch at once, before the last step. A site
 * is found once and kept until the batch ends: what is in memory may grow too old meanwhile, or make room.
 */
import type { Device } from '../../access/device.ts';
import { isGranted } from '../../access/device-grants.ts';
import type { PointName } from '../../assets/point-store.ts';
import type { Arrival } from '../../telemetry/arrival.ts';
import type { Message } from '../intake/message.ts';
import type { Reason, Rejection } from '../quarantine/quarantine.ts';
import { bindSample } from './bind.ts';
import { createDescribe, type Described } from './describe.ts';
import {
  type Directory,
  discoveryIsOff,
  type KnownSite,
  knownPoint,
  loadMissing,
  siteIsFull,
  siteIsUnknown,
} from './directory.ts';
import type { Protocol, Protocols, Readout, Rejected } from './protocol.ts';
import { type Sample, shorten } from './sample.ts';
import { homeTarget, type ReadableTarget, readTarget, type Target, templateTarget } from './target.ts';
import type { Tenants } from './tenants.ts';
import { createTopicReader, type Topic } from './topic.ts';

export type Interpreted = {
  readonly arrivals: Arrival[];
  /** Of each arrival the message that it came in. */
  readonly cameIn: Message[];
  readonly rejected: Rejected[];
};

/** Interprets messages in their order; rejects only when the database cannot be asked. */
export type Interpret = (messages: readonly Message[]) => Promise<Interpreted>;

export type InterpretOptions = {
  readonly directory: Directory;
  readonly tenants: Tenants;
  /** Who reads what the topics leave to them. */
  readonly protocols?: Protocols;
};

/** Remembers nothing but which topics it has read of late, and what was said about which asset. */
export function createInterpret({ directory, tenants, protocols = {} }: InterpretOptions): Interpret {
  const readTopic = createTopicReader();
  const describe = createDescribe(directory);

  return async (messages) => {
    const result: Interpreted = { arrivals: [], cameIn: [], rejected: [] };
    const { routed, open, ofProtocols } = route(messages, { readTopic, protocols, result });
    const settled = open > 0 ? await settleTargets(routed, { tenants, result }) : (routed as Settled[]);
    const sites = await findSites(settled, directory);
    const waiting: Readout[] = [];
    const described: Described[] = [];
    for (const { message, target } of settled) {
      const site = sites.get(message.origin.device.tenantId)?.get(target.site);
      if (!site) reject(result, message, { reason: 'unknown_site', detail: siteIsUnknown(target.site) });
      else if (target.kind === 'description') described.push({ message, site, asset: target.asset });
      else read(message, { target, site, result, waiting });
    }
    // Before points are discovered: what a device says of them counts for more than their names.
    if (described.length > 0) {
      for (const { message, rejection } of await describe(described)) reject(result, message, rejection);
    }
    for (const [protocol, its] of ofProtocols) {
      const { readouts, rejected } = await protocol(its);
      for (const readout of readouts) if (!bindKnown(readout, result)) waiting.push(readout);
      for (const { message, rejection } of rejected) reject(result, message, rejection);
    }
    if (waiting.length > 0) {
      const full = await loadMissing(directory, namesOf(waiting));
      for (const readout of waiting) bindLoaded(readout, { result, full });
    }
    return result;
  };
}

/** A topic that does not tell by itself what its message is about. */
type Open = { readonly kind: 'open'; readonly topic: Exclude<Topic, Target> | Rejection };
type Routed = { readonly message: Message; readonly target: Target | Open };
type Settled = { readonly message: Message; readonly target: Target };

function route(
  messages: readonly Message[],
  given: { readTopic: (topic: string) => Topic | Rejection; protocols: Protocols; result: Interpreted },
): { routed: Routed[]; open: number; ofProtocols: ReadonlyMap<Protocol, readonly Message[]> } {
  const routed: Routed[] = [];
  const ofProtocols = new Map<Protocol, Message[]>();
  let open = 0;
  for (const message of messages) {
    if (message.isRepeated) continue;
    const { device } = message.origin;
    const topic = isGranted(device.grants, message.topic) ? given.readTopic(message.topic) : undefined;
    if (topic === undefined) reject(given.result, message, notGranted(device));
    else if (message.tooLargeBytes !== undefined) reject(given.result, message, tooLarge(message.tooLargeBytes));
    else if (takesBack(message)) continue;
    else if ('site' in topic) routed.push({ message, target: topic });
    else {
      const protocol = findProtocol(topic, given.protocols);
      if (protocol) {
        if (!ofProtocols.get(protocol)?.push(message)) ofProtocols.set(protocol, [message]);
        continue;
      }
      open++;
      routed.push({ message, target: { kind: 'open', topic } });
    }
  }
  return { routed, open, ofProtocols };
}

function findProtocol(topic: Exclude<Topic, Target> | Rejection, protocols: Protocols): Protocol | undefined {
  if (!('kind' in topic) || topic.kind === 'device' || topic.kind === 'gateway') return undefined;
  return protocols[topic.kind];
}

/** A retained message without a payload says nothing: it takes back what is retained under its topic (3.3.1.3). */
function takesBack({ retain, payload }: Message): boolean {
  return retain === true && payload.length === 0;
}

async function settleTargets(
  routed: readonly Routed[],
  { tenants, result }: { tenants: Tenants; result: Interpreted },
): Promise<Settled[]> {
  const tenantIds = new Set<string>();
  const devices = new Set<Device>();
  for (const { message, target } of routed) {
    if (target.kind !== 'open') continue;
    tenantIds.add(message.origin.device.tenantId);
    if ('kind' in target.topic) devices.add(message.origin.device);
  }
  const known = await tenants.findTenants(tenantIds);
  const homes = devices.size > 0 ? await tenants.findHomes(devices) : undefined;
  return routed.flatMap(({ message, target }): Settled[] => {
    if (target.kind !== 'open') return [{ message, target }];
    const { topic } = target;
    const { device } = message.origin;
    const tenant = known.get(device.tenantId);
    const settled =
      'kind' in topic ? homeTarget(topic, homes?.get(device), tenant) : templateTarget(message.topic, tenant, topic);
    if ('kind' in settled) return [{ message, target: settled }];
    reject(result, message, settled);
    return [];
  });
}

type SitesOfTenants = ReadonlyMap<string, ReadonlyMap<string, KnownSite>>;

async function findSites(settled: readonly Settled[], directory: Directory): Promise<SitesOfTenants> {
  const named = new Map<string, Set<string>>();
  for (const { message, target } of settled) {
    const { tenantId } = message.origin.device;
    const slugs = named.get(tenantId);
    if (slugs) slugs.add(target.site);
    else named.set(tenantId, new Set([target.site]));
  }
  const sites = new Map<string, ReadonlyMap<string, KnownSite>>();
  for (const [tenantId, slugs] of named) sites.set(tenantId, await directory.findSites(tenantId, slugs));
  return sites;
}

type Reading = { target: ReadableTarget; site: KnownSite; result: Interpreted; waiting: Readout[] };

function read(message: Message, { target, site, result, waiting }: Reading): void {
  const arrived = { receivedMs: message.receivedMs, timeZone: site.timeZone };
  const found = readTarget(target, message.payload, arrived);
  for (const rejection of found.rejections) reject(result, message, rejection);
  if ('samples' in found) {
    const readout = { message, site, asset: found.asset, samples: found.samples };
    if (found.samples.length > 0 && !bindKnown(readout, result)) waiting.push(readout);
    return;
  }
  for (const [asset, samples] of found.assets) {
    const readout = { message, site, asset, samples };
    if (!bindKnown(readout, result)) waiting.push(readout);
  }
}

/** Binds samples whose points are all in memory; false, doing nothing, when one is not. */
function bindKnown(readout: Readout, result: Interpreted): boolean {
  const { message, site, asset, samples, textsMayBeStrange } = readout;
  const { arrivals, cameIn } = result;
  const length = arrivals.length;
  const ofAsset = site.points.get(asset);
  let refused: Refused[] | undefined;
  for (const sample of samples) {
    const point = ofAsset?.get(sample.point);
    if (!point) {
      arrivals.length = length;
      return false;
    }
    const bound = bindSample(point, sample);
    if ('point' in bound) arrivals.push(bound);
    else if (!textsMayBeStrange) {
      refused ??= [];
      refused.push({ name: sample.point, rejection: bound });
    }
  }
  for (let i = length; i < arrivals.length; i++) cameIn.push(message);
  if (refused) rejectTogether(result, message, refused);
  return true;
}

function* namesOf(waiting: readonly Readout[]): Generator<PointName & { site: KnownSite }> {
  for (const { site, asset, samples } of waiting) for (const { point } of samples) yield { site, asset, point };
}

function bindLoaded(readout: Readout, { result, full }: { result: Interpreted; full: ReadonlySet<KnownSite> }): void {
  const { message, site, asset, samples } = readout;
  const unknown: string[] = [];
  const isKnown = (sample: Sample) => {
    const known = knownPoint(site, asset, sample.point) !== undefined;
    if (!known) unknown.push(sample.point);
    return known;
  };
  bindKnown({ ...readout, samples: samples.filter(isKnown) }, result);
  if (unknown.length === 0) return;
  const detail = explainUnknown(listed(unknown), { asset, site, isFull: full.has(site) });
  reject(result, message, { reason: 'unknown_point', detail });
}

function explainUnknown(
  names: string,
  { asset, site, isFull }: { asset: string; site: KnownSite; isFull: boolean },
): string {
  if (isFull) return siteIsFull(site);
  if (!site.discovery) return `${shorten(asset)} has no point ${names}, and ${discoveryIsOff(site)}`;
  return `${shorten(asset)} has no point ${names}, and it cannot be made: names are 1 to 128 characters without control characters`;
}

type Refused = { readonly name: string; readonly rejection: Rejection };

/** One rejection for each reason, with the names of some of the points. */
function rejectTogether(result: Interpreted, message: Message, refused: readonly Refused[]): void {
  const byReason = Map.groupBy(refused, ({ rejection }): Reason => rejection.reason);
  for (const [reason, some] of byReason) {
    const names = listed(some.map(({ name }) => name));
    reject(result, message, { reason, detail: `${names}: ${some[0]?.rejection.detail}` });
  }
}

const namesListed = 10;

function listed(names: readonly string[]): string {
  const more = names.length > namesListed ? ` and ${names.length - namesListed} more` : '';
  return `${names.slice(0, namesListed).map(shorten).join(', ')}${more}`;
}

function reject({ rejected }: Interpreted, message: Message, rejection: Rejection): void {
  rejected.push({ message, rejection });
}

function notGranted({ username, grants }: Device): Rejection {
  const allowed = grants.length === 0 ? 'nothing' : grants.map(shorten).join(', ');
  return { reason: 'not_granted', detail: `${username} may publish under ${allowed}` };
}

function tooLarge(bytes: number): Rejection {
  return { reason: 'too_large', detail: `the message has ${bytes} bytes, of which the payload here is the beginning` };
}
