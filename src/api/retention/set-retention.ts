/** Retention policies checked against what the caller may see, and then written. A mistake is refused at its property. */
import { type Area, maySee, requireSite } from '../../access/api-key.ts';
import { getAuthor } from '../../access/store.ts';
import { canonicalClass, isKnownClass } from '../../assets/brick-classes.ts';
import { findSite } from '../../assets/store.ts';
import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { findDisorder, type Keep, type Policy, widthOf } from '../../telemetry/retention/retention.ts';
import {
  countPolicies,
  deletePolicy,
  findPolicy,
  hasPointOfClass,
  insertPolicy,
  type PolicyRecord,
  updatePolicy,
} from '../../telemetry/retention/retention-policy-store.ts';
import { requireReadable, requireWritable } from '../of-tenant-or-site.ts';
import { type PolicyBody, type PolicyChange, type RetentionPolicy, readKeep, showPolicy } from './retention.ts';

/** Each is asked about every site and class of the tenant. */
const policiesMax = 500;

/** Writes a new policy; throws validation_failed, or site_forbidden for a key whose sites it would reach beyond. */
export async function createPolicy(trx: Db, area: Area, body: PolicyBody): Promise<RetentionPolicy> {
  const { tenantId } = area.caller;
  const policy = await resolvePolicy(trx, area, body);
  if ((await countPolicies(trx, tenantId)) >= policiesMax)
    throw refusals.invalidBody('', 'too_many', `there are ${policiesMax} policies, which are the most`);
  const id = await insertPolicy(trx, {
    ...policy,
    note: body.note ?? '',
    changedBy: await getAuthor(trx, area.caller),
  });
  if (id === undefined)
    throw refusals.invalidBody('', 'conflict', 'there is a policy for this site and class already; change that one');
  return showPolicy(await getPolicy(trx, area, id));
}

/** A policy as a body states it, not written. Throws as `createPolicy` does. */
export async function resolvePolicy(db: Db, area: Area, body: PolicyBody): Promise<Policy> {
  const { tenantId } = area.caller;
  const siteId = body.site == null ? (area.site?.id ?? null) : await resolveSite(db, area, body.site);
  if (siteId === null && area.caller.siteIds !== null) throw refusals.siteForbidden();
  const name = body.class ?? null;
  if (name !== null && !isKnownClass(name) && !(await hasPointOfClass(db, tenantId, name)))
    throw refusals.invalidBody('/class', 'unknown_class', `no class of Brick, and no point has it: ${name}`);
  const keep = readKeep(body.keep);
  check(keep);
  return { tenantId, siteId, class: name === null ? null : canonicalClass(name), keep };
}

async function resolveSite(db: Db, area: Area, slug: string): Promise<string> {
  const site = await findSite(db, area.caller.tenantId, slug);
  if (!site) throw refusals.invalidBody('/site', 'not_found', `there is no site ${slug}`);
  requireSite(area.caller, site.id);
  return site.id;
}

function check(keep: Partial<Keep>): void {
  if (Object.keys(keep).length === 0)
    throw refusals.invalidBody(
      '/keep',
      'required',
      'must say of at least one of raw, 1m, 15m and 1h how long it is kept',
    );
  const disorder = findDisorder(keep);
  if (disorder === undefined) return;
  const [shorter, longer] = [widthOf[disorder.table], widthOf[disorder.before]];
  throw refusals.invalidBody(
    `/keep/${shorter}`,
    'too_short',
    `must not be shorter than ${longer}: a roll-up outlives what it is made of`,
  );
}

type Which = { readonly id: string; readonly ifMatch: string | undefined };

/** Changes what a policy says of the tables that are named; null unsets one. */
export async function changePolicy(
  trx: Db,
  area: Area,
  { id, ifMatch, body, at }: Which & { readonly body: PolicyChange; readonly at: Date },
): Promise<RetentionPolicy> {
  const record = await requirePolicy(trx, area, { id, ifMatch });
  const said = Object.entries(body.keep ?? {}).filter(([, days]) => days !== undefined);
  const named = new Set(said.map(([width]) => width));
  const others = Object.entries(record.keep).filter(([table]) => !named.has(widthOf[table as keyof Keep]));
  const keep = { ...Object.fromEntries(others), ...readKeep(body.keep ?? {}) };
  check(keep);
  const { tenantId } = area.caller;
  await updatePolicy(trx, {
    ...{ tenantId, id, at, keep },
    note: body.note === undefined ? record.note : (body.note ?? ''),
    changedBy: await getAuthor(trx, area.caller),
  });
  return showPolicy(await getPolicy(trx, area, id));
}

/** Removes a policy: from then on what holds without it holds. */
export async function removePolicy(trx: Db, area: Area, which: Which): Promise<void> {
  await requirePolicy(trx, area, which);
  if (!(await deletePolicy(trx, area.caller.tenantId, which.id))) throw refusals.retentionPolicyNotFound(which.id);
}

/** One policy for reading; below a site one of that site or of the whole tenant. */
export async function getPolicy(db: Db, area: Area, id: string, { isHeld = false } = {}): Promise<PolicyRecord> {
  const record = await findPolicy(db, area.caller.tenantId, id, { isHeld });
  return requireReadable(area, record, () => refusals.retentionPolicyNotFound(id));
}

async function requirePolicy(trx: Db, area: Area, { id, ifMatch }: Which): Promise<PolicyRecord> {
  const record = await getPolicy(trx, area, id, { isHeld: true });
  requireWritable(area, record, { ifMatch, notFound: () => refusals.retentionPolicyNotFound(id) });
  return record;
}

/** Whether the points of a place may be shown to the caller, and are of the mount's site. */
export function isWithin({ caller, site }: Area) {
  return ({ tenantId, siteId }: { tenantId: string; siteId: string }) =>
    tenantId === caller.tenantId && maySee(caller, siteId) && (site === null || site.id === siteId);
}
