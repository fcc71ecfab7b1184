import type { NewEvent } from '../events/event.ts';
import type { OpenInsight, WorkOrderRequest } from '../insights/apply.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { insertWorkOrder } from './store.ts';
import { types } from './work-order.ts';
import { createdEvent } from './work-order-events.ts';

/**
 * Opens the work order that a rule asks for, linked to its insight, in the rule's own transaction; at most one an insight. Returns
 * what is to be told of it.
 */
export async function openForInsight(trx: Db, insight: OpenInsight, request: WorkOrderRequest): Promise<NewEvent[]> {
  const dueAt = request.dueAt === null ? null : new Date(request.dueAt);
  const opened = await insertWorkOrder(trx, {
    tenantId: insight.tenantId,
    siteId: insight.siteId,
    assetId: insight.assetId,
    equipmentUri: insight.uri,
    locationUri: insight.locationUri,
    insightId: insight.id,
    title: request.title,
    description: request.description,
    priority: request.priority,
    type: types.find((type) => type === request.type) ?? 'corrective',
    category: request.category,
    assignedTeam: request.assign,
    due: dueAt && { text: formatInstant(dueAt), at: dueAt },
    source: 'rule',
    at: new Date(),
  });
  return opened ? [createdEvent(opened, { kind: 'rule', id: insight.ruleId })] : [];
}
