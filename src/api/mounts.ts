import { z } from 'zod';
import { etagOf } from '../platform/etag.ts';
import { Id } from '../platform/fields.ts';
import type { Answer, Mount } from '../platform/mount.ts';

const ok = (body: unknown, headers: Record<string, string> = {}): Answer => ({ status: 200, headers, body });

/** The tenant's mount, /api/v1: RunTight's envelopes, and paths without a trailing slash (R4, R5, R10). */
export function createTenantMount(publicUrl: string): Mount {
  return {
    name: 'tenant',
    list: (collection) => `/${collection}`,
    member: (collection, below = '') => `/${collection}/:id${below}`,
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
      ok({ data: items, total, limit, offset, nextCursor }),
    series: (_request, { items, limit, nextCursor }) => ok({ data: items, limit, nextCursor }),
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
  return {
    name: 'site',
    list: (collection) => `/${collection}/`,
    member: (collection, below = '') => `/${collection}/:id${below}/`,
    operationId: (verbAndNoun) => `${verbAndNoun}OfSite`,
    listParams: z.object({ slug }),
    memberParams: z.object({ slug, id: Id }),
    namedParams: (id) => z.object({ slug, id }),
    pageOf: (item) => z.array(item),
    oneOf: (item) => item,
    seriesOf: (item) => z.array(item),
    page: (request, { items, total, nextCursor }) =>
      ok(items, { 'x-total-count': String(total), ...nextHeaders(publicUrl, request.url, nextCursor) }),
    series: (request, { items, nextCursor }) => ok(items, nextHeaders(publicUrl, request.url, nextCursor)),
    one: (object) => ok(object, { etag: etagOf(object.updated_at) }),
    found: (object) => ok(object),
    created: (request, object) => ({
      status: 201,
      headers: { etag: etagOf(object.updated_at), location: `${publicUrl}${pathOf(request.url)}/${object.id}/` },
      body: object,
    }),
  };
}

/** The path of a request target, without a slash at its end. */
export function pathOf(target: string): string {
  return (target.split('?', 1)[0] ?? '').replace(/\/+$/, '');
}

/** Web linking (RFC 8288) to the next page, and its cursor by itself; nothing on the last page. */
function nextHeaders(publicUrl: string, target: string, nextCursor: string | null): Record<string, string> {
  if (nextCursor === null) return {};
  const query = new URLSearchParams(target.split('?')[1] ?? '');
  query.delete('offset');
  query.set('cursor', nextCursor);
  return { link: `<${publicUrl}${pathOf(target)}/?${query}>; rel="next"`, 'x-next-cursor': nextCursor };
}
