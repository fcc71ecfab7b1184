import type { z } from 'zod';
import type { Db } from '../../platform/database.ts';
import type { Caller } from '../api-key.ts';
import { findUser } from '../people/user-store.ts';
import { getTenant } from '../tenant/tenant-store.ts';
import { findKeyName } from './me-store.ts';
import type { Me } from './session.ts';

type Databases = {
  readonly db: Db;
  /** A test tenant has the plan of a live one, whose row is none of the caller's. */
  readonly owner: Db;
};

/** Who a caller is, and what it may do. */
export async function getMe({ db, owner }: Databases, caller: Caller): Promise<z.infer<typeof Me>> {
  const { tenantId, keyId, userId, role, scopes, siteIds } = caller;
  const { id, name, plan, livemode, time_zone } = await getTenant(owner, tenantId);
  return {
    user: userId === null ? null : ((await findUser(db, tenantId, userId)) ?? null),
    key: keyId === null ? null : await findKeyName(db, tenantId, keyId),
    tenant: { id, name, plan, livemode, time_zone },
    role,
    scopes: [...scopes],
    site_ids: siteIds && [...siteIds],
  };
}
