/**
 * The states of a work order. Every state may follow every other, since the documents let a client set any; what follows
 * from a change is settled here, in one pure function.
 *
 *   open ⇄ in_progress ⇄ on_hold        it stands; started_at is set when it is first in progress
 *     └──────────┴──────────┴──▶ completed | skipped | cancelled     ended; completed_at is set on completed alone
 *                                    └── any of the first three: reopened, completed_at and resolution are cleared
 *
 * Actions are stricter than a status that is set: they refuse what makes no sense.
 *
 *   start     open, on_hold ──▶ in_progress             complete, cancel, skip    what stands ──▶ ended
 *   hold      open, in_progress ──▶ on_hold             assign                    what stands, as it is
 *   reopen    ended ──▶ open
 */
import type { RefusalCode } from '../platform/refusal-list.ts';
import { refusals } from '../platform/refusals.ts';

export const statuses = ['open', 'in_progress', 'on_hold', 'completed', 'skipped', 'cancelled'] as const;
export type Status = (typeof statuses)[number];

/** The states of what is still to be done. */
export const standing = ['open', 'in_progress', 'on_hold'] as const satisfies readonly Status[];

/** Whether a work order of this state is still to be done. */
export function stands(status: string): boolean {
  return standing.some((one) => one === status);
}

export const actions = ['assign', 'start', 'hold', 'complete', 'cancel', 'skip', 'reopen'] as const;
export type Action = (typeof actions)[number];

/** The state to which an action leads; none where it leaves that as it is. */
export const statusOf: { readonly [action in Action]?: Status } = {
  start: 'in_progress',
  hold: 'on_hold',
  complete: 'completed',
  cancel: 'cancelled',
  skip: 'skipped',
  reopen: 'open',
};

/** Why an action makes no sense in a state; undefined where it does. */
export function findObstacle(action: Action, status: string): RefusalCode | undefined {
  if (action === 'reopen') return stands(status) ? 'work_order_not_ended' : undefined;
  if (!stands(status)) return 'work_order_ended';
  if (action === 'start' && status === 'in_progress') return 'work_order_in_progress';
  if (action === 'hold' && status === 'on_hold') return 'work_order_on_hold';
  return undefined;
}

export type Progress = {
  readonly status: Status;
  readonly started_at: Date | null;
  /** When it first left the state open. */
  readonly responded_at: Date | null;
  readonly completed_at: Date | null;
  /** Why it is on hold; empty unless it is. */
  readonly hold_reason: string;
  /** What was done, or why it was not. */
  readonly resolution: string;
};

/** A new work order before its body is applied to it. */
export const unstarted: Progress = {
  status: 'open',
  started_at: null,
  responded_at: null,
  completed_at: null,
  hold_reason: '',
  resolution: '',
};

/** What a body says about progress; what it does not name is undefined. */
export type ProgressChange = {
  readonly status?: Status | undefined;
  readonly completed_at?: Date | null | undefined;
  readonly hold_reason?: string | undefined;
  readonly resolution?: string | undefined;
};

/**
 * The progress after a change at the instant `at`. A client may say itself when the work was completed (T9). Throws
 * validation_failed for a completed_at on a work order that the change does not leave completed, for taking it away from
 * one that stays so, and for the reason of a hold on one that is not on hold.
 */
export function progressAfter(before: Progress, change: ProgressChange, at: Date): Progress {
  const status = change.status ?? before.status;
  const started_at = before.started_at ?? (status === 'in_progress' ? at : null);
  const completed_at = completedAfter(before, { ...change, status }, at);
  if (change.hold_reason && status !== 'on_hold') {
    throw refusals.invalidBody('/hold_reason', 'conflict', `the status is ${status}`);
  }
  const isReopened = stands(status) && !stands(before.status);
  return {
    status,
    started_at,
    responded_at: before.responded_at ?? (status === 'open' ? null : (completed_at ?? at)),
    completed_at,
    hold_reason: status === 'on_hold' ? (change.hold_reason ?? before.hold_reason) : '',
    resolution: change.resolution ?? (isReopened ? '' : before.resolution),
  };
}

function completedAfter(before: Progress, change: ProgressChange & { status: Status }, at: Date): Date | null {
  const { status, completed_at } = change;
  if (status !== 'completed') {
    if (completed_at) throw refusals.invalidBody('/completed_at', 'conflict', `the status is ${status}`);
    return null;
  }
  if (completed_at === null) {
    throw refusals.invalidBody('/completed_at', 'conflict', 'a completed work order has one; reopen it instead');
  }
  const first = before.status === 'completed' ? before.completed_at : null;
  return completed_at ?? first ?? at;
}
