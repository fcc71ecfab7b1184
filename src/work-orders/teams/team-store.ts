import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { Team, type TeamFilter } from './team.ts';

/** The teams of a tenant. */
export async function listTeams(
  db: Db,
  tenantId: string,
  { filter, page }: { filter: TeamFilter; page: ListRequest },
): Promise<Rows<Team>> {
  let teams = teamsOf(db, tenantId);
  if (filter.member !== undefined) teams = teams.where(sql<boolean>`${filter.member}::uuid = any(team.members)`);
  if (filter.external_id !== undefined) teams = teams.where('team.external_id', '=', filter.external_id);
  const found = narrowed(teams, page);
  return readPage({ found, shown: shown(found) }, page, toTeam);
}

/** One team of a tenant. */
export async function findTeam(db: Db, tenantId: string, id: string): Promise<Team | undefined> {
  const row = await shown(teamsOf(db, tenantId)).where('team.id', '=', id).executeTakeFirst();
  return row && toTeam(row);
}

/** The team of a tenant that has a name, in whichever case. */
export function findTeamByName(db: Db, tenantId: string, name: string) {
  return teamsOf(db, tenantId)
    .select(['team.id', 'team.name'])
    .where(sql<boolean>`lower(team.name) = lower(${name})`)
    .executeTakeFirst();
}

/** A team that nobody else changes until the transaction ends. */
export async function lockTeam(trx: Db, tenantId: string, id: string): Promise<Team | undefined> {
  const locked = await teamsOf(trx, tenantId)
    .select('team.id')
    .where('team.id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return locked && findTeam(trx, tenantId, id);
}

/** What is written of a team. */
export type TeamColumns = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly members?: string[] | undefined;
  readonly external_id?: string | null | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly deleted_at?: Date | undefined;
};

/** Inserts a team and gives its id. */
export async function insertTeam(
  trx: Db,
  tenantId: string,
  { columns, at }: { columns: TeamColumns & { readonly name: string }; at: Date },
): Promise<string> {
  const id = newId();
  const { name } = columns;
  await trx
    .insertInto('team')
    .values({ ...written(columns), id, tenant_id: tenantId, name, created_at: at, updated_at: at })
    .execute();
  return id;
}

/** Sets what is given of a team. */
export async function updateTeam(
  trx: Db,
  tenantId: string,
  { id, columns, at }: { id: string; columns: TeamColumns; at: Date },
): Promise<void> {
  await trx
    .updateTable('team')
    .set({ ...written(columns), updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

function written({ metadata, ...columns }: TeamColumns) {
  const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
  return { ...given, ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }) };
}

function teamsOf(db: Db, tenantId: string) {
  return db.selectFrom('team').where('team.tenant_id', '=', tenantId).where('team.deleted_at', 'is', null);
}

/** People who are gone are in no team any more. */
function shown(teams: ReturnType<typeof teamsOf>) {
  return teams
    .select(['team.id', 'team.name', 'team.description', 'team.external_id', 'team.metadata'])
    .select(['team.created_at', 'team.updated_at'])
    .select(
      sql<string[]>`array(select app_user.id from app_user where app_user.tenant_id = team.tenant_id
        and app_user.id = any(team.members) and app_user.deleted_at is null
        order by array_position(team.members, app_user.id))`.as('members'),
    );
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toTeam(row: Row): Team {
  return Team.parse({
    ...row,
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
