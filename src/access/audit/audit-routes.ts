import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { requireTenant } from '../api-key.ts';
import { readerOf } from '../listing.ts';
import { AuditEntry, AuditQuery, auditList } from './audit-entry.ts';
import { findAuditEntry, listAuditEntries } from './audit-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Audit log'];
const config = { scope: 'audit-log:read' } as const;

/** The audit log: its list and one entry, for those who are limited to no site; nobody changes it. */
export function auditRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listAuditEntries',
    summary: 'List what was done to people, API keys, devices’ credentials and the tenant, and log-ins',
    tags,
    querystring: AuditQuery,
    response: { 200: mount.pageOf(AuditEntry) },
  };
  app.get(mount.list('audit-log'), { config, schema: list }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const { page, filter } = paging.list(auditList, request.query, readerOf(request.area));
    const rows = await listAuditEntries(db, tenantId, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getAuditEntry',
    summary: 'Get one entry of the audit log',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(AuditEntry) },
  };
  app.get(mount.member('audit-log'), { config, schema: one }, async (request, reply) => {
    const { caller } = request.area;
    const entry = await findAuditEntry(db, requireTenant(caller), request.params.id);
    if (!entry) throw refusals.auditEntryNotFound(request.params.id);
    return shell.send(request, reply, mount.one(entry));
  });
}
