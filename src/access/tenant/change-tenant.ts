import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { refusals } from '../../platform/refusals.ts';
import { requireTenant } from '../api-key.ts';
import { type Asking, recordAccess } from '../audit/record-access.ts';
import { findSiteBySlug } from '../site-store.ts';
import type { Tenant, TenantChange } from './tenant.ts';
import { getTenant, lockTenant, updateTenant } from './tenant-store.ts';

type Change = { readonly body: TenantChange; readonly ifMatch: string | undefined };

/**
 * Changes what the body gives of the caller's tenant, in a transaction of the owner. Throws site_forbidden to who is limited to
 * sites, precondition_failed and validation_failed.
 */
export async function changeTenant(trx: Db, asking: Asking, { body, ifMatch }: Change): Promise<Tenant> {
  const { caller, at } = asking;
  const id = requireTenant(caller);
  const { isTest } = await lockTenant(trx, id);
  const before = await getTenant(trx, id);
  requireMatch(ifMatch, before.updated_at);
  const { default_site: slug, plan, ...plain } = body;
  if (isTest && plan !== undefined && plan !== before.plan) {
    throw refusals.invalidBody('/plan', 'conflict', 'is that of the live tenant; change it there');
  }
  const site = slug ? await findSiteBySlug(trx, id, slug) : null;
  if (site === undefined) throw refusals.invalidBody('/default_site', 'not_found', 'there is no such site');
  const columns = {
    ...(Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined)) as object),
    ...(plan !== undefined && !isTest && { plan }),
    ...(slug !== undefined && { default_site_id: site?.id ?? null }),
  };
  if (Object.keys(columns).length > 0) await updateTenant(trx, { id, at }, columns);
  const after = await getTenant(trx, id);
  const told = ({ created_at: _created, updated_at: _updated, ...state }: Tenant) => state;
  const subject = { kind: 'tenant', id, name: after.name } as const;
  await recordAccess(trx, asking, { action: 'tenant.changed', subject, before: told(before), after: told(after) });
  return after;
}
