/**
 * Items are checked whole and then written, by their node and field: what is there is changed, and the same request twice leaves
 * what it left the first time. Whoever makes an item makes its point, whatever the site says of discovery.
 */
import { canonicalClass } from '../../../assets/brick-classes.ts';
import { discoverPoints, type WantedPoint } from '../../../assets/discovery.ts';
import { listSites, type SiteRef } from '../../../assets/point-store.ts';
import { findUnit } from '../../../assets/units.ts';
import type { Db } from '../../../platform/database.ts';
import type { FieldError } from '../../../platform/refusal.ts';
import { refusals } from '../../../platform/refusals.ts';
import { lockConnection } from '../connections/connection-store.ts';
import { getConnection } from '../connections/set-connection.ts';
import type { ItemFilter, NewItem, OpcuaItemsAnswer } from './item.ts';
import {
  countItems,
  deleteItems,
  findFoundNodes,
  findItems,
  findItemsOfPoints,
  type ItemColumns,
  type ItemSettings,
  raiseVersion,
  updateItems,
  writeItems,
} from './item-store.ts';

/** Of one connection: each is a monitored item at its server, and a queue there. */
const itemsMax = 50_000;

type Which = { readonly tenantId: string; readonly id: string };

/**
 * Adds items to a connection, and changes those that are there. Throws opcua_connection_not_found, and validation_failed with every
 * mistake and its place, nothing being written then.
 */
export async function setItems(trx: Db, items: readonly NewItem[], which: Which): Promise<OpcuaItemsAnswer> {
  const connection = await lockPresent(trx, which);
  const { site } = await getConnection(trx, which);
  const wanted = items.map((item) => ({ ...item, site: item.site ?? site }));
  const sites = await findSites(trx, wanted, which);
  const known = await findItems(trx, which.id, wanted);
  const knownAt = new Map(known.map((item) => [item.ordinal - 1, item]));
  await refuseMixed(trx, wanted, { which, sites });
  const newCount = wanted.length - known.length;
  if (newCount > 0 && (await countItems(trx, which.id)) + newCount > itemsMax) {
    throw refusals.invalidBody('/items', 'too_many', `a connection has ${itemsMax} items at most`);
  }
  await makePoints(trx, wanted, { which, sites });
  let nextId = connection.next_item_id;
  const columns = wanted.map((item, at) => columnsOf(item, sites, knownAt.get(at)?.id ?? nextId++));
  const written = columns.filter((item, at) => isAnother(item, knownAt.get(at)));
  await writeItems(trx, { tenantId: which.tenantId, connectionId: which.id }, written);
  if (written.length > 0) await raiseVersion(trx, which.id, nextId);
  return {
    added: newCount,
    changed: written.length - newCount,
    unchanged: wanted.length - written.length,
    ids: columns.map(({ id }) => id),
  };
}

type Meant = Which & { readonly filter: ItemFilter };

/** Changes how the items that are meant are sampled, and returns how many there are. Throws opcua_connection_not_found. */
export async function changeItems(trx: Db, settings: ItemSettings, { filter, ...which }: Meant): Promise<number> {
  await lockPresent(trx, which);
  const count = await updateItems(trx, which.id, { filter, settings });
  if (count > 0) await raiseVersion(trx, which.id);
  return count;
}

/**
 * Deletes the items that are meant, and returns how many there were; points and readings stay. Throws opcua_connection_not_found.
 */
export async function removeItems(trx: Db, { filter, ...which }: Meant): Promise<number> {
  await lockPresent(trx, which);
  const count = await deleteItems(trx, which.id, filter);
  if (count > 0) await raiseVersion(trx, which.id);
  return count;
}

async function lockPresent(trx: Db, which: Which) {
  const row = await lockConnection(trx, which);
  if (!row) throw refusals.opcuaConnectionNotFound(which.id);
  return row;
}

type Wanted = NewItem & { readonly site: string };
type Sites = ReadonlyMap<string, SiteRef>;

async function findSites(trx: Db, wanted: readonly Wanted[], { tenantId }: Which): Promise<Sites> {
  const slugs = [...new Set(wanted.map(({ site }) => site))];
  const sites = new Map((await listSites(trx, { tenantId, slugs })).map((site) => [site.slug, site]));
  const errors = wanted.flatMap(({ site }, at) =>
    sites.has(site) ? [] : [errorAt(`/items/${at}/site`, 'not_found', 'there is no such site')],
  );
  if (errors.length > 0) throw refusals.invalid(errors);
  return sites;
}

