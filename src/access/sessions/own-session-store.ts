import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { OwnSession } from './own-session.ts';
import { refreshLifeMs } from './session.ts';

/** The person whose log-ins are asked for, and the log-in that asks. */
type Own = { readonly tenantId: string; readonly userId: string; readonly currentId: string | null; readonly at: Date };

/** The log-ins of a person that have not ended. */
export async function listOwnSessions(db: Db, own: Own, page: ListRequest): Promise<Rows<OwnSession>> {
  const found = narrowed(sessionsOf(db, own), page);
  const total = await found.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(found.selectAll('session'), page).execute();
  return rowsOf(rows, total, (row) => toSession(row, own));
}

/** One of them, held until the transaction ends. */
export async function lockOwnSession(trx: Db, own: Own, id: string): Promise<OwnSession | undefined> {
  const row = await sessionsOf(trx, own)
    .selectAll('session')
    .where('session.id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && toSession(row, own);
}

function sessionsOf(db: Db, { tenantId, userId, at }: Own) {
  return db
    .selectFrom('session')
    .where('session.tenant_id', '=', tenantId)
    .where('session.user_id', '=', userId)
    .where('session.ended_at', 'is', null)
    .where('session.expires_at', '>', at);
}

type Row = { id: string; address: string; user_agent: string; created_at: Date; expires_at: Date };

/** Each refresh moves the end on, by the time for which a log-in lasts. */
function toSession({ id, address, user_agent, created_at, expires_at }: Row, { currentId }: Own): OwnSession {
  return OwnSession.parse({
    ...{ id, current: id === currentId, address, user_agent },
    created_at: formatInstant(created_at),
    updated_at: formatInstant(new Date(expires_at.getTime() - refreshLifeMs)),
    expires_at: formatInstant(expires_at),
  });
}
