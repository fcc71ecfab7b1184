import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FastifyZodOpenApiTypeProvider } from 'fastify-zod-openapi';
import { requireSite } from '../access/api-key.ts';
import { apiKeyRoutes } from '../access/api-keys/api-key-routes.ts';
import { auditRoutes } from '../access/audit/audit-routes.ts';
import { deviceRoutes } from '../access/device-routes.ts';
import { deviceTokenRoutes, provisioningRoute } from '../access/device-token-routes.ts';
import { userRoutes } from '../access/people/user-routes.ts';
import { ownSessionRoutes } from '../access/sessions/own-session-routes.ts';
import { sessionRoutes } from '../access/sessions/session-routes.ts';
import { getAuthor } from '../access/store.ts';
import { tenantRoutes } from '../access/tenant/tenant-routes.ts';
import { assetCodeRoutes } from '../assets/asset-code-routes.ts';
import { assetRoutes } from '../assets/asset-routes.ts';
import { getLockedPoint } from '../assets/change-point.ts';
import { locationRoutes } from '../assets/location-routes.ts';
import { mergeRoutes } from '../assets/merge/merge-routes.ts';
import { modelRoutes } from '../assets/model/model-routes.ts';
import { pointRoutes } from '../assets/point-routes.ts';
import { relationRoutes } from '../assets/relation-routes.ts';
import { serviceRoutes, siteHistoryRoute } from '../assets/service/service-routes.ts';
import { siteRoutes } from '../assets/site-routes.ts';
import { findAsset, findPoint, findSite } from '../assets/store.ts';
import { findUnit } from '../assets/units.ts';
import { commentRoutes } from '../comments/comment-routes.ts';
import { eventRoutes } from '../events/routes.ts';
import { type LiveStreams, streamRoutes } from '../events/stream/routes.ts';
import type { Files } from '../files/files.ts';
import { templateRoutes } from '../ingest/templates/template-routes.ts';
import { decisionRoutes } from '../insights/decision-routes.ts';
import { evidenceRoutes } from '../insights/evidence/evidence-routes.ts';
import { insightIngestRoute } from '../insights/ingest-routes.ts';
import { insightComments } from '../insights/insight-comments.ts';
import { insightRoutes } from '../insights/routes.ts';
import type { Db } from '../platform/database.ts';
import type { Log } from '../platform/log.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { correctionRoutes } from '../telemetry/corrections/correction-routes.ts';
import { pointHistory } from '../telemetry/corrections/point-history.ts';
import { seriesMover } from '../telemetry/corrections/series-mover.ts';
import { latestRoutes } from '../telemetry/latest-routes.ts';
import { createQueryTurns, type QueryTurns } from '../telemetry/query/query-turns.ts';
import type { Retention } from '../telemetry/retention/retain.ts';
import { calendarRoutes } from '../work-orders/calendar/calendar-routes.ts';
import { moveWorkOrders } from '../work-orders/move-store.ts';
import { noteReturn } from '../work-orders/notes/return-note-store.ts';
import { openForInsight } from '../work-orders/open-for-insight.ts';
import { workOrderPartRoutes } from '../work-orders/parts/part-routes.ts';
import { workOrderRoutes } from '../work-orders/routes.ts';
import { slaPolicyRoutes } from '../work-orders/sla/sla-policy-routes.ts';
import { teamRoutes } from '../work-orders/teams/team-routes.ts';
import { admit, type Owner } from './admission.ts';
import { assetImageRoutes } from './asset-image-routes.ts';
import { assetListRoutes } from './asset-list-routes.ts';
import { evidenceReadings } from './evidence-readings.ts';
import { type IngestApi, ingestRoutes, ingestTenantRoutes } from './ingest-routes.ts';
import { createSiteMount, createTenantMount } from './mounts.ts';
import type { CountRequest } from './rate-limits.ts';
import { retentionRoutes } from './retention/retention-routes.ts';
import { bindingRoutes } from './rules/binding-routes.ts';
import { dryRunRoutes } from './rules/dry-run-routes.ts';
import type { DryRunner } from './rules/dry-runner.ts';
import { createLibrary, type Library } from './rules/library.ts';
import { overrideRoutes } from './rules/override-routes.ts';
import { createPlants, type Plants } from './rules/plants.ts';
import { repairRoutes } from './rules/repair-routes.ts';
import { ruleFileRoutes, ruleRoutes } from './rules/rule-routes.ts';
import { telemetryQueryRoutes } from './telemetry-routes.ts';
import { type ApiVersion, createVersionCheck } from './versions.ts';

type Given = {
  /** On behalf of the caller's tenant. */
  readonly db: Db;
  /** For what is of no one tenant. */
  readonly owner: Owner;
  readonly countRequest: CountRequest;
  readonly versions: readonly ApiVersion[];
  readonly log: Log;
  readonly publicUrl: string;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly dryRunner: DryRunner;
  /** How long after a tick its readings may still arrive. */
  readonly graceMs: number;
  /** Where devices connect to. */
  readonly mqttUrls: readonly string[];
  readonly ingest: IngestApi;
  readonly files: Files;
  readonly streams: LiveStreams;
  readonly retention: Retention;
};
type Needs = Given & { readonly library: () => Promise<Library>; readonly plants: Plants; readonly turns: QueryTurns };

