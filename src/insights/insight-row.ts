import type { Selectable } from 'kysely';
import { personOf } from '../access/person.ts';
import { formatInstant } from '../platform/instant.ts';
import type { Insight as InsightTable } from '../platform/schema.ts';
import { Insight } from './insight.ts';

/** A row of the table with the names that its ids stand for. */
export type InsightShown = Selectable<InsightTable> & {
  readonly site: string;
  readonly asset_uri: string | null;
  readonly assignee_username: string | null;
  readonly assignee_email: string | null;
  readonly work_order_ids: string[];
};

/** The insight that a row holds, as every mount shows it. */
export function toInsight(row: InsightShown): Insight {
  return Insight.parse({
    ...row,
    equipment_uri: row.asset_uri ?? row.equipment_uri,
    body: row.message,
    started_at: formatInstant(row.started_at),
    opened_at: formatInstant(row.opened_at),
    first_seen: formatInstant(row.started_at),
    last_seen: formatInstant(row.last_seen_at),
    occurrences: occurrencesOf(row),
    ended_at: row.ended_at && formatInstant(row.ended_at),
    resolved_at: row.resolved_at && formatInstant(row.resolved_at),
    ...decisionOf(row),
    snoozed_until: row.status === 'snoozed' && row.snoozed_until ? formatInstant(row.snoozed_until) : null,
    acknowledged_at: row.acknowledged_at && formatInstant(row.acknowledged_at),
    assignee: row.assignee_id,
    assignee_detail: personOf(row.assignee_id, row.assignee_username, row.assignee_email),
    estimated_cost_per_day: row.cost_per_day,
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}

type Fact<K extends keyof Selectable<InsightTable>> = Pick<Selectable<InsightTable>, K>;

/** How often it was found: the episodes of a rule, what another detector told of it. */
export function occurrencesOf(row: Fact<'rule_id' | 'episodes' | 'occurrences'>): number {
  return row.rule_id === null ? row.occurrences : row.episodes;
}

type Decided = Fact<
  | 'status'
  | 'decision'
  | 'decided_at'
  | 'decided_by'
  | 'decided_because'
  | 'decided_reason'
  | 'decided_episode'
  | 'episodes'
  | 'ended_because'
  | 'withdrawn_at'
>;

/** Who ended it and why, as far as that holds. */
export function decisionOf(row: Decided) {
  const isDismissed = row.status === 'dismissed' && row.decision === 'dismissed';
  const isResolved = row.status === 'resolved' && isOfPeople(row);
  return {
    resolved_because: isResolved ? row.decided_because : row.status === 'resolved' ? row.ended_because : null,
    resolved_by: isResolved ? row.decided_by : null,
    resolved_reason: isResolved ? row.decided_reason || null : null,
    dismissed_at: isDismissed && row.decided_at ? formatInstant(row.decided_at) : null,
    dismissed_by: isDismissed ? row.decided_by : null,
    dismissed_reason: isDismissed ? row.decided_reason || null : null,
  };
}

/** Whether it was ended by more than its detector, and the fault has not come back since (status-store.ts). */
function isOfPeople({ decision, withdrawn_at, episodes, decided_episode }: Decided): boolean {
  return decision === 'resolved' && withdrawn_at === null && episodes <= (decided_episode ?? 0);
}
