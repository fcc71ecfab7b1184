import type { FastifyInstance } from 'fastify';
import { refusals } from '../platform/refusals.ts';
import { isOfMount, pathOf } from './mounts.ts';
import type { CountRequest } from './rate-limits.ts';

/**
 * Answers what no route takes: 405 with Allow where the path has other methods (RFC 9110, section 15.5.6), else 404. Below a mount
 * such a request counts for its address. Call it before the routes are added, since it watches them being added.
 */
export function refuseUnknownRoutes(app: FastifyInstance, countRequest: CountRequest): void {
  const methodsByPath = new Map<string, { matches: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const path = pathOf(url);
    const known = methodsByPath.get(path) ?? { matches: patternOf(path), methods: new Set() };
    for (const one of [method].flat()) known.methods.add(one);
    methodsByPath.set(path, known);
  });
  // In a hook, so that a body which nobody wants is not read first, and its media type not judged.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return;
    const path = pathOf(request.url);
    if (isOfMount(path)) await countRequest(request, reply);
    const found = [...methodsByPath.values()].filter(({ matches }) => matches.test(path));
    if (found.length === 0) throw refusals.routeNotFound(request.method, path || '/');
    const allow = [...new Set(found.flatMap(({ methods }) => [...methods]))].sort().join(', ');
    throw refusals.methodNotAllowed(request.method, allow);
  });
}

function patternOf(path: string): RegExp {
  const steps = path.split('/').map((step) => (step.startsWith(':') ? '[^/]+' : RegExp.escape(step)));
  return new RegExp(`^${steps.join('/')}$`);
}
