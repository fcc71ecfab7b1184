import type { Area } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
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

const tags = ['Telemetry'];
const read = { scope: 'telemetry:read' } as const;
const write = { scope: 'telemetry:write' } as const;
const collection = 'telemetry/retention-policies';

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly retention: Retaining;
  /** Of all tenants, whose telemetry lies in the same pieces. */
  readonly owner: { readonly db: Db };
};

/** How long telemetry is kept: the settings, policies by site and class, and a dry run of what would go. */
export function retentionRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  settingRoute(app, mount, needs);
  policyReadingRoutes(app, mount, needs);
  policyWritingRoutes(app, mount, needs);
  dryRunRoute(app, mount, needs);
}

function settingRoute(app: RouteScope, mount: Mount, { db, shell, retention }: Needs): void {
  const schema = {
    operationId: mount.operationId('getRetention'),
    summary: 'Get for how long telemetry is kept where no policy says otherwise',
    tags,
    params: mount.listParams,
    response: { 200: mount.oneOf(Retention) },
  };
  app.get(mount.list('telemetry/retention'), { config: read, schema }, async (request, reply) => {
    const settled = formatInstant(new Date(await findSettledMs(db)));
    const shown = { installation: showKeep(retention.installation), settled_through: settled };
    return shell.send(request, reply, mount.found(shown));
  });
}

function policyReadingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: mount.operationId('listRetentionPolicies'),
    summary: 'List retention policies, newest first: those of the whole tenant, and of sites',
    tags,
    params: mount.listParams,
    querystring: PolicyQuery,
    response: { 200: mount.pageOf(RetentionPolicy) },
  };
  app.get(mount.list(collection), { config: read, schema: list }, async (request, reply) => {
    const { area } = request;
    const { page } = paging.list(retentionPolicyList, request.query, readerOf(area));
    const { rows, total } = await listPolicies(db, visibleTo(area), page);
    const shown = rows.map(({ item, position }) => ({ item: showPolicy(item), position }));
    return shell.send(request, reply, mount.page(request, paging.page(page, { rows: shown, total })));
  });
  const one = {
    operationId: mount.operationId('getRetentionPolicy'),
    summary: 'Get one retention policy',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(RetentionPolicy) },
  };
  app.get(mount.member(collection), { config: read, schema: one }, async (request, reply) =>
    shell.send(request, reply, mount.one(showPolicy(await getPolicy(db, request.area, request.params.id)))),
  );
}

/** Policies of the whole tenant are about every site; below one the others' are not shown. */
function visibleTo({ caller, site }: Area) {
  const { tenantId, siteIds } = caller;
  if (site !== null) return { tenantId, siteIds: [site.id] };
  return { tenantId, ...(siteIds !== null && { siteIds }) };
}

function policyWritingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: mount.operationId('createRetentionPolicy'),
    summary: 'Keep the telemetry of some points for another time',
    description:
      'The nearer policy counts: of a class at a site before those of a site or of a class (of which the longer time counts), ' +
      'before those of the whole tenant. What is past its time goes within the hour, and does not come back: try a dry run first.',
    tags,
    params: mount.listParams,
    body: policyBody(mount.name),
    response: { 201: mount.oneOf(RetentionPolicy) },
  };
  app.post(mount.list(collection), { config: write, schema: creation }, async (request, reply) => {
    const body: PolicyBody = request.body;
    return shell.transact(request, reply, async (trx) =>
      mount.created(request, await createPolicy(trx, request.area, body)),
    );
  });
  const change = {
    operationId: mount.operationId('changeRetentionPolicy'),
    summary: 'Change a retention policy',
    tags,
    params: mount.memberParams,
    body: PolicyChange,
    response: { 200: mount.oneOf(RetentionPolicy) },
  };
  app.patch(mount.member(collection), { config: write, schema: change }, async (request, reply) => {
    const { area, params, body, headers } = request;
    const given = { id: params.id, ifMatch: headers['if-match'], body, at: shell.now() };
    return shell.transact(request, reply, async (trx) => mount.one(await changePolicy(trx, area, given)));
  });
  const removal = {
    operationId: mount.operationId('deleteRetentionPolicy'),
    summary: 'Remove a retention policy; what holds without it then holds',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Removed.' } },
  };
  app.delete(mount.member(collection), { config: write, schema: removal }, async (request, reply) => {
    const { area, params, headers } = request;
    return shell.transact(request, reply, async (trx) => {
      await removePolicy(trx, area, { id: params.id, ifMatch: headers['if-match'] });
      return deleted;
    });
  });
}

function dryRunRoute(app: RouteScope, mount: Mount, { shell, retention, owner }: Needs): void {
  const schema = {
    operationId: mount.operationId('dryRunRetention'),
    summary: 'See what telemetry would be dropped now, by table, site and class, and what is held back',
    description:
      'Drops nothing. It may be repeated; with an Idempotency-Key the first answer comes again for 24 hours.',
    tags,
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
