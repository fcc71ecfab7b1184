/**
 * What follows from a change of a work order, whoever makes it: its progress, how the promises about it stand, whether it is overdue.
 * Pure; the instant is an argument.
 */
import type { RefusalCode } from '../platform/refusal-list.ts';
import { statusAt, type Terms } from './sla/promise.ts';
import { type ProgressChange, progressAfter, type Status, stands } from './status.ts';
import type { WorkOrderColumns } from './store.ts';
import type { WorkOrderState } from './work-order-events.ts';

/** What of a work order decides what follows. */
export type Settling = Terms &
  Pick<
    WorkOrderState,
    | 'status'
    | 'started_at'
    | 'responded_at'
    | 'completed_at'
    | 'hold_reason'
    | 'resolution'
    | 'due_at'
    | 'requires_signature'
    | 'requires_photo'
    | 'signature_count'
    | 'photo_count'
    | 'task_missing_count'
  >;

type Given = {
  readonly change: ProgressChange;
  /** Other promises than before; absent: the same. */
  readonly terms?: Terms | undefined;
  readonly at: Date;
};

/** The columns of a change, and with them those that follow. Throws validation_failed as progressAfter does. */
export function settle(before: Settling, columns: WorkOrderColumns, { change, terms, at }: Given): WorkOrderColumns {
  const progress = progressAfter({ ...before, status: before.status as Status }, change, at);
  const after = { ...before, ...columns, ...progress, ...terms };
  const isOver = !stands(before.status) && !stands(after.status);
  const isSame = after.completed_at === null || before.completed_at?.getTime() === after.completed_at.getTime();
  const overdue_at = stands(after.status) && after.due_at !== null && after.due_at <= at ? after.due_at : null;
  // What ended keeps the state of its promises, unless it turns out to have been completed at another time.
  if (isOver && isSame) return { ...columns, ...progress, overdue_at };
  const endedAt = stands(after.status) ? null : (after.completed_at ?? at);
  const { status, nextAt } = statusAt(after, { responded_at: after.responded_at, endedAt }, at);
  return { ...columns, ...progress, ...terms, overdue_at, sla_status: status, sla_next_at: nextAt };
}

/** What a work order lacks to be completed. */
export function findUnmet(after: Settling, { openSubtasks }: { openSubtasks: number }): RefusalCode[] {
  const unmet: [boolean, RefusalCode][] = [
    [after.requires_signature && after.signature_count === 0, 'signature_required'],
    [after.requires_photo && after.photo_count === 0, 'photo_required'],
    [after.task_missing_count > 0, 'checklist_incomplete'],
    [openSubtasks > 0, 'subtasks_open'],
  ];
  return unmet.filter(([isUnmet]) => isUnmet).map(([, code]) => code);
}

/** A work order of which nothing is known yet. */
export const unsettled: Settling = {
  status: 'open',
  started_at: null,
  responded_at: null,
  completed_at: null,
  hold_reason: '',
  resolution: '',
  due_at: null,
  requires_signature: false,
  requires_photo: false,
  signature_count: 0,
  photo_count: 0,
  task_missing_count: 0,
  sla_response_risk_at: null,
  sla_response_due_at: null,
  sla_risk_at: null,
  sla_due_at: null,
};
