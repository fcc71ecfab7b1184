import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerIdOf } from '../access/api-key.ts';
import { type IdempotencyClaim, type Keeping, readIdempotencyKey } from '../access/idempotency.ts';
import { claimIdempotencyKey, finishIdempotencyKey, releaseIdempotencyKey } from '../access/idempotency-store.ts';
import type { Db } from '../platform/database.ts';
import { ifNoneMatchNames } from '../platform/etag.ts';
import { jsonOf } from '../platform/json-text.ts';
import type { Answer, Send, Transact } from '../platform/mount.ts';
import { pathOf } from './mounts.ts';

/** Sends an answer, or 304 where the client has this version already. */
export const send: Send = (request, reply, { status, headers, body }) => {
  reply.headers(headers);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (reads && headers.etag !== undefined && ifNoneMatchNames(request.headers['if-none-match'], headers.etag)) {
    return reply.code(304).send();
  }
  if (body === undefined) return reply.code(status).send();
  return sendJson(reply, status, jsonOf(body));
};

function sendJson(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(text);
}

const attemptsMax = 4;

/** Runs writes in transactions, again where PostgreSQL broke one off for a deadlock, and keeps idempotent answers. */
export function createTransact(db: Db, now: () => Date, keeping: Keeping): Transact {
  return async (request, reply, write, queue = (_, work) => work()) => {
    const claim = claimOf(request, now(), keeping);
    if (!claim) return send(request, reply, await queue(request, () => inTransaction(db, write)));
    const kept = await claimIdempotencyKey(db, claim);
    if (kept) {
      const body = keeping.unseal(kept.body, claim);
      reply.headers({ ...kept.headers, 'idempotent-replayed': 'true' });
      return sendJson(reply, kept.status, body);
    }
    try {
      const writeOnce = async (trx: Db) => {
        const written = await write(trx);
        const { status, headers, isSecret = false } = written;
        const text = jsonOf(written.body);
        const body = isSecret ? keeping.seal(text, claim) : text;
        await finishIdempotencyKey(trx, claim, { status, headers, body });
        return written;
      };
      const answer = await queue(request, () => inTransaction(db, writeOnce));
      return send(request, reply, answer);
    } catch (error) {
      // Nothing was written, so the same key may be tried again at once; where even this fails it is free in a minute.
      await releaseIdempotencyKey(db, claim).catch((cause: unknown) =>
        request.log.warn({ err: cause }, 'an idempotency key was not released'),
      );
      throw error;
    }
  };
}

function claimOf(request: FastifyRequest, at: Date, { fingerprint }: Keeping): IdempotencyClaim | undefined {
  if (request.method !== 'POST') return undefined;
  const key = readIdempotencyKey(request.headers['idempotency-key']);
  if (key === undefined) return undefined;
  const { caller } = request.area;
  const { tenantId } = caller;
  const path = pathOf(request.url);
  const requestSha256 = fingerprint(request.bodyBytes, caller);
  return { tenantId, callerId: callerIdOf(caller), key, method: request.method, path, requestSha256, at };
}

/**
 * Serialization failures and deadlocks (PostgreSQL, appendix A, class 40) leave nothing behind and may be repeated. So may a write that
 * met what another has just made (23505) or deleted (23503): when it looks again, it finds that and says so.
 */
const repeatable = ['40001', '40P01', '23505', '23503'];

async function inTransaction(db: Db, write: (trx: Db) => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(write);
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (!repeatable.includes(code) || attempt === attemptsMax) throw error;
    }
  }
}
