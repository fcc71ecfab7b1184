/** What somebody may give to others, as a key or as a role: nothing that is not his own. */
import { refusals } from '../platform/refusals.ts';
import { type Caller, hasScope, type Scope } from './api-key.ts';

type Rights = {
  readonly scopes: readonly string[];
  /** Null means all sites of the tenant. */
  readonly siteIds: readonly string[] | null;
};

/** Throws grant_exceeds_caller where rights are not all among the caller's own. */
export function requireGrantable(caller: Caller, { scopes, siteIds }: Rights): void {
  const scope = scopes.find((one) => !holds(caller, one));
  if (scope !== undefined) throw refusals.grantExceedsCaller(`the scope ${scope}`);
  if (!isWithin(caller, siteIds)) throw refusals.grantExceedsCaller('all of these sites');
}

const bundles = ['read', 'write', 'admin'];

/** A bundle is held as such alone, since what it contains grows. */
function holds(caller: Caller, scope: string): boolean {
  return bundles.includes(scope) ? caller.scopes.includes(scope) : hasScope(caller, scope as Scope);
}

function isWithin({ siteIds: own }: Caller, siteIds: readonly string[] | null): boolean {
  if (own === null) return true;
  return siteIds?.every((id) => own.includes(id)) ?? false;
}
