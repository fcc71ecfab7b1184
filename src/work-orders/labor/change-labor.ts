import type { Area } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import type { Which } from '../../access/collection-routes.ts';
import { findActiveUser } from '../../access/store.ts';
import { changesBetween, type NewEvent } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { parseInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import { addToWorkOrder } from '../count-store.ts';
import { holdOrder, partEvent, requireStanding } from '../parts/part.ts';
import type { HeldWorkOrder } from '../store.ts';
import { type LaborBody, type LaborChange, type LaborEntry, minutesMax, type TimerBody } from './labor-entry.ts';
import {
  deleteEntry,
  type EntryColumns,
  findEntry,
  findRunning,
  insertEntry,
  listRunning,
  updateEntry,
} from './labor-store.ts';
import { minutesBetween, timesOf } from './labor-times.ts';

/** Enters time that somebody has worked; run it in a transaction. Also on a work order that has ended. */
export async function addLabor(trx: Db, where: Writing, body: LaborBody): Promise<LaborEntry> {
  const { area, id: orderId, at } = where;
  const order = await holdOrder(trx, area, orderId);
  const { started_at, ended_at, minutes } = timesOf(body, { timeZone: order.time_zone, at });
  const { note = '', external_id = null, metadata = {} } = body;
  return insert(trx, { ...where, order }, body, {
    ...{ startedAt: started_at, endedAt: ended_at, minutes, note },
    ...{ externalId: external_id, metadata },
  });
}

/** Starts somebody's timer; run it in a transaction. Throws work_order_ended and labor_timer_running. */
export async function startTimer(trx: Db, where: Writing, body: TimerBody): Promise<LaborEntry> {
  const order = await holdOrder(trx, where.area, where.id);
  requireStanding(order);
  return insert(trx, { ...where, order }, body, {
    ...{ startedAt: where.at, endedAt: null, minutes: 0, note: body.note ?? '' },
    ...{ externalId: null, metadata: {} },
  });
}

/** Stops somebody's timer; run it in a transaction. Throws labor_timer_not_running. */
export async function stopTimer(trx: Db, where: Writing, body: TimerBody): Promise<LaborEntry> {
  const { area, id: orderId } = where;
  const order = await holdOrder(trx, area, orderId);
  const userId = workerOf(where, body);
  const id = await findRunning(trx, { tenantId: area.caller.tenantId, orderId }, userId);
  if (id === undefined) throw refusals.laborTimerNotRunning();
  return stop(trx, { ...where, order }, { id, more: body.note ? { note: body.note } : {} });
}

/** Stops the timers on work orders that are about to be deleted, which nobody could do afterwards; run it in that transaction. */
export async function stopTimers(
  trx: Db,
  where: Pick<Writing, 'area' | 'at'>,
  orders: readonly HeldWorkOrder[],
): Promise<void> {
  const which = { tenantId: where.area.caller.tenantId, orderIds: orders.map(({ id }) => id) };
  const running = Map.groupBy(await listRunning(trx, which), ({ orderId }) => orderId);
  for (const order of orders) {
    // They are few: a person has one.
    for (const { id } of running.get(order.id) ?? [])
      await stop(trx, { ...where, id: order.id, order }, { id, more: {} });
  }
}

/** Changes an entry, or stops its timer; run it in a transaction. Throws precondition_failed. */
export async function changeLabor(
  trx: Db,
  where: Writing,
  { id, ifMatch, body }: Which & { body: LaborChange },
): Promise<LaborEntry> {
  const order = await holdOrder(trx, where.area, where.id);
  const before = await getLabor(trx, where, id);
  requireMatch(ifMatch, before.updated_at);
  if (Object.keys(body).length === 0) return before;
  const { note, external_id, metadata } = body;
  const columns = {
    ...timeColumns(before, body, { timeZone: order.time_zone, at: where.at }),
    ...(note === undefined ? {} : { note }),
    ...(external_id === undefined ? {} : { external_id }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  };
  return update(trx, { ...where, order }, { before, columns });
}

/** Removes an entry; run it in a transaction. Throws precondition_failed. */
export async function removeLabor(trx: Db, where: Writing, { id, ifMatch }: Which): Promise<void> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const entry = await getLabor(trx, where, id);
  requireMatch(ifMatch, entry.updated_at);
  await deleteEntry(trx, { tenantId, orderId }, id);
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { labor_minutes: -entry.minutes });
  await appendEvent(trx, eventOf(order, area, { type: 'labor.deleted', entry }));
}

