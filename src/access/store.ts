import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { type Caller, hashSecret, newSecret, prefixOf, ScopeName } from './api-key.ts';

type NewApiKey = {
  readonly tenantId: string;
  readonly name: string;
  /** Each one a ScopeName; anything else throws. */
  readonly scopes: readonly string[];
  readonly siteIds?: readonly string[];
  readonly createdBy?: string;
  readonly expiresAt?: Date;
  /** Requests a minute; null: as many as it likes. Absent: as many as where nobody says. */
  readonly rateLimitPerMinute?: number | null;
};

/** Makes a key for a tenant and returns its secret, which nobody can read again. */
export async function createApiKey(db: Db, key: NewApiKey): Promise<{ id: string; secret: string }> {
  const tenant = await db
    .selectFrom('tenant')
    .select('livemode')
    .where('id', '=', key.tenantId)
    .executeTakeFirstOrThrow();
  const secret = newSecret(tenant.livemode);
  const row = rowOf(key, secret);
  await db.insertInto('api_key').values(row).execute();
  return { id: row.id, secret };
}

/**
 * Sees to it that a key with a given secret (any text) exists, for the first start of an installation. A secret that
 * exists already is left as it is, whoever's it is. Returns whether it was made now.
 */
export async function ensureApiKey(db: Db, key: NewApiKey & { readonly secret: string }): Promise<boolean> {
  const made = await db
    .insertInto('api_key')
    .values(rowOf(key, key.secret))
    .onConflict((conflict) => conflict.column('secret_sha256').doNothing())
    .returning('id')
    .executeTakeFirst();
  return made !== undefined;
}

function rowOf(key: NewApiKey, secret: string) {
  return {
    id: newId(),
    tenant_id: key.tenantId,
    name: key.name,
    prefix: prefixOf(secret),
    secret_sha256: hashSecret(secret),
    scopes: ScopeName.array().parse(key.scopes),
    site_ids: key.siteIds === undefined ? null : [...key.siteIds],
    created_by: key.createdBy ?? null,
    expires_at: key.expiresAt ?? null,
    ...(key.rateLimitPerMinute !== undefined && { rate_limit_per_minute: key.rateLimitPerMinute }),
  };
}

/** A person of the tenant to whom work can be given; undefined for somebody inactive, unknown, or of another tenant. */
export function findActiveUser(db: Db, tenantId: string, id: string) {
  return db
    .selectFrom('app_user')
    .select(['id', 'username', 'email'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('active', '=', true)
    .executeTakeFirst();
}

/** Who is asking, as people write it down: the person, or the one in whose name the key acts, else the name of the key. */
export async function getAuthor(db: Db, { keyId, userId, tenantId }: Asking): Promise<string> {
  return keyId === null ? getUsername(db, { userId, tenantId }) : getKeyAuthor(db, { keyId, tenantId });
}

type Asking = Pick<Caller, 'keyId' | 'userId' | 'tenantId'>;

async function getUsername(db: Db, { userId, tenantId }: Omit<Asking, 'keyId'>): Promise<string> {
  const { username } = await db
    .selectFrom('app_user')
    .select('username')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  return username;
}

async function getKeyAuthor(db: Db, { keyId, tenantId }: { keyId: string; tenantId: string }): Promise<string> {
  const row = await db
    .selectFrom('api_key')
    .leftJoin('app_user', 'app_user.id', 'api_key.created_by')
    .select(['app_user.username', 'api_key.name'])
    .where('api_key.tenant_id', '=', tenantId)
    .where('api_key.id', '=', keyId)
    .executeTakeFirstOrThrow();
  return row.username ?? `API key ${row.name}`;
}
