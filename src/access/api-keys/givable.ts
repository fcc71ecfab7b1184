/** What a caller may give to a key beside scopes: sites, a limit and a time, and never more of them than it has itself. */
import type { Db } from '../../platform/database.ts';
import { parseInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import type { Caller } from '../api-key.ts';
import { listSiteIds } from '../site-store.ts';
import { rateLimitDefault } from './issued-key.ts';

/**
 * The sites of a key of some tenant: absent are the caller's own. Throws validation_failed for a site that the tenant does not have,
 * and site_forbidden where somebody who is limited to sites asks for a key of the test tenant, in which he has none.
 */
export async function givableSites(
  trx: Db,
  { caller, tenantId }: { readonly caller: Caller; readonly tenantId: string },
  given: readonly string[] | null | undefined,
): Promise<string[] | null> {
  const { siteIds } = caller;
  if (siteIds !== null && tenantId !== caller.tenantId) throw refusals.siteForbidden();
  if (given === undefined) return siteIds && [...siteIds];
  if (given === null) return null;
  const ids = [...new Set(given)];
  const known = new Set(await listSiteIds(trx, tenantId, ids));
  const errors = given.flatMap((id, index) => {
    if (known.has(id)) return [];
    return [
      { in: 'body', pointer: `/site_ids/${index}`, code: 'not_found', message: 'there is no such site' } as const,
    ];
  });
  if (errors.length > 0) throw refusals.invalid(errors);
  return ids;
}

/**
 * A key's limit a minute: at most that of the key which makes it, which is also what it is where nothing is given and the usual
 * one is more. People may give any. Throws validation_failed.
 */
export function givableRateLimit(caller: Caller, given: number | null | undefined): number | null {
  const own = ownRateLimit(caller);
  if (given === undefined) return own === null ? rateLimitDefault : Math.min(rateLimitDefault, own);
  if (own !== null && (given === null || given > own)) {
    throw refusals.invalidBody('/rate_limit_per_minute', 'too_large', `must be at most that of your own key, ${own}`);
  }
  return given;
}

type Until = { readonly caller: Caller; readonly at: Date; readonly ownExpiry: Date | null };

/**
 * When a key is to expire: later than now, and no later than the key that makes it, which is also what it is where nothing is
 * given. Throws validation_failed.
 */
export function givableExpiry(text: string | null | undefined, { caller, at, ownExpiry }: Until): Date | null {
  if (text === undefined) return ownExpiry;
  const expiry = text === null || text === '' ? null : parseInstant(text, caller.timeZone);
  const wrong = (message: string) => refusals.invalidBody('/expires_at', 'invalid', message);
  if (expiry === undefined) throw wrong('must be an instant such as 2026-03-17T17:00:00Z');
  if (expiry !== null && expiry <= at) throw wrong('must be later than now');
  if (ownExpiry !== null && (expiry === null || expiry > ownExpiry)) {
    throw wrong(`must not be later than ${ownExpiry.toISOString()}, when your own key expires`);
  }
  return expiry;
}

type Standing = { readonly rate_limit_per_minute: number | null; readonly expires_at: string | null };

/** Throws grant_exceeds_caller where a key may ask more often, or works for longer, than the key that asks for its secret. */
export function requireNoMore(
  { rate_limit_per_minute: limit, expires_at: expiry }: Standing,
  caller: Caller,
  ownExpiry: Date | null,
): void {
  const own = ownRateLimit(caller);
  if (own !== null && (limit === null || limit > own)) throw refusals.grantExceedsCaller('as many requests a minute');
  if (ownExpiry !== null && (expiry === null || new Date(expiry) > ownExpiry)) {
    throw refusals.grantExceedsCaller('as long a time');
  }
}

/** That of the key that asks; people, whose limit is that of a log-in, have none to give. */
function ownRateLimit({ keyId, rateLimitPerMinute }: Caller): number | null {
  return keyId === null ? null : rateLimitPerMinute;
}
