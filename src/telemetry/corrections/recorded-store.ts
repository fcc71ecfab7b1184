/** The corrections of a point as taking one of them back needs them: all of them, and what they made of some readings. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import { timestampArray } from '../binary-arrays.ts';
import type { CorrectionAction } from './correction.ts';
import type { Recorded } from './correction-edits.ts';
import { correctionsOf, type EditRow, editColumns, partEdits, toEdit } from './correction-store.ts';

/** Every correction of a point, oldest first (their ids sort so), with its edits of the readings at these instants. */
export async function listRecorded(
  db: Db,
  { tenantId, pointId, timesMs }: { tenantId: string; pointId: string; timesMs: readonly number[] },
): Promise<Recorded[]> {
  const corrections = await correctionsOf(db, tenantId)
    .select(['id', 'action', 'reverts'])
    .where('point_id', '=', pointId)
    .orderBy('id')
    .execute();
  const [from, through] = [instant(timesMs[0] ?? 0), instant(timesMs.at(-1) ?? 0)];
  const { rows } = await sql<EditRow & { id: string }>`
    select correction_id as id, ${editColumns}
    from point_correction_part part, ${partEdits}
    where correction_id in (
        select id from point_correction where tenant_id = ${tenantId} and point_id = ${pointId}
          and first_at <= ${through} and last_at >= ${from})
      and part.first_at <= ${through} and time between ${from} and ${through}
      and time = any(${timestampArray(timesMs)}::timestamptz[])
    order by time`.execute(db);
  const editsOf = Map.groupBy(rows, ({ id }) => id);
  return corrections.map(({ id, action, reverts }) => ({
    id,
    action: action as CorrectionAction,
    reverts,
    edits: (editsOf.get(id) ?? []).map(toEdit),
  }));
}
