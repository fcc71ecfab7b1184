import { type CollectionNeeds, nounRoutes } from '../../access/collection-routes.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { changeTeam, createTeam, getTeam, removeTeam } from './change-team.ts';
import { Team, TeamBody, TeamChange, TeamQuery, teamList } from './team.ts';
import { listTeams } from './team-store.ts';

/** Teams: list, get, make, change, delete; of the tenant, not of one site. */
export function teamRoutes(app: RouteScope, mount: Mount, needs: CollectionNeeds): void {
  nounRoutes(app, mount, needs, {
    ...{ path: 'teams', noun: 'Team', nouns: 'Teams', tag: 'Users' },
    scopes: { read: 'users:read', write: 'users:write' },
    shown: Team,
    list: {
      summary: 'List teams',
      of: teamList,
      query: TeamQuery,
      find: (db, { caller }, asked) => listTeams(db, caller.tenantId, asked),
    },
    one: {
      summary: 'Get one team',
      isAlwaysWhole: true,
      get: (db, { caller }, id) => getTeam(db, caller.tenantId, id),
    },
    creation: { summary: 'Make a team, to which work can be given', body: TeamBody, add: createTeam },
    change: {
      summary: 'Change the given properties of a team',
      about: [
        'Idempotent: the same change twice leaves what it left the first time.',
        'Work orders that were given to it keep its name of that time as their assigned_team; their team_id stays its own.',
      ].join('\n\n'),
      body: TeamChange,
      apply: changeTeam,
    },
    removal: { summary: 'Take a team out of every list, for good; work orders go on naming it', remove: removeTeam },
  });
}
