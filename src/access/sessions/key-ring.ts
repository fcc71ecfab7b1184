/**
 * The keys by which access tokens are signed (ES256, RFC 7518). All processes of an installation share them: the private halves
 * are in the database, sealed with SECRET.
 *
 *   made ──▶ signs ──90 days, or SECRET is another──▶ only verifies ──an hour after its successor was made──▶ of no use
 */
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import type { Sealer } from '../../platform/sealer.ts';
import { insertSigningKey, listSigningKeys, type StoredSigningKey } from './signing-key-store.ts';

export const algorithm = 'ES256';

export type KeyRing = {
  /** The key that signs, made if there is none. */
  signing(at: Date): Promise<{ readonly kid: string; readonly key: CryptoKey }>;
  /** The key of this id, if what it has signed is good. */
  find(kid: string, at: Date): Promise<CryptoKey | undefined>;
  /** The public halves of those that are good (RFC 7517). */
  list(at: Date): Promise<JWK[]>;
};

type Known = {
  readonly stored: readonly StoredSigningKey[];
  readonly verifying: ReadonlyMap<string, CryptoKey>;
  readonly loadedAtMs: number;
};

const signsMsMax = 90 * 86_400_000;
const verifiesMsMax = 3_600_000;
/** Another process may have made a key meanwhile; well below the time for which the one before is good. */
const reloadMs = 600_000;

/** A ring that reads the keys when it first needs them. */
export function createKeyRing(db: Db, sealer: Sealer): KeyRing {
  let known: Promise<Known> | undefined;
  let signer: { readonly kid: string; readonly key: CryptoKey } | undefined;

  const reload = () => {
    const loading = load(db);
    known = loading;
    // What could not be read is read again by the next one who asks.
    loading.catch(() => {
      if (known === loading) known = undefined;
    });
    return loading;
  };
  const present = async () => {
    const now = await (known ?? reload());
    return performance.now() - now.loadedAtMs > reloadMs ? reload() : now;
  };
  const make = async (at: Date) => {
    await insertSigningKey(db, await makeKey(sealer, at));
    return reload();
  };

  return {
    signing: async (at) => {
      let { stored } = await present();
      const isGood = (key: StoredSigningKey) =>
        at.getTime() - key.createdAt.getTime() < signsMsMax && (signer?.kid === key.id || canOpen(sealer, key));
      if (!stored[0] || !isGood(stored[0])) ({ stored } = await make(at));
      const newest = stored[0] as StoredSigningKey;
      if (signer?.kid !== newest.id) signer = { kid: newest.id, key: await openKey(sealer, newest) };
      return signer;
    },
    find: async (kid, at) => {
      let now = await present();
      if (!now.verifying.has(kid)) now = await reload();
      return goodOf(now, at).some(({ id }) => id === kid) ? now.verifying.get(kid) : undefined;
    },
    list: async (at) => goodOf(await present(), at).map(({ publicJwk }) => publicJwk as JWK),
  };
}

async function load(db: Db): Promise<Known> {
  const loadedAtMs = performance.now();
  const stored = await listSigningKeys(db);
  const verifying = new Map<string, CryptoKey>();
  for (const { id, publicJwk } of stored)
    verifying.set(id, (await importJWK(publicJwk as JWK, algorithm)) as CryptoKey);
  return { stored, verifying, loadedAtMs };
}

/** The newest, and those that another has followed within the hour. */
function goodOf({ stored }: Known, at: Date): StoredSigningKey[] {
  return stored.filter((_, index) => {
    const successor = stored[index - 1];
    return !successor || at.getTime() - successor.createdAt.getTime() < verifiesMsMax;
  });
}

async function makeKey(sealer: Sealer, at: Date): Promise<StoredSigningKey> {
  const id = newId();
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: id, alg: algorithm, use: 'sig' };
  const privateSealed = sealer.seal(JSON.stringify(await exportJWK(privateKey)), placeOf(id));
  return { id, publicJwk, privateSealed, createdAt: at };
}

async function openKey(sealer: Sealer, { id, privateSealed }: StoredSigningKey): Promise<CryptoKey> {
  return (await importJWK(JSON.parse(sealer.open(privateSealed, placeOf(id))), algorithm)) as CryptoKey;
}

/** With another SECRET it cannot be opened any more; then another key is made. */
function canOpen(sealer: Sealer, { id, privateSealed }: StoredSigningKey): boolean {
  try {
    sealer.open(privateSealed, placeOf(id));
    return true;
  } catch {
    return false;
  }
}

const placeOf = (id: string) => `signing_key ${id}`;
