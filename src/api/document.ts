/**
 * The OpenAPI 3.1 document: what the routes' own schemas say, and what holds for all of them and is therefore said once
 * here (errors, headers, keys, repeated requests).
 */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { fastifyZodOpenApiPlugin, fastifyZodOpenApiTransformers } from 'fastify-zod-openapi';
import { z } from 'zod';
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';
import { isOfMount, isOfRoot } from './mounts.ts';
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
            description:
              'An API key, or the access token of a log-in, with the scope that the operation names, or with the bundle that it is of: read, write or admin.',
          },
          keyInQuery: {
            type: 'apiKey',
            in: 'query',
            name: 'key',
            description: 'The same for calendars, which can send no header; no other operation takes it.',
          },
        },
        schemas: { Problem: problemSchema() as never },
      },
    },
    transform: (given) => {
      const { scope, isKeyInQuery } = given.route.config ?? {};
      const { schema, url } = fastifyZodOpenApiTransformers.transform(given);
      // A security requirement names roles, also where the scheme is no OAuth (OpenAPI 3.1, 4.8.30).
      if (scope === undefined) return { schema, url };
      const schemes = isKeyInQuery ? ['apiKey', 'keyInQuery'] : ['apiKey'];
      const security = schemes.flatMap((scheme) => [scope].flat().map((one) => ({ [scheme]: [one] })));
      return { schema: { ...schema, security }, url };
    },
    transformObject: (given) => complete(fastifyZodOpenApiTransformers.transformObject(given) as Document) as never,
  });
}

