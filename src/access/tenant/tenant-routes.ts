import type { Db } from '../../platform/database.ts';
import { type Mount, type RouteScope, type Shell, sendWhole } from '../../platform/mount.ts';
import { askingOf } from '../audit/record-access.ts';
import { changeTenant } from './change-tenant.ts';
import { Tenant, TenantChange } from './tenant.ts';
import { getTenant } from './tenant-store.ts';

/** `db` and `shell` are the owner's: a test tenant has the plan of a live one, whose row is another's. */
type Needs = { readonly db: Db; readonly shell: Shell };

const tags = ['Tenant'];

/** The caller's own tenant: get and change it; on the tenant's mount alone. */
export function tenantRoutes(app: RouteScope, mount: Mount, { db, shell }: Needs): void {
  const one = {
    operationId: 'getTenant',
    summary: 'Get the tenant of whoever asks',
    tags,
    response: { 200: mount.oneOf(Tenant) },
  };
  app.get('/tenant', { config: { scope: 'tenant:read' }, schema: one }, async (request, reply) =>
    sendWhole(shell, { request, reply }, mount.one(await getTenant(db, request.area.caller.tenantId))),
  );
  const change = {
    operationId: 'changeTenant',
    summary: 'Change the given properties of the tenant',
    description:
      'Idempotent: the same change twice leaves what it left the first time. On the plan `free` every API key is refused from the next request on, the one that changed it as well; people who log in may change it back.',
    tags,
    body: TenantChange,
    response: { 200: mount.oneOf(Tenant) },
  };
  app.patch('/tenant', { config: { scope: 'tenant:write' }, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { body, headers } = request;
      const changed = await changeTenant(trx, askingOf(request, shell.now()), { body, ifMatch: headers['if-match'] });
      return mount.one(changed);
    }),
  );
}
