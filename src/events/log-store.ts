import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { EventType } from './event.ts';

/** What of the log a caller wants and may see; `siteIds` null: all of the tenant, and what belongs to no site. */
export type LogFilter = {
  readonly tenantId: string;
  readonly siteIds: readonly string[] | null;
  readonly types: readonly EventType[];
  readonly subjectKind?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly assetId?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
};

/** A place in the log: behind the event of this number, in one direction or the other. */
export type LogPage = { readonly after: string | undefined; readonly isRising: boolean; readonly limit: number };

/** An event as it is written. */
export type EventRow = {
  readonly id: string;
  readonly type: EventType;
  readonly at: Date;
  readonly site: string | null;
  readonly asset_id: string | null;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly actor: { readonly kind: string };
  readonly changes: { readonly field: string; readonly from: unknown; readonly to: unknown }[];
  readonly data: Record<string, unknown>;
};

const shown = sql`event.id::text, event.type, event.at, site.slug as site, event.asset_id,
  jsonb_build_object('kind', event.subject_kind, 'id', event.subject_id) as subject, event.actor, event.changes, event.data`;

/** A page of the log, and one event more where more follow. */
export async function listEvents(db: Db, filter: LogFilter, { after, isRising, limit }: LogPage): Promise<EventRow[]> {
  const { subjectKind, subjectId, assetId, since, until } = filter;
  const conditions = [
    ofCaller(filter),
    subjectKind === undefined ? undefined : sql`event.subject_kind = ${subjectKind}`,
    subjectId === undefined ? undefined : sql`event.subject_id = ${subjectId}`,
    assetId === undefined ? undefined : sql`event.asset_id = ${assetId}`,
    since && sql`event.at >= ${since}`,
    until && sql`event.at < ${until}`,
    after === undefined ? undefined : sql`event.id ${sql.raw(isRising ? '>' : '<')} ${after}::bigint`,
  ].filter((condition) => condition !== undefined);
  const { rows } = await sql<EventRow>`
    select ${shown} from event left join site on site.id = event.site_id
    where ${sql.join(conditions, sql` and `)}
    order by event.id ${sql.raw(isRising ? 'asc' : 'desc')} limit ${limit + 1}`.execute(db);
  return rows;
}

/** One event of the tenant, with the site that decides whether the caller may see it. */
export async function findEvent(
  db: Db,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<(EventRow & { readonly siteId: string | null }) | undefined> {
  const { rows } = await sql<EventRow & { siteId: string | null }>`
    select ${shown}, event.site_id as "siteId" from event left join site on site.id = event.site_id
    where event.tenant_id = ${tenantId} and event.id = ${id}::bigint`.execute(db);
  return rows[0];
}

function ofCaller({ tenantId, siteIds, types }: LogFilter) {
  const ofSites = siteIds === null ? sql`` : sql` and event.site_id = any(${[...siteIds]}::uuid[])`;
  return sql`event.tenant_id = ${tenantId} and event.type = any(${[...types]}::text[])${ofSites}`;
}
