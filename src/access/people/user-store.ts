import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import type { DB } from '../../platform/schema.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import type { Caller } from '../api-key.ts';
import { propertyOfIndex, User, type UserFilter } from './user.ts';

/** People whom a caller may see: those who may reach one of its sites; in the order that was asked for. */
export async function listUsers(db: Db, caller: Caller, filter: UserFilter, page: ListRequest): Promise<Rows<User>> {
  let users = usersOf(db, caller.tenantId).where(sharesSite(caller));
  const { role, active, site, skill, external_id } = filter;
  if (role !== undefined) users = users.where('app_user.role', '=', role);
  if (active !== undefined) users = users.where('app_user.active', '=', active);
  if (skill !== undefined) users = users.where(sql<boolean>`${skill} = any(app_user.skills)`);
  if (external_id !== undefined) users = users.where('app_user.external_id', '=', external_id);
  if (site !== undefined) {
    users =
      users.where(sql<boolean>`exists (select from site where site.tenant_id = ${caller.tenantId} and slug = ${site}
      and (app_user.site_ids is null or site.id = any(app_user.site_ids)))`);
  }
  const found = narrowed(users, page);
  const total = await found.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(found), page).execute();
  return rowsOf(rows, total, toUser);
}

/** A person of the tenant who is not gone. */
export async function findUser(db: Db, tenantId: string, id: string): Promise<User | undefined> {
  const row = await shown(usersOf(db, tenantId)).where('app_user.id', '=', id).executeTakeFirst();
  return row && toUser(row);
}

/** The same; throws user_not_found where there is none. */
export async function getUser(db: Db, tenantId: string, id: string): Promise<User> {
  const user = await findUser(db, tenantId, id);
  if (!user) throw refusals.userNotFound(id);
  return user;
}

/** Those of some people whom a caller may see, by their ids, in one statement. */
export async function mapOfPeople(db: Db, caller: Caller, ids: readonly string[]): Promise<ReadonlyMap<string, User>> {
  const users = usersOf(db, caller.tenantId).where(sharesSite(caller));
  const rows = await shown(users).where('app_user.id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, toUser(row)]));
}

/** A person whose row nobody else changes until the transaction ends. */
export async function lockUser(trx: Db, tenantId: string, id: string): Promise<User | undefined> {
  const locked = await usersOf(trx, tenantId)
    .select('app_user.id')
    .where('app_user.id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return locked && findUser(trx, tenantId, id);
}

/** What people set of a person. */
export type UserColumns = {
  readonly username: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly active: boolean;
  readonly site_ids: string[] | null;
  readonly phone: string | null;
  readonly locale: string | null;
  readonly skills: string[];
  readonly external_id: string | null;
  readonly metadata: string;
};

type NewUser = Partial<UserColumns> &
  Pick<UserColumns, 'username' | 'email' | 'role'> & {
    readonly id: string;
    readonly tenant_id: string;
    readonly password_argon2id?: string;
  };

/** Adds a person. Throws user_exists where another has the user name, the e-mail address or the external id. */
export async function insertUser(trx: Db, user: NewUser, at: Date): Promise<void> {
  const dates = { created_at: at, updated_at: at };
  await refusingDoubles(() =>
    trx
      .insertInto('app_user')
      .values({ ...user, ...dates })
      .execute(),
  );
}

type Which = { readonly tenantId: string; readonly id: string; readonly at: Date };

/** Sets the columns that are given. Throws user_exists as insertUser does. */
export async function updateUser(
  trx: Db,
  { tenantId, id, at }: Which,
  columns: Partial<UserColumns> & { readonly password_argon2id?: string | null; readonly deleted_at?: Date },
): Promise<void> {
  await refusingDoubles(() =>
    trx
      .updateTable('app_user')
      .set({ ...columns, updated_at: laterThanBefore(at) })
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .execute(),
  );
}

/**
 * How many active administrators of the whole tenant there are beside one person. The tenant's row is held until the transaction
 * ends, so that two administrators cannot take each other away at once.
 */
export async function countOtherAdmins(trx: Db, { tenantId, id }: Omit<Which, 'at'>): Promise<number> {
  await trx.selectFrom('tenant').select('id').where('id', '=', tenantId).forNoKeyUpdate().execute();
  const { count } = await usersOf(trx, tenantId)
    .select((of) => of.fn.countAll<string>().as('count'))
    .where('role', '=', 'admin')
    .where('active', '=', true)
    .where('site_ids', 'is', null)
    .where('id', '!=', id)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** The hash of a person's password; null where there is none. */
export async function findPasswordHash(db: Db, { tenantId, id }: Omit<Which, 'at'>): Promise<string | null> {
  const row = await usersOf(db, tenantId).select('password_argon2id').where('id', '=', id).executeTakeFirst();
  return row?.password_argon2id ?? null;
}

/** Runs a change of people; where it makes two of what must be one, throws user_exists for that property. */
async function refusingDoubles<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    const property = code === '23505' ? propertyOfIndex[constraint ?? ''] : undefined;
    if (property === undefined) throw error;
    throw refusals.userExists(property, error);
  }
}

function usersOf(db: Db, tenantId: string) {
  return db.selectFrom('app_user').where('app_user.tenant_id', '=', tenantId).where('app_user.deleted_at', 'is', null);
}

/** The condition that a person and a caller may reach a site that is the same. */
function sharesSite({ siteIds }: Caller) {
  if (siteIds === null) return sql<boolean>`true`;
  return sql<boolean>`(app_user.site_ids is null or app_user.site_ids && ${siteIds}::uuid[])`;
}

function shown<O>(users: SelectQueryBuilder<DB, 'app_user', O>) {
  return users
    .select([
      'app_user.id',
      'app_user.number',
      'username',
      'email',
      'app_user.name',
      'role',
      'active',
      'site_ids',
      'phone',
      'locale',
      'skills',
    ])
    .select(['external_id', 'metadata', 'last_login_at', 'app_user.created_at', 'app_user.updated_at'])
    .select(sql<boolean>`password_argon2id is not null`.as('has_password'))
    .select(
      sql<boolean>`exists (select from user_invite where user_invite.tenant_id = app_user.tenant_id and user_id = app_user.id
        and used_at is null and revoked_at is null and expires_at > now())`.as('is_invited'),
    );
}

type Row = Omit<User, 'log_in' | 'role' | 'metadata' | 'last_login_at' | 'created_at' | 'updated_at'> & {
  readonly role: string;
  readonly metadata: unknown;
  readonly last_login_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly has_password: boolean;
  readonly is_invited: boolean;
};

function toUser({ has_password, is_invited, last_login_at, created_at, updated_at, ...row }: Row): User {
  return User.parse({
    ...row,
    log_in: has_password ? 'password' : is_invited ? 'invited' : 'none',
    last_login_at: last_login_at && formatInstant(last_login_at),
    created_at: formatInstant(created_at),
    updated_at: formatInstant(updated_at),
  });
}
