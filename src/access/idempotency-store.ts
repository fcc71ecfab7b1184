import type { ExpressionBuilder } from 'kysely';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import type { DB } from '../platform/schema.ts';
import type { IdempotencyClaim, StoredAnswer } from './idempotency.ts';

const keptMs = 24 * 3_600_000;
const abandonedMs = 60_000;

/**
 * Claims a key for the request that brings it. Returns the kept answer when there is one; undefined when the claim was
 * won and the request is to run. Throws idempotency_key_reused for another body, idempotency_in_progress while the first
 * request still runs.
 */
export async function claimIdempotencyKey(db: Db, claim: IdempotencyClaim): Promise<StoredAnswer | undefined> {
  await deleteExpired(db, claim);
  const won = await db
    .insertInto('idempotency_key')
    .values({ ...keyOf(claim), request_sha256: claim.requestSha256, created_at: claim.at })
    .onConflict((conflict) => conflict.doNothing())
    .returning('key')
    .executeTakeFirst();
  if (won) return undefined;
  const first = await rowsOf(db, claim).selectAll().executeTakeFirst();
  if (!first || first.status === null) throw refusals.idempotencyInProgress();
  if (!first.request_sha256.equals(claim.requestSha256)) throw refusals.idempotencyKeyReused();
  return { status: first.status, headers: first.headers as Record<string, string>, body: first.body ?? '' };
}

/** Keeps the answer; run it in the transaction of the write. Throws when the claim was taken over meanwhile. */
export async function finishIdempotencyKey(db: Db, claim: IdempotencyClaim, answer: StoredAnswer): Promise<void> {
  const finished = await db
    .updateTable('idempotency_key')
    .set({ status: answer.status, headers: JSON.stringify(answer.headers), body: answer.body })
    .where((and) => and.and(keyOf(claim)))
    .where('created_at', '=', claim.at)
    .where('status', 'is', null)
    .returning('key')
    .executeTakeFirst();
  if (!finished) throw refusals.idempotencyInProgress();
}

/** Gives a claim back after a refusal or a failure, so that the same key may be tried again. */
export async function releaseIdempotencyKey(db: Db, claim: IdempotencyClaim): Promise<void> {
  await db
    .deleteFrom('idempotency_key')
    .where((and) => and.and(keyOf(claim)))
    .where('created_at', '=', claim.at)
    .where('status', 'is', null)
    .execute();
}

/** Forgets the answers of all tenants that are kept no longer, as of `at`. */
export async function deleteOldIdempotencyKeys(db: Db, at = new Date()): Promise<void> {
  await db
    .deleteFrom('idempotency_key')
    .where('created_at', '<', new Date(at.getTime() - keptMs))
    .execute();
}

/** What this very key was used for a day ago, or was abandoned in. */
async function deleteExpired(db: Db, claim: IdempotencyClaim): Promise<void> {
  const at = claim.at.getTime();
  const isExpired = (or: ExpressionBuilder<DB, 'idempotency_key'>) =>
    or.or([
      or('created_at', '<', new Date(at - keptMs)),
      or.and([or('status', 'is', null), or('created_at', '<', new Date(at - abandonedMs))]),
    ]);
  await db
    .deleteFrom('idempotency_key')
    .where((and) => and.and(keyOf(claim)))
    .where(isExpired)
    .execute();
}

function rowsOf(db: Db, claim: IdempotencyClaim) {
  return db.selectFrom('idempotency_key').where((and) => and.and(keyOf(claim)));
}

function keyOf({ tenantId, key, method, path }: IdempotencyClaim) {
  return { tenant_id: tenantId, key, method, path };
}
