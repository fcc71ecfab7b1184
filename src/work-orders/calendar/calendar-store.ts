import { sql } from 'kysely';
import type { Area } from '../../access/api-key.ts';
import { withinSites } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';
import { dateIn, parseDate } from '../../platform/instant.ts';
import type { Status } from '../status.ts';
import type { priorities } from '../work-order.ts';
import type { Due } from './calendar.ts';

type Wanted = {
  /** The first day and the last one, `YYYY-MM-DD`. */
  readonly from: string;
  readonly to: string;
  readonly siteId: string | null;
  readonly assignedTo: string | null;
};

/** A calendar of more would be of use to nobody; of these a text has some megabytes. */
const dueMax = 10_000;
const dayMs = 86_400_000;
/** A date ends at its site's midnight, which is up to 14 hours before that of UTC and 12 after; and then there are days of 25 hours. */
const slackMs = 2 * dayMs;

/**
 * Work orders of the caller's tenant and sites that are open, in progress or cancelled, and due from one day to another, the
 * soonest first and 10,000 at most. An instant is due on the day that it is in the caller's time zone, a date on itself.
 */
export async function listDue(db: Db, { caller }: Area, { from, to, siteId, assignedTo }: Wanted): Promise<Due[]> {
  let orders = db
    .selectFrom('work_order')
    .innerJoin('site', 'site.id', 'work_order.site_id')
    .leftJoin('asset', 'asset.id', 'work_order.asset_id')
    .leftJoin('app_user as assignee', 'assignee.id', 'work_order.assigned_to')
    .select(['work_order.id', 'work_order.number', 'work_order.title', 'work_order.status', 'work_order.priority'])
    .select(['work_order.due_date', 'work_order.due_at', 'work_order.equipment_uri', 'work_order.created_at'])
    .select(['work_order.updated_at', 'asset.name as asset', 'site.name as site', 'assignee.username as assignee'])
    .where('work_order.tenant_id', '=', caller.tenantId)
    .where('work_order.deleted_at', 'is', null)
    .where('work_order.status', 'in', ['open', 'in_progress', 'cancelled'])
    .where(withinSites('work_order.site_id', caller))
    .where('work_order.due_at', '>=', new Date((parseDate(from) ?? 0) - slackMs))
    .where('work_order.due_at', '<', new Date((parseDate(to) ?? 0) + dayMs + slackMs))
    .orderBy('work_order.due_at')
    .orderBy('work_order.id');
  if (siteId !== null) orders = orders.where('work_order.site_id', '=', siteId);
  if (assignedTo !== null) {
    orders = orders.where(
      sql<boolean>`(work_order.assigned_to = ${assignedTo} or ${assignedTo}::uuid = any(work_order.assignees))`,
    );
  }
  const rows = await orders.limit(dueMax).execute();
  return rows
    .map((row) => ({
      id: row.id,
      number: row.number,
      title: row.title,
      status: row.status as Status,
      priority: row.priority as (typeof priorities)[number],
      day: dayOf(row, caller.timeZone),
      equipment: row.asset ?? nameOfUri(row.equipment_uri),
      site: row.site,
      assignee: row.assignee,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    }))
    .filter(({ day }) => from <= day && day <= to);
}

/** The user name of a person of the tenant, active or not. */
export async function findAssignee(db: Db, tenantId: string, id: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('app_user')
    .select('username')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.username;
}

function dayOf({ due_date, due_at }: { due_date: string | null; due_at: Date | null }, timeZone: string): string {
  if (due_date !== null && parseDate(due_date) !== undefined) return due_date;
  return due_at === null ? '' : dateIn(timeZone, due_at);
}

/** What equipment of an external graph is called there: the last part of its URI. */
function nameOfUri(uri: string): string {
  return uri.split(/[#/]/).findLast((part) => part !== '') ?? '';
}
