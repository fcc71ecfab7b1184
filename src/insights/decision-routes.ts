import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import { acknowledge, dismiss, reopen, resolve, snooze, type Which } from './decide.ts';
import { Insight } from './insight.ts';
import { DismissBody, ResolveBody, SnoozeBody } from './insight-body.ts';
import type { OpenWorkOrder } from './work-order-steps.ts';

type Needs = { readonly shell: Shell; readonly openWorkOrder: OpenWorkOrder };

/** How one decision is asked for. */
type Decision<B extends z.ZodType> = {
  readonly name: 'acknowledge' | 'snooze' | 'dismiss' | 'resolve' | 'reopen';
  readonly summary: string;
  readonly description: string;
  readonly body?: B;
  readonly decide: (trx: Db, which: Which, body: z.output<B>) => Promise<Insight>;
};

/** What people decide about an insight. */
export function decisionRoutes(app: RouteScope, mount: Mount, { shell, openWorkOrder }: Needs): void {
  const add = <B extends z.ZodType>({ name, summary, description, body, decide }: Decision<B>) => {
    const operationId = mount.operationId(`${name}Insight`);
    const response = { 200: mount.oneOf(Insight) };
    const described = { operationId, summary, description, tags: ['Insights'], params: mount.memberParams, response };
    const schema = body === undefined ? described : { ...described, body };
    app.post(
      mount.member('insights', `/${name}`),
      { config: { scope: 'insights:write' }, schema, preValidation: takeNothingAsEmpty },
      async (request, reply) =>
        shell.transact(request, reply, async (trx) => {
          const { area, params, headers } = request;
          const { id } = params as { id: string };
          const which = { area, id, ifMatch: headers['if-match'], at: shell.now() };
          return mount.one(await decide(trx, which, request.body as z.output<B>));
        }),
    );
  };
  add({
    name: 'acknowledge',
    summary: 'Say that somebody has seen an insight',
    description: 'Idempotent: who did so first stays. 409 where it has ended.',
    decide: acknowledge,
  });
  add({
    name: 'snooze',
    summary: 'Put an insight aside until an instant',
    description:
      'It wakes by itself, and has then the work order that its rule asked for meanwhile. If the fault ends before it is resolved; if it comes back before, it sleeps on. Idempotent: the same instant twice leaves what it left the first time. 409 where it has ended.',
    body: SnoozeBody,
    decide: snooze,
  });
  add({
    name: 'dismiss',
    summary: 'Decide that an insight is none',
    description:
      'It stays dismissed, also while its rule sees the fault go and come, until it is reopened; its rule opens no work order for it. 409 where it has ended already.',
    body: DismissBody,
    decide: dismiss,
  });
  add({
    name: 'resolve',
    summary: 'Decide that an insight is over',
    description:
      'Its rule may see the fault still: then it stays resolved until the fault has ended and comes back. 409 where it has ended already.',
    body: ResolveBody,
    decide: resolve,
  });
  add({
    name: 'reopen',
    summary: 'Open an insight again that was resolved, dismissed or put aside',
    description:
      'It has then the work order that its rule asked for meanwhile. 409 where it is open, and where late readings have shown that it never was.',
    decide: (trx, which) => reopen(trx, { ...which, openWorkOrder }),
  });
}

/** Whoever has nothing to say need not say so. */
async function takeNothingAsEmpty(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}
