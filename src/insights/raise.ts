/**
 * Insights that no rule of ours found: what people have seen, and what other detectors send. A detector names what it finds by
 * source and source_id, and sends it as often as it finds it:
 *
 *   first ─▶ open      again ─▶ counted; while it is resolved: opened again, and noted on its work orders
 *                               while people have dismissed or snoozed it: as they left it
 */
import type { Area } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { formatInstant, parseInstant } from '../platform/instant.ts';
import { refusals } from '../platform/refusals.ts';
import { checkAssignee, wordsOf } from './decide.ts';
import { locate } from './equipment.ts';
import { recordDetectedSeries } from './evidence/detected-series-store.ts';
import type { Insight } from './insight.ts';
import type { DetectedBody, InsightBody } from './insight-body.ts';
import { recordInsightEvents } from './insight-events.ts';
import { getRaisedId, insertRaised, type Raised, recordAgain } from './raise-store.ts';
import { findInsight } from './store.ts';
import { lockWorkOrders } from './withheld-store.ts';
import type { NoteReturn } from './work-order-steps.ts';

type Raising<B> = { readonly area: Area; readonly body: B; readonly at: Date };

/** Adds what people have found, in the caller's transaction. Throws validation_failed for what does not fit together. */
export async function raiseInsight(trx: Db, { area, body, at }: Raising<InsightBody>): Promise<Insight> {
  const where = await locate(trx, area, body);
  if (body.assignee) await checkAssignee(trx, area.caller, body.assignee);
  const raised: Raised = {
    id: newId(),
    tenantId: area.caller.tenantId,
    where,
    source: 'person',
    sourceId: null,
    words: wordsOf(body),
    timeseriesIds: [],
    analysis: {},
    causes: body.causes,
    actions: body.actions,
    createdBy: area.caller.userId,
    assigneeId: body.assignee ?? null,
    externalId: body.external_id ?? null,
    metadata: body.metadata ?? {},
    occurredAt: occurredAt(body.occurred_at, where.timeZone, at),
    at,
  };
  await recordInsightEvents(trx, { ids: [raised.id], actor: actorOf(area.caller) }, async () => {
    await insertRaised(trx, raised);
    return [];
  });
  return getInsight(trx, area, raised.id);
}

type Ingested = { readonly insight: Insight; readonly isNew: boolean };

/**
 * Takes in what another detector has found, in the caller's transaction (T17): once for each source and source_id at a site,
 * however many come at once. Throws validation_failed for equipment of another site.
 */
export async function ingestInsight(
  trx: Db,
  { area, body, at, noteReturn }: Raising<DetectedBody> & { readonly noteReturn: NoteReturn },
): Promise<Ingested> {
  const { tenantId, userId } = area.caller;
  const where = await locate(trx, area, body);
  const found: Raised = {
    id: newId(),
    tenantId,
    where,
    source: body.source,
    sourceId: body.source_id,
    words: wordsOf(body),
    timeseriesIds: body.timeseries_ids,
    analysis: body.analysis,
    createdBy: userId,
    occurredAt: occurredAt(body.occurred_at, where.timeZone, at),
    at,
  };
  const actor = actorOf(area.caller);
  let isNew = false;
  await recordInsightEvents(trx, { ids: [found.id], actor }, async () => {
    isNew = await insertRaised(trx, found);
    return [];
  });
  const named = { tenantId, siteId: where.siteId, source: found.source, sourceId: body.source_id };
  const id = isNew ? found.id : await getRaisedId(trx, named);
  if (!isNew) {
    await recordInsightEvents(trx, { ids: [id], actor }, async () => {
      await lockWorkOrders(trx, [id]);
      const { isBack, occurrences } = await recordAgain(trx, { ...found, id });
      if (!isBack) return [];
      const when = formatInstant(found.occurredAt);
      return noteReturn(trx, id, `on ${when}, occurrence ${occurrences}; its insight has been opened again.`);
    });
  }
  await recordDetectedSeries(trx, { tenantId, siteId: where.siteId, insightId: id });
  return { insight: await getInsight(trx, area, id), isNew };
}

/** Without an instant it is now; and an instant to come is now, by the clock that all of it is ordered by. */
function occurredAt(text: string | undefined, timeZone: string, at: Date): Date {
  const given = text === undefined ? at : (parseInstant(text, timeZone) ?? at);
  return given > at ? at : given;
}

async function getInsight(trx: Db, area: Area, id: string): Promise<Insight> {
  const found = await findInsight(trx, area, id);
  if (!found) throw refusals.insightNotFound(id);
  return found.insight;
}
