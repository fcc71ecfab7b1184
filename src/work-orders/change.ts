/**
 * A change of work orders: by PATCH, by an action, of one or of many at once.
 *
 *   their insights are held ─▶ they are held ─▶ each is decided ─▶ written ─▶ told as events ─▶ their insights are settled
 *
 * Held in that order, and by id among themselves, as rules do it, so that nobody waits for ever; before all of them the trees of
 * sub-tasks, where these change. What is decided of one is either
 * columns or a refusal; of many, those that are refused keep nobody else back.
 */
import { type Area, requireSite } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import { endWorkOnInsights, type WorkMove } from '../insights/end-work.ts';
import { lockInsights } from '../insights/insight-event-store.ts';
import { findInsight } from '../insights/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { parseInstant } from '../platform/instant.ts';
import { Refusal } from '../platform/refusal.ts';
import { refusals } from '../platform/refusals.ts';
import { stopTimers } from './labor/change-labor.ts';
import { checkAssignees } from './references.ts';
import { linkColumns } from './relink.ts';
import { findUnmet, settle } from './settle.ts';
import { termsOf } from './sla/promise.ts';
import { nothingPromised, type Promises } from './sla/sla-policy.ts';
import { getPromises } from './sla/sla-policy-store.ts';
import { type Action, findObstacle, stands, statusOf } from './status.ts';
import {
  deleteWorkOrders,
  findWorkOrder,
  type HeldChange,
  type HeldWorkOrder,
  listLinkedInsights,
  listStandingSubtasks,
  listSubtasks,
  lockTrees,
  lockWorkOrders,
  updateWorkOrders,
  type WorkOrderColumns,
} from './store.ts';
import { teamColumns } from './teams/named-team.ts';
import type { WorkOrder } from './work-order.ts';
import type { WorkOrderChange } from './work-order-body.ts';
import { ownColumns } from './work-order-columns.ts';
import { changedEvents, deletedEvent, type WorkOrderState } from './work-order-events.ts';

type Which = { readonly area: Area; readonly ids: readonly string[]; readonly at: Date };

/** What is to become of work orders: an action refuses what makes no sense. */
export type Asked = { readonly body: WorkOrderChange; readonly action?: Action };

type WhichOne = Omit<Which, 'ids'> & { readonly id: string; readonly ifMatch?: string | undefined };

/** What became of one of many; null: it was changed. */
export type Outcome = { readonly id: string; readonly refusal: Refusal | null };

/**
 * Changes one work order; run it in a transaction. Of two changes the second sees the first, and of two with one ETag the second
 * gets precondition_failed. Throws what the work order, its state or its requirements are refused for.
 */
export async function changeWorkOrder(trx: Db, { id, ifMatch, ...which }: WhichOne, asked: Asked): Promise<WorkOrder> {
  const [outcome] = await changeEach(trx, { ...which, ids: [id], ifMatch }, asked);
  if (outcome?.refusal) throw outcome.refusal;
  const changed = await findWorkOrder(trx, which.area, id);
  if (!changed) throw refusals.workOrderNotFound(id);
  return changed.workOrder;
}

/** Changes many in one way, each by itself: what became of them, in the order of the ids. Throws where the body is at fault. */
export function changeWorkOrders(trx: Db, which: Which, asked: Asked): Promise<Outcome[]> {
  return changeEach(trx, { ...which, ifMatch: undefined }, asked);
}

type Held = Which & { readonly ifMatch: string | undefined };

async function changeEach(trx: Db, which: Held, asked: Asked): Promise<Outcome[]> {
  const { area, ids } = which;
  const { action } = asked;
  const status = action === undefined ? asked.body.status : (statusOf[action] ?? asked.body.status);
  const body = status === undefined ? asked.body : { ...asked.body, status };
  const isEmpty = Object.values(body).every((value) => value === undefined);
  const withInsights = body.status !== undefined || body.insight !== undefined;
  if (body.parent) await lockTrees(trx, area.caller.tenantId);
  const held = await hold(trx, which, { withInsights, insight: body.insight });
  const hasIt = (id: string) => held.every((row) => row.assigned_to === id || row.assignees.includes(id));
  if (held.length > 0) await checkAssignees(trx, area, body, hasIt);
  const mayPromiseAnew = [body.priority, body.asset_id, body.equipment_uri].some((value) => value !== undefined);
  const promises = mayPromiseAnew ? await getPromises(trx, area.caller.tenantId) : nothingPromised;
  const team = held.length > 0 ? await teamColumns(trx, area.caller.tenantId, body, held) : {};
  const decisions = await decideAll(trx, which, { held, body, action, promises, team });
  const changes = isEmpty ? [] : [...decisions.values()].filter((decision) => 'columns' in decision);
  const moves = await update(trx, which, changes);
  await settleInsights(trx, which, moves.flatMap(concernedInsights));
  return ids.map((id) => {
    const decision = decisions.get(id);
    if (decision === undefined) return { id, refusal: refusals.workOrderNotFound(id) };
    return { id, refusal: 'refusal' in decision ? decision.refusal : null };
  });
}

