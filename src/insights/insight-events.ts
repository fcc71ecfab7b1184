/**
 * What a transaction has changed about insights, as events: the rows before are compared with the rows after, whatever led from
 * one to the other. A repair takes insights back and goes through their effects again; what comes out as it was is no event.
 *
 *   (none) ─▶ stands  opened      stands ─▶ ended  resolved      ended ─▶ stands  reopened      anything else  updated
 */
import { type Actor, changesBetween, type EventType, type NewEvent } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { type InsightRow, lockInsights, type WhichInsights } from './insight-event-store.ts';
import { decisionOf, occurrencesOf } from './insight-row.ts';
import { settleInsights } from './status-store.ts';

/**
 * Does `work`, settles the status of the insights that `which` names, which are held from before it on, and appends in its
 * transaction what that changed about them; then what else it returns, which came of that. Without an actor it is the rule of
 * each that did it.
 */
export async function recordInsightEvents(
  trx: Db,
  { actor, ...which }: WhichInsights & { readonly actor?: Actor },
  work: (held: readonly string[]) => Promise<readonly NewEvent[]>,
): Promise<void> {
  const before = new Map((await lockInsights(trx, which)).map((row) => [row.id, row]));
  const others = await work([...before.keys()]);
  const touched = await lockInsights(trx, { ...which, ids: [...(which.ids ?? []), ...before.keys()] });
  const ids = touched.map(({ id }) => id);
  const after = (await settleInsights(trx, ids)) ? await lockInsights(trx, { ids }) : touched;
  await appendEvents(trx, [...after.flatMap((row) => eventsOf(before.get(row.id), row, actor)), ...others]);
}

function eventsOf(before: InsightRow | undefined, after: InsightRow, actor: Actor | undefined): NewEvent[] {
  const event = {
    tenantId: after.tenant_id,
    siteId: after.site_id,
    subject: { kind: 'insight', id: after.id },
    assetId: after.asset_id,
    actor: actor ?? (after.rule_id === null ? { kind: 'system' } : { kind: 'rule', id: after.rule_id }),
    data: dataOf(after),
  } as const;
  if (before === undefined) {
    if (stands(after)) return [{ ...event, type: 'insight.opened', changes: [] }];
    // It was opened and has ended within the transaction, as happens to what is found late.
    const opened = dataOf({ ...after, status: 'open', resolved_at: null, ended_at: null, ended_because: null });
    return [
      { ...event, type: 'insight.opened', changes: [], data: opened },
      { ...event, type: 'insight.resolved', changes: changesBetween(opened, event.data) },
    ];
  }
  const changes = changesBetween(shownOf(before), shownOf(after));
  return changes.length === 0 ? [] : [{ ...event, type: typeOf(before, after), changes }];
}

function typeOf(before: InsightRow, after: InsightRow): EventType {
  if (before.status !== after.status && after.status === 'dismissed') return 'insight.dismissed';
  if (stands(before) && !stands(after)) return 'insight.resolved';
  if (!stands(after)) return 'insight.updated';
  if (!stands(before) || after.episodes > before.episodes) return 'insight.reopened';
  if (after.status === 'snoozed' && !isSame(before.snoozed_until, after.snoozed_until)) return 'insight.snoozed';
  if (before.acknowledged_at === null && after.acknowledged_at !== null) return 'insight.acknowledged';
  return before.assignee_id === after.assignee_id ? 'insight.updated' : 'insight.assigned';
}

function isSame(one: Date | null, other: Date | null): boolean {
  return one?.getTime() === other?.getTime();
}

function stands({ status }: InsightRow): boolean {
  return status === 'open' || status === 'in_progress' || status === 'snoozed';
}

/** What tells two states of an insight apart for those who follow it. */
function shownOf(row: InsightRow) {
  return {
    asset_id: row.asset_id,
    equipment_uri: row.asset_uri ?? row.equipment_uri,
    status: row.status,
    severity: row.severity,
    category: row.category,
    title: row.title,
    message: row.message,
    rule_version: row.rule_version,
    suppressed_by: row.suppressed_by,
    data_stale: row.data_stale,
    shadow: row.shadow,
    flapping: row.flapping,
    episodes: row.episodes,
    started_at: formatInstant(row.started_at),
    opened_at: formatInstant(row.opened_at),
    occurrences: occurrencesOf(row),
    last_seen: formatInstant(row.last_seen_at),
    ended_at: row.ended_at && formatInstant(row.ended_at),
    ended_because: row.ended_because,
    resolved_at: row.resolved_at && formatInstant(row.resolved_at),
    ...decisionOf(row),
    snoozed_until: row.snoozed_until && formatInstant(row.snoozed_until),
    acknowledged_at: row.acknowledged_at && formatInstant(row.acknowledged_at),
    acknowledged_by: row.acknowledged_by,
    assignee: row.assignee_id,
    confidence: row.confidence,
    analysis: row.analysis,
    timeseries_ids: row.timeseries_ids,
    metadata: row.metadata,
    external_id: row.external_id,
    evidence: row.evidence,
    causes: row.causes,
    actions: row.actions,
    estimated_cost_per_day: row.cost_per_day,
  };
}

function dataOf(row: InsightRow) {
  const {
    evidence: _1,
    causes: _2,
    actions: _3,
    analysis: _4,
    timeseries_ids: _5,
    metadata: _6,
    ...shown
  } = shownOf(row);
  const { id, source, source_id, rule_id } = row;
  return { id, source, source_id, rule_id, ...shown };
}
