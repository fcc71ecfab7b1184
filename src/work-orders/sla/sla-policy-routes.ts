import { requireTenant } from '../../access/api-key.ts';
import { actorOf, changesBetween } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import { promisesOf, SlaPolicy, SlaPolicyBody } from './sla-policy.ts';
import { getSlaPolicy, holdSlaPolicy, saveSlaPolicy } from './sla-policy-store.ts';

/** GET and PUT /sla-policy: what the tenant promises about its work orders. */
export function slaPolicyRoutes(app: RouteScope, mount: Mount, { db, shell }: { db: Db; shell: Shell }): void {
  const response = { 200: mount.oneOf(SlaPolicy) };
  const one = {
    operationId: 'getSlaPolicy',
    summary: 'Get what is promised about work orders, by priority',
    tags: ['Work orders'],
    params: mount.listParams,
    response,
  };
  app.get(mount.list('sla-policy'), { config: { scope: 'work-orders:read' }, schema: one }, async (request, reply) =>
    shell.send(request, reply, mount.one(await getSlaPolicy(db, request.area.caller.tenantId))),
  );
  const change = {
    operationId: 'setSlaPolicy',
    summary: 'Set what is promised about work orders',
    description:
      'Idempotent. It holds for work orders that are created, or get another priority or site, from then on; the others keep what was promised about them.',
    tags: ['Work orders'],
    params: mount.listParams,
    body: SlaPolicyBody,
    response,
  };
  app.put(mount.list('sla-policy'), { config: { scope: 'tenant:write' }, schema: change }, async (request, reply) => {
    const { caller } = request.area;
    const tenantId = requireTenant(caller);
    return shell.transact(request, reply, async (trx) => {
      const before = await holdSlaPolicy(trx, tenantId);
      requireMatch(request.headers['if-match'], before.updated_at);
      await saveSlaPolicy(trx, tenantId, { promises: promisesOf(request.body), at: shell.now() });
      const after = await getSlaPolicy(trx, tenantId);
      const [told, data] = [promisesOf(before), promisesOf(after)];
      const changes = changesBetween(told, data);
      const subject = { kind: 'sla_policy', id: tenantId } as const;
      const event = { type: 'sla_policy.updated', subject, actor: actorOf(caller), changes, data } as const;
      if (changes.length > 0) await appendEvent(trx, { tenantId, siteId: null, assetId: null, ...event });
      return mount.one(after);
    });
  });
}
