import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import { changeWorkOrder } from './change.ts';
import type { Action } from './status.ts';
import { WorkOrder } from './work-order.ts';
import { actionBodies, type WorkOrderChange } from './work-order-body.ts';

const tags = ['Work orders'];
const write = { scope: 'work-orders:write' } as const;

type Described = {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  /** None: whatever is sent along is not read. */
  readonly body?: z.ZodType<WorkOrderChange>;
};

const once = 'Repeatable with an Idempotency-Key for 24 hours; without one, the second time is refused with 409.';

/** What people do with a work order; each refuses with 409 what makes no sense in the state that it has. */
const described: Readonly<Record<Action, Described>> = {
  assign: {
    operationId: 'assignWorkOrder',
    summary: 'Give a work order to people or a team',
    description: 'Who is not named stays. Idempotent: the same assignment twice leaves what it left the first time.',
    body: actionBodies.assign,
  },
  start: {
    operationId: 'startWorkOrder',
    summary: 'Begin a work order, or go on with one that was on hold',
    description: `The status becomes in_progress. ${once}`,
  },
  hold: {
    operationId: 'holdWorkOrder',
    summary: 'Put a work order on hold',
    description: `The status becomes on_hold. ${once}`,
    body: actionBodies.hold,
  },
  complete: {
    operationId: 'completeWorkOrder',
    summary: 'Complete a work order',
    description: `The status becomes completed, unless something that it requires is missing. Of many at once one completes it. ${once}`,
    body: actionBodies.complete,
  },
  cancel: {
    operationId: 'cancelWorkOrder',
    summary: 'Cancel a work order',
    description: `The status becomes cancelled. ${once}`,
    body: actionBodies.cancel,
  },
  skip: {
    operationId: 'skipWorkOrder',
    summary: 'Skip a work order',
    description: `The status becomes skipped. ${once}`,
    body: actionBodies.skip,
  },
  reopen: {
    operationId: 'reopenWorkOrder',
    summary: 'Reopen a work order that has ended',
    description: `The status becomes open. ${once}`,
  },
};

/** POST /work-orders/{id}/assign, /start, /hold, /complete, /cancel, /skip, /reopen. */
export function actionRoutes(app: RouteScope, mount: Mount, { shell }: { readonly shell: Shell }): void {
  for (const [action, { operationId, body, ...words }] of Object.entries(described) as [Action, Described][]) {
    const schema = {
      ...words,
      operationId: mount.operationId(operationId),
      tags,
      params: mount.memberParams,
      ...(body ? { body } : {}),
      response: { 200: mount.oneOf(WorkOrder) },
    };
    app.post(
      mount.member('work-orders', `/${action}`),
      { config: write, schema, preValidation: takeNothingAsEmpty },
      async (request, reply) =>
        shell.transact(request, reply, async (trx) => {
          const { area, params, headers } = request;
          const given = body ? (request.body as WorkOrderChange) : {};
          const which = { area, id: params.id, ifMatch: headers['if-match'], at: shell.now() };
          return mount.one(await changeWorkOrder(trx, which, { body: given, action }));
        }),
    );
  }
}

/** Whoever has nothing to say need not say so. */
async function takeNothingAsEmpty(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}