/** Writes changes, and tells of them. */
async function update(trx: Db, { area, at }: Which, changes: readonly HeldChange[]): Promise<Move[]> {
  const { tenantId } = area.caller;
  const after = new Map((await updateWorkOrders(trx, { tenantId, at }, changes)).map((row) => [row.id, row]));
  const moves = changes.map(({ before }) => ({ before, after: after.get(before.id) ?? before }));
  const actor = actorOf(area.caller);
  await appendEvents(
    trx,
    moves.flatMap((move) => changedEvents(move.before, move.after, actor)),
  );
  return moves;
}

/** Deletes one work order, under the same conditions as a change. */
export async function removeWorkOrder(trx: Db, { id, ifMatch, ...which }: WhichOne): Promise<void> {
  const [outcome] = await removeEach(trx, { ...which, ids: [id], ifMatch });
  if (outcome?.refusal) throw outcome.refusal;
}

/** Deletes many, each by itself. Their sub-tasks stand by themselves from then on, and their timers have ended. */
export function removeWorkOrders(trx: Db, which: Which): Promise<Outcome[]> {
  return removeEach(trx, { ...which, ifMatch: undefined });
}

async function removeEach(trx: Db, which: Held): Promise<Outcome[]> {
  const { area, ids, at } = which;
  const { tenantId } = area.caller;
  await lockTrees(trx, tenantId);
  const subtaskIds = await listSubtasks(trx, { tenantId, ids });
  const anywhere = { ...which, area: { ...area, site: null }, ids: [...ids, ...subtaskIds] };
  const rows = await hold(trx, anywhere, { withInsights: true });
  const named = new Set(ids);
  const held = rows.filter(({ id, site_id }) => named.has(id) && (area.site === null || site_id === area.site.id));
  const refused = new Map(held.map((row) => [row.id, findRefusal(() => checkAllowed(which, row))]));
  const gone = held.filter(({ id }) => refused.get(id) === null);
  await stopTimers(trx, which, gone);
  const goneIds = gone.map(({ id }) => id);
  await deleteWorkOrders(trx, { tenantId, ids: goneIds, at });
  const left = rows.filter(({ id, parent_id }) => goneIds.includes(parent_id ?? '') && !goneIds.includes(id));
  const actor = actorOf(area.caller);
  await appendEvents(
    trx,
    gone.map((row) => deletedEvent(row, actor)),
  );
  const freed = left.map((before) => ({ before, columns: { parent_id: null } }));
  await update(trx, which, freed);
  await settleInsights(
    trx,
    which,
    gone.flatMap(({ insight_id: id }) => (id ? [{ id }] : [])),
  );
  return ids.map((id) => {
    const refusal = refused.get(id);
    return { id, refusal: refusal === undefined ? refusals.workOrderNotFound(id) : refusal };
  });
}

/** Holds the insights of work orders and the one that they are to be linked to, if that is asked for, and then the work orders. */
async function hold(
  trx: Db,
  { area, ids }: Which,
  { withInsights, insight }: { withInsights: boolean; insight?: string | null | undefined },
): Promise<HeldWorkOrder[]> {
  if (!withInsights) return lockWorkOrders(trx, area, ids);
  const linked = await listLinkedInsights(trx, { tenantId: area.caller.tenantId, ids });
  const given = insight ? await findInsight(trx, area, insight) : undefined;
  const insightIds = given ? [...linked, given.insight.id] : linked;
  await lockInsights(trx, { ids: insightIds });
  const held = await lockWorkOrders(trx, area, ids);
  if (held.some(({ insight_id: id }) => id !== null && !insightIds.includes(id))) throw new LinkedMeanwhile();
  return held;
}

/** Somebody linked an insight that is not held before the work order was; the transaction is to run again (class 40 of PostgreSQL's codes). */
class LinkedMeanwhile extends Error {
  override readonly name = 'LinkedMeanwhile';
  readonly code = '40001';
}

type Decision =
  | { readonly before: WorkOrderState; readonly columns: WorkOrderColumns }
  | { readonly before: WorkOrderState; readonly refusal: Refusal };

