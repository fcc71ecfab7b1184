import { z } from 'zod';
import { Id, Instant } from '../../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../../../platform/list-query.ts';
import { gapReasons } from '../connection.ts';

const gapStates = ['open', 'filling', 'filled', 'partly', 'lost'] as const;

/** A span in which samples were, or are, missing. */
export const OpcuaGap = z
  .object({
    id: Id,
    connection_id: Id,
    item_id: z.int().nullable().describe('The item that it is of; null: all that the connection reads.'),
    from: Instant.describe("By the server's clock."),
    to: Instant.nullable().describe('Null as long as it lasts.'),
    reason: z
      .enum(gapReasons)
      .describe(
        'program_stopped: nobody read; link_lost: the server had no more of it; overflow: its queue was too short; not_kept: there was no room here; refused: the server would not give it.',
      ),
    state: z
      .enum(gapStates)
      .describe('open and filling: history is still to be asked; filled: it had all; partly, lost: it had not.'),
    detail: z.string().nullable().describe('Why not all of it came.'),
    items_filled: z.int(),
    items_lost: z.int(),
    readings_found: z.int().describe('Values that history had between the bounds.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'OpcuaGap' });
export type OpcuaGap = z.infer<typeof OpcuaGap>;

export const opcuaGapList = listOf({
  name: 'opcua-gaps',
  id: 'opcua_gap.id',
  columns: {
    from: columns.instant('opcua_gap.from_at'),
    to: columns.instant('opcua_gap.to_at', { isNullable: true }),
    ...timestamps('opcua_gap'),
  },
  sort: '-from',
});

export const OpcuaGapQuery = listQuery(opcuaGapList, {
  state: z.enum(gapStates).optional(),
  reason: z.enum(gapReasons).optional(),
});
export type OpcuaGapFilter = Omit<z.infer<typeof OpcuaGapQuery>, ListFields>;
