import type { Db } from '../../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell, sendWhole } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { askingOf } from '../audit/record-access.ts';
import { readerOf } from '../listing.ts';
import {
  changeUser,
  createInvitedUser,
  createUser,
  deleteUser,
  inviteUser,
  requireVisible,
  switchUser,
} from './change-user.ts';
import { InvitedUser, User, UserChange, UserCreation, UserInvitation, UserQuery, userList } from './user.ts';
import { getUser, listUsers } from './user-store.ts';

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  /** What people are called at this mount. */
  readonly collection?: string;
};

const tags = ['Users'];
const read = { scope: 'users:read' } as const;
const write = { scope: 'users:write' } as const;

/** People: list, get, make, invite, change, let in and shut out, delete; of the tenant, not of one site. */
export function userRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  makingRoutes(app, mount, needs);
  changingRoutes(app, mount, needs);
  switchingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell, collection = 'users' }: Needs): void {
  const list = {
    operationId: mount.operationId('listUsers'),
    summary: 'List people',
    description: 'Who is limited to sites sees those who may reach one of them. Safe: it changes nothing.',
    tags,
    params: mount.listParams,
    querystring: UserQuery,
    response: { 200: mount.pageOf(User) },
  };
  app.get(mount.list(collection), { config: read, schema: list }, async (request, reply) => {
    const { page, filter } = paging.list(userList, request.query, readerOf(request.area));
    const rows = await listUsers(db, request.area.caller, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getUser'),
    summary: 'Get one person',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(User) },
  };
  app.get(mount.member(collection), { config: read, schema: one }, async (request, reply) => {
    const { caller } = request.area;
    const user = await getUser(db, caller.tenantId, request.params.id);
    requireVisible(caller, user);
    return sendWhole(shell, { request, reply }, mount.one(user));
  });
}

function makingRoutes(app: RouteScope, mount: Mount, { shell, collection = 'users' }: Needs): void {
  const creation = {
    operationId: mount.operationId('createUser'),
    summary: 'Make a person, to whom work can be given',
    tags,
    params: mount.listParams,
    body: UserCreation,
    response: { 201: mount.oneOf(User) },
  };
  app.post(mount.list(collection), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) =>
      mount.created(request, await createUser(trx, askingOf(request, shell.now()), request.body)),
    ),
  );
  const invitation = {
    operationId: mount.operationId('inviteNewUser'),
    summary: 'Make a person who is to log in, and a token by which they choose a password',
    tags,
    params: mount.listParams,
    body: UserInvitation,
    response: { 201: mount.oneOf(InvitedUser) },
  };
  app.post(`${mount.list(collection)}/invite`, { config: write, schema: invitation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const user = await createInvitedUser(trx, askingOf(request, shell.now()), request.body);
      const { headers, ...answer } = mount.created(request, user);
      const location = (headers.location ?? '').replace(/\/invite(?=\/[^/]+\/?$)/, '');
      return { ...answer, headers: { ...headers, location }, isSecret: true };
    }),
  );
}

function changingRoutes(app: RouteScope, mount: Mount, { shell, collection = 'users' }: Needs): void {
  const change = {
    operationId: mount.operationId('changeUser'),
    summary: 'Change the given properties of a person',
    description:
      'Idempotent: the same change twice leaves what it left the first time. Another role, or other sites, hold from the next request of theirs on.',
    tags,
    params: mount.memberParams,
    body: UserChange,
    response: { 200: mount.oneOf(User) },
  };
  app.patch(mount.member(collection), { config: write, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { body, headers, params } = request;
      const asked = { id: params.id, body, ifMatch: headers['if-match'] };
      return mount.one(await changeUser(trx, askingOf(request, shell.now()), asked));
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteUser'),
    summary: 'Take a person out of every list, for good; what they did goes on naming them',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member(collection), { config: write, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { headers, params } = request;
      await deleteUser(trx, askingOf(request, shell.now()), { id: params.id, ifMatch: headers['if-match'] });
      return deleted;
    }),
  );
}

const switches = [
  {
    verb: 'activate',
    active: true,
    summary: 'Let a person in again',
  },
  {
    verb: 'deactivate',
    active: false,
    summary: 'Let a person in no longer: their log-ins end at once, and no work is given to them',
  },
] as const;

function switchingRoutes(app: RouteScope, mount: Mount, { shell, collection = 'users' }: Needs): void {
  for (const { verb, active, summary } of switches) {
    const schema = {
      operationId: mount.operationId(`${verb}User`),
      summary,
      description: 'Idempotent: one who is so already stays so.',
      tags,
      params: mount.memberParams,
      response: { 200: mount.oneOf(User) },
    };
    app.post(mount.member(collection, `/${verb}`), { config: write, schema }, async (request, reply) =>
      shell.transact(request, reply, async (trx) =>
        mount.one(await switchUser(trx, askingOf(request, shell.now()), { id: request.params.id, active })),
      ),
    );
  }
  const schema = {
    operationId: mount.operationId('inviteUser'),
    summary: 'Give a person a token by which they choose a password, the first one or another',
    description:
      'Tokens that were given before are of no use any more. Repeatable with an Idempotency-Key for 24 hours.',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(InvitedUser) },
  };
  app.post(mount.member(collection, '/invite'), { config: write, schema }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const user = await inviteUser(trx, askingOf(request, shell.now()), request.params.id);
      return { ...mount.one(user), isSecret: true };
    }),
  );
}
