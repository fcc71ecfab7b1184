import { type Caller, hasScope, requireScope, type Scope } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant, parseInstant, startOfDate } from '../../platform/instant.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { getPresentAsset } from '../get-asset.ts';
import { AssetHealth, healthFormula } from '../health.ts';
import { mapOfHealth } from '../health-store.ts';
import { AssetDowntime, DowntimeQuery, periodsMax, periodsOf, sumUp } from './downtime.ts';
import { listStatusChanges } from './downtime-store.ts';
import { type EntryKind, entryKinds, ServiceEntry, ServiceHistoryQuery, SiteHistoryQuery } from './service-entry.ts';
import { listServiceEntries } from './service-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const config = { scope: 'assets:read' } as const;
const tags = ['Assets'];

/** What became of a piece of equipment, how it is doing, and how long it was down. */
export function serviceRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  historyRoute(app, mount, needs);
  healthRoute(app, mount, needs);
  downtimeRoute(app, mount, needs);
}

function historyRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listServiceHistory'),
    summary:
      'List the service history of a piece of equipment: work orders, insights and changes of its status, newest first',
    description: aboutHistory,
    tags,
    params: mount.memberParams,
    querystring: ServiceHistoryQuery,
    response: { 200: mount.pageOf(ServiceEntry) },
  };
  app.get(mount.member('assets', '/history'), { config, schema }, async (request, reply) => {
    const { area, query } = request;
    const { asset } = await getPresentAsset(db, area, request.params.id);
    const kinds = permittedKinds(area.caller, query.kind);
    const { page, filter } = paging.read(query, ['service-history', asset.id, kinds, readerOf(area).of]);
    const of = { assetId: asset.id, withParts: filter.with_parts ?? false };
    const asked = { tenantId: area.caller.tenantId, kinds, of };
    const rows = await listServiceEntries(db, asked, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

/** GET /sites/{slug}/history: the same of all that is at a site, and of what is about none of its equipment. */
export function siteHistoryRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: 'listServiceHistoryOfASite',
    summary: 'List the service history of a site: work orders, insights and changes of status, newest first',
    description: aboutHistory,
    tags: ['Sites'],
    params: mount.listParams,
    querystring: SiteHistoryQuery,
    response: { 200: mount.pageOf(ServiceEntry) },
  };
  app.get(mount.list('history'), { config, schema }, async (request, reply) => {
    const { area, query } = request;
    const kinds = permittedKinds(area.caller, query.kind);
    const { page } = paging.read(query, ['site-history', kinds, readerOf(area).of]);
    const asked = { tenantId: area.caller.tenantId, kinds, of: { siteId: area.site?.id ?? '' } };
    const rows = await listServiceEntries(db, asked, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

const aboutHistory = [
  'Safe: it changes nothing.',
  'There is what the key may see: work orders with work-orders:read, insights with insights:read. Insights of rules on trial, and those that late readings have taken back, are left out.',
].join('\n\n');

const scopeOf: Record<EntryKind, Scope> = {
  work_order: 'work-orders:read',
  insight: 'insights:read',
  status_change: 'assets:read',
};

/** The kind that was asked for, which the caller must reach; or all that it reaches. Throws scope_missing. */
function permittedKinds(caller: Caller, asked: EntryKind | undefined): readonly EntryKind[] {
  if (asked === undefined) return entryKinds.filter((kind) => hasScope(caller, scopeOf[kind]));
  requireScope(caller, scopeOf[asked]);
  return [asked];
}

function healthRoute(app: RouteScope, mount: Mount, { db, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('getAssetHealth'),
    summary: 'Get how a piece of equipment is doing, as one number and what it is made of',
    description: ['Safe: it changes nothing.', `The number: ${healthFormula}`].join('\n\n'),
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(AssetHealth) },
  };
  app.get(mount.member('assets', '/health'), { config, schema }, async (request, reply) => {
    const { area, params } = request;
    const { asset } = await getPresentAsset(db, area, params.id);
    const health = (await mapOfHealth(db, area.caller, [asset.id])).get(asset.id);
    if (!health) throw refusals.assetNotFound(params.id);
    return shell.send(request, reply, mount.found(health));
  });
}

function downtimeRoute(app: RouteScope, mount: Mount, { db, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('getAssetDowntime'),
    summary: 'Get how long a piece of equipment was operational, degraded, down and retired within a span of time',
    tags,
    params: mount.memberParams,
    querystring: DowntimeQuery,
    response: { 200: mount.oneOf(AssetDowntime) },
  };
  app.get(mount.member('assets', '/downtime'), { config, schema }, async (request, reply) => {
    const { area, query, params } = request;
    const { asset, timeZone } = await getPresentAsset(db, area, params.id);
    const span = spanOf({ query, timeZone, madeMs: Date.parse(asset.created_at), nowMs: shell.now().getTime() });
    const which = {
      tenantId: area.caller.tenantId,
      assetId: asset.id,
      start: new Date(span.startMs),
      countMax: changesMax,
    };
    const changes = await listStatusChanges(db, which);
    if (changes.length >= changesMax)
      throw invalidQuery('start', `is followed by more than ${changesMax} changes; begin later`);
    const periods = periodsOf(changes, asset.status, span);
    const shown = periods.slice(-periodsMax).reverse();
    const downtime: AssetDowntime = {
      asset_id: asset.id,
      start: formatInstant(new Date(span.startMs)),
      end: formatInstant(new Date(span.endMs)),
      ...sumUp(periods),
      periods: shown.map(({ status, fromMs, toMs, reason }) => ({
        status,
        from: formatInstant(new Date(fromMs)),
        to: formatInstant(new Date(toMs)),
        reason,
      })),
    };
    return shell.send(request, reply, mount.found(downtime));
  });
}

const changesMax = 50_000;
const daysMs = 30 * 86_400_000;

type Given = {
  readonly query: { start?: string | undefined; end?: string | undefined };
  readonly timeZone: string;
  readonly madeMs: number;
  readonly nowMs: number;
};

/** The span that a query names, cut to what is known: from when the equipment was made known until now. */
function spanOf({ query, timeZone, madeMs, nowMs }: Given) {
  const endMs = Math.min(query.end === undefined ? nowMs : instantMs('end', query.end, timeZone), nowMs);
  const startMs = query.start === undefined ? endMs - daysMs : instantMs('start', query.start, timeZone);
  if (startMs >= endMs) throw invalidQuery('start', 'must be before the end, and before now');
  return { startMs: Math.min(Math.max(startMs, madeMs), endMs), endMs };
}

function instantMs(name: string, given: string, timeZone: string): number {
  const at = startOfDate(given, timeZone) ?? parseInstant(given, timeZone);
  if (!at) throw invalidQuery(name, 'must be an instant or a date (ISO 8601)');
  return at.getTime();
}

function invalidQuery(name: string, message: string) {
  return refusals.invalid([{ in: 'query', pointer: `/${name}`, code: 'invalid', message }]);
}
