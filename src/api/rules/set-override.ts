/**
 * Overrides checked against the deployed rules and against what the caller may see, and then written. A mistake is refused
 * at the property that holds it; a parameter out of bounds with its bounds.
 */
import { type Area, maySee, requireSite } from '../../access/api-key.ts';
import { getAuthor } from '../../access/store.ts';
import { findAsset, findSite } from '../../assets/store.ts';
import type { Db } from '../../platform/database.ts';
import { parseInstant } from '../../platform/instant.ts';
import type { FieldError } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';
import { findOverrideProblems } from '../../rules/language/override.ts';
import { countOverrides, type OverridePlace } from '../../rules/live/override-count-store.ts';
import {
  changeOverride,
  endOverride,
  findOverride,
  insertOverride,
  type OverrideRecord,
} from '../../rules/live/override-store.ts';
import { requireReadable, requireWritable } from '../of-tenant-or-site.ts';
import type { Library } from './library.ts';
import { type OverrideBody, type OverrideChange, type RuleOverride, showOverride } from './override.ts';

export type Setting = { readonly area: Area; readonly library: Library; readonly at: Date };

/** Clocks differ a little: a `since` so far in the past still means now. */
const clockMsMax = 60_000;

/** Writes a new override; throws validation_failed, or site_forbidden for a key whose sites it would reach beyond. */
export async function createOverride(trx: Db, body: OverrideBody, setting: Setting): Promise<RuleOverride> {
  const { area, library, at } = setting;
  const place = await resolvePlace(trx, area, body);
  const sinceAt = instantOf('since', body.since, place.timeZone);
  const untilAt = instantOf('until', body.until, place.timeZone);
  if (sinceAt && sinceAt.getTime() < at.getTime() - clockMsMax) {
    throw refusals.invalidBody('/since', 'in_past', 'is in the past, which has been evaluated as it was');
  }
  if (untilAt && untilAt <= at) throw refusals.invalidBody('/until', 'in_past', 'must be in the future');
  const effect = { params: body.params ?? {}, severity: body.severity ?? null, enabled: body.enabled ?? null };
  const span = { sinceMs: (sinceAt ?? at).getTime(), untilMs: untilAt?.getTime() ?? null };
  check({ rule: body.rule_id, ...effect, ...span }, library);
  const { siteId, assetId } = place;
  const about = { tenantId: area.caller.tenantId, rule: body.rule_id, siteId, assetId, tag: body.tag ?? null };
  await refuseTooMany(trx, about);
  const id = await insertOverride(trx, {
    ...about,
    ...effect,
    sinceAt,
    untilAt,
    reason: body.reason ?? '',
    author: await getAuthor(trx, area.caller),
  });
  return showOverride(await getOverride(trx, area, id));
}

/**
 * Each of them is looked at for every rule and asset of the tenant, live as well. Those alike cut time into pieces together, on
 * one asset or, where they name none, on each: 200 of them take 1.5 ms for a rule and an asset.
 */
const overridesMax = { inForce: 2_000, recent: 10_000, alikeOfAsset: 200, alike: 40 };

async function refuseTooMany(trx: Db, about: OverridePlace): Promise<void> {
  const { inForce, recent, alike } = await countOverrides(trx, about);
  const refuse = (message: string) => refusals.invalidBody('', 'too_many', message);
  if (inForce >= overridesMax.inForce)
    throw refuse(`${overridesMax.inForce} overrides are in force, which are the most; end some of them first`);
  if (recent >= overridesMax.recent)
    throw refuse(`${overridesMax.recent} overrides have been set in the last weeks, which are the most`);
  if (alike >= overridesMax.alike)
    throw refuse(
      `${overridesMax.alike} overrides of this rule have been set here in the last weeks, which are the most`,
    );
}

type Change = { readonly id: string; readonly body: OverrideChange; readonly ifMatch: string | undefined };

/** Changes an override from now on. Throws rule_override_not_found also where its time is over. */
export async function setOverride(trx: Db, { id, body, ifMatch }: Change, setting: Setting): Promise<RuleOverride> {
  const { area, library, at } = setting;
  const record = await requireOverride(trx, { area, id, ifMatch });
  const until = instantOf('until', body.until, area.site?.timeZone ?? area.caller.timeZone);
  if (until && until <= at) throw refusals.invalidBody('/until', 'in_past', 'must be in the future');
  const untilAt = body.until === undefined ? record.untilAt : until;
  const { params, severity, enabled, ...rest } = { ...record, ...given(body) };
  const span = { sinceMs: rest.sinceAt.getTime(), untilMs: untilAt?.getTime() ?? null };
  check({ rule: record.rule, params, severity, enabled, ...span }, library);
  const author = await getAuthor(trx, area.caller);
  const change = { ...given(body), author, ...(body.until !== undefined && { untilAt: until }) };
  const { rule, siteId, assetId } = record;
  const { tenantId } = area.caller;
  // What it did until now becomes an override of its own.
  if (body.params !== undefined || body.severity !== undefined || body.enabled !== undefined)
    await refuseTooMany(trx, { tenantId, rule, siteId: assetId === null ? siteId : null, assetId });
  const changed = await changeOverride(trx, { tenantId, id, change });
  if (!changed) throw refusals.ruleOverrideNotFound(id);
  return showOverride(await getOverride(trx, area, id));
}

