import type { Db } from '../../platform/database.ts';

/** A key by which access tokens are signed, as it is stored: what everybody may know of it, and the rest sealed. */
export type StoredSigningKey = {
  readonly id: string;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly privateSealed: Buffer;
  readonly createdAt: Date;
};

/** All keys of the installation that may still be of use, the newest first. */
export async function listSigningKeys(db: Db): Promise<StoredSigningKey[]> {
  const rows = await db
    .selectFrom('signing_key')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(10)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    publicJwk: row.public_jwk as Record<string, unknown>,
    privateSealed: row.private_sealed,
    createdAt: row.created_at,
  }));
}

/** Adds a key, which signs from now on. */
export async function insertSigningKey(db: Db, key: StoredSigningKey): Promise<void> {
  await db
    .insertInto('signing_key')
    .values({
      id: key.id,
      public_jwk: JSON.stringify(key.publicJwk),
      private_sealed: key.privateSealed,
      created_at: key.createdAt,
    })
    .execute();
}
