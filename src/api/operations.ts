import type { Registry } from 'prom-client';
import { z } from 'zod';
import { requireScope } from '../access/api-key.ts';
import { authenticate } from '../access/authenticate.ts';
import type { AccessTokens } from '../access/sessions/access-token.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import type { RouteScope } from '../platform/mount.ts';
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';
import { refusals } from '../platform/refusals.ts';
import type { CountRequest } from './rate-limits.ts';
import { send } from './sending.ts';
import { type ApiVersion, apiVersions } from './versions.ts';

export type Readiness = { readonly ready: boolean; readonly checks: Readonly<Record<string, string>> };

type Needs = {
  readonly db: Db;
  readonly tokens: AccessTokens;
  readonly countRequest: CountRequest;
  readonly registry: Registry;
  readonly version: string;
  readonly publicUrl: string;
  readonly metricsOpen: boolean;
  readonly readiness: () => Promise<Readiness>;
  readonly now: () => Date;
  readonly versions?: readonly ApiVersion[];
};

const tags = ['Operations'];
const open = { security: [] };

const Ready = z.object({
  status: z.enum(['ready', 'not_ready']),
  checks: z.record(z.string(), z.string()).describe('What was looked at, and how it is.'),
});
const Kind = z.object({ type: z.url(), error: z.string(), status: z.int(), title: z.string() });

const Version = z
  .object({
    version: z.string(),
    status: z.enum(['current', 'deprecated', 'ended']),
    released_on: z.iso.date(),
    stage: z.enum(['beta', 'stable']).describe('In beta what it has may change without a new version.'),
    deprecated_at: z.iso.datetime().nullable().describe('Since when it is advised against.'),
    ends_at: z.iso.datetime().nullable().describe('When it is answered no longer.'),
    changes: z.array(z.object({ kind: z.enum(['added', 'changed', 'deprecated', 'removed']), text: z.string() })),
  })
  .meta({ id: 'ApiVersion' });

/** What people and machines who run the program ask: is it alive, is it ready, how is it doing, which one is it. */
export function operationRoutes(app: RouteScope, needs: Needs): void {
  healthRoutes(app, needs);
  versionRoutes(app, needs);
  metricsRoute(app, needs);
  problemRoutes(app, needs);
}

function healthRoutes(app: RouteScope, { readiness }: Needs): void {
  const alive = { operationId: 'getHealth', summary: 'Whether the process answers', tags, ...open };
  app.get('/healthz', { schema: { ...alive, response: { 200: z.object({ status: z.literal('ok') }) } } }, async () => ({
    status: 'ok' as const,
  }));

  const ready = { operationId: 'getReadiness', summary: 'Whether the program can do its work', tags, ...open };
  app.get('/readyz', { schema: { ...ready, response: { 200: Ready, 503: Ready } } }, async (request, reply) => {
    const { ready, checks } = await readiness();
    const body = { status: ready ? 'ready' : 'not_ready', checks };
    return send(request, reply, { status: ready ? 200 : 503, headers: { 'cache-control': 'no-store' }, body });
  });
}

function versionRoutes(app: RouteScope, { version, now, versions = apiVersions }: Needs): void {
  const which = { operationId: 'getVersion', summary: 'Which program this is', tags, ...open };
  const Program = z.object({ name: z.string(), version: z.string(), api_versions: z.array(z.string()) });
  app.get('/version', { schema: { ...which, response: { 200: Program } } }, async () => ({
    name: 'faultline',
    version,
    api_versions: versions.map(({ name }) => name),
  }));

  const log = {
    operationId: 'listVersions',
    summary: 'What changed, version by version, and until when each is answered',
    tags,
  };
  app.get(
    '/changelog',
    { schema: { ...log, ...open, response: { 200: z.object({ data: z.array(Version) }) } } },
    async () => ({
      data: versions.map((one) => showVersion(one, now())),
    }),
  );
}

function metricsRoute(app: RouteScope, { db, tokens, countRequest, registry, metricsOpen, now }: Needs): void {
  const metrics = { operationId: 'getMetrics', summary: 'Metrics in the Prometheus text format', tags };
  const exposition = { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } };
  app.get('/metrics', { schema: { ...metrics, response: { 200: exposition } } }, async (request, reply) => {
    const { authorization, 'x-forwarded-for': forwardedFor, forwarded } = request.headers;
    // Behind a proxy the whole world comes from the loopback address.
    const direct = forwardedFor === undefined && forwarded === undefined;
    if (!metricsOpen || !direct) {
      const asked = authenticate(authorization, { db, tokens, at: now(), address: request.ip });
      const caller = await asked.catch(async (refusal: unknown) => {
        // Whoever scrapes may do so as often as he likes, and nobody guesses keys here.
        await countRequest(request, reply);
        throw refusal;
      });
      requireScope(caller, 'metrics:read');
    }
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function problemRoutes(app: RouteScope, { publicUrl }: Needs): void {
  const kindOf = (code: RefusalCode) => ({ type: `${publicUrl}/problems/${code}`, error: code, ...refusalList[code] });
  const kinds = { operationId: 'listProblems', summary: 'Every kind of error', tags, ...open };
  const kind = { operationId: 'getProblem', summary: 'One kind of error', tags, ...open };
  app.get('/problems', { schema: { ...kinds, response: { 200: z.object({ data: z.array(Kind) }) } } }, async () => ({
    data: (Object.keys(refusalList) as RefusalCode[]).map(kindOf),
  }));
  app.get(
    '/problems/:code',
    { schema: { ...kind, params: z.object({ code: z.string() }), response: { 200: z.object({ data: Kind }) } } },
    async (request) => {
      const { code } = request.params;
      if (!Object.hasOwn(refusalList, code)) throw refusals.routeNotFound('GET', `/problems/${code}`);
      return { data: kindOf(code as RefusalCode) };
    },
  );
}

function showVersion({ name, releasedOn, stage, leaving, changes }: ApiVersion, now: Date) {
  const isEnded = leaving !== null && leaving.endsAt <= now;
  return {
    version: name,
    status: leaving === null ? ('current' as const) : isEnded ? ('ended' as const) : ('deprecated' as const),
    released_on: releasedOn,
    stage,
    deprecated_at: leaving && formatInstant(leaving.deprecatedAt),
    ends_at: leaving && formatInstant(leaving.endsAt),
    changes: changes.map((change) => ({ ...change })),
  };
}