/** Ends an override now; what it did until now stays on record. */
export async function removeOverride(trx: Db, { id, ifMatch }: Omit<Change, 'body'>, { area }: Setting): Promise<void> {
  await requireOverride(trx, { area, id, ifMatch });
  if (!(await endOverride(trx, { tenantId: area.caller.tenantId, id }))) throw refusals.ruleOverrideNotFound(id);
}

/** What of the tenant's overrides the caller may see: those of its sites, and those of the whole tenant. */
export function visibleTo({ caller }: Area): { tenantId: string; siteIds?: readonly string[] } {
  return { tenantId: caller.tenantId, ...(caller.siteIds !== null && { siteIds: caller.siteIds }) };
}

/** One override for reading; below a site one of that site or of the whole tenant. */
export async function getOverride(db: Db, area: Area, id: string, { isHeld = false } = {}): Promise<OverrideRecord> {
  const record = await findOverride(db, { tenantId: area.caller.tenantId }, id, { isHeld });
  return requireReadable(area, record, () => refusals.ruleOverrideNotFound(id));
}

async function requireOverride(
  trx: Db,
  { area, id, ifMatch }: { area: Area; id: string; ifMatch: string | undefined },
): Promise<OverrideRecord> {
  const record = await getOverride(trx, area, id, { isHeld: true });
  requireWritable(area, record, { ifMatch, notFound: () => refusals.ruleOverrideNotFound(id) });
  return record;
}

type Place = { siteId: string | null; assetId: string | null; timeZone: string };

async function resolvePlace(trx: Db, area: Area, { site, asset_id: assetId }: OverrideBody): Promise<Place> {
  const { caller } = area;
  const named = site == null ? area.site : await resolveSite(trx, area, site);
  if (assetId == null) {
    if (named === null && caller.siteIds !== null) throw refusals.siteForbidden();
    return { siteId: named?.id ?? null, assetId: null, timeZone: named?.timeZone ?? caller.timeZone };
  }
  const found = await findAsset(trx, { ...area, site: null }, { id: assetId });
  if (!found || !maySee(caller, found.siteId)) {
    throw refusals.invalidBody('/asset_id', 'not_found', 'there is no such asset');
  }
  if (named !== null && named.id !== found.siteId) {
    throw refusals.invalidBody('/asset_id', 'other_site', 'the asset is at another site');
  }
  return { siteId: null, assetId, timeZone: found.timeZone };
}

async function resolveSite(trx: Db, { caller }: Area, slug: string): Promise<{ id: string; timeZone: string }> {
  const found = await findSite(trx, caller.tenantId, slug);
  if (!found) throw refusals.invalidBody('/site', 'not_found', 'there is no such site');
  requireSite(caller, found.id);
  return { id: found.id, timeZone: found.time_zone };
}

function instantOf(name: string, text: string | null | undefined, timeZone: string): Date | null {
  if (text == null) return null;
  const at = parseInstant(text, timeZone);
  if (!at) throw refusals.invalidBody(`/${name}`, 'invalid', 'must be an instant (ISO 8601)');
  return at;
}

/** What a body states of an effect; null is stated as well, and unsets. */
function given({ params, severity, enabled, reason }: OverrideChange) {
  return {
    ...(params !== undefined && { params }),
    ...(severity !== undefined && { severity }),
    ...(enabled !== undefined && { enabled }),
    ...(reason !== undefined && { reason }),
  };
}

function check(override: Parameters<typeof findOverrideProblems>[0], { ruleSet }: Library): void {
  const problems = findOverrideProblems(override, ruleSet.rules);
  if (problems.length === 0) return;
  throw refusals.invalid(
    problems.map(
      ({ path, code, message, help }): FieldError => ({
        in: 'body',
        pointer: path.map((step) => `/${step === 'rule' ? 'rule_id' : String(step)}`).join(''),
        code,
        message: help === undefined ? message : `${message}; ${help}`,
      }),
    ),
  );
}
