import type { FastifyInstance } from 'fastify';
import { answerClientError } from './client-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its body as it comes and watches the clock itself. */
    streams?: boolean;
  }
}

/**
 * Gives every body `msMax` to arrive, but those of routes that stream: Node's own limit is one for the whole server. What is
 * late is answered with request_timeout and cut.
 */
export function limitBodies(app: FastifyInstance, msMax: number, publicUrl: string): void {
  app.addHook('onRequest', async ({ raw, routeOptions }, reply) => {
    if (routeOptions.config.streams === true) return;
    const timer = setTimeout(() => {
      if (isComing(raw)) answerClientError(lateBody(), raw.socket, publicUrl);
    }, msMax).unref();
    raw.once('close', () => clearTimeout(timer));
    reply.raw.once('finish', () => {
      if (!isComing(raw)) clearTimeout(timer);
    });
  });
}

/** Whether some of a body is still to come; a request that is injected has no socket, and has all of it. */
function isComing({ complete }: { readonly complete?: boolean }): boolean {
  return complete === false;
}

function lateBody(): Error {
  return Object.assign(new Error('the body did not arrive in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
}
