import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../platform/refusal.ts';
import { refusals } from '../platform/refusals.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of the body as they came, by which a repeated request is known. */
    bodyBytes: Buffer | undefined;
  }
}

/**
 * Reads JSON bodies, and no others: UTF-8 alone (RFC 8259, section 8.1), no `__proto__`, and nothing where there is no
 * body, since many clients name a media type on every request. A merge patch (RFC 7396) is what PATCH takes anyhow.
 */
export function takeJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.decorateRequest('bodyBytes', undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => {
      if (bytes.length === 0) return undefined;
      requirePlain(request.headers['content-encoding']);
      if (!isUtf8(bytes)) throw refusals.malformedJson('it is not UTF-8');
      request.bodyBytes = bytes;
      return new Promise((resolve, reject) => {
        void parse(request, bytes.toString('utf8'), (error, value) => {
          if (error) reject(refusals.malformedJson(error.message, error));
          else resolve(value);
        });
      });
    },
  );
}

function requirePlain(encoding = 'identity'): void {
  if (encoding.trim().toLowerCase() === 'identity') return;
  throw new Refusal('media_type_unsupported', `The Content-Encoding ${encoding} is not possible here.`, {
    headers: { 'accept-encoding': 'identity' },
  });
}