/** Everything under /api/v1: who is asking, for which version, with which scope, and then the two mounts. */
export function versionOne(app: FastifyInstance, given: Given, done: () => void): void {
  const { db, owner, publicUrl, countRequest } = given;
  const needs: Needs = { ...given, library: createLibrary(db), plants: createPlants(db), turns: createQueryTurns() };
  const checkVersion = createVersionCheck({ versions: given.versions, now: owner.shell.now, isMandatory: false });
  admit(app, { owner, checkVersion, countRequest });
  const tenantMount = createTenantMount(publicUrl);
  const tenantScope = app.withTypeProvider<FastifyZodOpenApiTypeProvider>();
  siteRoutes(tenantScope, tenantMount, needs);
  ingestTenantRoutes(tenantScope, tenantMount, needs);
  templateRoutes(tenantScope, tenantMount, needs);
  ruleFileRoutes(tenantScope, tenantMount, needs);
  apiKeyRoutes(tenantScope, tenantMount, { ...needs, ...owner });
  calendarRoutes(tenantScope, needs);
  slaPolicyRoutes(tenantScope, tenantMount, needs);
  sessionRoutes(tenantScope, tenantMount, { ...needs, tokens: owner.tokens });
  ownSessionRoutes(tenantScope, tenantMount, needs);
  userRoutes(tenantScope, tenantMount, needs);
  teamRoutes(tenantScope, tenantMount, needs);
  tenantRoutes(tenantScope, tenantMount, owner);
  auditRoutes(tenantScope, tenantMount, needs);
  deviceTokenRoutes(tenantScope, tenantMount, needs);
  provisioningRoute(tenantScope, { ...needs, ...owner });
  mountStages(tenantScope, tenantMount, needs);
  app.register(atSite, { ...needs, prefix: '/sites/:slug' });
  done();
}

/** The same stages below one site, which is found, and allowed to the key, before any handler runs. */
function atSite(app: FastifyInstance, needs: Needs, done: () => void): void {
  app.addHook('preHandler', async (request) => {
    const { caller } = request.area;
    const { slug } = request.params as { slug: string };
    const site = await findSite(needs.db, caller.tenantId, slug);
    if (!site) throw refusals.siteNotFound(slug);
    requireSite(caller, site.id);
    request.area = { caller, site: { id: site.id, slug: site.slug, timeZone: site.time_zone } };
  });
  const mount = createSiteMount(needs.publicUrl);
  mountStages(app.withTypeProvider<FastifyZodOpenApiTypeProvider>(), mount, needs);
  siteHistoryRoute(app.withTypeProvider<FastifyZodOpenApiTypeProvider>(), mount, needs);
  insightIngestRoute(app.withTypeProvider<FastifyZodOpenApiTypeProvider>(), mount, { ...needs, noteReturn });
  modelRoutes(app.withTypeProvider<FastifyZodOpenApiTypeProvider>(), mount, {
    ...needs,
    findUnit: (name) => findUnit(name)?.id,
  });
  done();
}

function mountStages(app: RouteScope, mount: Mount, needs: Needs): void {
  workOrderRoutes(app, mount, needs);
  workOrderPartRoutes(app, mount, needs);
  insightRoutes(app, mount, needs);
  decisionRoutes(app, mount, { ...needs, openWorkOrder: openForInsight });
  commentRoutes(app, mount, { ...needs, subject: insightComments });
  eventRoutes(app, mount, needs);
  evidenceRoutes(app, mount, { ...needs, readings: evidenceReadings });
  assetRoutes(app, mount, needs);
  assetCodeRoutes(app, mount, needs);
  assetListRoutes(app, mount, needs);
  assetImageRoutes(app, mount, needs);
  relationRoutes(app, mount, needs);
  serviceRoutes(app, mount, needs);
  locationRoutes(app, mount, needs);
  pointRoutes(app, mount, { ...needs, history: pointHistory });
  mergeRoutes(app, mount, { ...needs, mover: seriesMover, moveWorkOrders });
  deviceRoutes(app, mount, needs);
  streamRoutes(app, mount, needs);
  ruleRoutes(app, mount, needs);
  overrideRoutes(app, mount, needs);
  bindingRoutes(app, mount, needs);
  dryRunRoutes(app, mount, needs);
  repairRoutes(app, mount, needs);
  retentionRoutes(app, mount, needs);
  const findVisible = async ({ area }: FastifyRequest, id: string) => {
    const found = await findPoint(needs.db, area, id);
    if (!found) throw refusals.pointNotFound(id);
    requireSite(area.caller, found.siteId);
    return { ...found, tenantId: area.caller.tenantId };
  };
  const getPoint = async (request: FastifyRequest, id: string) => {
    const found = await findVisible(request, id);
    const { merged_into: mergedInto } = found.point;
    if (mergedInto !== null) throw refusals.pointMerged(id, mergedInto);
    return found;
  };
  telemetryQueryRoutes(app, mount, { ...needs, getPoint });
  const getAsset = async ({ area }: FastifyRequest, id: string) => {
    const found = await findAsset(needs.db, area, { id });
    if (!found) throw refusals.assetNotFound(id);
    requireSite(area.caller, found.siteId);
    return found;
  };
  latestRoutes(app, mount, { ...needs, getPoint, getAsset });
  // Of a merged point there is a record still, and what is sent to it arrives at the other.
  ingestRoutes(app, mount, { ...needs, getPoint: findVisible });
  correctionRoutes(app, mount, {
    ...needs,
    getPoint: findVisible,
    holdPoint: (trx, { area }, id) => getLockedPoint(trx, area, id),
    getAuthor: (trx, { area }) => getAuthor(trx, area.caller),
  });
}
