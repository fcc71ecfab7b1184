import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FastifyZodOpenApiTypeProvider } from 'fastify-zod-openapi';
import { requireScope, requireSite, type Scope } from '../access/api-key.ts';
import { authenticate } from '../access/authenticate.ts';
import { deviceRoutes } from '../access/device-routes.ts';
import { deviceTokenRoutes, provisioningRoute } from '../access/device-token-routes.ts';
import { locationRoutes } from '../assets/location-routes.ts';
import { modelRoutes } from '../assets/model/model-routes.ts';
import { assetRoutes, pointRoutes, siteRoutes } from '../assets/routes.ts';
import { findPoint, findSite } from '../assets/store.ts';
import { templateRoutes } from '../ingest/templates/template-routes.ts';
import { insightRoutes } from '../insights/routes.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { findUnit } from '../rules/language/units.ts';
import { readingRoutes } from '../telemetry/routes.ts';
import { workOrderRoutes } from '../work-orders/routes.ts';
import { checkHygiene } from './hygiene.ts';
import { type IngestApi, ingestRoutes, ingestTenantRoutes } from './ingest-routes.ts';
import { createSiteMount, createTenantMount } from './mounts.ts';
import { bindingRoutes } from './rules/binding-routes.ts';
import { dryRunRoutes } from './rules/dry-run-routes.ts';
import type { DryRunner } from './rules/dry-runner.ts';
import { createLibrary, type Library } from './rules/library.ts';
import { overrideRoutes } from './rules/override-routes.ts';
import { createPlants, type Plants } from './rules/plants.ts';
import { ruleFileRoutes, ruleRoutes } from './rules/rule-routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key needs for a route under /api/v1, where each names one. */
    scope?: Scope;
    /** It asks for no key. */
    isOpen?: boolean;
  }
}

const presentVersion = '1.0.0';
const namesOfPresent = ['1', '1.0', presentVersion];

type Given = {
  readonly db: Db;
  readonly publicUrl: string;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly dryRunner: DryRunner;
  /** Where devices connect to. */
  readonly mqttUrls: readonly string[];
  readonly ingest: IngestApi;
};
type Needs = Given & { readonly library: () => Promise<Library>; readonly plants: Plants };

/** Everything under /api/v1: who is asking, for which version, with which scope, and then the two mounts. */
export function versionOne(app: FastifyInstance, given: Given, done: () => void): void {
  const { db, publicUrl, shell } = given;
  const needs: Needs = { ...given, library: createLibrary(db), plants: createPlants(db) };
  app.addHook('onRoute', ({ config, url }) => {
    if (config?.scope === undefined && !config?.isOpen) throw new Error(`the route ${url} names no scope`);
  });
  app.decorateRequest('area');
  app.addHook('onRequest', async (request, reply) => {
    reply.header('content-version', presentVersion);
    const asked = request.headers['accept-version'];
    if (asked !== undefined && !namesOfPresent.includes(String(asked))) {
      throw refusals.unsupportedVersion(String(asked), presentVersion);
    }
    if (request.routeOptions.config.isOpen) return;
    const caller = await authenticate(db, request.headers.authorization, shell.now());
    const { scope } = request.routeOptions.config;
    if (scope !== undefined) requireScope(caller, scope);
    request.area = { caller, site: null };
  });
  app.addHook('preValidation', async (request) => checkHygiene(request));
  const tenantMount = createTenantMount(publicUrl);
  const tenantScope = app.withTypeProvider<FastifyZodOpenApiTypeProvider>();
  siteRoutes(tenantScope, tenantMount, needs);
  ingestTenantRoutes(tenantScope, tenantMount, needs);
  templateRoutes(tenantScope, tenantMount, needs);
  ruleFileRoutes(tenantScope, tenantMount, needs);
  deviceTokenRoutes(tenantScope, tenantMount, needs);
  provisioningRoute(tenantScope, needs);
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
  modelRoutes(app.withTypeProvider<FastifyZodOpenApiTypeProvider>(), mount, {
    ...needs,
    findUnit: (name) => findUnit(name)?.id,
  });
  done();
}

function mountStages(app: RouteScope, mount: Mount, needs: Needs): void {
  workOrderRoutes(app, mount, needs);
  insightRoutes(app, mount, needs);
  assetRoutes(app, mount, needs);
  locationRoutes(app, mount, needs);
  pointRoutes(app, mount, needs);
  deviceRoutes(app, mount, needs);
  ruleRoutes(app, mount, needs);
  overrideRoutes(app, mount, needs);
  bindingRoutes(app, mount, needs);
  dryRunRoutes(app, mount, needs);
  const getPoint = async ({ area }: FastifyRequest, id: string) => {
    const found = await findPoint(needs.db, area, id);
    if (!found) throw refusals.pointNotFound(id);
    requireSite(area.caller, found.siteId);
    return { tenantId: area.caller.tenantId, timeZone: found.timeZone };
  };
  readingRoutes(app, mount, { ...needs, getPoint });
  ingestRoutes(app, mount, { ...needs, getPoint });
}
