import { readerOf } from '../../access/listing.ts';
import type { Db } from '../../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { changeTeam, createTeam, getTeam, removeTeam } from './change-team.ts';
import { Team, TeamBody, TeamChange, TeamQuery, teamList } from './team.ts';
import { listTeams } from './team-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Users'];
const read = { scope: 'users:read' } as const;
const write = { scope: 'users:write' } as const;

/** Teams: list, get, make, change, delete; of the tenant, not of one site. */
export function teamRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: mount.operationId('listTeams'),
    summary: 'List teams',
    tags,
    params: mount.listParams,
    querystring: TeamQuery,
    response: { 200: mount.pageOf(Team) },
  };
  app.get(mount.list('teams'), { config: read, schema: list }, async (request, reply) => {
    const { area } = request;
    const { page, filter } = paging.list(teamList, request.query, readerOf(area));
    const rows = await listTeams(db, area.caller.tenantId, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getTeam'),
    summary: 'Get one team',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(Team) },
  };
  app.get(mount.member('teams'), { config: read, schema: one }, async (request, reply) =>
    shell.send(request, reply, mount.one(await getTeam(db, request.area.caller.tenantId, request.params.id))),
  );
}

function writingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: mount.operationId('createTeam'),
    summary: 'Make a team, to which work can be given',
    tags,
    params: mount.listParams,
    body: TeamBody,
    response: { 201: mount.oneOf(Team) },
  };
  app.post(mount.list('teams'), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const by = { caller: request.area.caller, at: shell.now() };
      return mount.created(request, await createTeam(trx, by, request.body));
    }),
  );
  const change = {
    operationId: mount.operationId('changeTeam'),
    summary: 'Change the given properties of a team',
    description: [
      'Idempotent: the same change twice leaves what it left the first time.',
      'Work orders that were given to it keep its name of that time as their assigned_team; their team_id stays its own.',
    ].join('\n\n'),
    tags,
    params: mount.memberParams,
    body: TeamChange,
    response: { 200: mount.oneOf(Team) },
  };
  app.patch(mount.member('teams'), { config: write, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const which = { id: params.id, ifMatch: headers['if-match'], body };
      return mount.one(await changeTeam(trx, { caller: area.caller, at: shell.now() }, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteTeam'),
    summary: 'Take a team out of every list, for good; work orders go on naming it',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member('teams'), { config: write, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, headers, params } = request;
      const which = { id: params.id, ifMatch: headers['if-match'] };
      await removeTeam(trx, { caller: area.caller, at: shell.now() }, which);
      return deleted;
    }),
  );
}
