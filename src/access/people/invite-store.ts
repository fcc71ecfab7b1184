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

/** Uses an invitation that is still good, once, whoever's it is; undefined where there is none, or its person is not active. */
export async function useInvite(
  trx: Db,
  tokenSha256: Buffer,
  at: Date,
): Promise<{ tenantId: string; userId: string } | undefined> {
  const row = await trx
    .updateTable('user_invite')
    .from('app_user')
    .set({ used_at: at })
    .whereRef('app_user.id', '=', 'user_invite.user_id')
    .where('app_user.active', '=', true)
    .where('app_user.deleted_at', 'is', null)
    .where('token_sha256', '=', tokenSha256)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', at)
    .returning(['user_invite.tenant_id', 'user_invite.user_id'])
    .executeTakeFirst();
  return row && { tenantId: row.tenant_id, userId: row.user_id };
}
