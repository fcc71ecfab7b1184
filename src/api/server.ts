/**
 * The HTTP shell: it makes the server, wires the stages' routes to their mounts, and settles what holds for all of them.
 *
 *   request ─▶ id ─▶ 404/405 ─▶ version ─▶ key ─▶ scope ─▶ body ─▶ schema ─▶ hygiene ─▶ site ─▶ handler ─▶ reply
 *
 * It does not listen: start-api.ts does, and tests inject requests.
 */
import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { type FastifyZodOpenApiTypeProvider, validatorCompiler } from 'fastify-zod-openapi';
import { createKeeping } from '../access/idempotency.ts';
import { createAccessTokens } from '../access/sessions/access-token.ts';
import { jwksRoute } from '../access/sessions/session-routes.ts';
import { createFiles, type FilesOptions } from '../files/files.ts';
import { keepEvidence, listHolds } from '../insights/evidence/evidence-keep-store.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { Shell } from '../platform/mount.ts';
import { createPaging } from '../platform/paging.ts';
import { type Keep, keepDefault } from '../telemetry/retention/retention.ts';
import { limitBodies } from './body-deadline.ts';
import { answerClientError } from './client-error.ts';
import { allowOrigins } from './cross-origin.ts';
import { describeApi } from './document.ts';
import { serveDocumentation } from './documentation.ts';
import { createIngestApi, type IngestApiOptions } from './ingest-routes.ts';
import { takeJsonBodies } from './json-body.ts';
import { createLiveStreams, type LiveStreamLimits } from './live-streams.ts';
import { refuseUnknownRoutes } from './method-not-allowed.ts';
import { observeRequests } from './observe.ts';
import { operationRoutes, type Readiness } from './operations.ts';
import { type Pages, pageRoutes } from './pages.ts';
import { answerError } from './problem.ts';
import { createRateLimits, type RateLimits } from './rate-limits.ts';
import { rootMount } from './root.ts';
import { createDryRunner, type DryRunLimits, dryRunLimits } from './rules/dry-runner.ts';
import { createTransact, send } from './sending.ts';
import { versionOne } from './version-one.ts';
import { type ApiVersion, apiVersions } from './versions.ts';

export type ApiOptions = IngestApiOptions & {
  /** How clients reach this server, without a slash at the end. */
  readonly publicUrl: string;
  /** Where people find what links lead to; absent: on plain pages of our own. */
  readonly pages?: Pages;
  /** The program's version. */
  readonly version: string;
  /** Whether /metrics is served without a key; only for a server that listens on a loopback address. */
  readonly metricsOpen: boolean;
  readonly readiness: () => Promise<Readiness>;
  /** Where files of people lie, and how large they may be. */
  readonly files: Omit<FilesOptions, 'log'>;
  /** Where devices connect to, as a device that was provisioned is told; none if absent. */
  readonly mqttUrls?: readonly string[];
  readonly now?: () => Date;
  /** The versions of the interface, where not those that there are. */
  readonly versions?: readonly ApiVersion[];
  /** How many requests may come in a minute; absent: as many as each key may send. */
  readonly rateLimits?: Partial<RateLimits>;
  /** The origins of web pages that may use it, `*` for any; absent: none. */
  readonly corsOrigins?: readonly string[];
  /** Whose X-Forwarded-For is believed: addresses, networks, or names of ranges; absent: nobody's. */
  readonly trustProxy?: readonly string[];
  /** How large dry runs of rules may be, where not as large as usual. */
  readonly dryRunLimits?: Partial<DryRunLimits>;
  /** For how long telemetry is kept where no policy says otherwise; absent: as the settings do by default. */
  readonly keep?: Keep;
  /** What holds for live streams, where not as usual. */
  readonly streamLimits?: Partial<LiveStreamLimits>;
};

const bodyBytesMax = 1_048_576;
const requestMsMax = 30_000;

