import type { FastifyRequest } from 'fastify';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import type { Caller } from '../api-key.ts';
import { getAuthor } from '../store.ts';
import type { AuditAction, AuditActor, AuditSubject } from './audit-entry.ts';
import { insertAuditEntry } from './audit-store.ts';

/** Who asks for a change of access, where from, and when. */
export type Asking = {
  readonly caller: Caller;
  readonly address: string;
  readonly requestId: string | null;
  readonly at: Date;
};

type State = Readonly<Record<string, unknown>>;

/** A change of access: what was done to whom, and the states between which it lies, without anything secret in them. */
export type AccessChange = {
  readonly action: AuditAction;
  readonly subject: { readonly kind: AuditSubject; readonly id: string; readonly name: string };
  readonly before: State | null;
  readonly after: State | null;
};

/** The asker of a request that has been let in. */
export function askingOf({ area, ip, id }: Pick<FastifyRequest, 'area' | 'ip' | 'id'>, at: Date): Asking {
  return { caller: area.caller, address: ip, requestId: id, at };
}

/**
 * Records a change of access, in the transaction that makes it. Of the two states what differs is kept; a change between two that
 * are alike is none.
 */
export async function recordAccess(trx: Db, { caller, address, requestId, at }: Asking, change: AccessChange) {
  const differing = differingOf(change);
  if (!differing) return;
  const name = await getAuthor(trx, caller);
  const actor: AuditActor =
    caller.keyId === null ? { kind: 'user', id: caller.userId, name } : { kind: 'key', id: caller.keyId, name };
  const { tenantId } = caller;
  await insertAuditEntry(trx, { id: newId(), tenantId, at, actor, address, requestId, ...change, ...differing });
}

type Unasked = {
  readonly tenantId: string;
  readonly at: Date;
  readonly actor: AuditActor;
  readonly address: string | null;
  readonly requestId: string | null;
};

/** What the program does by itself, or somebody who sits at its machine. */
export const bySystem = {
  actor: { kind: 'system', id: null, name: 'faultline' },
  address: null,
  requestId: null,
} as const;

/** The same for what nobody asked who was let in: the program itself, a log-in, a device with a token. */
export async function recordUnasked(trx: Db, by: Unasked, change: AccessChange): Promise<void> {
  const differing = differingOf(change);
  if (differing) await insertAuditEntry(trx, { id: newId(), ...by, ...change, ...differing });
}

/** Of two states the properties that differ; undefined where none does. */
function differingOf({ before, after }: Pick<AccessChange, 'before' | 'after'>) {
  if (before === null || after === null) return { before, after };
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const differing = names.filter(
    (name) => JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null),
  );
  if (differing.length === 0) return undefined;
  const of = (state: State) => Object.fromEntries(differing.map((name) => [name, state[name] ?? null]));
  return { before: of(before), after: of(after) };
}
