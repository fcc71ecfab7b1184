import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { type Caller, hashSecret, prefixOf } from '../api-key.ts';
import { ApiKey, type ApiKeyFilter } from './issued-key.ts';
import { disabledReasonAt, keysWithStanding } from './key-state-store.ts';

type Asking = { readonly caller: Caller; readonly at: Date };

/** Keys of the caller's tenant and of its test tenant, those of its sites alone where it is limited to some. */
export async function listApiKeys(
  db: Db,
  { caller, at }: Asking,
  filter: ApiKeyFilter,
  page: ListRequest,
): Promise<Rows<ApiKey>> {
  let keys = narrowed(keysOf(db, caller), page);
  if (caller.siteIds !== null) keys = keys.where(sql<boolean>`api_key.site_ids <@ ${[...caller.siteIds]}::uuid[]`);
  if (filter.livemode !== undefined) keys = keys.where('tenant.livemode', '=', filter.livemode);
  if (filter.active !== undefined) keys = keys.where(disabledReasonAt(at), filter.active ? 'is' : 'is not', null);
  if (filter.external_id !== undefined) keys = keys.where('api_key.external_id', '=', filter.external_id);
  const total = await keys.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(keys, { caller, at }), page).execute();
  return rowsOf(rows, total, (row) => toApiKey(row, at));
}

/** A key of the caller's tenant or of its test tenant, with the tenant that it is of; the caller checks the sites. */
export async function findApiKey(
  db: Db,
  { caller, at }: Asking,
  id: string,
): Promise<{ key: ApiKey; tenantId: string } | undefined> {
  const row = await shown(keysOf(db, caller), { caller, at }).where('api_key.id', '=', id).executeTakeFirst();
  return row && { key: toApiKey(row, at), tenantId: row.tenant_id };
}

/** The same, with the key's row held until the transaction ends. */
export async function lockApiKey(trx: Db, asking: Asking, id: string) {
  // Held first and read then, so that what is read is what whoever held it before has left.
  await keysOf(trx, asking.caller)
    .select('api_key.id')
    .where('api_key.id', '=', id)
    .forNoKeyUpdate('api_key')
    .executeTakeFirst();
  return findApiKey(trx, asking, id);
}

/** The columns of a key that people set. */
export type ApiKeyColumns = {
  readonly name: string;
  readonly scopes: string[];
  readonly site_ids: string[] | null;
  readonly rate_limit_per_minute: number | null;
  readonly expires_at: Date | null;
  readonly external_id: string | null;
  readonly metadata: string;
};

type NewApiKey = ApiKeyColumns & {
  readonly id: string;
  readonly tenant_id: string;
  readonly created_by: string | null;
};

/** Adds a key, of whose secret the hash and the beginning are kept. */
export async function insertApiKey(trx: Db, key: NewApiKey, { secret, at }: { secret: string; at: Date }) {
  const row = { ...key, ...secretColumns(secret), created_at: at, updated_at: at };
  await trx.insertInto('api_key').values(row).execute();
}

type Which = { readonly tenantId: string; readonly id: string; readonly at: Date };

/** Sets the columns that are given. */
export async function updateApiKey(
  trx: Db,
  { tenantId, id, at }: Which,
  columns: Partial<ApiKeyColumns>,
): Promise<void> {
  await trx
    .updateTable('api_key')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute();
}

/** Gives a key another secret; the one so far is good until `previousUntil`, or ends now. */
export async function updateSecret(
  trx: Db,
  { tenantId, id, at }: Which,
  { secret, previousUntil }: { secret: string; previousUntil: Date | null },
): Promise<void> {
  await trx
    .updateTable('api_key')
    .set((set) => ({
      ...secretColumns(secret),
      previous_secret_sha256: previousUntil === null ? null : set.ref('secret_sha256'),
      previous_expires_at: previousUntil,
      updated_at: laterThanBefore(at),
    }))
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute();
}

/** Ends a key for good, with both of its secrets; one that is revoked already stays as it is. */
export async function endApiKey(trx: Db, { tenantId, id, at }: Which): Promise<void> {
  await trx
    .updateTable('api_key')
    .set({
      revoked_at: at,
      previous_secret_sha256: null,
      previous_expires_at: null,
      updated_at: laterThanBefore(at),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute();
}

/** When the key expires with which somebody asks; null: never, or it is a person who asks. */
export async function findOwnExpiry(db: Db, { tenantId, keyId }: Caller): Promise<Date | null> {
  if (keyId === null) return null;
  const row = await db
    .selectFrom('api_key')
    .select('expires_at')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', keyId)
    .executeTakeFirst();
  return row?.expires_at ?? null;
}

function secretColumns(secret: string) {
  return { prefix: prefixOf(secret), secret_sha256: hashSecret(secret) };
}

function keysOf(db: Db, { tenantId }: Caller) {
  return keysWithStanding(db).where((is) =>
    is.or([is('api_key.tenant_id', '=', tenantId), is('tenant.live_tenant_id', '=', tenantId)]),
  );
}

/** The columns of the API's key. Who made a key of the test tenant is said by the id that he has in the tenant of the caller. */
function shown(keys: ReturnType<typeof keysOf>, { caller, at }: Asking) {
  return keys
    .select(['api_key.id', 'api_key.tenant_id', 'api_key.name', 'api_key.prefix', 'api_key.scopes', 'api_key.site_ids'])
    .select(['api_key.rate_limit_per_minute', 'api_key.expires_at', 'api_key.last_used_at', 'api_key.last_used_ip'])
    .select(['api_key.previous_expires_at', 'api_key.revoked_at', 'api_key.external_id', 'api_key.metadata'])
    .select(['api_key.created_at', 'api_key.updated_at', 'tenant.livemode'])
    .select(disabledReasonAt(at).as('disabled_reason'))
    .select(
      sql<string | null>`case when api_key.tenant_id = ${caller.tenantId} then owner.id else owner.live_user_id end`.as(
        'created_by',
      ),
    );
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toApiKey(row: Row, at: Date): ApiKey {
  const instant = (value: Date | null) => value && formatInstant(value);
  const { previous_expires_at: previous } = row;
  return ApiKey.parse({
    ...row,
    expires_at: instant(row.expires_at),
    last_used_at: instant(row.last_used_at),
    previous_expires_at: instant(previous !== null && previous > at ? previous : null),
    revoked_at: instant(row.revoked_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
