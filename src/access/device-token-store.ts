import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { Caller } from './api-key.ts';
import { DeviceToken, type DeviceTokenFilter } from './device-token.ts';
import { withinSites } from './site-store.ts';

type NewToken = {
  readonly id: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly prefix: string;
  readonly token_sha256: Buffer;
  readonly site_id: string | null;
  readonly asset_name: string | null;
  readonly protocol: string;
  readonly publish_grants: string[];
  readonly subscribe_grants: string[];
  readonly uses_max: number;
  readonly expires_at: Date;
};

/** Adds a token. */
export async function insertDeviceToken(trx: Db, token: NewToken, at: Date): Promise<void> {
  await trx
    .insertInto('device_token')
    .values({ ...token, created_at: at, updated_at: at })
    .execute();
}

type Asking = { readonly caller: Caller; readonly at: Date };

/** Tokens of the caller's tenant and sites, newest first. */
export async function listDeviceTokens(
  db: Db,
  { caller, at }: Asking,
  filter: DeviceTokenFilter,
  page: ListRequest,
): Promise<Rows<DeviceToken>> {
  let tokens = narrowed(tokensOf(db, caller).where(withinSites('device_token.site_id', caller)), page);
  if (filter.state !== undefined) tokens = tokens.where(stateAt(at), '=', filter.state);
  const total = await tokens.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(tokens, at), page).execute();
  return rowsOf(rows, total, toToken);
}

/** A token of the caller's tenant, with the site whose key counts. */
export async function findDeviceToken(
  db: Db,
  { caller, at }: Asking,
  id: string,
): Promise<{ token: DeviceToken; siteId: string | null } | undefined> {
  const row = await shown(tokensOf(db, caller), at).where('device_token.id', '=', id).executeTakeFirst();
  return row && { token: toToken(row), siteId: row.site_id };
}

/** Holds a token's row until the transaction ends. */
export async function lockDeviceToken(trx: Db, tenantId: string, id: string): Promise<void> {
  const token = trx.selectFrom('device_token').select('id').where('tenant_id', '=', tenantId).where('id', '=', id);
  await token.forNoKeyUpdate().execute();
}

/** Makes a token useless, for good. */
export async function revokeDeviceToken(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
): Promise<void> {
  await trx
    .updateTable('device_token')
    .set({ revoked_at: at, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Uses a token once more, if that may be; of two that come at once for the last use, one finds it used. */
export function useDeviceToken(trx: Db, tokenSha256: Buffer, at: Date) {
  return trx
    .updateTable('device_token')
    .set({ uses: sql`uses + 1`, updated_at: laterThanBefore(at) })
    .where('token_sha256', '=', tokenSha256)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', at)
    .whereRef('uses', '<', 'uses_max')
    .returning(['id', 'name', 'tenant_id', 'site_id', 'asset_name', 'protocol', 'publish_grants', 'subscribe_grants'])
    .executeTakeFirst();
}

/** What has become of a token, of whatever tenant; undefined for one that never was. */
export async function findTokenState(db: Db, tokenSha256: Buffer, at: Date): Promise<string | undefined> {
  const row = await db
    .selectFrom('device_token')
    .select(stateAt(at).as('state'))
    .where('token_sha256', '=', tokenSha256)
    .executeTakeFirst();
  return row?.state;
}

type Retry = {
  readonly tokenSha256: Buffer;
  readonly keySha256: Buffer;
  readonly externalId: string;
  readonly since: Date;
};

/** The device that came with this token and key lately and has never connected, held until the transaction ends. */
export function lockUnusedDevice(trx: Db, { tokenSha256, keySha256, externalId, since }: Retry) {
  return trx
    .selectFrom('device')
    .innerJoin('device_token', 'device_token.id', 'device.token_id')
    .select(['device.id', 'device.tenant_id'])
    .where('device_token.token_sha256', '=', tokenSha256)
    .where('device.provision_key_sha256', '=', keySha256)
    .where('device.external_id', '=', externalId)
    .where('device.created_at', '>', since)
    .where('device.connects', '=', 0)
    .where('device.revoked_at', 'is', null)
    .forUpdate('device')
    .executeTakeFirst();
}

function tokensOf(db: Db, caller: Caller) {
  return db
    .selectFrom('device_token')
    .leftJoin('site', 'site.id', 'device_token.site_id')
    .where('device_token.tenant_id', '=', caller.tenantId);
}

/** The columns of the API's token. */
function shown(tokens: ReturnType<typeof tokensOf>, at: Date) {
  return tokens.selectAll('device_token').select(['site.slug as site', stateAt(at).as('state')]);
}

function stateAt(at: Date) {
  return sql<string>`case when device_token.revoked_at is not null then 'revoked'
    when device_token.uses >= device_token.uses_max then 'used'
    when device_token.expires_at <= ${at} then 'expired' else 'usable' end`;
}

type Row = { uses_max: number; expires_at: Date; revoked_at: Date | null; created_at: Date; updated_at: Date };

function toToken(row: Row): DeviceToken {
  return DeviceToken.parse({
    ...row,
    max_uses: row.uses_max,
    expires_at: formatInstant(row.expires_at),
    revoked_at: row.revoked_at && formatInstant(row.revoked_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
