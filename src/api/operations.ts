import type { Registry } from 'prom-client';
import { z } from 'zod';
import { requireScope } from '../access/api-key.ts';
import { authenticate } from '../access/authenticate.ts';
import type { Db } from '../platform/database.ts';
import type { RouteScope } from '../platform/mount.ts';
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';
import { refusals } from '../platform/refusals.ts';
import { send } from './sending.ts';

export type Readiness = { readonly ready: boolean; readonly checks: Readonly<Record<string, string>> };

type Needs = {
  readonly db: Db;
  readonly registry: Registry;
  readonly version: string;
  readonly publicUrl: string;
  readonly metricsOpen: boolean;
  readonly readiness: () => Promise<Readiness>;
  readonly now: () => Date;
};

const tags = ['Operations'];
const open = { security: [] };

const Ready = z.object({
  status: z.enum(['ready', 'not_ready']),
  checks: z.record(z.string(), z.string()).describe('What was looked at, and how it is.'),
});
const Kind = z.object({ type: z.url(), error: z.string(), status: z.int(), title: z.string() });

/** What people and machines who run the program ask: is it alive, is it ready, how is it doing, which one is it. */
export function operationRoutes(app: RouteScope, needs: Needs): void {
  const { db, registry, version, publicUrl, metricsOpen, readiness, now } = needs;
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

  const which = { operationId: 'getVersion', summary: 'Which program this is', tags, ...open };
  const Version = z.object({ name: z.string(), version: z.string(), api_versions: z.array(z.string()) });
  app.get('/version', { schema: { ...which, response: { 200: Version } } }, async () => ({
    name: 'faultline',
    version,
    api_versions: ['1.0.0'],
  }));

  const metrics = { operationId: 'getMetrics', summary: 'Metrics in the Prometheus text format', tags };
  const exposition = { description: 'Metrics.', content: { 'text/plain': { schema: z.string() } } };
  app.get('/metrics', { schema: { ...metrics, response: { 200: exposition } } }, async (request, reply) => {
    const { authorization, 'x-forwarded-for': forwardedFor, forwarded } = request.headers;
    // Behind a proxy the whole world comes from the loopback address.
    const direct = forwardedFor === undefined && forwarded === undefined;
    if (!metricsOpen || !direct) requireScope(await authenticate(db, authorization, now()), 'metrics:read');
    return reply.type(registry.contentType).send(await registry.metrics());
  });

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
