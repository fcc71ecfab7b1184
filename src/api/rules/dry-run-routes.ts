import type { ServerResponse } from 'node:http';
import { requireScope } from '../../access/api-key.ts';
import { parseInstant } from '../../platform/instant.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { type DryRunProblem, textsAround } from '../../rules/back-test/dry-run.ts';
import { listTenantOverrides } from '../../rules/live/override-store.ts';
import { askNow } from '../../telemetry/storage/upkeep-store.ts';
import { DryRun, type DryRunBody, dryRunBody, showDryRun, stepsOf } from './dry-run.ts';
import type { DryRunner } from './dry-runner.ts';
import { resolvePlace } from './place.ts';
import type { Plants } from './plants.ts';
import { RuleId } from './rule.ts';
import type { RuleNeeds } from './rule-routes.ts';

type Needs = RuleNeeds & { readonly plants: Plants; readonly dryRunner: DryRunner; readonly graceMs: number };

const spanMsMax = 366 * 86_400_000;

/** A rule, or the text of one, over the past of a site or of one piece of equipment. */
export function dryRunRoutes(
  app: RouteScope,
  mount: Mount,
  { db, shell, library, plants, dryRunner, graceMs }: Needs,
): void {
  const schema = {
    operationId: mount.operationId('testRule'),
    summary: 'Run a rule over the past and see what it would have found, and why',
    description:
      'Stores nothing. It may be repeated; with an Idempotency-Key the first answer comes again for 24 hours.',
    tags: ['Rules'],
    params: mount.namedParams(RuleId),
    body: dryRunBody(mount.name),
    response: { 200: mount.oneOf(DryRun) },
  };
  app.post(mount.member('rules', '/test'), { config: { scope: 'rules:read' }, schema }, async (request, reply) => {
    const { area, params } = request;
    const body: DryRunBody = request.body;
    requireScope(area.caller, 'points:read'); // The series are readings of points.
    const { texts, ruleSet, find } = await library();
    const known = find(params.id)?.rule;
    if (body.text === undefined && !known) throw refusals.ruleNotFound(params.id);
    const place = await resolvePlace(db, area, body);
    const span = resolveSpan(body, { timeZone: place.timeZone, closedMs: (await askNow(db)) - graceMs });
    const assets = (await plants.list(area.caller, place.siteId)).flatMap((plant) => plant.assets);
    const assetIds = assets.map(({ asset }) => asset.id).filter((id) => place.assetId === null || id === place.assetId);
    if (place.assetId !== null && assetIds.length === 0) {
      throw refusals.invalidBody('/asset_id', 'no_class', 'the asset has no class, so no rule is for it');
    }
    const { tenantId } = area.caller;
    const asked = {
      texts: body.text === undefined ? textsAround(texts, ruleSet, params.id) : texts,
      file: known?.file ?? null,
      timeScale: ruleSet.timeScale,
      ruleId: params.id,
      text: body.text ?? null,
      params: body.params ?? {},
      assets,
      assetIds,
      overrides: await listTenantOverrides(db, tenantId),
    };
    const gone = goneOf(reply.raw);
    return shell.transact(request, reply, async (trx) => {
      const answer = await dryRunner.run(trx, { tenantId, request: asked, ...span, stepsMax: stepsOf(body), gone });
      if ('problems' in answer) throw refusals.invalid(answer.problems.map(fieldErrorOf));
      const { runsOn, missing, rule } = answer.plan;
      if (place.assetId !== null && runsOn.length + missing.length === 0) {
        throw refusals.invalidBody(
          '/asset_id',
          'other_class',
          `the rule is for ${rule.assetClass}, which the asset is not`,
        );
      }
      return mount.found(showDryRun(answer, { ...span, assets }));
    });
  });
}

/** Aborted when the client goes before it has its answer. */
function goneOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

/** Ticks after `closedMs` still wait for their readings: the span ends there. */
function resolveSpan(
  { from, to }: DryRunBody,
  { timeZone, closedMs }: { timeZone: string; closedMs: number },
): { fromMs: number; toMs: number } {
  const fromMs = parseInstant(from, timeZone)?.getTime();
  const toMs = parseInstant(to, timeZone)?.getTime();
  if (fromMs === undefined) throw refusals.invalidBody('/from', 'invalid', 'must be an instant (ISO 8601)');
  if (toMs === undefined) throw refusals.invalidBody('/to', 'invalid', 'must be an instant (ISO 8601)');
  if (toMs <= fromMs) throw refusals.invalidBody('/to', 'conflict', 'must be after from');
  if (toMs - fromMs > spanMsMax) throw refusals.invalidBody('/to', 'too_long', 'must be at most 366 days after from');
  if (fromMs >= closedMs) throw refusals.invalidBody('/from', 'in_future', 'must be in the past');
  return { fromMs, toMs: Math.min(toMs, Math.floor(closedMs / 1000) * 1000) };
}

function fieldErrorOf({ in: part, path, code, message }: DryRunProblem) {
  return { in: 'body', pointer: part === 'text' ? '/text' : path, code, message } as const;
}
