import { z } from 'zod';
import { etagOf } from '../platform/etag.ts';
import { Id } from '../platform/fields.ts';
import { JsonText, jsonOfAll } from '../platform/json-text.ts';
import type { Answer, ChildMount, Mount } from '../platform/mount.ts';

const ok = (body: unknown, headers: Record<string, string> = {}): Answer => ({ status: 200, headers, body });

/** The tenant's mount, /api/v1: RunTight's envelopes, and paths without a trailing slash (R4, R5, R10). */
export function createTenantMount(publicUrl: string): Mount {
  const member: Mount['member'] = (collection, below = '') => `/${collection}/:id${below}`;
  return {
    name: 'tenant',
    list: (collection) => `/${collection}`,
    member,
    child: (collection, below, name) =>
      childOf({ member, listParams: z.object({ id: Id }) }, { collection, below, name }),
    operationId: (verbAndNoun) => verbAndNoun,
    listParams: z.object({}),
    memberParams: z.object({ id: Id }),
    namedParams: (id) => z.object({ id }),
    pageOf: (item) =>
      z.object({
        data: z.array(item),
        total: z.int().describe('How many items match, on all pages.'),
        limit: z.int(),
        offset: z.int(),
        nextCursor: z.string().nullable(),
      }),
    oneOf: (item) => z.object({ data: item }),
    seriesOf: (item) => z.object({ data: z.array(item), limit: z.int(), nextCursor: z.string().nullable() }),
    page: (_request, { items, total, limit, offset, nextCursor }) =>
      ok(envelope('data', items, { total, limit, offset, nextCursor })),
    series: (_request, { items, limit, nextCursor }) => ok(envelope('data', items, { limit, nextCursor })),
    one: (object) => ok({ data: object }, { etag: etagOf(object.updated_at) }),
    found: (object) => ok({ data: object }),
    created: (request, object) => ({
      status: 201,
      headers: { etag: etagOf(object.updated_at), location: `${publicUrl}${pathOf(request.url)}/${object.id}` },
      body: { data: object },
    }),
  };
}

/** A site's mount, /api/v1/sites/{slug}: Tacit's bare arrays and objects, and paths with a trailing slash (T1, T4, T5). */
export function createSiteMount(publicUrl: string): Mount {
  const slug = z.string().meta({ description: 'The slug of a site.', example: 'ucl-east-campus' });
  const member: Mount['member'] = (collection, below = '') => `/${collection}/:id${below}/`;
  return {
    name: 'site',
    list: (collection) => `/${collection}/`,
    member,
    child: (collection, below, name) =>
      childOf({ member, listParams: z.object({ slug, id: Id }) }, { collection, below, name }),
    operationId: (verbAndNoun) => `${verbAndNoun}OfSite`,
    listParams: z.object({ slug }),
    memberParams: z.object({ slug, id: Id }),
    namedParams: (id) => z.object({ slug, id }),
    pageOf: (item) => z.array(item),
    oneOf: (item) => item,
    seriesOf: (item) => z.array(item),
    page: (request, { items, total, nextCursor }) =>
      ok(new JsonText(jsonOfAll(items)), {
        'x-total-count': String(total),
        ...nextHeaders(publicUrl, request.url, nextCursor),
      }),
    series: (request, { items, nextCursor }) =>
      ok(new JsonText(jsonOfAll(items)), nextHeaders(publicUrl, request.url, nextCursor)),
    one: (object) => ok(object, { etag: etagOf(object.updated_at) }),
    found: (object) => ok(object),
    created: (request, object) => ({
      status: 201,
      headers: { etag: etagOf(object.updated_at), location: `${publicUrl}${pathOf(request.url)}/${object.id}/` },
      body: object,
    }),
  };
}

type Parents = { readonly member: Mount['member']; readonly listParams: z.ZodObject<{ id: typeof Id }> };
type Children<Name> = { readonly collection: string; readonly below: string; readonly name: Name };

/** A collection below each member of another one, with paths as the mount writes them. */
function childOf<Name extends string>(
  { member, listParams }: Parents,
  { collection, below, name }: Children<Name>,
): ChildMount<Name> {
  return {
    list: member(collection, below),
    member: (further = '') => member(collection, `${below}/:${name}${further}`),
    listParams,
    memberParams: listParams.extend({ [name]: Id }) as unknown as ChildMount<Name>['memberParams'],
  };
}

/** What is mounted at the root; a pattern of its paths. */
const rootPath = /^\/people(\/|$)/;

/** Whether a path is below the root's mount, /api/v1, or one of its sites: whether it asks for a key. */
export function isOfMount(path: string): boolean {
  return path.startsWith('/api/v1/') || isOfRoot(path);
}

export function isOfRoot(path: string): boolean {
  return rootPath.test(path);
}

/** The root's mount: Runn's values and nextCursor, bare objects, and ids that may be numbers (N2, N3, N5). */
export function createRootMount(publicUrl: string): Mount {
  const member: Mount['member'] = (collection, below = '') => `/${collection}/:id${below}`;
  const id = z.union([Id, z.string().regex(/^\d{1,10}$/)]).meta({
    override: { type: 'string', pattern: '^(\\d{1,10}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$' },
    description: 'Its id, or its number.',
    example: '1',
  });
  return {
    name: 'tenant',
    list: (collection) => `/${collection}`,
    member,
    child: (collection, below, name) =>
      childOf({ member, listParams: z.object({ id: Id }) }, { collection, below, name }),
    operationId: (verbAndNoun) => `${verbAndNoun}AtRoot`,
    listParams: z.object({}),
    memberParams: z.object({ id }),
    namedParams: (name) => z.object({ id: name }),
    pageOf: (item) => z.object({ values: z.array(item), nextCursor: z.string().nullable() }),
    oneOf: (item) => item,
    seriesOf: (item) => z.object({ values: z.array(item), nextCursor: z.string().nullable() }),
    page: (_request, { items, nextCursor }) => ok(envelope('values', items, { nextCursor })),
    series: (_request, { items, nextCursor }) => ok(envelope('values', items, { nextCursor })),
    one: (object) => ok(object, { etag: etagOf(object.updated_at) }),
    found: (object) => ok(object),
    created: (request, object) => ({
      status: 201,
      headers: { etag: etagOf(object.updated_at), location: `${publicUrl}${pathOf(request.url)}/${object.id}` },
      body: object,
    }),
  };
}

/** What a list answers: its items by a name, and what else it says. */
function envelope(name: 'data' | 'values', items: readonly unknown[], rest: object): JsonText<object> {
  return new JsonText(`{"${name}":${jsonOfAll(items)},${JSON.stringify(rest).slice(1)}`);
}

/** The path of a request target, without a slash at its end. */
export function pathOf(target: string): string {
  return (target.split('?', 1)[0] ?? '').replace(/\/+$/, '');
}

/** Web linking (RFC 8288) to the next page, and its cursor by itself; nothing on the last page. */
function nextHeaders(publicUrl: string, target: string, nextCursor: string | null): Record<string, string> {
  if (nextCursor === null) return {};
  const [, asked = ''] = /\?(.*)$/.exec(target) ?? [];
  const query = new URLSearchParams(asked);
  query.delete('offset');
  query.set('cursor', nextCursor);
  return { link: `<${publicUrl}${pathOf(target)}/?${query}>; rel="next"`, 'x-next-cursor': nextCursor };
}
