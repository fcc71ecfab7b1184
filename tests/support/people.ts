/** People of a tenant who log in, for tests. */
import { hashPassword } from '../../src/access/password.ts';
import type { Role } from '../../src/access/role.ts';
import { newId } from '../../src/platform/id.ts';
import type { TestApi, World } from './api.ts';

export type Person = {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly password: string;
};

type More = {
  readonly username?: string;
  readonly siteIds?: readonly string[] | null;
  readonly active?: boolean;
  readonly password?: string;
};

/** Somebody of the world's tenant, who can log in. */
export async function makePerson(
  { database: { db } }: TestApi,
  { tenantId }: Pick<World, 'tenantId'>,
  role: Role,
  { username, siteIds = null, active = true, password = 'correct horse battery staple' }: More = {},
): Promise<Person> {
  const id = newId();
  const name = username ?? `${role}-${id.slice(-12)}`;
  const email = `${name}-${id.slice(-12)}@betacit.com`;
  const row = { id, tenant_id: tenantId, username: name, email, role, site_ids: siteIds && [...siteIds], active };
  await db
    .insertInto('app_user')
    .values({ ...row, password_argon2id: await hashPassword(password) })
    .execute();
  return { id, username: name, email, password };
}

export type LoggedIn = { readonly access: string; readonly refresh: string };

/** Logs a person in; throws where that is refused. */
export async function enter(api: TestApi, { username, password }: Omit<Person, 'id' | 'email'>): Promise<LoggedIn> {
  const { status, json, text } = await api.call('POST', '/api/v1/auth/login', { body: { username, password } });
  if (status !== 200) throw new Error(`logging in: ${status} ${text}`);
  return { access: json.data.access_token, refresh: json.data.refresh_token };
}

/** The tokens that follow; the reply where they are refused. */
export function refresh(api: TestApi, token: string, headers: Record<string, string> = {}) {
  return api.call('POST', '/api/v1/auth/refresh', { body: { refresh_token: token }, headers });
}
