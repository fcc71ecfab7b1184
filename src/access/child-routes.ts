/**
 * Collections below each member of another one, such as the tasks of work orders: listed, shown, added, changed and removed alike
 * on every mount. Each says what it is called, what is shown of one, and what is done with it.
 */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Db } from '../platform/database.ts';
import type { List, ListFields } from '../platform/list-query.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { ListRequest, PageQuery, Paging, Rows } from '../platform/paging.ts';
import type { Area, Scope } from './api-key.ts';
import { readerOf } from './listing.ts';

/** What children belong to. Who may read it reads them, and who may write it writes them. */
export type Parent = {
  /** The collection of its routes: `work-orders`. */
  readonly collection: string;
  readonly tag: string;
  readonly scopes: { readonly read: Scope; readonly write: Scope };
  /** Throws where there is none for the caller: not found, or site_forbidden. */
  find(db: Db, area: Area, id: string): Promise<unknown>;
};

/** Below which parent, by its id, and for whom. */
export type Below = { readonly area: Area; readonly id: string };
/** The same of what is written, and when. */
export type Writing = Below & { readonly at: Date };
/** Which child, and which version of it the caller knows. */
export type Which = { readonly id: string; readonly ifMatch: string | undefined };

type Named = {
  readonly parent: Parent;
  /** Below that of the parent: `/tasks`. */
  readonly path: string;
  /** What the id of one is called in paths: `task_id`. */
  readonly idName: string;
  /** In ids of operations, of one and of many: `Task`, `Tasks`. */
  readonly noun: string;
  readonly nouns: string;
};

type Versioned = Parameters<Mount['one']>[0];
type Asked = PageQuery & { sort?: string | undefined; q?: string | undefined };

type Read<Query extends Asked, Shown extends Versioned> = Named & {
  readonly shown: z.ZodType<Shown>;
  readonly list: {
    readonly summary: string;
    readonly of: List;
    readonly query: z.ZodType<Query>;
    find(db: Db, below: Below, asked: { filter: Omit<Query, ListFields>; page: ListRequest }): Promise<Rows<Shown>>;
  };
  readonly one: {
    readonly summary: string;
    /** Throws where there is none. */
    get(db: Db, below: Below, id: string): Promise<Shown>;
  };
};

type Written<Shown extends Versioned, Body, Change> = Named & {
  readonly shown: z.ZodType<Shown>;
  /** Absent: they come otherwise, as files do. */
  readonly creation?: {
    readonly summary: string;
    /** What the document says beside; absent: what it says of any POST. */
    readonly about?: string;
    readonly body: z.ZodType<Body>;
    add(trx: Db, writing: Writing, body: Body): Promise<Shown>;
  };
  /** Absent: they never change. */
  readonly change?: {
    readonly summary: string;
    readonly body: z.ZodType<Change>;
    apply(trx: Db, writing: Writing, which: Which & { readonly body: Change }): Promise<Shown>;
  };
  readonly removal: {
    readonly summary: string;
    /** What the document says of 204; `Deleted.` if absent. */
    readonly description?: string;
    remove(trx: Db, writing: Writing, which: Which): Promise<void>;
  };
};

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** GET of the list and of one, POST, PATCH and DELETE, as far as these children have them. */
export function childRoutes<Query extends Asked, Shown extends Versioned, Body, Change>(
  app: RouteScope,
  mount: Mount,
  needs: Needs,
  children: Read<Query, Shown> & Written<Shown, Body, Change>,
): void {
  readingRoutes(app, mount, needs, children);
  writingRoutes(app, mount, needs, children);
}

function readingRoutes<Query extends Asked, Shown extends Versioned>(
  app: RouteScope,
  mount: Mount,
  { db, paging, shell }: Needs,
  { parent, path, idName, noun, nouns, shown, list, one }: Read<Query, Shown>,
): void {
  const child = mount.child(parent.collection, path, idName);
  const config = { scope: parent.scopes.read };
  // The routes of an argument's schema cannot name what it gives; nor those of its bodies below.
  const querystring: z.ZodType = list.query;
  const listing = {
    operationId: mount.operationId(`list${nouns}`),
    summary: list.summary,
    tags: [parent.tag],
    params: child.listParams,
    querystring,
    response: { 200: mount.pageOf(shown) },
  };
  app.get(child.list, { config, schema: listing }, async (request, reply) => {
    const { area, params } = request;
    await parent.find(db, area, params.id);
    const { page, filter } = paging.list(list.of, request.query as Query, readerOf(area, params.id));
    const rows = await list.find(db, { area, id: params.id }, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const getting = {
    operationId: mount.operationId(`get${noun}`),
    summary: one.summary,
    tags: [parent.tag],
    params: child.memberParams,
    response: { 200: mount.oneOf(shown) },
  };
  app.get(child.member(), { config, schema: getting }, async (request, reply) => {
    const { area, params } = request;
    await parent.find(db, area, params.id);
    return shell.send(request, reply, mount.one(await one.get(db, { area, id: params.id }, childIdOf(params, idName))));
  });
}

type Given<Params> = Pick<FastifyRequest, 'area' | 'headers'> & { readonly params: Params };

function writingRoutes<Shown extends Versioned, Body, Change>(
  app: RouteScope,
  mount: Mount,
  { shell }: Needs,
  { parent, path, idName, noun, shown, creation, change, removal }: Written<Shown, Body, Change>,
): void {
  const child = mount.child(parent.collection, path, idName);
  const config = { scope: parent.scopes.write };
  const common = (verb: string, { summary }: { summary: string }) => ({
    operationId: mount.operationId(`${verb}${noun}`),
    summary,
    tags: [parent.tag],
  });
  const whereOf = ({ area, params }: Given<{ id: string }>): Writing => ({ area, id: params.id, at: shell.now() });
  const whichOf = ({ params, headers }: Given<Record<string, string>>): Which => ({
    id: childIdOf(params, idName),
    ifMatch: headers['if-match'],
  });
  if (creation) {
    const body: z.ZodType = creation.body;
    const schema = {
      ...common('create', creation),
      ...(creation.about === undefined ? {} : { description: creation.about }),
      params: child.listParams,
      body,
      response: { 201: mount.oneOf(shown) },
    };
    app.post(child.list, { config, schema }, async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        return mount.created(request, await creation.add(trx, whereOf(request), request.body as Body));
      }),
    );
  }
  if (change) {
    const body: z.ZodType = change.body;
    const schema = {
      ...common('change', change),
      params: child.memberParams,
      body,
      response: { 200: mount.oneOf(shown) },
    };
    app.patch(child.member(), { config, schema }, async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const which = { ...whichOf(request), body: request.body as Change };
        return mount.one(await change.apply(trx, whereOf(request), which));
      }),
    );
  }
  const response = { 204: { description: removal.description ?? 'Deleted.' } };
  const schema = { ...common('delete', removal), params: child.memberParams, response };
  app.delete(child.member(), { config, schema }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      await removal.remove(trx, whereOf(request), whichOf(request));
      return deleted;
    }),
  );
}

/** The id of a child, which the schema of its path has required. */
export function childIdOf(params: Readonly<Record<string, string>>, idName: string): string {
  return params[idName] as string;
}