/** One entry. Throws labor_entry_not_found. */
export async function getLabor(db: Db, { area, id: orderId }: Below, id: string) {
  const entry = await findEntry(db, { tenantId: area.caller.tenantId, orderId }, id);
  if (!entry) throw refusals.laborEntryNotFound(id);
  return entry;
}

type Held = Writing & { readonly order: HeldWorkOrder };
type Entered = Omit<Parameters<typeof insertEntry>[2], 'userId' | 'createdBy' | 'at'>;

async function insert(
  trx: Db,
  held: Held,
  given: { user_id?: string | undefined },
  entered: Entered,
): Promise<LaborEntry> {
  const { area, id: orderId, order, at } = held;
  const { tenantId, userId: createdBy } = area.caller;
  const userId = workerOf(held, given);
  if (!(await findActiveUser(trx, tenantId, userId)))
    throw refusals.invalidBody('/user_id', 'not_found', 'there is no such active user');
  const id = await insertEntry(trx, { tenantId, orderId }, { ...entered, userId, createdBy, at });
  if (id === undefined) throw refusals.laborTimerRunning();
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { labor_minutes: entered.minutes });
  const entry = await getLabor(trx, held, id);
  await appendEvent(trx, eventOf(order, area, { type: 'labor.created', entry }));
  return entry;
}

async function stop(trx: Db, held: Held, { id, more }: { id: string; more: EntryColumns }): Promise<LaborEntry> {
  const before = await getLabor(trx, held, id);
  const started_at = new Date(before.started_at);
  // Of two machines the one that stops may have the slower clock.
  const ended_at = held.at < started_at ? started_at : held.at;
  return update(trx, held, { before, columns: { ended_at, minutes: minutesBetween(started_at, ended_at), ...more } });
}

type Update = { readonly before: LaborEntry; readonly columns: EntryColumns };

async function update(trx: Db, held: Held, { before, columns }: Update): Promise<LaborEntry> {
  const { area, id: orderId, order, at } = held;
  const { tenantId } = area.caller;
  await updateEntry(trx, { tenantId, orderId }, { id: before.id, columns, at });
  const entry = await getLabor(trx, held, before.id);
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { labor_minutes: entry.minutes - before.minutes });
  const changes = changesBetween(saidOf(before), saidOf(entry));
  if (changes.length > 0)
    await appendEvent(trx, { ...eventOf(order, area, { type: 'labor.updated', entry }), changes });
  return entry;
}

/** Whose time it is: who is named, or who asks. */
function workerOf({ area }: Pick<Writing, 'area'>, { user_id }: { user_id?: string | undefined }): string {
  const id = user_id ?? area.caller.userId;
  if (id === null) throw refusals.invalidBody('/user_id', 'required', 'is required: the key acts for nobody');
  return id;
}

/** What is not given stays, but for the end where the length changes; a timer that is not stopped runs on. */
function timeColumns(before: LaborEntry, body: LaborChange, clock: { timeZone: string; at: Date }): EntryColumns {
  const { started_at, ended_at, minutes } = body;
  if (started_at === undefined && ended_at === undefined && minutes === undefined) return {};
  if (before.running && ended_at === undefined && minutes === undefined) {
    const start = parseInstant(started_at ?? '', clock.timeZone) ?? clock.at;
    if (start > clock.at) throw refusals.invalidBody('/started_at', 'conflict', 'lies in the future');
    if (minutesBetween(start, clock.at) > minutesMax)
      throw refusals.invalidBody('/started_at', 'conflict', `is more than ${minutesMax} minutes ago`);
    return { started_at: start };
  }
  const end = ended_at ?? (minutes === undefined ? (before.ended_at ?? undefined) : undefined);
  return timesOf({ started_at: started_at ?? before.started_at, ended_at: end, minutes }, clock);
}

function saidOf({ started_at, ended_at, minutes, note, external_id, metadata }: LaborEntry) {
  return { started_at, ended_at, minutes, note, external_id, metadata };
}

type Told = { readonly type: NewEvent['type']; readonly entry: LaborEntry };

function eventOf(order: HeldWorkOrder, area: Area, { type, entry }: Told): NewEvent {
  const { id, user_id, started_at, ended_at, minutes } = entry;
  return partEvent(order, area, { type, data: { id, user_id, started_at, ended_at, minutes } });
}
