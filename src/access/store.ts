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
  };
}

/** The key with this SHA-256, with its tenant's plan and time zone, whatever its state. */
export function findApiKey(db: Db, secretSha256: Buffer) {
  return db
    .selectFrom('api_key')
    .innerJoin('tenant', 'tenant.id', 'api_key.tenant_id')
    .select(['api_key.id', 'api_key.tenant_id', 'scopes', 'site_ids', 'created_by', 'expires_at', 'revoked_at'])
    .select(['last_used_at', 'tenant.plan', 'tenant.time_zone'])
    .where('secret_sha256', '=', secretSha256)
    .executeTakeFirst();
}

const touchEveryMs = 60_000;

/** Notes that a key was used, at most once a minute, so that reading does not become writing. */
export async function touchApiKey(db: Db, key: { id: string; last_used_at: Date | null }, at: Date): Promise<void> {
  const stale = new Date(at.getTime() - touchEveryMs);
  if (key.last_used_at !== null && key.last_used_at > stale) return;
  await db
    .updateTable('api_key')
    .set({ last_used_at: at })
    .where('id', '=', key.id)
    .where((or) => or.or([or('last_used_at', 'is', null), or('last_used_at', '<=', stale)]))
    .execute();
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

/** Marks a key revoked, for good; undefined when the tenant has no such key in use. */
export function revokeApiKey(db: Db, { tenantId, id, at }: { tenantId: string; id: string; at: Date }) {
  return db
    .updateTable('api_key')
    .set({ revoked_at: at })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
}

/** Who is asking, as people write it down: the person in whose name the key acts, else the name of the key. */
export async function getAuthor(db: Db, { keyId, tenantId }: Pick<Caller, 'keyId' | 'tenantId'>): Promise<string> {
  const row = await db
    .selectFrom('api_key')
    .leftJoin('app_user', 'app_user.id', 'api_key.created_by')
    .select(['app_user.username', 'api_key.name'])
    .where('api_key.tenant_id', '=', tenantId)
    .where('api_key.id', '=', keyId)
    .executeTakeFirstOrThrow();
  return row.username ?? `API key ${row.name}`;
}
