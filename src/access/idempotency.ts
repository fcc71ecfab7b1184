/**
 * The memory of one POST, by Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), for 24 hours:
 *
 *   absent ──claim──▶ running ──finish, in the write's own transaction──▶ answered ──24 h──▶ absent
 *                        └──refused, failed, or abandoned for a minute──▶ absent
 *
 * A claim is visible at once, so a second request with the same key meanwhile is told to wait. Whoever comes after a
 * crash takes the claim over; `finish` names the claim, so of two that believe they hold it only one commits.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { refusals } from '../platform/refusals.ts';
import type { Caller } from './api-key.ts';

export type IdempotencyClaim = {
  readonly tenantId: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly requestSha256: Buffer;
  readonly at: Date;
};

export type StoredAnswer = { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

/** The key that the header carries: a structured-field string (quoted) or bare; undefined when there is no header. */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const given = String(header).trim();
  const key = /^"(.*)"$/s.exec(given)?.[1] ?? given;
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) throw refusals.idempotencyKeyInvalid();
  return key;
}

/**
 * What makes two requests the same: the bytes of their bodies, the sites within which the answer was computed, and, of people who
 * have logged in, who it is: what one of them is told is not for another who happens to use the same key.
 */
export function fingerprint(
  body: Uint8Array | undefined,
  { keyId, userId, siteIds }: Pick<Caller, 'keyId' | 'userId' | 'siteIds'>,
): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(keyId === null ? [userId, siteIds] : siteIds))
    .update(body ?? '')
    .digest();
}

const sealed = 'sealed:';

/**
 * An answer that holds a secret, as it is kept: encrypted (AES-256-GCM) under what only the one who asked knows, so that
 * whoever reads the database cannot read it.
 */
export function seal(body: string, secret: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(secret), nonce);
  const hidden = Buffer.concat([cipher.update(body, 'utf8'), cipher.final()]);
  return `${sealed}${Buffer.concat([nonce, cipher.getAuthTag(), hidden]).toString('base64')}`;
}

/** The answer as it was; throws idempotency_key_reused when it was another's secret that sealed it. */
export function unseal(body: string, secret: string): string {
  if (!body.startsWith(sealed)) return body;
  const bytes = Buffer.from(body.slice(sealed.length), 'base64');
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(secret), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
  } catch (cause) {
    throw refusals.idempotencyKeyReused(cause);
  }
}

function sealingKey(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'faultline kept answer', 32));
}
