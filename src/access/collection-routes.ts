/**
 * Collections: listed, shown, made, changed and removed alike on every mount, at its top or below the members of another one
 * (child-routes.ts). Each says what it is called, what is shown of one, and what is done with it; what only one has, has routes of its own.
 */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Db } from '../platform/database.ts';
import type { List, ListFields } from '../platform/list-query.ts';
import { deleted, type Mount, type RouteScope, type Shell, sendWhole } from '../platform/mount.ts';
import type { ListRequest, PageQuery, Paging, Rows } from '../platform/paging.ts';
import { type Area, requireTenant, type Scope } from './api-key.ts';
import { type Asking, askingOf } from './audit/record-access.ts';
import { readerOf } from './listing.ts';

/** Which one, and which version of it the caller knows. */
export type Which = { readonly id: string; readonly ifMatch: string | undefined };

export type Versioned = Parameters<Mount['one']>[0];
export type Asked = PageQuery & { sort?: string | undefined; q?: string | undefined };

/** What the document says of an operation: in a line, and at length where what it says of all alike is not enough. */
type Told = { readonly summary: string; readonly about?: string };

type Named = {
  readonly tag: string;
  readonly scopes: { readonly read: Scope; readonly write: Scope };
  /** In ids of operations, of one and of many: `Task`, `Tasks`. */
  readonly noun: string;
  readonly nouns: string;
};

type Read<Where, Query extends Asked, Shown extends Versioned> = Named & {
  readonly shown: z.ZodType<Shown>;
  readonly list: Told & {
    readonly of: List;
    readonly query: z.ZodType<Query>;
    find(db: Db, where: Where, asked: { filter: Omit<Query, ListFields>; page: ListRequest }): Promise<Rows<Shown>>;
  };
  readonly one: Told & {
    /** Throws where there is none. */
    get(db: Db, where: Where, id: string): Promise<Shown>;
    /** Part of what is shown changes without a new version, so that nobody is told that he has it already. */
    readonly isAlwaysWhole?: boolean;
  };
};

type Written<Where, Shown extends Versioned, Body, Change> = Named & {
  readonly shown: z.ZodType<Shown>;
  /** Absent: they come otherwise, as files do. */
  readonly creation?: Told & {
    readonly body: z.ZodType<Body>;
    add(trx: Db, where: Where, body: Body): Promise<Versioned>;
    /** What is shown this once, with a secret; absent: what is shown always. */
    readonly secret?: z.ZodType;
  };
  /** Absent: they never change. */
  readonly change?: Told & {
    readonly body: z.ZodType<Change>;
    apply(trx: Db, where: Where, which: Which & { readonly body: Change }): Promise<Shown>;
  };
  readonly removal?: Told & {
    /** In the id of the operation; `delete` if absent. */
    readonly verb?: string;
    /** What the document says of 204; `Deleted.` if absent. */
    readonly description?: string;
    remove(trx: Db, where: Where, which: Which): Promise<void>;
  };
};

export type Collection<Where, Query extends Asked, Shown extends Versioned, Body, Change> = Read<Where, Query, Shown> &
  Written<Where, Shown, Body, Change>;

type Given = Pick<FastifyRequest, 'area' | 'ip' | 'id'> & { readonly params: unknown };

/** Where a collection lies on a mount, and what of a request is handed to what is done there. */
export type Place<Where> = {
  readonly list: string;
  readonly member: string;
  readonly listParams: z.ZodType<object>;
  readonly memberParams: z.ZodType<object>;
  /** What the id of one is called in paths. */
  readonly idName: string;
  where(given: Given, at: Date): Where;
  /** Throws where there is nothing to read for the caller; absent: there always is. */
  enter?(db: Db, where: Where): Promise<unknown>;
};

export type CollectionNeeds = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** GET of the list and of one, POST, PATCH and DELETE, as far as these have them. */
export function collectionRoutes<Where, Query extends Asked, Shown extends Versioned, Body, Change>(
  app: RouteScope,
  mount: Mount,
  needs: CollectionNeeds,
  given: { readonly place: Place<Where>; readonly of: Collection<Where, Query, Shown, Body, Change> },
): void {
  readingRoutes(app, mount, needs, given);
  writingRoutes(app, mount, needs, given);
}

