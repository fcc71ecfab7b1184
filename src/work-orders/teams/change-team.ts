import { type Caller, requireTenant } from '../../access/api-key.ts';
import { actorOf, changesBetween, type NewEvent } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { refusals } from '../../platform/refusals.ts';
import { listActiveUsers } from '../assignee-store.ts';
import type { Team, TeamBody, TeamChange } from './team.ts';
import { findTeam, findTeamByName, insertTeam, lockTeam, updateTeam } from './team-store.ts';

type By = { readonly caller: Caller; readonly at: Date };
type Which = { readonly id: string; readonly ifMatch: string | undefined };

/** Makes a team; run it in a transaction. Throws site_forbidden to who is limited to sites, validation_failed and team_exists. */
export async function createTeam(trx: Db, { caller, at }: By, body: TeamBody): Promise<Team> {
  const tenantId = requireTenant(caller);
  await requireFreeName(trx, tenantId, { name: body.name });
  await checkMembers(trx, tenantId, body.members ?? []);
  const id = await insertTeam(trx, tenantId, { columns: body, at });
  const team = await getTeam(trx, tenantId, id);
  await appendEvent(trx, eventOf(caller, { type: 'team.created', team }));
  return team;
}

/** Changes what the body gives of a team; run it in a transaction. Throws as createTeam does, team_not_found and precondition_failed. */
export async function changeTeam(
  trx: Db,
  { caller, at }: By,
  { id, ifMatch, body }: Which & { readonly body: TeamChange },
): Promise<Team> {
  const tenantId = requireTenant(caller);
  const before = await holdTeam(trx, tenantId, { id, ifMatch });
  if (Object.keys(body).length === 0) return before;
  if (body.name !== undefined) await requireFreeName(trx, tenantId, { name: body.name, id: before.id });
  // Who is in it may stay, active or not.
  await checkMembers(trx, tenantId, body.members ?? [], before.members);
  await updateTeam(trx, tenantId, { id: before.id, columns: body, at });
  const team = await getTeam(trx, tenantId, before.id);
  const changes = changesBetween(saidOf(before), saidOf(team));
  if (changes.length > 0) await appendEvent(trx, { ...eventOf(caller, { type: 'team.updated', team }), changes });
  return team;
}

/** Takes a team out of every list; run it in a transaction. Work orders go on naming it. Throws as changeTeam does. */
export async function removeTeam(trx: Db, { caller, at }: By, which: Which): Promise<void> {
  const tenantId = requireTenant(caller);
  const team = await holdTeam(trx, tenantId, which);
  await updateTeam(trx, tenantId, { id: team.id, columns: { deleted_at: at }, at });
  await appendEvent(trx, eventOf(caller, { type: 'team.deleted', team }));
}

/** One team. Throws team_not_found. */
export async function getTeam(db: Db, tenantId: string, id: string): Promise<Team> {
  const team = await findTeam(db, tenantId, id);
  if (!team) throw refusals.teamNotFound(id);
  return team;
}

async function holdTeam(trx: Db, tenantId: string, { id, ifMatch }: Which): Promise<Team> {
  const team = await lockTeam(trx, tenantId, id);
  if (!team) throw refusals.teamNotFound(id);
  requireMatch(ifMatch, team.updated_at);
  return team;
}

/** Of two at once the second fails at the index, runs again, and finds the first. */
async function requireFreeName(trx: Db, tenantId: string, { name, id }: { name: string; id?: string }): Promise<void> {
  const found = await findTeamByName(trx, tenantId, name);
  if (found && found.id !== id) throw refusals.teamExists(found.id);
}

async function checkMembers(trx: Db, tenantId: string, ids: readonly string[], before: readonly string[] = []) {
  const others = ids.filter((id) => !before.includes(id));
  if (others.length === 0) return;
  const active = await listActiveUsers(trx, { tenantId, ids: others });
  const unknown = ids.findIndex((id) => !before.includes(id) && !active.has(id));
  if (unknown >= 0) throw refusals.invalidBody(`/members/${unknown}`, 'not_found', 'there is no such active user');
}

function saidOf({ name, description, members, external_id, metadata }: Team) {
  return { name, description, members, external_id, metadata };
}

type Told = { readonly type: NewEvent['type']; readonly team: Team };

function eventOf(caller: Caller, { type, team: { id, name, members } }: Told): NewEvent {
  return {
    tenantId: caller.tenantId,
    siteId: null,
    assetId: null,
    type,
    subject: { kind: 'team', id },
    actor: actorOf(caller),
    changes: [],
    data: { id, name, members },
  };
}
