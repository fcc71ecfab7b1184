import type { FastifyRequest } from 'fastify';
import { type Caller, hasScope, maySee, requireScope, requireSite } from '../access/api-key.ts';
import { readerOf } from '../access/listing.ts';
import { findSiteBySlug } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant, parseInstant } from '../platform/instant.ts';
import { limitDefault } from '../platform/list-query.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { type EventType, eventTypes } from './event.ts';
import { scopeOfType } from './event-types.ts';
import { type EventRow, findEvent, type LogFilter, listEvents } from './log-store.ts';
import {
  EventId,
  type EventQuery,
  EventTypeShown,
  eventQueryOf,
  eventTypesOf,
  LoggedEvent,
  typesShown,
} from './logged-event.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Events'];
const config = { scope: 'events:read' } as const;

const description = `
The log of what has happened to things of the tenant: one event for each change, written in the transaction that made it, kept 90
days. The caller is told of those things that it may read. Timelines and the live stream are made of the same events.

Whoever follows the log as it grows had better take the live stream, which loses nothing. By this list it is done with
\`order=asc\` and \`since\`, some minutes before the last event that is known: \`at\` is when a transaction began, and one that
took long is seen when it has ended; the \`id\` tells what is known already.

Safe: it changes nothing.`.trim();

/** The log of events: a piece of it, one of them, and what types there are. */
export function eventRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: mount.operationId('listEvents'),
    summary: 'Read the log of events, newest first',
    description,
    tags,
    params: mount.listParams,
    querystring: eventQueryOf(mount.name),
    response: { 200: mount.seriesOf(LoggedEvent) },
  };
  app.get(mount.list('events'), { config, schema: list }, async (request, reply) => {
    const query: EventQuery = request.query;
    const { cursor, limit = limitDefault, ...asked } = query;
    const { position, binding } = paging.open(cursor, ['events', readerOf(request.area).of, asked]);
    const page = { after: position?.id, isRising: query.order === 'asc', limit };
    const rows = await listEvents(db, await filterOf(db, request, query), page);
    const items = rows.slice(0, limit).map(toEvent);
    const last = items.at(-1);
    const nextCursor = rows.length > limit && last ? paging.sign({ at: '', id: last.id }, binding) : null;
    return shell.send(request, reply, mount.series(request, { items, limit, nextCursor }));
  });
  const one = {
    operationId: mount.operationId('getEvent'),
    summary: 'Get one event',
    tags,
    params: mount.namedParams(EventId),
    response: { 200: mount.oneOf(LoggedEvent) },
  };
  app.get(mount.member('events'), { config, schema: one }, async (request, reply) => {
    const { area, params } = request;
    const { caller, site } = area;
    const row = await findEvent(db, { tenantId: caller.tenantId, id: params.id });
    if (!row || (site !== null && row.siteId !== site.id)) throw refusals.eventNotFound(params.id);
    if (row.siteId !== null) requireSite(caller, row.siteId);
    else if (caller.siteIds !== null) throw refusals.siteForbidden();
    requireScope(caller, scopeOfType(row.type));
    return shell.send(request, reply, mount.found(toEvent(row)));
  });
  const types = {
    operationId: mount.operationId('listEventTypes'),
    summary: 'Every type of events, with the schema of each',
    tags,
    params: mount.listParams,
    response: { 200: mount.seriesOf(EventTypeShown) },
  };
  app.get(mount.list('event-types'), { config, schema: types }, async (request, reply) =>
    shell.send(
      request,
      reply,
      mount.series(request, { items: typesShown, limit: typesShown.length, nextCursor: null }),
    ),
  );
}

/** What of the log was asked for. Throws scope_missing, site_forbidden, and validation_failed for a site that is not there. */
async function filterOf(db: Db, { area }: FastifyRequest, query: EventQuery): Promise<LogFilter> {
  const { caller, site } = area;
  const siteId = site === null ? await siteIdOf(db, caller, query.site) : site.id;
  const { timeZone } = readerOf(area);
  return {
    tenantId: caller.tenantId,
    siteIds: siteId === undefined ? caller.siteIds : [siteId],
    types: permitted(caller, query.type),
    subjectKind: query.subject_kind,
    subjectId: query.subject_id?.toLowerCase(),
    assetId: query.asset_id,
    since: query.since === undefined ? undefined : parseInstant(query.since, timeZone),
    until: query.until === undefined ? undefined : parseInstant(query.until, timeZone),
  };
}

async function siteIdOf(db: Db, caller: Caller, slug: string | undefined): Promise<string | undefined> {
  if (slug === undefined) return undefined;
  const found = await findSiteBySlug(db, caller.tenantId, slug);
  const message = `there is no site ${slug}`;
  if (!found) throw refusals.invalid([{ in: 'query', pointer: '/site', code: 'not_found', message }]);
  if (!maySee(caller, found.id)) throw refusals.siteForbidden();
  return found.id;
}

/** The types that were asked for and that the caller may see; one that is named by itself has to be among these. */
function permitted(caller: Caller, asked: readonly string[] | undefined): EventType[] {
  const isSeen = (type: EventType) => hasScope(caller, scopeOfType(type));
  if (asked === undefined) return eventTypes.filter(isSeen);
  for (const pattern of asked) {
    const types = eventTypesOf(pattern);
    if (pattern !== '*' && types[0] !== undefined && !types.some(isSeen)) requireScope(caller, scopeOfType(types[0]));
  }
  return [...new Set(asked.flatMap(eventTypesOf))].filter(isSeen);
}

function toEvent({ at, ...row }: EventRow): LoggedEvent {
  const { id, type, site, asset_id, subject, actor, changes, data } = row;
  return { id, type, at: formatInstant(at), site, asset_id, subject, actor, changes, data };
}
