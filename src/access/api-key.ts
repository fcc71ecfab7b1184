/**
 * API keys: 256 random bits that a tenant's program sends as a bearer token. Shown once, kept as a SHA-256 (the secret has
 * enough entropy of its own, so a slow hash would only cost), looked up by that hash whatever the prefix says.
 *
 *   active ──expires_at──▶ expired        active ──revoke──▶ revoked
 *   and each of them is worthless while the tenant is on the plan Free; that is computed, never stored.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { refusals } from '../platform/refusals.ts';
import type { Role } from './role.ts';

/**
 * What a caller may touch; a scope is a resource and a verb, and `read` and `write` are the bundles of all of them, but for what is
 * access itself: that is the bundle `admin`, which neither of the other two contains.
 */
const resources = [
  'work-orders',
  'assets',
  'sites',
  'insights',
  'rules',
  'points',
  'telemetry',
  'topic-templates',
  'quarantine',
  'devices',
  'opcua',
  'opcua-writes',
  'metrics',
  'users',
  'tenant',
  'api-keys',
  'audit-log',
  'calendar',
  'events',
] as const;

export type Scope = `${(typeof resources)[number]}:${'read' | 'write'}`;

const ofAdmin: readonly Scope[] = ['users:write', 'tenant:write', 'api-keys:read', 'api-keys:write', 'audit-log:read'];

/** What may stand among a key's scopes. */
export const ScopeName = z.enum([
  'read',
  'write',
  'admin',
  ...resources.flatMap((resource) => [`${resource}:read`, `${resource}:write`] as const),
]);

/** Who is asking: a key, or a person who has logged in. It is of one tenant, and nothing of another exists for it. */
export type Caller = {
  readonly tenantId: string;
  readonly timeZone: string;
  /** False in a test tenant. */
  readonly livemode: boolean;
  /** Null for a person with an access token. */
  readonly keyId: string | null;
  /** The log-in that the access token is of; null for a key. */
  readonly sessionId: string | null;
  /** The person who is logged in, or in whose name the key acts. */
  readonly userId: string | null;
  /** That of the person who is logged in; null for a key. */
  readonly role: Role | null;
  /** Those of the key; a person's follow from the role. */
  readonly scopes: readonly string[];
  /** The sites that the caller is limited to; null means all of the tenant. */
  readonly siteIds: readonly string[] | null;
  /** Null: as many as it likes. */
  readonly rateLimitPerMinute: number | null;
};

/** A caller and where it came in: everywhere in its tenant, or below one site. */
export type Area = {
  readonly caller: Caller;
  readonly site: { readonly id: string; readonly slug: string; readonly timeZone: string } | null;
};

/** A new secret: `flt_live_` or, for a test tenant, `flt_test_`, and 256 random bits in base64url. */
export function newSecret(livemode: boolean): string {
  return `flt_${livemode ? 'live' : 'test'}_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a secret, and what it is found by. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** The beginning of a secret, enough for a person to tell keys apart in a list, too little to help a guess. */
export function prefixOf(secret: string): string {
  return secret.slice(0, Math.min(13, Math.floor(secret.length / 4)));
}

/** Throws scope_missing unless the caller has one of the scopes, itself or by the bundle that it is of. */
export function requireScope(caller: Caller, ...scopes: readonly Scope[]): void {
  if (!scopes.some((scope) => hasScope(caller, scope))) throw refusals.scopeMissing(scopes.join(' or '));
}

/** Whether a caller has the scope itself or the bundle that it is of. */
export function hasScope({ scopes }: Pick<Caller, 'scopes'>, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes(bundleOf(scope));
}

function bundleOf(scope: Scope): 'read' | 'write' | 'admin' {
  if (ofAdmin.includes(scope)) return 'admin';
  return scope.endsWith(':read') ? 'read' : 'write';
}

/** What a record names as the one who asked: the key, else the person. */
export function callerIdOf({ keyId, userId }: Pick<Caller, 'keyId' | 'userId'>): string {
  const id = keyId ?? userId;
  assert(id !== null, 'a caller is a key or a person');
  return id;
}

/** Throws site_forbidden where a site of the caller's own tenant is not among its sites. */
export function requireSite(caller: Caller, siteId: string): void {
  if (!maySee(caller, siteId)) throw refusals.siteForbidden();
}

/** The caller's tenant, for what is of no one site; throws site_forbidden to a caller that is limited to sites. */
export function requireTenant({ siteIds, tenantId }: Caller): string {
  if (siteIds !== null) throw refusals.siteForbidden();
  return tenantId;
}

/** Whether a caller reaches a site of its tenant. */
export function maySee(caller: Caller, siteId: string): boolean {
  return caller.siteIds === null || caller.siteIds.includes(siteId);
}

/** What of an area a cursor is bound to: it opens neither another tenant's list nor another site's. */
export function nameOf(area: Area): readonly (string | null)[] {
  return [area.caller.tenantId, area.site?.id ?? null];
}