/** Two items that are one node's field, or one point, whether in the request or one of them at the connection already. */
async function refuseMixed(trx: Db, wanted: readonly Wanted[], { which, sites }: Checked): Promise<void> {
  const errors: FieldError[] = [];
  const nodes = new Map<string, number>();
  const points = new Map<string, number>();
  for (const [at, item] of wanted.entries()) {
    const [node, point] = [nodeOf(item), pointOf(item)];
    const [sameNode, samePoint] = [nodes.get(node), points.get(point)];
    if (sameNode !== undefined) {
      errors.push(errorAt(`/items/${at}/node`, 'conflict', `/items/${sameNode} is the same part of the same node`));
    } else if (samePoint !== undefined) {
      const message = `/items/${samePoint}, ${describe(wanted[samePoint] as Wanted)}, is the same point: their readings would mix`;
      errors.push(errorAt(`/items/${at}/point`, 'conflict', message));
    }
    if (sameNode === undefined) nodes.set(node, at);
    if (samePoint === undefined) points.set(point, at);
  }
  const places = wanted.map(({ site, asset, point }) => ({ siteId: siteIdOf(sites, site), asset, point }));
  for (const { ordinal, ...other } of await findItemsOfPoints(trx, which.id, places)) {
    // What the request moves to another point itself does not stand in the way.
    if (nodes.has(nodeOf(other))) continue;
    const message = `the item ${other.id}, ${describe(other)}, is the same point: their readings would mix`;
    errors.push(errorAt(`/items/${ordinal - 1}/point`, 'conflict', message));
  }
  if (errors.length > 0) throw refusals.invalid(errors);
}

type Checked = { readonly which: Which; readonly sites: Sites };

async function makePoints(trx: Db, wanted: readonly Wanted[], { which, sites }: Checked): Promise<void> {
  const found = new Map((await findFoundNodes(trx, which.id, wanted)).map((node) => [node.ordinal - 1, node]));
  const bySite = Map.groupBy(
    wanted.map((item, at) => ({ site: item.site, point: pointFor(item, found.get(at)) })),
    ({ site }) => site,
  );
  for (const [slug, those] of bySite) {
    const site = sites.get(slug) as SiteRef;
    if (await discoverPoints(trx, { site, names: those.map(({ point }) => point) })) continue;
    throw refusals.invalidBody(
      '/items',
      'too_many',
      `the site ${slug} has as many discovered assets or points as it may; model or merge some of them first`,
    );
  }
}

type Found = { readonly unit: string | null; readonly low: number | null; readonly high: number | null };

function pointFor(item: Wanted, found: Found | undefined): WantedPoint {
  const unit = item.unit ?? found?.unit ?? null;
  // The range that the server states is in the unit that it states.
  const isRanged = found && unit === found.unit && found.low !== null && found.high !== null && found.low < found.high;
  return {
    asset: item.asset,
    point: item.point,
    assetClass: item.asset_class === undefined ? null : canonicalClass(item.asset_class),
    class: item.class === undefined ? null : canonicalClass(item.class),
    unit: unit && (findUnit(unit)?.id ?? unit),
    ...(isRanged && { min: found.low, max: found.high }),
  };
}

function columnsOf(item: Wanted, sites: Sites, id: number): ItemColumns {
  const { node, field, asset, point, sampling_interval_ms: samplingIntervalMs, deadband } = item;
  const siteId = siteIdOf(sites, item.site);
  const { kind: deadbandKind, value } = deadband;
  return { id, node, field, siteId, asset, point, samplingIntervalMs, deadbandKind, deadband: value };
}

function isAnother(item: ItemColumns, before: ItemColumns | undefined): boolean {
  return (
    before === undefined || Object.entries(item).some(([key, value]) => before[key as keyof ItemColumns] !== value)
  );
}

function siteIdOf(sites: Sites, slug: string): string {
  return (sites.get(slug) as SiteRef).siteId;
}

const nodeOf = ({ node, field }: { node: string; field: string }) => JSON.stringify([node, field]);
const pointOf = ({ site, asset, point }: Wanted) => JSON.stringify([site, asset, point]);
const describe = ({ node, field }: { node: string; field: string }) => (field === '' ? node : `${node} ${field}`);

function errorAt(pointer: string, code: string, message: string): FieldError {
  return { in: 'body', pointer, code, message };
}
