/**
 * The door of the API: who is asking, and whether they may.
 *
 *   version ─▶ key or log-in ─▶ rate limits ─▶ scope ─▶ on behalf of the caller's tenant: body ─▶ schema ─▶ handler
 *
 * Who is asking is found with the connections of the tables' owner; whatever follows has those of the caller's tenant alone
 * (platform/row-security.ts).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { requireScope, type Scope } from '../access/api-key.ts';
import { authenticateKey } from '../access/api-keys/authenticate-key.ts';
import { authenticate } from '../access/authenticate.ts';
import type { AccessTokens } from '../access/sessions/access-token.ts';
import type { Db } from '../platform/database.ts';
import type { Shell } from '../platform/mount.ts';
import { inTenant } from '../platform/row-security.ts';
import { checkHygiene } from './hygiene.ts';
import type { CountRequest } from './rate-limits.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key needs for a route under /api/v1, where each names one, or several of which one will do. */
    scope?: Scope | readonly Scope[];
    /** It asks for no key. */
    isOpen?: boolean;
    /** Any key and any person will do. */
    needsNoScope?: boolean;
    /** The key may stand in the query as well, as `key`: for clients that can send no header. */
    isKeyInQuery?: boolean;
  }
}

/** The database as the owner of its tables sees it, and writes as that owner: for what is of no one tenant; and who has logged in. */
export type Owner = { readonly db: Db; readonly shell: Shell; readonly tokens: AccessTokens };

type Needs = {
  readonly owner: Owner;
  /** Which version is asked for; throws unsupported_version. */
  readonly checkVersion: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly countRequest: CountRequest;
};

/** Puts the door before every route of a scope; call it before they are added. */
export function admit(app: FastifyInstance, { owner, checkVersion, countRequest }: Needs): void {
  app.addHook('onRoute', ({ config, url }) => {
    const { scope, isOpen, needsNoScope } = config ?? {};
    if (scope === undefined && !isOpen && !needsNoScope) throw new Error(`the route ${url} names no scope`);
  });
  app.decorateRequest('area');
  app.addHook('onRequest', async (request, reply) => {
    /** Refused before it is known who asks: it counts for its address. */
    const orCounted = <T>(asked: Promise<T>) =>
      asked.catch(async (refusal: unknown) => {
        await countRequest(request, reply);
        throw refusal;
      });
    await orCounted((async () => checkVersion(request, reply))());
    // A cache of others keeps nothing, also where the key is in the query; the client's own asks again, by the ETag.
    reply.header('cache-control', 'private, no-cache');
    const { isOpen, scope } = request.routeOptions.config;
    if (isOpen) return countRequest(request, reply);
    const caller = await orCounted(callerOf(request, owner));
    request.area = { caller, site: null };
    await countRequest(request, reply);
    if (scope !== undefined) requireScope(caller, ...[scope].flat());
  });
  app.addHook('onRequest', goOnInTenant);
  app.addHook('preValidation', async (request) => checkHygiene(request));
}

/** An access token is never taken from a query: it stands for a person, and URLs go through many hands. */
function callerOf({ headers, query, ip, routeOptions }: FastifyRequest, { db, shell, tokens }: Owner) {
  const at = shell.now();
  const { key } = query as { key?: unknown };
  if (routeOptions.config.isKeyInQuery && headers.authorization === undefined && typeof key === 'string') {
    return authenticateKey(db, key, { at, address: ip });
  }
  return authenticate(headers.authorization, { db, tokens, at, address: ip });
}

function goOnInTenant({ area }: FastifyRequest, _reply: FastifyReply, goOn: () => void): void {
  if ((area as FastifyRequest['area'] | undefined) === undefined) goOn();
  else inTenant(area.caller.tenantId, goOn);
}
