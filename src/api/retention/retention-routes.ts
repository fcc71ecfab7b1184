import type { z } from 'zod';
import type { Area } from '../../access/api-key.ts';
import { type CollectionNeeds, nounRoutes } from '../../access/collection-routes.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { reportRetention } from '../../telemetry/retention/report-retention.ts';
import type { Retention as Retaining } from '../../telemetry/retention/retain.ts';
import type { Policy } from '../../telemetry/retention/retention.ts';
import { listPolicies } from '../../telemetry/retention/retention-policy-store.ts';
import { listKeepPolicies } from '../../telemetry/retention/retention-store.ts';
import { findSettledMs } from '../../telemetry/retention/settled.ts';
import {
  dryRunBody,
  type PolicyBody,
  PolicyChange,
  PolicyQuery,
  policyBody,
  Retention,
  RetentionDryRun,
  RetentionPolicy,
  retentionPolicyList,
  showKeep,
  showPolicy,
  showReport,
} from './retention.ts';
import { changePolicy, createPolicy, getPolicy, isWithin, removePolicy, resolvePolicy } from './set-retention.ts';

const tag = 'Telemetry';
const read = { scope: 'telemetry:read' } as const;

type Needs = CollectionNeeds & {
  readonly retention: Retaining;
  /** Of all tenants, whose telemetry lies in the same pieces. */
  readonly owner: { readonly db: Db };
};

/** How long telemetry is kept: the settings, policies by site and class, and a dry run of what would go. */
export function retentionRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  settingRoute(app, mount, needs);
  policyRoutes(app, mount, needs);
  dryRunRoute(app, mount, needs);
}

function settingRoute(app: RouteScope, mount: Mount, { db, shell, retention }: Needs): void {
  const schema = {
    operationId: mount.operationId('getRetention'),
    summary: 'Get for how long telemetry is kept where no policy says otherwise',
    tags: [tag],
    params: mount.listParams,
    response: { 200: mount.oneOf(Retention) },
  };
  app.get(mount.list('telemetry/retention'), { config: read, schema }, async (request, reply) => {
    const settled = formatInstant(new Date(await findSettledMs(db)));
    const shown = { installation: showKeep(retention.installation), settled_through: settled };
    return shell.send(request, reply, mount.found(shown));
  });
}

function policyRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  nounRoutes(app, mount, needs, {
    path: 'telemetry/retention-policies',
    ...{ noun: 'RetentionPolicy', nouns: 'RetentionPolicies', tag },
    scopes: { read: read.scope, write: 'telemetry:write' },
    shown: RetentionPolicy,
    list: {
      summary: 'List retention policies, newest first: those of the whole tenant, and of sites',
      of: retentionPolicyList,
      query: PolicyQuery,
      find: async (db, { area }, { page }) => {
        const { rows, total } = await listPolicies(db, visibleTo(area), page);
        return { rows: rows.map(({ item, position }) => ({ item: showPolicy(item), position })), total };
      },
    },
    one: {
      summary: 'Get one retention policy',
      get: async (db, { area }, id) => showPolicy(await getPolicy(db, area, id)),
    },
    creation: {
      summary: 'Keep the telemetry of some points for another time',
      about:
        'The nearer policy counts: of a class at a site before those of a site or of a class (of which the longer time counts), ' +
        'before those of the whole tenant. What is past its time goes within the hour, and does not come back: try a dry run first.',
      body: policyBody(mount.name) as z.ZodType<PolicyBody>,
      add: (trx, { area }, body) => createPolicy(trx, area, body),
    },
    change: {
      summary: 'Change a retention policy',
      body: PolicyChange,
      apply: (trx, { area, at }, which) => changePolicy(trx, area, { ...which, at }),
    },
    removal: {
      summary: 'Remove a retention policy; what holds without it then holds',
      description: 'Removed.',
      remove: (trx, { area }, which) => removePolicy(trx, area, which),
    },
  });
}

/** Policies of the whole tenant are about every site; below one the others' are not shown. */
function visibleTo({ caller, site }: Area) {
  const { tenantId, siteIds } = caller;
  if (site !== null) return { tenantId, siteIds: [site.id] };
  return { tenantId, ...(siteIds !== null && { siteIds }) };
}

function dryRunRoute(app: RouteScope, mount: Mount, { shell, retention, owner }: Needs): void {
  const schema = {
    operationId: mount.operationId('dryRunRetention'),
    summary: 'See what telemetry would be dropped now, by table, site and class, and what is held back',
    description:
      'Drops nothing. It may be repeated; with an Idempotency-Key the first answer comes again for 24 hours.',
    tags: [tag],
    params: mount.listParams,
    body: dryRunBody(mount.name),
    response: { 200: mount.oneOf(RetentionDryRun) },
  };
  app.post(mount.list('telemetry/retention/dry-run'), { config: read, schema }, async (request, reply) => {
    const { area } = request;
    const { policy: given }: { policy?: PolicyBody | undefined } = request.body;
    return shell.transact(request, reply, async (trx) => {
      // A piece goes as a whole once nobody keeps it: what of it is the caller's depends on all, and that alone is shown.
      const set = await listKeepPolicies(owner.db);
      const policy = given && (await resolvePolicy(trx, area, given));
      const policies = policy ? [...set.filter((one) => !isForSame(one, policy)), policy] : set;
      const asked = { nowMs: shell.now().getTime(), policies, isShown: isWithin(area) };
      return mount.found(showReport(await reportRetention(owner.db, retention, asked)));
    });
  });
}

function isForSame(one: Policy, other: Policy): boolean {
  return one.tenantId === other.tenantId && one.siteId === other.siteId && one.class === other.class;
}
