import type { Mount, RouteScope } from '../../platform/mount.ts';
import { askingOf } from '../audit/record-access.ts';
import { type CollectionNeeds, nounRoutes } from '../collection-routes.ts';
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

type Needs = CollectionNeeds & {
  /** What people are called at this mount. */
  readonly collection?: string;
};
type Placed = Required<Needs>;

const tags = ['Users'];
const write = { scope: 'users:write' } as const;

/** People: list, get, make, change, delete, invite, let in and shut out; of the tenant, not of one site. */
export function userRoutes(app: RouteScope, mount: Mount, { collection = 'users', ...needs }: Needs): void {
  nounRoutes(app, mount, needs, {
    ...{ path: collection, noun: 'User', nouns: 'Users', tag: 'Users' },
    scopes: { read: 'users:read', write: 'users:write' },
    shown: User,
    list: {
      summary: 'List people',
      about: 'Who is limited to sites sees those who may reach one of them. Safe: it changes nothing.',
      of: userList,
      query: UserQuery,
      find: (db, { caller }, { filter, page }) => listUsers(db, caller, filter, page),
    },
    one: {
      summary: 'Get one person',
      isAlwaysWhole: true,
      get: async (db, { caller }, id) => {
        const user = await getUser(db, caller.tenantId, id);
        requireVisible(caller, user);
        return user;
      },
    },
    creation: { summary: 'Make a person, to whom work can be given', body: UserCreation, add: createUser },
    change: {
      summary: 'Change the given properties of a person',
      about:
        'Idempotent: the same change twice leaves what it left the first time. Another role, or other sites, hold from the next request of theirs on.',
      body: UserChange,
      apply: changeUser,
    },
    removal: {
      summary: 'Take a person out of every list, for good; what they did goes on naming them',
      remove: deleteUser,
    },
  });
  invitingRoutes(app, mount, { ...needs, collection });
  switchingRoutes(app, mount, { ...needs, collection });
}

function invitingRoutes(app: RouteScope, mount: Mount, { shell, collection }: Placed): void {
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

function switchingRoutes(app: RouteScope, mount: Mount, { shell, collection }: Placed): void {
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
}
