import type { NewEvent } from '../events/event.ts';
import type { OpenInsight, WorkOrderRequest } from '../insights/apply.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { findActiveUserByName } from './assignee-store.ts';
import { settle, unsettled } from './settle.ts';
import { termsOf } from './sla/promise.ts';
import { getPromises } from './sla/sla-policy-store.ts';
import { findTimeZone, insertWorkOrder } from './store.ts';
import { teamColumns } from './teams/named-team.ts';
import { types } from './work-order.ts';
import { createdEvent } from './work-order-events.ts';

const titleMax = 500;

/**
 * Opens the work order that a rule asks for, linked to its insight, in the rule's own transaction; at most one an insight. The tenant's
 * promises hold for it as for any other. Returns what is to be told of it.
 */
export async function openForInsight(trx: Db, insight: OpenInsight, request: WorkOrderRequest): Promise<NewEvent[]> {
  const { tenantId, siteId } = insight;
  const at = new Date();
  const dueAt = request.dueAt === null ? null : new Date(request.dueAt);
  const due = { due_date: dueAt && formatInstant(dueAt), due_at: dueAt };
  const { priority } = request;
  const timeZone = await findTimeZone(trx, { tenantId, siteId });
  const terms = termsOf(await getPromises(trx, tenantId), { priority, createdAt: at, timeZone });
  const opened = await insertWorkOrder(trx, {
    tenantId,
    source: 'rule',
    columns: {
      ...settle(unsettled, due, { change: {}, terms, at }),
      ...(await assignmentOf(trx, tenantId, request.assign)),
      site_id: siteId,
      asset_id: insight.assetId,
      equipment_uri: insight.uri,
      location_uri: insight.locationUri,
      insight_id: insight.id,
      // As long as a title may be; those of rules have no limit.
      title: request.title.slice(0, titleMax).toWellFormed(),
      description: request.description,
      priority,
      type: types.find((type) => type === request.type) ?? 'corrective',
      category: request.category,
    },
    at,
  });
  return opened ? [createdEvent(opened, { kind: 'rule', id: insight.ruleId })] : [];
}

/** `user:alex` is a person, if there is one who is active; anything else is the name of a team or a role. */
async function assignmentOf(trx: Db, tenantId: string, assign: string | null) {
  const username = assign?.startsWith('user:') ? assign.slice('user:'.length) : undefined;
  const user = username === undefined ? undefined : await findActiveUserByName(trx, { tenantId, username });
  return user ? { assigned_to: user.id } : teamColumns(trx, tenantId, { assigned_team: assign });
}
