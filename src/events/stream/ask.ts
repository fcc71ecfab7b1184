/** What a request asks of a stream, and what of that its key may have. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Caller, hasScope, maySee, requireScope, type Scope } from '../../access/api-key.ts';
import { findSiteBySlug } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';
import { Id, text } from '../../platform/fields.ts';
import type { Mount } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { scopeOfType } from '../event-types.ts';
import { formatSnapshot, type Position, parseSnapshot } from './snapshot.ts';
import { listSitesOf } from './stream-store.ts';
import { type StreamType, streamTypes, typesOf, type Wanted } from './wanted.ts';

const idsMax = 200;

const ids = text(idsMax * 37)
  .transform((value) => value.split(','))
  .pipe(z.array(Id).max(idsMax))
  .optional();

const patterns = text(1_000)
  .transform((value) => value.split(','))
  .pipe(
    z.array(
      z
        .string()
        .refine(
          (pattern) => typesOf(pattern).length > 0,
          `must be one of ${streamTypes.join(', ')}, or a noun with .*`,
        ),
    ),
  )
  .optional();

const Query = z.strictObject({
  type: patterns.describe(
    'Types of events, with commas between: `reading`, `insight.opened`, `work_order.*`; absent: all.',
  ),
  asset_id: ids.describe(`Only what is about this equipment; up to ${idsMax} ids with commas between.`),
  point_id: ids.describe(`Only readings of these points; up to ${idsMax} ids with commas between.`),
  last_event_id: text(8_000).optional().describe('The same as the header Last-Event-ID, which goes before it.'),
});

/** The query of a stream; below a site no other one is named. */
export const streamQuery = {
  tenant: Query.extend({ site: text(63).optional().describe('Only what is of this site: its slug.') }),
  site: Query,
} satisfies Record<Mount['name'], z.ZodType>;
export type StreamQuery = z.output<(typeof streamQuery)['tenant']>;

const scopeOf = (type: StreamType): Scope => (type === 'reading' ? 'points:read' : scopeOfType(type));
export const streamScopes: readonly Scope[] = [...new Set(streamTypes.map(scopeOf))];

/** What a stream is told. Throws scope_missing, site_forbidden, and validation_failed for a site, asset or point that is not there. */
export async function wantedOf(db: Db, { area }: FastifyRequest, query: StreamQuery): Promise<Wanted> {
  const { caller } = area;
  const siteId = await siteOf(db, { area }, query.site);
  const siteIds = siteId === undefined ? caller.siteIds : [siteId];
  const wanted = { tenantId: caller.tenantId, siteIds, types: permittedTypes(caller, query.type) };
  const assetIds = query.asset_id ?? null;
  const pointIds = query.point_id ?? null;
  for (const [kind, named] of [
    ['asset', assetIds],
    ['point', pointIds],
  ] as const) {
    const there = named && (await listSitesOf(db, { tenantId: caller.tenantId, kind, ids: named }));
    const missing = named?.findIndex((id) => !isAmong(siteIds, there?.get(id)));
    if (missing !== undefined && missing >= 0) throw notFound(`${kind}_id`, `there is no ${kind} ${named?.[missing]}`);
  }
  return { ...wanted, assetIds, pointIds };
}

async function siteOf(db: Db, { area: { caller, site } }: Pick<FastifyRequest, 'area'>, slug: string | undefined) {
  if (site !== null) return site.id;
  if (slug === undefined) return undefined;
  const found = await findSiteBySlug(db, caller.tenantId, slug);
  if (!found) throw notFound('site', `there is no site ${slug}`);
  if (!maySee(caller, found.id)) throw refusals.siteForbidden();
  return found.id;
}

/** The types that were asked for, each of which the key must reach; or all that it reaches. */
function permittedTypes(caller: Caller, asked: string[] | undefined): ReadonlySet<StreamType> {
  if (asked === undefined) return new Set(streamTypes.filter((type) => hasScope(caller, scopeOf(type))));
  const types = asked.flatMap(typesOf);
  for (const type of types) requireScope(caller, scopeOf(type));
  return new Set(types);
}

function isAmong(siteIds: readonly string[] | null, siteId: string | undefined): boolean {
  return siteId !== undefined && (siteIds === null || siteIds.includes(siteId));
}

function notFound(parameter: string, message: string) {
  return refusals.invalid([{ in: 'query', pointer: `/${parameter}`, code: 'not_found', message }]);
}

/** Signs positions as ids of events, and reads them again, for one tenant. */
export type PositionCodec = { write(position: Position): string; read(id: string | undefined): Position | undefined };

/** A codec for the streams of a tenant; reading an id that it did not write throws cursor_invalid. */
export function createPositionCodec(paging: Paging, tenantId: string): PositionCodec {
  const list = ['stream', tenantId];
  const { binding } = paging.open(undefined, list);
  return {
    write: ({ snapshot, atMs, begunMs }) =>
      paging.sign({ at: formatSnapshot(snapshot), id: `${Math.floor(atMs)} ${Math.floor(begunMs)}` }, binding),
    read: (id) => {
      const { position } = paging.open(id, list);
      if (position === undefined) return undefined;
      const snapshot = parseSnapshot(position.at);
      const [atMs = Number.NaN, begunMs = Number.NaN] = position.id.split(' ').map(Number);
      if (!snapshot) throw refusals.cursorInvalid();
      return { snapshot, atMs, begunMs };
    },
  };
}
