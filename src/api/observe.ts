import type { FastifyInstance } from 'fastify';
import { Histogram, type Registry } from 'prom-client';
import { pathOf } from './mounts.ts';

/** Measures and logs every request: by its route's pattern, never its path, and without its query, which may hold secrets. */
export function observeRequests(app: FastifyInstance, registry: Registry): void {
  const duration = new Histogram({
    name: 'faultline_http_request_duration_seconds',
    help: 'From the arrival of a request until its reply is written.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, id } = request;
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    const seconds = reply.elapsedTime / 1000;
    duration.observe({ method, route, status: reply.statusCode }, seconds);
    const path = pathOf(request.url);
    request.log.info({ request_id: id, method, path, status: reply.statusCode, seconds }, 'request');
  });
}
