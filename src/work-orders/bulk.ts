import { z } from 'zod';
import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { exampleOf, Id } from '../platform/fields.ts';
import { changeWorkOrders, type Outcome, removeWorkOrders } from './change.ts';
import { actionBodies, type WorkOrderChange, WorkOrderChangeOfMany } from './work-order-body.ts';

const idsMax = 200;
const Ids = z
  .array(Id)
  .min(1)
  .max(idsMax)
  .refine((ids) => new Set(ids).size === ids.length, 'must name each once')
  .describe('The work orders that this is about.');

const many = <A extends string, T extends z.ZodType>(action: A, given: T) =>
  z.strictObject({ action: z.literal(action), ids: Ids, with: given });

const nothing = z.strictObject({}).optional();

/** What is to be done with many work orders; `with` is the body that one of them would be sent. */
export const WorkOrderBulk = z
  .discriminatedUnion('action', [
    many('change', WorkOrderChangeOfMany),
    many('assign', actionBodies.assign),
    many('start', nothing),
    many('hold', actionBodies.hold.optional()),
    many('complete', actionBodies.complete.optional()),
    many('cancel', actionBodies.cancel.optional()),
    many('skip', actionBodies.skip.optional()),
    many('reopen', nothing),
    many('delete', nothing),
  ])
  .meta({
    id: 'WorkOrderBulk',
    ...exampleOf({
      action: 'change',
      ids: ['b2c3d4e5-6789-0abc-def1-234567890abc'],
      with: { priority: 'high', assigned_team: 'hvac-east' },
    }),
  });
export type WorkOrderBulk = z.output<typeof WorkOrderBulk>;

/** What became of each of many work orders, in the order in which they were named. */
export const WorkOrderBulkResult = z
  .object({
    done: z.int().describe('How many it was done with.'),
    refused: z.int().describe('How many are as they were.'),
    results: z.array(
      z.object({
        id: Id,
        status: z.int().describe('The status that a request about this one alone would have had.'),
        error: z.string().nullable().describe('Why not: a code of the list at /problems.'),
        message: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'WorkOrderBulkResult' });
export type WorkOrderBulkResult = z.infer<typeof WorkOrderBulkResult>;

/** Does one thing with many work orders, each by itself: one that is refused keeps no other back. Run it in a transaction. */
export async function changeMany(
  trx: Db,
  { area, body, at }: { area: Area; body: WorkOrderBulk; at: Date },
): Promise<WorkOrderBulkResult> {
  const { ids, action } = body;
  const which = { area, ids, at };
  const given: WorkOrderChange = body.with ?? {};
  switch (action) {
    case 'change':
      return resultOf(await changeWorkOrders(trx, which, { body: given }), 200);
    case 'delete':
      return resultOf(await removeWorkOrders(trx, which), 204);
    case 'assign':
    case 'start':
    case 'hold':
    case 'complete':
    case 'cancel':
    case 'skip':
    case 'reopen':
      return resultOf(await changeWorkOrders(trx, which, { body: given, action }), 200);
  }
}

function resultOf(outcomes: readonly Outcome[], success: number): WorkOrderBulkResult {
  const refused = outcomes.filter(({ refusal }) => refusal !== null).length;
  return {
    done: outcomes.length - refused,
    refused,
    results: outcomes.map(({ id, refusal }) => ({
      id,
      status: refusal?.status ?? success,
      error: refusal?.code ?? null,
      message: refusal?.message ?? null,
    })),
  };
}
