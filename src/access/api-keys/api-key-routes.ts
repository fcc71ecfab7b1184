import type { Mount, RouteScope } from '../../platform/mount.ts';
import { askingOf } from '../audit/record-access.ts';
import { type CollectionNeeds, nounRoutes } from '../collection-routes.ts';
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

const tag = 'API keys';
const keys = 'api-keys';

/**
 * API keys: list, make, get, change, revoke, rotate; on the tenant's mount alone. `db` and `shell` are the owner's: a live tenant's keys
 * and those of its test tenant are of two tenants.
 */
export function apiKeyRoutes(app: RouteScope, mount: Mount, needs: CollectionNeeds): void {
  nounRoutes(app, mount, needs, {
    ...{ path: keys, noun: 'ApiKey', nouns: 'ApiKeys', tag },
    scopes: { read: 'api-keys:read', write: 'api-keys:write' },
    shown: ApiKey,
    list: {
      summary: 'List API keys, also those of the test tenant',
      of: apiKeyList,
      query: ApiKeyQuery,
      find: (db, asking, { filter, page }) => listApiKeys(db, asking, filter, page),
    },
    one: { summary: 'Get one API key, without its secret', get: getApiKey, isAlwaysWhole: true },
    creation: {
      summary: 'Make an API key; its secret is shown this once',
      body: ApiKeyCreation,
      secret: ApiKeyWithSecret,
      add: (trx, asking, body) => makeApiKey(trx, body, asking),
    },
    change: {
      summary: 'Change the given properties of an API key',
      body: ApiKeyChange,
      apply: (trx, asking, { body, ...which }) => changeApiKey(trx, body, { asking, ...which }),
    },
    removal: {
      verb: 'revoke',
      summary: 'Revoke an API key, for good; it stays in the list',
      about: 'Idempotent: a key that is revoked stays so.',
      description: 'Revoked.',
      remove: (trx, asking, which) => revokeApiKey(trx, { asking, ...which }),
    },
  });
  rotationRoute(app, mount, needs);
}

function rotationRoute(app: RouteScope, mount: Mount, { shell }: CollectionNeeds): void {
  const rotation = {
    operationId: 'rotateApiKey',
    summary: 'Give an API key another secret, which is shown this once',
    tags: [tag],
    params: mount.memberParams,
    body: ApiKeyRotation,
    response: { 200: mount.oneOf(ApiKeyWithSecret) },
  };
  const config = { scope: 'api-keys:write' } as const;
  app.post(mount.member(keys, '/rotate'), { config, schema: rotation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { params, body } = request;
      const key = await rotateApiKey(trx, body, { asking: askingOf(request, shell.now()), id: params.id });
      return { ...mount.found(key), isSecret: true };
    }),
  );
}
