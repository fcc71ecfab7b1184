/**
 * The memory of one POST, by Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), for 24 hours:
 *
 *   absent ──claim──▶ running ──finish, in the write's own transaction──▶ answered ──24 h──▶ absent
 *                        └──refused, failed, or abandoned for a minute──▶ absent
 *
 * A claim is visible at once, so a second request with the same key meanwhile is told to wait. Whoever comes after a
 * crash takes the claim over; `finish` names the claim, so of two that believe they hold it only one commits.
 */
import { createHmac } from 'node:crypto';
import { refusals } from '../platform/refusals.ts';
import { createSealer } from '../platform/sealer.ts';
import type { Caller } from './api-key.ts';

export type IdempotencyClaim = {
  readonly tenantId: string;
  /** The key, or the person, that asks; what an answer tells in secret is for nobody else. */
  readonly callerId: string;
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

/** How requests and their answers are kept: in both there may be secrets, and the database alone gives away none of them. */
export type Keeping = {
  /**
   * What makes two requests the same: the bytes of their bodies, the sites within which the answer was computed, and, of people who
   * have logged in, who it is: what one of them is told is not for another who happens to use the same key. A plain hash would let
   * passwords be tried against it.
   */
  fingerprint(body: Uint8Array | undefined, caller: Pick<Caller, 'keyId' | 'userId' | 'siteIds'>): Buffer;
  /** An answer that holds a secret, as it is kept. */
  seal(body: string, claim: IdempotencyClaim): string;
  /** The answer as it was; throws idempotency_key_reused when it was sealed for another caller. */
  unseal(body: string, claim: IdempotencyClaim): string;
};

const sealed = 'sealed:';

/** Keeping with SECRET: a caller is shown the same answer with the next access token, or the next secret of an API key. */
export function createKeeping(secret: string): Keeping {
  const sealer = createSealer(secret);
  return {
    fingerprint: (body, { keyId, userId, siteIds }) =>
      createHmac('sha256', secret)
        .update('request\0')
        .update(JSON.stringify(keyId === null ? [userId, siteIds] : siteIds))
        .update(body ?? '')
        .digest(),
    seal: (body, claim) => `${sealed}${sealer.seal(body, placeOf(claim)).toString('base64')}`,
    unseal: (body, claim) => {
      if (!body.startsWith(sealed)) return body;
      try {
        return sealer.open(Buffer.from(body.slice(sealed.length), 'base64'), placeOf(claim));
      } catch (cause) {
        throw refusals.idempotencyKeyReused(cause);
      }
    },
  };
}

function placeOf({ tenantId, callerId, method, path, key }: IdempotencyClaim): string {
  return `idempotency_key ${JSON.stringify([tenantId, callerId, method, path, key])}`;
}
