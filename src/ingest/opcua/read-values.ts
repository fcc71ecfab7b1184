/**
 * The messages of OPC-UA connections become samples of points:
 *
 *   opcua/{connection} ─▶ its own device? ─▶ items ─▶ names ─▶ samples of an asset
 *                            └──────────────────┴─▶ rejections
 */
import type { Db } from '../../platform/database.ts';
import type { Directory, KnownSite } from '../decode/directory.ts';
import { siteIsUnknown } from '../decode/directory.ts';
import type { Protocol, Readout, Rejected } from '../decode/protocol.ts';
import { statusQuality } from '../decode/quality.ts';
import { collect, type Found, numberSample, type Sample } from '../decode/sample.ts';
import { judgeTime } from '../decode/sample-time.ts';
import { opcuaRoot } from '../decode/topic.ts';
import type { Message } from '../intake/message.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import type { Value } from './connection.ts';
import type { ItemName } from './item-name-store.ts';
import { createItemNames, type KnownConnection } from './item-names.ts';
import { type DecodedValues, decodeValues } from './values.ts';

type Decoded = DecodedValues & { readonly message: Message; readonly connectionId: string };

/** A reader that knows no connection yet. */
export function createOpcuaReader({ db, directory }: { db: Db; directory: Directory }): Protocol {
  const names = createItemNames(db);
  return async (messages) => {
    const decoded = messages.map(
      (message): Decoded => ({
        message,
        connectionId: message.topic.slice(opcuaRoot.length + 1),
        ...decodeValues(message.payload),
      }),
    );
    const connections = await names.find(itemsOf(decoded));
    const sites = await findSites(decoded, { connections, directory });
    const readouts: Readout[] = [];
    const rejected: Rejected[] = [];
    for (const one of decoded) {
      const connection = ownConnection(one, connections);
      const rejections: Rejection[] = connection ? [...one.rejections] : [notItsOwn(one)];
      if (connection) readouts.push(...readoutsOf(one, { connection, sites, rejections }));
      for (const rejection of rejections) rejected.push({ message: one.message, rejection });
    }
    return { readouts, rejected };
  };
}

function itemsOf(decoded: readonly Decoded[]): ReadonlyMap<string, ReadonlySet<number>> {
  const wanted = new Map<string, Set<number>>();
  for (const { connectionId, values } of decoded) {
    const ids = wanted.get(connectionId) ?? new Set();
    wanted.set(connectionId, ids);
    for (const { itemId } of values) ids.add(itemId);
  }
  return wanted;
}

type Connections = ReadonlyMap<string, KnownConnection>;

/** A grant such as `#` reaches the topic of every connection, and a device must not speak for a server all the same. */
function ownConnection({ message, connectionId }: Decoded, connections: Connections): KnownConnection | undefined {
  const connection = connections.get(connectionId);
  const { id, tenantId } = message.origin.device;
  return connection?.deviceId === id && connection.tenantId === tenantId ? connection : undefined;
}

function notItsOwn({ message, connectionId }: Decoded): Rejection {
  const detail = `${message.origin.device.username} is not the device of an OPC-UA connection ${connectionId}`;
  return { reason: 'not_granted', detail };
}

type Sites = ReadonlyMap<string, ReadonlyMap<string, KnownSite>>;

async function findSites(
  decoded: readonly Decoded[],
  { connections, directory }: { connections: Connections; directory: Directory },
): Promise<Sites> {
  const slugs = new Map<string, Set<string>>();
  for (const one of decoded) {
    const connection = ownConnection(one, connections);
    if (!connection) continue;
    const ofTenant = slugs.get(connection.tenantId) ?? new Set();
    slugs.set(connection.tenantId, ofTenant);
    for (const { itemId } of one.values) {
      const name = connection.items.get(itemId);
      if (name) ofTenant.add(name.site);
    }
  }
  const sites = new Map<string, ReadonlyMap<string, KnownSite>>();
  for (const [tenantId, ofTenant] of slugs) sites.set(tenantId, await directory.findSites(tenantId, ofTenant));
  return sites;
}

type Known = { readonly connection: KnownConnection; readonly sites: Sites; readonly rejections: Rejection[] };

function readoutsOf({ message, values }: Decoded, { connection, sites, rejections }: Known): Readout[] {
  const ofTenant = sites.get(connection.tenantId);
  const byAsset = new Map<KnownSite, Map<string, Sample[]>>();
  const wrong: Found[] = [];
  const gone = new Set<number>();
  for (const value of values) {
    const name = connection.items.get(value.itemId);
    if (!name) {
      gone.add(value.itemId);
      continue;
    }
    const site = ofTenant?.get(name.site);
    if (!site) {
      wrong.push({ reason: 'unknown_site', detail: siteIsUnknown(name.site) });
      continue;
    }
    const sample = sampleOf(value, name, message.receivedMs);
    if ('reason' in sample) wrong.push(sample);
    else samplesOf(byAsset, site, name.asset).push(sample);
  }
  rejections.push(...collect(wrong).rejections);
  if (gone.size > 0) rejections.push({ reason: 'unknown_point', detail: explainGone(gone) });
  return [...byAsset].flatMap(([site, assets]) =>
    [...assets].map(([asset, samples]): Readout => ({ message, site, asset, samples })),
  );
}

function samplesOf(byAsset: Map<KnownSite, Map<string, Sample[]>>, site: KnownSite, asset: string): Sample[] {
  const assets = byAsset.get(site) ?? new Map<string, Sample[]>();
  byAsset.set(site, assets);
  const samples = assets.get(asset) ?? [];
  assets.set(asset, samples);
  return samples;
}

/** What a server calls bad is no number, whatever stands beside it. */
function sampleOf(
  { timeMs: given, value, status }: Value,
  { point }: ItemName,
  receivedMs: number,
): Sample | Rejection {
  const timeMs = judgeTime(given, receivedMs);
  if (typeof timeMs !== 'number') return { reason: timeMs.reason, detail: `${point}: ${timeMs.detail}` };
  const quality = statusQuality(status);
  if (value === null || quality === 'bad') return { point, timeMs, value: null, quality: 'bad' };
  return typeof value === 'number'
    ? numberSample(point, value, { timeMs, quality })
    : { point, timeMs, value, quality };
}

const listedMax = 10;

function explainGone(gone: ReadonlySet<number>): string {
  const ids = [...gone];
  const more = ids.length > listedMax ? ` and ${ids.length - listedMax} more` : '';
  return `the connection has no item ${ids.slice(0, listedMax).join(', ')}${more} any more: it was removed since the value came`;
}
