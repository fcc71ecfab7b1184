/**
 * Requests of web pages of other origins (CORS, the WHATWG's Fetch standard, 3.2): nobody may unless a setting says who.
 * Cookies are never sent nor read here, so any page that is allowed still needs a key.
 */
import type { FastifyInstance } from 'fastify';

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** What requests may carry beyond what every page may send. */
const requestHeaders = [
  'Authorization, Content-Type, Content-Encoding, Accept-Version, Idempotency-Key, If-Match, If-None-Match',
  'Last-Event-ID, Prefer, Range, If-Range, X-Request-Id',
].join(', ');
/** What pages may read of an answer beyond its body and media type. */
const replyHeaders = [
  'ETag, Location, Link, X-Total-Count, X-Next-Cursor, Content-Version, Deprecation, Sunset, Allow',
  'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit, RateLimit-Policy, Retry-After, Retry-After-Ms',
  'Idempotent-Replayed, X-Request-Id, WWW-Authenticate, Content-Disposition, Content-Range, Accept-Ranges, Repr-Digest',
].join(', ');
const preflightSeconds = '600';

/** Lets pages of these origins in, or of any (`*`); call it before whatever else answers. With none it adds nothing. */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const isAny = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    if (!isAny) reply.header('vary', 'Origin');
    const { origin, 'access-control-request-method': asked } = request.headers;
    if (origin === undefined || (!isAny && !origins.includes(origin))) return;
    reply.header('access-control-allow-origin', isAny ? '*' : origin);
    if (request.method !== 'OPTIONS' || asked === undefined) {
      reply.header('access-control-expose-headers', replyHeaders);
      return;
    }
    const allowed = { 'access-control-allow-methods': methods, 'access-control-allow-headers': requestHeaders };
    return reply
      .headers({ ...allowed, 'access-control-max-age': preflightSeconds })
      .code(204)
      .send();
  });
  if (isAny) return;
  // An answer is for one origin, also in a cache; a route may have set what else it varies by.
  app.addHook('onSend', async (_request, reply) => {
    const vary = String(reply.getHeader('vary') ?? '');
    if (!/\borigin\b/i.test(vary)) reply.header('vary', `${vary}, Origin`);
  });
}
