import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import type { HeldWorkOrder, WorkOrderColumns } from '../store.ts';
import { findTeam, findTeamByName } from './team-store.ts';

/** The two ways in which a body may name a team: by its id, or by its name, which may as well be a role that is none. */
type Given = { readonly team_id?: string | null | undefined; readonly assigned_team?: string | null | undefined };

/**
 * The team that a body names; either of the two fills in the other. Of both the id decides, since the name that a work order shows may
 * be one that its team had; and work orders that name a team which is gone, or has another name, keep it where that is said again.
 * Throws validation_failed for an id that is none of the tenant's.
 */
export async function teamColumns(
  db: Db,
  tenantId: string,
  { team_id: id, assigned_team: name }: Given,
  held: readonly Pick<HeldWorkOrder, 'team_id' | 'assigned_team'>[] = [],
): Promise<WorkOrderColumns> {
  const haveAll = (isSaid: (row: (typeof held)[number]) => boolean) => held.length > 0 && held.every(isSaid);
  if (id) {
    const team = await findTeam(db, tenantId, id);
    if (team) return { team_id: team.id, assigned_team: team.name };
    if (haveAll((row) => row.team_id === id)) return {};
    throw refusals.invalidBody('/team_id', 'not_found', 'there is no such team');
  }
  if (name) {
    const team = id === null ? undefined : await findTeamByName(db, tenantId, name);
    if (!team && id !== null && haveAll((row) => row.assigned_team === name)) return {};
    return { team_id: team?.id ?? null, assigned_team: name };
  }
  return id === null || name === null ? { team_id: null, assigned_team: null } : {};
}
