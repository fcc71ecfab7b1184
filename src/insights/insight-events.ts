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

/**
 * Does `work`, and appends in its transaction what it changed about the insights that `which` names, which are held from
 * before it on; then what else it returns, which came of that. Without an actor it is the rule of each that did it.
 */
export async function recordInsightEvents(
  trx: Db,
  { actor, ...which }: WhichInsights & { readonly actor?: Actor },
  work: () => Promise<readonly NewEvent[]>,
): Promise<void> {
  const before = new Map((await lockInsights(trx, which)).map((row) => [row.id, row]));
  const others = await work();
  const after = await lockInsights(trx, { ...which, ids: [...(which.ids ?? []), ...before.keys()] });
  await appendEvents(trx, [...after.flatMap((row) => eventsOf(before.get(row.id), row, actor)), ...others]);
}

function eventsOf(before: InsightRow | undefined, after: InsightRow, actor: Actor | undefined): NewEvent[] {
  const event = {
    tenantId: after.tenant_id,
    siteId: after.site_id,
    subject: { kind: 'insight', id: after.id },
    assetId: after.asset_id,
    actor: actor ?? { kind: 'rule', id: after.rule_id },
    data: dataOf(after),
  } as const;
  if (before === undefined) {
    if (stands(after)) return [{ ...event, type: 'insight.opened', changes: [] }];
    // It was opened and has ended within the transaction, as happens to what is found late.
    const opened = dataOf({ ...after, status: 'open', resolved_at: null, ended_because: null });
    return [
      { ...event, type: 'insight.opened', changes: [], data: opened },
      { ...event, type: 'insight.resolved', changes: changesBetween(opened, event.data) },
    ];
  }
  const changes = changesBetween(shownOf(before), shownOf(after));
  return changes.length === 0 ? [] : [{ ...event, type: typeOf(before, after), changes }];
}

function typeOf(before: InsightRow, after: InsightRow): EventType {
  if (stands(before) && !stands(after)) return after.status === 'resolved' ? 'insight.resolved' : 'insight.updated';
  if (!stands(after)) return 'insight.updated';
  return !stands(before) || after.episodes > before.episodes ? 'insight.reopened' : 'insight.updated';
}

function stands({ status }: InsightRow): boolean {
  return status === 'open' || status === 'in_progress' || status === 'snoozed';
}

/** What tells two states of an insight apart for those who follow it. */
function shownOf(row: InsightRow) {
  return {
    asset_id: row.asset_id,
    status: row.status,
    severity: row.severity,
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
    resolved_at: row.resolved_at && formatInstant(row.resolved_at),
    ended_because: row.ended_because,
    evidence: row.evidence,
    causes: row.causes,
    actions: row.actions,
    cost_per_hour: row.cost_per_hour,
  };
}

function dataOf(row: InsightRow) {
  const { evidence: _evidence, causes: _causes, actions: _actions, ...shown } = shownOf(row);
  return { id: row.id, rule_id: row.rule_id, category: row.category, ...shown };
}
