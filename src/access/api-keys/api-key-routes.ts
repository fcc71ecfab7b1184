import type { Db } from '../../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell, sendWhole } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { askingOf } from '../audit/record-access.ts';
import { readerOf } from '../listing.ts';
import { listApiKeys } from './api-key-store.ts';
import { changeApiKey, getApiKey, makeApiKey, revokeApiKey, rotateApiKey } from './issue-key.ts';
import {
  ApiKey,
  ApiKeyChange,
  ApiKeyCreation,
  ApiKeyQuery,
  ApiKeyRotation,
  ApiKeyWithSecret,
  apiKeyList,
} from './issued-key.ts';

/** `db` and `shell` are the owner's: a live tenant's keys and those of its test tenant are of two tenants. */
type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['API keys'];
const read = { scope: 'api-keys:read' } as const;
const write = { scope: 'api-keys:write' } as const;
const keys = 'api-keys';

/** API keys: list, make, get, change, revoke, rotate; on the tenant's mount alone. */
export function apiKeyRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  makingRoutes(app, mount, needs);
  changingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listApiKeys',
    summary: 'List API keys, also those of the test tenant',
    tags,
    querystring: ApiKeyQuery,
    response: { 200: mount.pageOf(ApiKey) },
  };
  app.get(mount.list(keys), { config: read, schema: list }, async (request, reply) => {
    const { caller } = request.area;
    const { page, filter } = paging.list(apiKeyList, request.query, readerOf(request.area));
    const rows = await listApiKeys(db, { caller, at: shell.now() }, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getApiKey',
    summary: 'Get one API key, without its secret',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(ApiKey) },
  };
  app.get(mount.member(keys), { config: read, schema: one }, async (request, reply) => {
    const asking = { caller: request.area.caller, at: shell.now() };
    return sendWhole(shell, { request, reply }, mount.one(await getApiKey(db, asking, request.params.id)));
  });
}

function makingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: 'createApiKey',
    summary: 'Make an API key; its secret is shown this once',
    tags,
    body: ApiKeyCreation,
    response: { 201: mount.oneOf(ApiKeyWithSecret) },
  };
  app.post(mount.list(keys), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const key = await makeApiKey(trx, request.body, askingOf(request, shell.now()));
      return { ...mount.created(request, key), isSecret: true };
    }),
  );
  const rotation = {
    operationId: 'rotateApiKey',
    summary: 'Give an API key another secret, which is shown this once',
    tags,
    params: mount.memberParams,
    body: ApiKeyRotation,
    response: { 200: mount.oneOf(ApiKeyWithSecret) },
  };
  app.post(mount.member(keys, '/rotate'), { config: write, schema: rotation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { params, body } = request;
      const key = await rotateApiKey(trx, body, { asking: askingOf(request, shell.now()), id: params.id });
      return { ...mount.found(key), isSecret: true };
    }),
  );
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const change = {
    operationId: 'changeApiKey',
    summary: 'Change the given properties of an API key',
    tags,
    params: mount.memberParams,
    body: ApiKeyChange,
    response: { 200: mount.oneOf(ApiKey) },
  };
  app.patch(mount.member(keys), { config: write, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { params, headers, body } = request;
      const which = { asking: askingOf(request, shell.now()), id: params.id, ifMatch: headers['if-match'] };
      return mount.one(await changeApiKey(trx, body, which));
    }),
  );
  const removal = {
    operationId: 'revokeApiKey',
    summary: 'Revoke an API key, for good; it stays in the list',
    description: 'Idempotent: a key that is revoked stays so.',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Revoked.' } },
  };
  app.delete(mount.member(keys), { config: write, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { params, headers } = request;
      const which = { asking: askingOf(request, shell.now()), id: params.id, ifMatch: headers['if-match'] };
      await revokeApiKey(trx, which);
      return deleted;
    }),
  );
}