/**
 * Stops listening and lets the requests that are under way end; those that have not ended after `waitMsMax` are cut off.
 * Node enforces no time-out on a request any more once its server closes.
 */
export async function closeApi(app: FastifyInstance, waitMsMax = 5_000): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), waitMsMax);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

/** The API as a Fastify instance that is not yet listening. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { database, tenantDatabase, log, registry, publicUrl, now = () => new Date() } = options;
  const app = bareServer(options);
  limitBodies(app, requestMsMax, publicUrl);
  observeRequests(app, registry);
  app.register(helmet, helmetOptions);
  allowOrigins(app, options.corsOrigins ?? []);
  const countRequest = createRateLimits(app, options.rateLimits ?? {}, log);
  refuseUnknownRoutes(app, countRequest);
  takeJsonBodies(app);
  describeApi(app, options);
  const keeping = createKeeping(options.secret);
  const shellOn = (db: Db): Shell => ({ send, transact: createTransact(db, now, keeping), now });
  const paging = createPaging(options.secret);
  const tokens = createAccessTokens({ db: database.db, secret: options.secret, issuer: publicUrl });
  const owner = { db: database.db, shell: shellOn(database.db), tokens };
  app.register((scope, _options, done) => {
    const typed = scope.withTypeProvider<FastifyZodOpenApiTypeProvider>();
    operationRoutes(typed, { ...options, ...owner, countRequest, now });
    jwksRoute(typed, owner);
    serveDocumentation(scope);
    pageRoutes(scope, { pages: options.pages ?? {}, publicUrl });
    done();
  });
  const running = runningWith(app, options);
  const needs = {
    db: tenantDatabase.db,
    shell: shellOn(tenantDatabase.db),
    owner,
    countRequest,
    publicUrl,
    paging,
    versions: options.versions ?? apiVersions,
  };
  app.register(rootMount, needs);
  app.register(versionOne, {
    ...needs,
    prefix: '/api/v1',
    ...running,
    log,
    graceMs: options.graceMs,
    mqttUrls: options.mqttUrls ?? [],
    files: createFiles({ ...options.files, log }),
    retention: {
      kind: options.storage.kind,
      installation: options.keep ?? keepDefault,
      keepers: { listHolds, keepEvidence },
    },
  });
  return app;
}

/** A server that answers nothing yet but errors, and names its requests. */
function bareServer({ log, trustProxy, publicUrl }: ApiOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    // Bodies have limits of their own (body-deadline.ts): one for all of a server would cut long streams.
    requestTimeout: 0,
    // What comes on an open connection while the server closes is answered like any other request, and its connection closed.
    return503OnClosing: false,
    trustProxy: trustProxy?.length ? [...trustProxy] : false,
    http: { headersTimeout: requestMsMax },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, publicUrl),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, publicUrl),
  });
  app.setValidatorCompiler(validatorCompiler);
  // Stores have parsed what they give, so a reply is only written down; the tests hold every reply against the document.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, publicUrl));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  return app;
}

/** What works beside the requests, and ends with the server. */
function runningWith(app: FastifyInstance, options: ApiOptions) {
  const dryRunner = createDryRunner({ ...dryRunLimits, ...options.dryRunLimits });
  app.addHook('onClose', () => dryRunner.close());
  const ingest = createIngestApi(options);
  app.addHook('onReady', async () => ingest.importer.start());
  app.addHook('onClose', () => ingest.importer.close());
  const streams = createLiveStreams({ db: options.database.db, log: options.log, limits: options.streamLimits });
  // A server that closes waits for its streams, so they are told to end before.
  app.addHook('preClose', () => streams.hub.close());
  return { dryRunner, ingest, streams };
}

/** A client's own id, where it is short and plain, so that its logs and ours can be laid side by side. */
function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : newId();
}

const helmetOptions = {
  xFrameOptions: { action: 'deny' as const },
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
  },
};
