/**
 * The states of a work order. Every state may follow every other, since the documents let a client set any; what follows
 * from a change is settled here, in one pure function.
 *
 *   open ⇄ in_progress ⇄ on_hold        being worked on; started_at is set when it is first in progress
 *     └──────────┴──────────┴──▶ completed | skipped | cancelled     ended; completed_at is set on completed alone
 *                                    └── any of the first three: reopened, completed_at is cleared
 */
import { refusals } from '../platform/refusals.ts';

export const statuses = ['open', 'in_progress', 'on_hold', 'completed', 'skipped', 'cancelled'] as const;
export type Status = (typeof statuses)[number];

export type Progress = {
  readonly status: Status;
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
};

/** A new work order before its body is applied to it. */
export const unstarted: Progress = { status: 'open', started_at: null, completed_at: null };

/**
 * The progress after a change at the instant `at`. A client may say itself when the work was completed (T9). Throws
 * validation_failed for a completed_at on a work order that the change does not leave completed, and for taking it away
 * from one that stays so.
 */
export function progressAfter(
  before: Progress,
  change: { status?: Status | undefined; completed_at?: Date | null | undefined },
  at: Date,
): Progress {
  const status = change.status ?? before.status;
  const started_at = before.started_at ?? (status === 'in_progress' ? at : null);
  if (status !== 'completed') {
    if (change.completed_at) throw refusals.invalidBody('/completed_at', 'conflict', `the status is ${status}`);
    return { status, started_at, completed_at: null };
  }
  if (change.completed_at === null) {
    throw refusals.invalidBody('/completed_at', 'conflict', 'a completed work order has one; reopen it instead');
  }
  const first = before.status === 'completed' ? before.completed_at : null;
  return { status, started_at, completed_at: change.completed_at ?? first ?? at };
}
