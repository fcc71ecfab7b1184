/**
 * The mount at the root (Runn's form): lists of `{values, nextCursor}`, a version in every request, since the path has none, and
 * a number for an id wherever one is asked for.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FastifyZodOpenApiTypeProvider } from 'fastify-zod-openapi';
import { userRoutes } from '../access/people/user-routes.ts';
import { findUserByNumber } from '../access/user-number-store.ts';
import type { Db } from '../platform/database.ts';
import type { RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { admit, type Owner } from './admission.ts';
import { createRootMount } from './mounts.ts';
import type { CountRequest } from './rate-limits.ts';
import { type ApiVersion, createVersionCheck } from './versions.ts';

type Given = {
  readonly db: Db;
  readonly shell: Shell;
  readonly owner: Owner;
  readonly countRequest: CountRequest;
  readonly paging: Paging;
  readonly publicUrl: string;
  readonly versions: readonly ApiVersion[];
};

/** Everything at the root that is of a tenant. */
export function rootMount(app: FastifyInstance, given: Given, done: () => void): void {
  const { owner, countRequest, versions, publicUrl, shell } = given;
  admit(app, {
    owner,
    countRequest,
    checkVersion: createVersionCheck({ versions, now: shell.now, isMandatory: true }),
  });
  const mount = createRootMount(publicUrl);
  byNumber(app, { ...given, find: findUserByNumber, notFound: refusals.userNotFound }, (scope, needs) =>
    userRoutes(scope, mount, { ...needs, collection: 'people' }),
  );
  done();
}

type Numbered = Given & {
  readonly find: (db: Db, tenantId: string, number: number) => Promise<string | undefined>;
  readonly notFound: (id: string) => Error;
};

/** Routes of a noun whose handlers see ids alone, whichever of the two a path has. */
function byNumber<N extends Numbered>(
  app: FastifyInstance,
  needs: N,
  routes: (scope: RouteScope, needs: N) => void,
): void {
  app.register((scope, _options, done) => {
    scope.addHook('preHandler', async (request: FastifyRequest) => {
      const params = request.params as { id?: string };
      if (params.id === undefined || !/^\d+$/.test(params.id)) return;
      const id = await needs.find(needs.db, request.area.caller.tenantId, Number(params.id));
      if (id === undefined) throw needs.notFound(params.id);
      params.id = id;
    });
    routes(scope.withTypeProvider<FastifyZodOpenApiTypeProvider>(), needs);
    done();
  });
}
