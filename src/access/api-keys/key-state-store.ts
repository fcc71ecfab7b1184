import { type RawBuilder, type Selectable, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import type { ApiKey, Tenant } from '../../platform/schema.ts';
import type { DisabledReason } from './issued-key.ts';

/**
 * Keys with what decides whether they work: the plan of their tenant, which is that of the live one for a test tenant, and the
 * person in whose name they act, who is active in a test tenant while the one is whose copy he is.
 */
export function keysWithStanding(db: Db) {
  return db
    .selectFrom('api_key')
    .innerJoin('tenant', 'tenant.id', 'api_key.tenant_id')
    .leftJoin('tenant as live', 'live.id', 'tenant.live_tenant_id')
    .leftJoin('app_user as owner', 'owner.id', 'api_key.created_by')
    .leftJoin('app_user as original', 'original.id', 'owner.live_user_id');
}

/** Why a key of keysWithStanding does not work at an instant, the first reason that holds; null for one that does. */
export function disabledReasonAt(at: Date | RawBuilder<Date>): RawBuilder<DisabledReason | null> {
  return sql<DisabledReason | null>`api_key_disabled_reason(
    api_key.revoked_at, api_key.expires_at, coalesce(live.plan, tenant.plan),
    coalesce(owner.active and owner.deleted_at is null, true)
      and coalesce(original.active and original.deleted_at is null, true), ${at})`;
}

type FoundKey = Pick<
  Selectable<ApiKey>,
  'id' | 'tenant_id' | 'scopes' | 'site_ids' | 'created_by' | 'rate_limit_per_minute' | 'last_used_at'
> &
  Pick<Selectable<Tenant>, 'time_zone' | 'livemode'> & { readonly disabled_reason: DisabledReason | null };

/** The key whose secret has this SHA-256, or had it before a rotation whose overlap lasts, whatever its state. */
export async function findKeyBySecret(db: Db, secretSha256: Buffer, at: Date): Promise<FoundKey | undefined> {
  const { rows } = await sql<FoundKey>`select * from find_api_key(${secretSha256}, ${at})`.execute(db);
  return rows[0];
}

const touchEveryMs = 60_000;

type Use = { readonly at: Date; readonly address: string | null };

/** Notes when and from where a key was used, at most once a minute, so that reading does not become writing. */
export async function touchKey(
  db: Db,
  key: Pick<FoundKey, 'id' | 'tenant_id' | 'last_used_at'>,
  { at, address }: Use,
): Promise<void> {
  const stale = new Date(at.getTime() - touchEveryMs);
  if (key.last_used_at !== null && key.last_used_at > stale) return;
  await db
    .updateTable('api_key')
    .set({ last_used_at: at, last_used_ip: address })
    .where('tenant_id', '=', key.tenant_id)
    .where('id', '=', key.id)
    .where((or) => or.or([or('last_used_at', 'is', null), or('last_used_at', '<=', stale)]))
    .execute();
}

/** What a key may do. */
export type KeyRights = {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly siteIds: readonly string[] | null;
};

/** Those of some keys that work at present, each with what it may do. */
export function listWorkingKeys(db: Db, ids: readonly string[]): Promise<KeyRights[]> {
  return keysWithStanding(db)
    .select(['api_key.id', 'api_key.scopes', 'api_key.site_ids as siteIds'])
    .where(sql<boolean>`api_key.id = any(${[...ids]}::uuid[])`)
    .where(disabledReasonAt(sql<Date>`clock_timestamp()`), 'is', null)
    .execute();
}
