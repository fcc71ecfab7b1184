import { createHash } from 'node:crypto';
import reference from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import { stringify } from 'yaml';
import { sharePartsOf } from './shared-parts.ts';

/**
 * The interactive reference at /documentation/, from this server alone: its script is served here, it loads no fonts and
 * reports to nobody. Its page starts itself with an inline script, which the content security policy names by its hash.
 */
export function serveDocumentation(app: FastifyInstance): void {
  const hide = { schema: { hide: true } };
  const served = once(() => JSON.stringify(sharePartsOf(app.swagger())));
  const yaml = once(() => stringify(JSON.parse(served()), { aliasDuplicateObjects: false }));
  app.get('/openapi.json', hide, async (_request, reply) => reply.type('application/json').send(served()));
  app.get('/openapi.yaml', hide, async (_request, reply) => reply.type('application/yaml').send(yaml()));
  app.register((scope, _options, done) => {
    scope.addHook('onSend', async (_request, reply, payload) => {
      const html = String(reply.getHeader('content-type')).startsWith('text/html');
      if (html) reply.header('content-security-policy', policyFor(String(payload)));
    });
    scope.register(reference, {
      routePrefix: '/documentation',
      configuration: {
        url: '/openapi.json',
        // Requests that are tried out go to wherever the page came from, since the policy allows no other place.
        servers: [{ url: '/' }],
        pageTitle: 'Faultline API',
        withDefaultFonts: false,
        telemetry: false,
        agent: { disabled: true },
        mcp: { disabled: true },
        persistAuth: false,
        hideClientButton: true,
        showDeveloperTools: 'never',
      },
    });
    done();
  });
}

/** The document does not change while the program runs, and making it takes long. */
function once(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function policyFor(html: string): string {
  const inline = [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => script,
  );
  const hashes = inline.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return [
    "default-src 'none'",
    `script-src 'self' ${hashes.join(' ')}`,
    // The reference builds its styles while it runs.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
