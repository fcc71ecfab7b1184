import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';

/** Which work orders are counted: null is all of them. */
export type Tallied = {
  readonly tenantId: string;
  readonly siteIds: readonly string[] | null;
  readonly statuses: readonly string[] | null;
  readonly priorities: readonly string[] | null;
};

/**
 * How many work orders there are by site, status and priority, without reading them: the sum of the tally that triggers keep
 * (migration 0039), exact for the snapshot of the statement. Counting a million rows takes a tenth of a second, this a
 * thousandth of that. Asked for by itself, or within the statement of a list.
 */
export function tallyOf(db: Db, asked: Tallied) {
  let tally = db.selectFrom('work_order_tally').where('tenant_id', '=', asked.tenantId);
  if (asked.siteIds !== null)
    tally = tally.where('site_id', 'in', sql<string>`(select unnest(${asked.siteIds}::uuid[]))`);
  if (asked.statuses !== null) tally = tally.where('status', 'in', asked.statuses);
  if (asked.priorities !== null) tally = tally.where('priority', 'in', asked.priorities);
  return tally.select(sql<number>`coalesce(sum(difference), 0)::integer`.as('count'));
}
