/** Asking for rules to go over the past again, further back than they do by themselves. */
import { z } from 'zod';
import { Id, Instant, text } from '../../platform/fields.ts';
import { formatInstant } from '../../platform/instant.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { countRepaired, listRepairedSeries, requestRepair } from '../../rules/live/repair-request-store.ts';
import { askedRepairSpanMsMax } from '../../telemetry/append-store.ts';
import { findUnkeptBefore } from '../../telemetry/corrections/series-store.ts';
import { instantForms, parseWhen } from '../../telemetry/query/query-instant.ts';
import { resolvePlace } from './place.ts';
import type { RuleNeeds } from './rule-routes.ts';

const dayMs = 86_400_000;
/** A few minutes of evaluation, in one transaction of each shard. */
const assetDaysMax = 5_000;

const fields = {
  from: text(40).describe(
    "From this instant on: ISO 8601, without a zone in the site's; a date, from its midnight on; or so long ago (-60d). At most 366 days ago.",
  ),
  asset_id: Id.optional().describe('One piece of equipment, with those that it is linked to; absent: all of the site.'),
};

function repairBody(mount: Mount['name']) {
  const site = text(200).optional().describe('The slug of a site; needed where asset_id is absent.');
  const example = { from: '-60d' };
  if (mount === 'site') return z.strictObject(fields).meta({ override: { examples: [example] } });
  return z
    .strictObject({ ...fields, site })
    .meta({ override: { examples: [{ ...example, site: 'ucl-east-campus' }] } });
}
type RepairBody = z.output<z.ZodObject<typeof fields>> & { site?: string | undefined };

const RuleRepair = z
  .object({
    from: Instant.describe('From here on the rules are evaluated again, to the present.'),
    assets: z.int().describe('Of how many pieces of equipment.'),
  })
  .meta({ id: 'RuleRepair' });

const description = [
  'Readings that come late, and corrections, are taken into account by themselves as far as 35 days back; this is for what is older. The rules go over the time from `from` on, with the versions and the overrides that held then, and the insights of that time become what they find: opened, moved, ended otherwise, or withdrawn. They go on to the present, since what a fault was decides what it became.',
  'It is done within the next minutes, a site at a time, and live evaluation of that site waits for it: one request is about 5,000 days of equipment at most. An insight that stood at `from` still stands then.',
  'Idempotent: the same request twice leaves what it left the first time.',
].join('\n\n');

/** The request for a repair of a site, or of one asset. */
export function repairRoutes(app: RouteScope, mount: Mount, { db, shell }: RuleNeeds): void {
  const schema = {
    operationId: mount.operationId('repairInsights'),
    summary: 'Have rules go over the past again, after readings that came more than 35 days late',
    description,
    tags: ['Rules'],
    params: mount.listParams,
    body: repairBody(mount.name),
    response: { 202: mount.oneOf(RuleRepair) },
  };
  app.post(mount.list('rules/repair'), { config: { scope: 'rules:write' }, schema }, async (request, reply) => {
    const body: RepairBody = request.body;
    const { area } = request;
    const { timeZone, ...place } = await resolvePlace(db, area, body);
    const nowMs = shell.now().getTime();
    const fromMs = readFrom(body.from, { timeZone, nowMs });
    const asked = { ...place, tenantId: area.caller.tenantId };
    return shell.transact(request, reply, async (trx) => {
      const assets = await countRepaired(trx, asked);
      refuseTooMany(assets, (nowMs - fromMs) / dayMs);
      refuseDropped(fromMs, await findUnkeptBefore(trx, await listRepairedSeries(trx, asked)));
      await requestRepair(trx, { ...asked, fromMs });
      return { ...mount.found({ from: formatInstant(new Date(fromMs)), assets }), status: 202 };
    });
  });
}

function readFrom(given: string, { timeZone, nowMs }: { timeZone: string; nowMs: number }): number {
  const fromMs = parseWhen(given, { timeZone, nowMs });
  if (fromMs === undefined) throw refusals.invalidBody('/from', 'invalid', instantForms);
  if (fromMs >= nowMs) throw refusals.invalidBody('/from', 'conflict', 'must be before now');
  if (nowMs - fromMs > askedRepairSpanMsMax)
    throw refusals.invalidBody('/from', 'too_long', 'must be at most 366 days ago');
  return fromMs;
}

function refuseTooMany(assets: number, days: number): void {
  if (assets * days <= assetDaysMax) return;
  const most = assetDaysMax.toLocaleString('en');
  const message = `makes ${Math.ceil(days)} days of ${assets} pieces of equipment; ${most} days of one are the most: begin later, or give asset_id`;
  throw refusals.invalidBody('/from', 'too_many', message);
}

/** What is not there any more would be taken for a fault that was not there. */
function refuseDropped(fromMs: number, keptMs: number | null): void {
  if (keptMs === null || fromMs >= keptMs) return;
  const message = `must not be before ${formatInstant(new Date(keptMs))}: older readings of it, or of what it is linked to, are not kept any more`;
  throw refusals.invalidBody('/from', 'too_early', message);
}
