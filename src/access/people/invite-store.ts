import type { Db } from '../../platform/database.ts';

type Invite = {
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly tokenSha256: Buffer;
  readonly at: Date;
  readonly expiresAt: Date;
};

/** Adds an invitation, in whose favour the person's others are of no use any more. */
export async function insertInvite(
  trx: Db,
  { id, tenantId, userId, tokenSha256, at, expiresAt }: Invite,
): Promise<void> {
  await revokeInvites(trx, { tenantId, userId, at });
  await trx
    .insertInto('user_invite')
    .values({
      id,
      tenant_id: tenantId,
      user_id: userId,
      token_sha256: tokenSha256,
      created_at: at,
      expires_at: expiresAt,
    })
    .execute();
}

type Of = { readonly tenantId: string; readonly userId: string; readonly at: Date };

/** Makes a person's invitations useless. */
export async function revokeInvites(trx: Db, { tenantId, userId, at }: Of): Promise<void> {
  await trx
    .updateTable('user_invite')
    .set({ revoked_at: at })
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute();
}

/**
 * Uses an invitation that is still good, once, whoever's it is; undefined where there is none, or its person is not active. The person
 * is held first, as by whoever gives invitations or takes them back.
 */
export async function useInvite(
  trx: Db,
  tokenSha256: Buffer,
  at: Date,
): Promise<{ tenantId: string; userId: string } | undefined> {
  const invited = await trx
    .selectFrom('user_invite')
    .innerJoin('app_user', 'app_user.id', 'user_invite.user_id')
    .select(['user_invite.id', 'user_invite.tenant_id as tenantId', 'user_invite.user_id as userId'])
    .where('token_sha256', '=', tokenSha256)
    .where('app_user.active', '=', true)
    .where('app_user.deleted_at', 'is', null)
    .forNoKeyUpdate('app_user')
    .executeTakeFirst();
  if (!invited) return undefined;
  const { id, tenantId, userId } = invited;
  const used = await trx
    .updateTable('user_invite')
    .set({ used_at: at })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', at)
    .returning('id')
    .executeTakeFirst();
  return used && { tenantId, userId };
}