type Deciding = {
  readonly held: readonly HeldWorkOrder[];
  readonly body: WorkOrderChange;
  readonly action: Action | undefined;
  readonly promises: Promises;
  /** The team that the body names. */
  readonly team: WorkOrderColumns;
};

/** Sub-tasks are decided before their parents, which may end with them. */
async function decideAll(trx: Db, which: Held, deciding: Deciding): Promise<Map<string, Decision>> {
  const { held, body } = deciding;
  const { tenantId } = which.area.caller;
  const ids = held.map(({ id }) => id);
  const isEnding = body.status === 'completed' && held.length > 0;
  const subtasks = isEnding ? await listStandingSubtasks(trx, { tenantId, ids }) : [];
  const children = Map.groupBy(subtasks, ({ parentId }) => parentId);
  const byId = new Map(held.map((row) => [row.id, row]));
  const decisions = new Map<string, Decision>();
  const decideOne = async (before: HeldWorkOrder): Promise<void> => {
    if (decisions.has(before.id)) return;
    let openSubtasks = 0;
    for (const { id } of children.get(before.id) ?? []) {
      const child = byId.get(id);
      if (child) await decideOne(child);
      const decision = decisions.get(id);
      if (decision === undefined || 'refusal' in decision) openSubtasks += 1;
    }
    decisions.set(before.id, await decide(trx, which, { ...deciding, before, openSubtasks }));
  };
  for (const before of held) await decideOne(before);
  return decisions;
}

type DecidingOne = Omit<Deciding, 'held'> & { readonly before: HeldWorkOrder; readonly openSubtasks: number };

async function decide(trx: Db, which: Held, deciding: DecidingOne): Promise<Decision> {
  const { before } = deciding;
  try {
    checkAllowed(which, before);
    return { before, columns: await columnsOf(trx, which, deciding) };
  } catch (error) {
    if (error instanceof Refusal) return { before, refusal: error };
    throw error;
  }
}

async function columnsOf(
  trx: Db,
  { area, at }: Held,
  { before, body, action, promises, team, openSubtasks }: DecidingOne,
): Promise<WorkOrderColumns> {
  const obstacle = action && findObstacle(action, before.status);
  if (obstacle !== undefined) throw refusals.workOrderState(obstacle, before.status);
  const links = await linkColumns(trx, area, { before, body });
  const timeZone = links.timeZone ?? before.time_zone;
  const own = { ...links.columns, ...ownColumns(body, before, timeZone), ...team };
  const { status, hold_reason, resolution, completed_at: text } = body;
  const completed_at = text == null ? text : parseInstant(text, timeZone);
  const isPromisedAnew = body.priority !== undefined || links.timeZone !== undefined;
  const terms =
    isPromisedAnew && stands(status ?? before.status)
      ? termsOf(promises, {
          priority: body.priority ?? before.priority,
          createdAt: before.created_at,
          timeZone,
        })
      : undefined;
  const columns = settle(before, own, { change: { status, hold_reason, resolution, completed_at }, terms, at });
  const isCompleted = columns.status === 'completed' && before.status !== 'completed';
  const [first, ...others] = isCompleted ? findUnmet({ ...before, ...columns }, { openSubtasks }) : [];
  if (first !== undefined) throw refusals.requirementsUnmet([first, ...others], `The work order ${before.id}`);
  return columns;
}

function checkAllowed({ area, ifMatch }: Held, row: HeldWorkOrder): void {
  requireSite(area.caller, row.site_id);
  requireMatch(ifMatch, row.updated_at);
}

function findRefusal(check: () => void): Refusal | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

type Move = { readonly before: WorkOrderState; readonly after: WorkOrderState };

/** The insights that may have to follow: work on one has ended, otherwise than before or at all, or begun again, or it was linked or unlinked. */
function concernedInsights({ before, after }: Move): WorkMove[] {
  const isMoved = before.status !== after.status && !(stands(before.status) && stands(after.status));
  const isRelinked = before.insight_id !== after.insight_id;
  const isTakenBack = before.status === 'completed' || stands(after.status);
  const moved = { isDone: after.status === 'completed', isTakenBack };
  return [
    ...(isMoved && after.insight_id ? [{ id: after.insight_id, ...moved }] : []),
    ...(isRelinked && before.insight_id ? [{ id: before.insight_id }] : []),
    ...(isRelinked && after.insight_id ? [{ id: after.insight_id, isLinked: true }] : []),
  ];
}

async function settleInsights(trx: Db, { area, at }: Which, moves: readonly WorkMove[]): Promise<void> {
  const { caller } = area;
  await endWorkOnInsights(trx, { tenantId: caller.tenantId, moves, actor: actorOf(caller), at });
}