const introduction = `
Work orders, insights, equipment and telemetry of one tenant.

**Keys.** Send \`Authorization: Bearer\` and an API key. A key belongs to one tenant; whatever belongs to another does not
exist for it (404). It has scopes (\`read\`, \`write\`, \`admin\`, or one per resource) and may be limited to sites (403
elsewhere). A key that begins with \`flt_test_\` is of the test tenant, which has nothing of the live one.

**People** log in with \`POST /api/v1/auth/login\` and send the access token in the place of a key; it is good for a quarter of an hour,
and \`POST /api/v1/auth/refresh\` gives the next one. What they may do follows from their role, \`admin\`, \`manager\`, \`technician\` or
\`viewer\`, and their sites, as both are at the time of the request.

**Three mounts.** Under \`/api/v1\` a list is \`{data, total, limit, offset, nextCursor}\` and an object \`{data}\`; under
\`/api/v1/sites/{slug}\` they are a bare array, with \`Link\`, \`X-Total-Count\` and \`X-Next-Cursor\`, and a bare object.
Paths work with and without a slash at the end.

At the root (\`/people\`) they are \`{values, nextCursor}\` and a bare object, \`Accept-Version\` is mandatory, and a number (\`number\`)
will do for an id.

**Lists.** \`limit\` (50, at most 200) with either \`offset\` or \`cursor\`, never both. A cursor goes on behind the last row, whatever
was added meanwhile; it holds for the order and the filters that it was given with. \`sort\` names columns, with \`-\` for descending;
what has no value comes last. \`q\` finds what has words that begin with each of its words. \`created_at[gte]\` and its like take an
instant or a date, which is the whole of that day; without a zone it is read in the site's, or the tenant's. \`expand\` shows what is
linked, in \`expanded\` beside the ids.

**Versions.** \`Accept-Version\` may name one; the answer carries \`Content-Version\`, and \`Deprecation\` and \`Sunset\` while that version
is on its way out. \`/changelog\` tells of all. Version 1.0.0 is in beta: a change that breaks clients is kept to a minimum, and stands there.

**Changes.** PATCH changes the properties it names; null or an empty text unsets one. \`If-Match\` with an \`ETag\` makes PATCH,
DELETE and the actions of work orders and insights conditional (412).

**Repeated requests.** GET, PATCH and DELETE may be repeated. A POST with an \`Idempotency-Key\` may be, for 24 hours: the first
answer comes again with \`Idempotent-Replayed: true\`.

**Limits.** A key may send as many requests a minute as \`rate_limit_per_minute\` says (60 unless it was made otherwise, or any number),
and an address 120, unless its key may send more; measurements are counted apart. \`X-RateLimit-Limit\`, \`-Remaining\` and \`-Reset\`
(seconds) tell what is left, and so do \`RateLimit\` and \`RateLimit-Policy\`; 429 carries \`Retry-After\` (seconds) and \`Retry-After-Ms\`.

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
  requestBody?: { content: Record<string, object>; required?: boolean };
  security?: unknown[];
  parameters?: { in: string; name: string; [key: string]: unknown }[];
  responses: Record<string, Response>;
};
type Document = { paths: Record<string, Record<string, Operation>> };

function complete(document: Document): Document {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const guarded = isOfMount(path);
      if (operation.requestBody) describeStreams(operation.requestBody.content);
      if (operation.requestBody && optionalBody.test(path)) operation.requestBody.required = false;
      addParameters(operation, { path, method, guarded });
      addSuccessHeaders(operation, { path, method, guarded });
      for (const status of errorStatuses(operation, { path, method, guarded })) {
        const codes = codesOf(status, `${method} ${path}`, { isPaged: isPaged(operation, path) });
        operation.responses[status] ??= errorResponse(status, codes);
      }
      operation.description = withGuarantee(operation, method);
    }
  }
  return document;
}

/** Actions about which there need be nothing to say. */
const optionalBody = /\/work-orders\/\{id\}\/(hold|complete|cancel|skip)\/?$|\/insights\/\{id\}\/resolve\/?$/;

type Place = { method: string; guarded: boolean };

/** What an operation says of itself, with what it promises about being sent twice, unless it says that, too. */
function withGuarantee({ description, responses }: Operation, method: string): string {
  if (description !== undefined && /idempoten|repeat|safe:/i.test(description)) return description;
  const guarantee = guaranteeOf(method, '201' in responses || '202' in responses);
  return description === undefined ? guarantee : `${description}\n\n${guarantee}`;
}

function guaranteeOf(method: string, isCreation: boolean): string {
  if (method === 'post')
    return `Repeatable with an Idempotency-Key for 24 hours; without one, each request ${isCreation ? 'creates anew' : 'stands by itself'}.`;
  if (method === 'patch') return 'Idempotent: the same change twice leaves what it left the first time.';
  if (method === 'put') return 'Idempotent: the same request twice leaves what it left the first time.';
  if (method === 'delete') return 'Idempotent: what is deleted stays deleted; the second answer is 404.';
  return 'Safe: it changes nothing.';
}

function addParameters(operation: Operation, { path, method, guarded }: Place & { path: string }): void {
  if (!guarded) return;
  const header = (name: string, description: string, required = false) => {
    operation.parameters ??= [];
    const example = required ? { example: '1.0.0' } : {};
    operation.parameters.push({ in: 'header', name, description, required, schema: { type: 'string' }, ...example });
  };
  if (isOfRoot(path)) header('Accept-Version', 'The version of the API: the path names none.', true);
  else header('Accept-Version', 'The version of the API; 1.0.0 if absent.');
  if (method === 'post') header('Idempotency-Key', '1 to 255 printable ASCII characters, quoted or bare.');
  if (isConditional(path, method)) header('If-Match', 'The ETag that the object must still have.');
  if (isComparable(path, method)) header('If-None-Match', 'The ETag of the version that is known already.');
}

const textHeader = (description: string): Header => ({ description, schema: { type: 'string' } });
const countHeader = (description: string): Header => ({ description, schema: { type: 'integer' } });
/** The last two are there while a version is on its way out. */
const versionHeaders = {
  'Content-Version': textHeader('The version of the API that answered.'),
  Deprecation: textHeader('Since when the version is advised against (RFC 9745).'),
  Sunset: textHeader('When it ends (RFC 8594).'),
};

/** Absent where a key has no limit. */
const rateHeaders = {
  'X-RateLimit-Limit': countHeader(
    'How many requests may come in a minute, of the key or of the address: whichever has fewer left.',
  ),
  'X-RateLimit-Remaining': countHeader('How many are left in this minute.'),
  'X-RateLimit-Reset': countHeader('In how many seconds there are as many again.'),
  'RateLimit-Policy': textHeader('What holds for the key and for the address (draft-ietf-httpapi-ratelimit-headers).'),
  RateLimit: textHeader('What is left of each.'),
};
const waitHeaders = {
  'Retry-After': countHeader('After how many seconds to come again.'),
  'Retry-After-Ms': countHeader('The same in milliseconds, where requests were counted.'),
};

function addSuccessHeaders(operation: Operation, { path, method, guarded }: Place & { path: string }): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    const headers: Record<string, Header> = { 'X-Request-Id': textHeader('Names the request in the log.') };
    if (guarded) Object.assign(headers, versionHeaders);
    if (guarded) Object.assign(headers, rateHeaders);
    if (guarded && isObject(path, method) && isKept(path, { method, status }) && !path.endsWith('/provision'))
      headers.ETag = textHeader("The object's version.");
    if (status === '201' || status === '202') headers.Location = textHeader('The URL of the new object.');
    const isList = !isObject(path, method) && !/\/(stream|document)\/$|\/points\/\{id\}\/latest\/$/.test(path);
    if (guarded && path.startsWith('/api/v1/sites/{slug}/') && method === 'get' && isList) {
      headers.Link = textHeader('The next page, if there is one (RFC 8288).');
      headers['X-Next-Cursor'] = textHeader('Its cursor.');
      if (!isSeries.test(path)) headers['X-Total-Count'] = textHeader('How many items match, on all pages.');
    }
    response.headers = headers;
    if (response.description === 'Default Response') response.description = successes[status] ?? 'Done.';
  }
}

/** Pieces of long series, which nobody counts for a page of them. */
const isSeries = /readings|\/(events|event-types|conflicts)\/$/;

/** What is deleted has no version any more, and what a POST only finds never has one, unless it acts on something. */
function isKept(path: string, { method, status }: { method: string; status: string }): boolean {
  return status !== '204' && !ofMany.test(path) && !(method === 'post' && status === '200' && !action.test(path));
}

const action =
  /\/work-orders\/\{id\}\/(assign|start|hold|complete|cancel|skip|reopen)\/?$|\/insights\/(ingest|\{id\}\/(acknowledge|snooze|dismiss|resolve|reopen))\/?$/;

/** These act on as many as a filter finds, which have no version together. */
const ofMany = /\/opcua-connections\/\{id\}\/items$/;

/** Whether an operation acts on one object, whose version it may be told. */
function isConditional(path: string, method: string): boolean {
  if (ofMany.test(path)) return false;
  if (method === 'post') return action.test(path) && path.includes('{id}');
  return method === 'patch' || method === 'delete' || (method === 'put' && /\/(sla-policy|image\/?)$/.test(path));
}

const successes: Record<string, string> = { 200: 'As asked.', 201: 'Created.', 204: 'Deleted.', 503: 'Not ready.' };

function isObject(path: string, method: string): boolean {
  return (
    method !== 'get' ||
    /(\{(\w+_id|id|slug)\}|\/download|\/thumbnail|\/image)\/?$|\/(calendar\.ics|sla-policy|tenant)$/.test(path)
  );
}

/** Part of what these show changes without a new version, such as when they were used last. */
const alwaysWhole =
  /\/((users|people|api-keys|devices|teams|points|opcua-connections|opcua-certificates)\/\{id\}|links\/\{link_id\}|tenant)\/?$/;

/** Whether an operation is asked for an object that its client may have already. */
function isComparable(path: string, method: string): boolean {
  return method === 'get' && isObject(path, method) && !alwaysWhole.test(path);
}

function errorStatuses(operation: Operation, { path, method, guarded }: Place & { path: string }): number[] {
  const statuses = [500];
  const isOpen = operation.security?.length === 0;
  if (guarded || path === '/metrics') statuses.push(401, 503);
  if ((guarded && !isOpen) || path === '/metrics') statuses.push(403);
  if (guarded) statuses.push(400);
  if (path.includes('{')) statuses.push(404, 414);
  if (guarded && isComparable(path, method)) statuses.push(304);
  // A body is read before it is known that nobody wants it.
  if (method !== 'get') statuses.push(408, 413, 415);
  for (const status of [409, 410, 416, 422, 429]) {
    if (codesOf(status, `${method} ${path}`, { isPaged: false }).length > 0) statuses.push(status);
  }
  if (isConditional(path, method)) statuses.push(412);
  return statuses.sort((left, right) => left - right);
}

/** The parameter of a list, or the property of a replay's body. */
function isPaged({ parameters = [] }: Operation, path: string): boolean {
  return path.endsWith('/quarantine/replay') || parameters.some(({ name }) => name === 'cursor');
}

function errorResponse(status: number, codes: readonly RefusalCode[]): Response {
  const named = { 'X-Request-Id': textHeader('Names the request in the log.') };
  const headers = status === 429 ? { ...named, ...rateHeaders, ...waitHeaders } : named;
  if (status === 304) return { description: 'The version that If-None-Match names is the present one.', headers };
  return {
    description: codes.map((code) => `\`${code}\`: ${refusalList[code].title}`).join('\n\n'),
    headers,
    content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
