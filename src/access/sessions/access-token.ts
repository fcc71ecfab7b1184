/**
 * Access tokens: JSON Web Tokens (RFC 7519) that say who has logged in, good for a quarter of an hour. What they say of role and
 * sites is for readers elsewhere: here both are read from the person's row at every request.
 */
import { errors, type JWK, jwtVerify, SignJWT } from 'jose';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { refusals } from '../../platform/refusals.ts';
import { createSealer } from '../../platform/sealer.ts';
import type { Role } from '../role.ts';
import { algorithm, createKeyRing } from './key-ring.ts';

const audience = 'faultline';
export const accessTokenLifeS = 900;

/** Whom a token is for. */
export type Holder = {
  readonly userId: string;
  readonly tenantId: string;
  readonly sessionId: string;
  readonly role: Role;
  /** Null means all sites of the tenant. */
  readonly siteIds: readonly string[] | null;
};

export type AccessTokens = {
  issue(holder: Holder, at: Date): Promise<string>;
  /** The log-in that a token is of. Throws access_token_invalid and access_token_expired. */
  verify(token: string, at: Date): Promise<{ readonly sessionId: string; readonly userId: string }>;
  /** The public keys by which others may verify tokens (RFC 7517). */
  keys(at: Date): Promise<{ readonly keys: readonly JWK[] }>;
};

type Given = { readonly db: Db; readonly secret: string; readonly issuer: string };

/** Tokens of an installation: its processes make and verify those of one another if they share database and secret. */
export function createAccessTokens({ db, secret, issuer }: Given): AccessTokens {
  const ring = createKeyRing(db, createSealer(secret));
  return {
    issue: async ({ userId, tenantId, sessionId, role, siteIds }, at) => {
      const { kid, key } = await ring.signing(at);
      const issuedAtS = Math.floor(at.getTime() / 1_000);
      return new SignJWT({ tenant: tenantId, sid: sessionId, role, sites: siteIds })
        .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setJti(newId())
        .setIssuedAt(issuedAtS)
        .setExpirationTime(issuedAtS + accessTokenLifeS)
        .sign(key);
    },
    verify: async (token, at) => {
      const keyOf = async ({ kid }: { kid?: string }) => {
        const key = kid === undefined ? undefined : await ring.find(kid, at);
        if (!key) throw refusals.accessTokenInvalid();
        return key;
      };
      try {
        const options = { algorithms: [algorithm], audience, currentDate: at, requiredClaims: ['sub', 'sid', 'exp'] };
        const { payload } = await jwtVerify(token, keyOf, options);
        return { sessionId: String(payload.sid), userId: String(payload.sub) };
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw refusals.accessTokenExpired();
        if (error instanceof errors.JOSEError) throw refusals.accessTokenInvalid(error);
        throw error;
      }
    },
    keys: async (at) => ({ keys: await ring.list(at) }),
  };
}

/** Whether a bearer's secret has the form of such a token: a JSON object in base64url and two parts more. */
export function isTokenForm(secret: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(secret);
}