function readingRoutes<Where, Query extends Asked, Shown extends Versioned>(
  app: RouteScope,
  mount: Mount,
  { db, paging, shell }: CollectionNeeds,
  { place, of: { tag, scopes, noun, nouns, shown, list, one } }: Reading<Where, Query, Shown>,
): void {
  const config = { scope: scopes.read };
  // The routes of an argument's schema cannot name what it gives; nor those of its bodies below.
  const querystring: z.ZodType = list.query;
  const listing = {
    ...toldOf(mount, { tag, id: `list${nouns}`, told: list }),
    params: place.listParams,
    querystring,
    response: { 200: mount.pageOf(shown) },
  };
  app.get(place.list, { config, schema: listing }, async (request, reply) => {
    const where = place.where(request, shell.now());
    await place.enter?.(db, where);
    const { id } = request.params as { id?: string };
    const reader = readerOf(request.area, ...(id === undefined ? [] : [id]));
    const { page, filter } = paging.list(list.of, request.query as Query, reader);
    const rows = await list.find(db, where, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const getting = {
    ...toldOf(mount, { tag, id: `get${noun}`, told: one }),
    params: place.memberParams,
    response: { 200: mount.oneOf(shown) },
  };
  app.get(place.member, { config, schema: getting }, async (request, reply) => {
    const where = place.where(request, shell.now());
    await place.enter?.(db, where);
    const answer = mount.one(await one.get(db, where, idOf(request.params, place.idName)));
    return one.isAlwaysWhole ? sendWhole(shell, { request, reply }, answer) : shell.send(request, reply, answer);
  });
}

type Reading<Where, Query extends Asked, Shown extends Versioned> = {
  readonly place: Place<Where>;
  readonly of: Read<Where, Query, Shown>;
};

function writingRoutes<Where, Shown extends Versioned, Body, Change>(
  app: RouteScope,
  mount: Mount,
  { shell }: CollectionNeeds,
  { place, of }: { readonly place: Place<Where>; readonly of: Written<Where, Shown, Body, Change> },
): void {
  const { tag, scopes, noun, shown, creation, change, removal } = of;
  const config = { scope: scopes.write };
  const whichOf = ({ params, headers }: Pick<FastifyRequest, 'params' | 'headers'>): Which => ({
    id: idOf(params, place.idName),
    ifMatch: headers['if-match'],
  });
  if (creation) {
    const body: z.ZodType = creation.body;
    const schema = {
      ...toldOf(mount, { tag, id: `create${noun}`, told: creation }),
      params: place.listParams,
      body,
      response: { 201: mount.oneOf(creation.secret ?? shown) },
    };
    app.post(place.list, { config, schema }, async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const made = await creation.add(trx, place.where(request, shell.now()), request.body as Body);
        return { ...mount.created(request, made), isSecret: creation.secret !== undefined };
      }),
    );
  }
  if (change) {
    const body: z.ZodType = change.body;
    const schema = {
      ...toldOf(mount, { tag, id: `change${noun}`, told: change }),
      params: place.memberParams,
      body,
      response: { 200: mount.oneOf(shown) },
    };
    app.patch(place.member, { config, schema }, async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const which = { ...whichOf(request), body: request.body as Change };
        return mount.one(await change.apply(trx, place.where(request, shell.now()), which));
      }),
    );
  }
  if (removal) {
    const { verb = 'delete', description = 'Deleted.' } = removal;
    const schema = {
      ...toldOf(mount, { tag, id: `${verb}${noun}`, told: removal }),
      params: place.memberParams,
      response: { 204: { description } },
    };
    app.delete(place.member, { config, schema }, async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        await removal.remove(trx, place.where(request, shell.now()), whichOf(request));
        return deleted;
      }),
    );
  }
}

/** What the document says of an operation. */
function toldOf(mount: Mount, { tag, id, told }: { tag: string; id: string; told: Told }) {
  const { summary, about } = told;
  const operationId = mount.operationId(id);
  return { operationId, summary, ...(about !== undefined && { description: about }), tags: [tag] };
}

/** An id that the schema of a path has required. */
export function idOf(params: unknown, name: string): string {
  return (params as Readonly<Record<string, string>>)[name] as string;
}

/** Who asks, where that came in, and when. */
export type From = Asking & { readonly area: Area };

type Noun<C> = C & {
  /** `teams`. */
  readonly path: string;
  /** It is of no site, so that whoever is limited to some gets none of it. */
  readonly isOfTenant?: boolean;
};

/** A collection at the top of a mount: `/teams`. */
export function nounRoutes<Query extends Asked, Shown extends Versioned, Body, Change>(
  app: RouteScope,
  mount: Mount,
  needs: CollectionNeeds,
  { path, isOfTenant = false, ...of }: Noun<Collection<From, Query, Shown, Body, Change>>,
): void {
  const { listParams, memberParams } = mount;
  const place: Place<From> = {
    ...{ list: mount.list(path), member: mount.member(path), listParams, memberParams, idName: 'id' },
    where: (given, at) => {
      if (isOfTenant) requireTenant(given.area.caller);
      return { ...askingOf(given, at), area: given.area };
    },
  };
  collectionRoutes(app, mount, needs, { place, of });
}
