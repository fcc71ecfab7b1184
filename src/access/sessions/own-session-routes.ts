import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Caller, callerIdOf } from '../api-key.ts';
import { type Asking, askingOf, recordAccess } from '../audit/record-access.ts';
import { readerOf } from '../listing.ts';
import { getAuthor } from '../store.ts';
import { OwnSession, SessionQuery, sessionList } from './own-session.ts';
import { listOwnSessions, lockOwnSession } from './own-session-store.ts';
import { endSessions } from './session-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Log-in'];
const anybody = { needsNoScope: true } as const;

/** Where a person is logged in: `/auth/sessions`, on the tenant's mount alone. */
export function ownSessionRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listOwnSessions',
    summary: 'List the log-ins of the person who asks, newest first',
    description: 'Safe: it changes nothing. A key is of no log-in, and has none.',
    tags,
    querystring: SessionQuery,
    response: { 200: mount.pageOf(OwnSession) },
  };
  app.get(mount.list('auth/sessions'), { config: anybody, schema: list }, async (request, reply) => {
    const { caller } = request.area;
    const { page } = paging.list(sessionList, request.query, readerOf(request.area, callerIdOf(caller)));
    const rows = await listOwnSessions(db, ownOf(caller, shell.now()), page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const removal = {
    operationId: 'endOwnSession',
    summary: 'End a log-in of the person who asks, with all its tokens, at once',
    description: 'Idempotent: what has ended stays so; the second answer is 404.',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Ended.' } },
  };
  app.delete(mount.member('auth/sessions'), { config: anybody, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { headers, params } = request;
      await endOwnSession(trx, askingOf(request, shell.now()), { id: params.id, ifMatch: headers['if-match'] });
      return deleted;
    }),
  );
}

type Which = { readonly id: string; readonly ifMatch: string | undefined };

/** Ends a log-in of the person who asks, in the caller's transaction. Throws session_not_found and precondition_failed. */
async function endOwnSession(trx: Db, asking: Asking, { id, ifMatch }: Which): Promise<void> {
  const { caller, at } = asking;
  const session = await lockOwnSession(trx, ownOf(caller, at), id);
  if (!session) throw refusals.sessionNotFound(id);
  requireMatch(ifMatch, session.updated_at);
  const { tenantId } = caller;
  const userId = callerIdOf(caller);
  await endSessions(trx, { tenantId, userId, sessionId: session.id, at, because: 'logged_out' });
  const subject = { kind: 'user', id: userId, name: await getAuthor(trx, caller) } as const;
  await recordAccess(trx, asking, { action: 'session.ended', subject, before: null, after: null });
}

/** A key is nobody who logs in, so that none is found under its id. */
function ownOf(caller: Caller, at: Date) {
  return { tenantId: caller.tenantId, userId: callerIdOf(caller), currentId: caller.sessionId, at };
}
