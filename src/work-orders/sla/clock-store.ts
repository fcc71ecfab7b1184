import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { standing } from '../status.ts';
import type { WorkOrderState } from '../work-order-events.ts';

/**
 * Holds some work orders, of whatever tenants, about which the clock alone changes something by the instant `at`: their promises, or
 * that they are overdue. Those that somebody else holds are left for the next time, and those that are deleted before they are held.
 */
export function lockDue(trx: Db, { at, limit }: { at: Date; limit: number }): Promise<WorkOrderState[]> {
  return trx
    .selectFrom('work_order')
    .selectAll()
    .where(
      sql<boolean>`id in (
        (select id from work_order where sla_next_at <= ${at} order by sla_next_at limit ${limit})
        union
        (select id from work_order where overdue_at is null and due_at <= ${at} and deleted_at is null
          and status in (${literalStanding}) order by due_at limit ${limit})
      )`,
    )
    .where('deleted_at', 'is', null)
    .orderBy('tenant_id')
    .orderBy('id')
    .forNoKeyUpdate()
    .skipLocked()
    .execute();
}

/** In the text of the statement, so that planning knows it to be the condition of the index. */
const literalStanding = sql.join(standing.map((status) => sql.lit(status)));
