/**
 * The OpenAPI 3.1 document: what the routes' own schemas say, and what holds for all of them and is therefore said once
 * here (errors, headers, keys, repeated requests).
 */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { fastifyZodOpenApiPlugin, fastifyZodOpenApiTransformers } from 'fastify-zod-openapi';
import { z } from 'zod';
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';
import { codesOf } from './operation-refusals.ts';
import { Problem, problemType } from './problem.ts';
import { describeStreams } from './streamed-bodies.ts';

/** Adds the generator; call it before the routes, whose schemas it collects. */
export function describeApi(
  app: FastifyInstance,
  { version, publicUrl }: { version: string; publicUrl: string },
): void {
  app.register(fastifyZodOpenApiPlugin, { documentOpts: { override: ({ jsonSchema }) => dropSafeBounds(jsonSchema) } });
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Faultline',
        version,
        description: introduction,
        license: { name: 'Proprietary', url: publicUrl },
      },
      servers: [{ url: publicUrl }],
      security: [{ apiKey: [] }],
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API key with the scope that the operation names, or with all of its kind: read, or write.',
          },
        },
        schemas: { Problem: problemSchema() as never },
      },
    },
    transform: (given) => {
      const { scope } = given.route.config ?? {};
      const { schema, url } = fastifyZodOpenApiTransformers.transform(given);
      // A security requirement names roles, also where the scheme is no OAuth (OpenAPI 3.1, 4.8.30).
      if (scope === undefined) return { schema, url };
      return { schema: { ...schema, security: [scope].flat().map((one) => ({ apiKey: [one] })) }, url };
    },
    transformObject: (given) => complete(fastifyZodOpenApiTransformers.transformObject(given) as Document) as never,
  });
}

const introduction = `
Work orders, insights, equipment and telemetry of one tenant.

**Keys.** Send \`Authorization: Bearer\` and an API key. A key belongs to one tenant; whatever belongs to another does not
exist for it (404). It has scopes (\`read\`, \`write\`, or one per resource) and may be limited to sites (403 elsewhere).

**Two mounts.** Under \`/api/v1\` a list is \`{data, total, limit, offset, nextCursor}\` and an object \`{data}\`; under
\`/api/v1/sites/{slug}\` they are a bare array, with \`Link\`, \`X-Total-Count\` and \`X-Next-Cursor\`, and a bare object.
Paths work with and without a slash at the end.

**Pages.** \`limit\` (50, at most 200) with either \`offset\` or \`cursor\`, never both; newest first.

**Versions.** \`Accept-Version\` may name one; the answer carries \`Content-Version\`.

**Changes.** PATCH changes the properties it names; null or an empty text unsets one. \`If-Match\` with an \`ETag\` makes PATCH
and DELETE conditional (412).

**Repeated requests.** GET, PATCH and DELETE may be repeated. A POST with an \`Idempotency-Key\` may be, for 24 hours: the first
answer comes again with \`Idempotent-Replayed: true\`.

**Errors** are problem details (RFC 9457) of one shape; \`error\` is a code of the list at \`/problems\`.
`.trim();

/** Zod writes the bounds of exact doubles under every integer, which tell a reader nothing. */
function dropSafeBounds(schema: { minimum?: number; maximum?: number }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

function problemSchema(): unknown {
  const { $schema: _, ...schema } = z.toJSONSchema(Problem, {
    override: ({ jsonSchema }) => dropSafeBounds(jsonSchema),
  });
  return schema;
}

type Header = { description: string; schema: { type: string } };
type Response = { description: string; headers?: Record<string, Header>; content?: Record<string, unknown> };
type Operation = {
  description?: string;
  requestBody?: { content: Record<string, object> };
  security?: unknown[];
  parameters?: { in: string; name: string; [key: string]: unknown }[];
  responses: Record<string, Response>;
};
type Document = { paths: Record<string, Record<string, Operation>> };

function complete(document: Document): Document {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const guarded = path.startsWith('/api/v1/');
      if (operation.requestBody) describeStreams(operation.requestBody.content);
      addParameters(operation, { path, method, guarded });
      addSuccessHeaders(operation, { path, method, guarded });
      for (const status of errorStatuses(operation, { path, method, guarded })) {
        const codes = codesOf(status, `${method} ${path}`, { isPaged: isPaged(operation, path) });
        operation.responses[status] ??= errorResponse(status, codes);
      }
      operation.description ??= guaranteeOf(method);
    }
  }
  return document;
}

type Place = { method: string; guarded: boolean };

/** What an operation promises about being sent twice. */
function guaranteeOf(method: string): string {
  if (method === 'post')
    return 'Repeatable with an Idempotency-Key for 24 hours; without one, each request creates anew.';
  if (method === 'patch') return 'Idempotent: the same change twice leaves what it left the first time.';
  if (method === 'delete') return 'Idempotent: what is deleted stays deleted; the second answer is 404.';
  return 'Safe: it changes nothing.';
}

function addParameters(operation: Operation, { path, method, guarded }: Place & { path: string }): void {
  if (!guarded) return;
  const header = (name: string, description: string) => {
    operation.parameters ??= [];
    operation.parameters.push({ in: 'header', name, description, required: false, schema: { type: 'string' } });
  };
  header('Accept-Version', 'The version of the API; 1.0.0 if absent.');
  if (method === 'post') header('Idempotency-Key', '1 to 255 printable ASCII characters, quoted or bare.');
  if (method === 'patch' || method === 'delete') header('If-Match', 'The ETag that the object must still have.');
  if (method === 'get' && isObject(path, method))
    header('If-None-Match', 'The ETag of the version that is known already.');
}

const textHeader = (description: string): Header => ({ description, schema: { type: 'string' } });

function addSuccessHeaders(operation: Operation, { path, method, guarded }: Place & { path: string }): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    const headers: Record<string, Header> = { 'X-Request-Id': textHeader('Names the request in the log.') };
    if (guarded) headers['Content-Version'] = textHeader('The version of the API that answered.');
    if (guarded && isObject(path, method) && isKept(method, status) && !path.endsWith('/provision'))
      headers.ETag = textHeader("The object's version.");
    if (status === '201' || status === '202') headers.Location = textHeader('The URL of the new object.');
    const isList = !isObject(path, method) && !/\/stream\/$|\/points\/\{id\}\/latest\/$/.test(path);
    if (guarded && path.startsWith('/api/v1/sites/{slug}/') && method === 'get' && isList) {
      headers.Link = textHeader('The next page, if there is one (RFC 8288).');
      headers['X-Next-Cursor'] = textHeader('Its cursor.');
      if (!path.includes('readings')) headers['X-Total-Count'] = textHeader('How many items match, on all pages.');
    }
    response.headers = headers;
    if (response.description === 'Default Response') response.description = successes[status] ?? 'Done.';
  }
}

/** What is deleted has no version any more, and what a POST only finds never has one. */
function isKept(method: string, status: string): boolean {
  return status !== '204' && !(method === 'post' && status === '200');
}

const successes: Record<string, string> = { 200: 'As asked.', 201: 'Created.', 204: 'Deleted.', 503: 'Not ready.' };

function isObject(path: string, method: string): boolean {
  return method !== 'get' || /\{(id|slug)\}\/?$/.test(path);
}

function errorStatuses(operation: Operation, { path, method, guarded }: Place & { path: string }): number[] {
  const statuses = [500];
  const isOpen = operation.security?.length === 0;
  if (guarded || path === '/metrics') statuses.push(401, 503);
  if ((guarded && !isOpen) || path === '/metrics') statuses.push(403);
  if (guarded) statuses.push(400);
  if (path.includes('{')) statuses.push(404, 414);
  if (method === 'get' && guarded && isObject(path, method)) statuses.push(304);
  // A body is read before it is known that nobody wants it.
  if (operation.requestBody || method === 'post') statuses.push(413, 415);
  if (operation.requestBody) statuses.push(408);
  for (const status of [409, 410, 422, 429]) {
    if (codesOf(status, `${method} ${path}`, { isPaged: false }).length > 0) statuses.push(status);
  }
  if (method === 'patch' || method === 'delete') statuses.push(412);
  return statuses.sort((left, right) => left - right);
}

/** The parameter of a list, or the property of a replay's body. */
function isPaged({ parameters = [] }: Operation, path: string): boolean {
  return path.endsWith('/quarantine/replay') || parameters.some(({ name }) => name === 'cursor');
}

function errorResponse(status: number, codes: readonly RefusalCode[]): Response {
  const headers = { 'X-Request-Id': textHeader('Names the request in the log.') };
  if (status === 304) return { description: 'The version that If-None-Match names is the present one.', headers };
  return {
    description: codes.map((code) => `\`${code}\`: ${refusalList[code].title}`).join('\n\n'),
    headers,
    content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
