/**
 * What people decide about an insight, each in one transaction that holds its row. The detector goes on beneath it: what it says is
 * kept by itself, and the status follows from both (status-store.ts).
 *
 *   open ⇄ snoozed                        wakes by itself when the time is over
 *     │  in_progress                      work on it has begun
 *     └──┴──▶ resolved | dismissed ──▶ open | in_progress    by people; what was resolved also when the fault comes back
 */
import { type Area, type Caller, requireSite } from '../access/api-key.ts';
import { findActiveUser } from '../access/store.ts';
import { actorOf, type NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { parseInstant } from '../platform/instant.ts';
import { refusals } from '../platform/refusals.ts';
import {
  acknowledgeInsight,
  type By,
  endInsight,
  type InsightColumns,
  reopenByPeople,
  snoozeInsight,
  updateInsight,
} from './decision-store.ts';
import type { Insight } from './insight.ts';
import {
  type DetectedBody,
  type DismissBody,
  type InsightBody,
  type InsightChange,
  type ResolveBody,
  type SnoozeBody,
  snoozeMinutesMax,
} from './insight-body.ts';
import { recordInsightEvents } from './insight-events.ts';
import type { Words } from './raise-store.ts';
import { findInsight } from './store.ts';
import { openWithheld } from './withheld.ts';
import type { OpenWorkOrder } from './work-order-steps.ts';

export type Which = {
  readonly area: Area;
  readonly id: string;
  readonly ifMatch: string | undefined;
  readonly at: Date;
};

/** Somebody has seen it. Throws insight_not_open where it has ended. */
export function acknowledge(trx: Db, which: Which): Promise<Insight> {
  return decide(trx, which, (by) => acknowledgeInsight(trx, by));
}

/** Puts it aside until an instant to come. Throws validation_failed for another one, insight_not_open where it has ended. */
export function snooze(trx: Db, which: Which, body: SnoozeBody): Promise<Insight> {
  return decide(trx, which, async (by, { timeZone }) => snoozeInsight(trx, by, wakesAt(body, timeZone, which.at)));
}

function wakesAt({ until: text, minutes = 0 }: SnoozeBody, timeZone: string, at: Date): Date {
  const until = text === undefined ? new Date(at.getTime() + minutes * 60_000) : parseInstant(text, timeZone);
  const inMs = until ? until.getTime() - at.getTime() : 0;
  if (until && inMs > 0 && inMs <= snoozeMinutesMax * 60_000) return until;
  throw refusals.invalidBody('/until', 'out_of_range', 'must be an instant within the year to come');
}

/** It is none. Throws insight_not_open where it has ended. */
export function dismiss(trx: Db, which: Which, { reason }: DismissBody): Promise<Insight> {
  return decide(trx, which, (by) => endInsight(trx, { by, decision: 'dismissed', because: 'person', reason }));
}

/** It is over, whatever its detector sees. Throws insight_not_open where it has ended. */
export function resolve(trx: Db, which: Which, { reason = '' }: ResolveBody): Promise<Insight> {
  return decide(trx, which, (by) => endInsight(trx, { by, decision: 'resolved', because: 'person', reason }));
}

/** It is not over. Throws insight_not_ended where it has not ended, insight_withdrawn where it never was. */
export async function reopen(trx: Db, which: Which & { readonly openWorkOrder: OpenWorkOrder }): Promise<Insight> {
  const { id, openWorkOrder } = which;
  return changed(trx, which, async (by, { insight }) => {
    if (insight.ended_because === 'withdrawn') throw refusals.insightWithdrawn(id);
    if (!(await reopenByPeople(trx, by))) throw refusals.insightNotEnded(id, insight.status);
    return openWithheld(trx, { ids: [id] }, { openWorkOrder });
  });
}

type Change = Which & { readonly body: InsightChange };

/** Changes what the body gives; of one that a rule or another detector wrote, nothing of what that says. */
export function changeInsight(trx: Db, { body, ...which }: Change): Promise<Insight> {
  return changed(trx, which, async (by, { insight }) => {
    if (insight.source !== 'person') refuseWords(body, insight.source);
    if (body.assignee && body.assignee !== insight.assignee) await checkAssignee(trx, which.area.caller, body.assignee);
    if (Object.keys(body).length > 0) await updateInsight(trx, by, columnsOf(body));
    return [];
  });
}

const words = ['title', 'body', 'message', 'severity', 'category', 'estimated_cost_per_day', 'confidence'] as const;

function refuseWords(body: InsightChange, source: string): void {
  const given = words.find((name) => body[name] !== undefined);
  const who = source === 'rule' ? 'its rule says this' : `${source} says this`;
  if (given !== undefined) throw refusals.invalidBody(`/${given}`, 'conflict', `${who}, and would say it again`);
}

/** Throws unless the assignee is an active user of the tenant. */
export async function checkAssignee(db: Db, { tenantId }: Caller, id: string): Promise<void> {
  const user = await findActiveUser(db, tenantId, id);
  if (!user) throw refusals.invalidBody('/assignee', 'not_found', 'there is no such active user');
}

/** The columns of what people may write. */
function columnsOf(body: InsightChange): InsightColumns {
  const { title, severity, category, confidence, external_id, assignee: assignee_id } = body;
  const columns = {
    title,
    message: messageOf(body),
    severity,
    category,
    confidence,
    external_id,
    assignee_id,
    cost_per_hour: perHour(body.estimated_cost_per_day),
    metadata: body.metadata && JSON.stringify(body.metadata),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

/** What a source says, of a body that says all of it. */
export function wordsOf(body: InsightBody | DetectedBody): Words {
  const { title, severity, category, confidence = null } = body;
  const costPerHour = perHour(body.estimated_cost_per_day) ?? null;
  return { title, message: messageOf(body) ?? '', severity, category, costPerHour, confidence };
}

/** The text under either of its names. */
function messageOf({ body, message }: { body?: string | undefined; message?: string | undefined }): string | undefined {
  if (body !== undefined && message !== undefined && body !== message) {
    throw refusals.invalidBody('/message', 'conflict', 'body and message are two names of one property, and differ');
  }
  return body ?? message;
}

function perHour(perDay: number | null | undefined): number | null | undefined {
  return typeof perDay === 'number' ? perDay / 24 : perDay;
}

type Found = NonNullable<Awaited<ReturnType<typeof findInsight>>>;

function decide(trx: Db, which: Which, change: (by: By, found: Found) => Promise<boolean>): Promise<Insight> {
  return changed(trx, which, async (by, found) => {
    if (!(await change(by, found))) throw refusals.insightNotOpen(which.id, found.insight.status);
    return [];
  });
}

/** Holds the insight, does the change, tells of it, and gives what has become of the insight. Throws precondition_failed. */
async function changed(
  trx: Db,
  { area, id, ifMatch, at }: Which,
  change: (by: By, found: Found) => Promise<readonly NewEvent[]>,
): Promise<Insight> {
  const { caller } = area;
  // Whether it is there and may be seen is asked before it is held, so that nobody waits for what is not his.
  await getVisible(trx, area, id);
  await recordInsightEvents(trx, { ids: [id], actor: actorOf(caller) }, async () => {
    const found = await getVisible(trx, area, id);
    requireMatch(ifMatch, found.insight.updated_at);
    return change({ tenantId: caller.tenantId, id, userId: caller.userId, at }, found);
  });
  return (await getVisible(trx, area, id)).insight;
}

async function getVisible(trx: Db, area: Area, id: string): Promise<Found> {
  const found = await findInsight(trx, area, id);
  if (!found) throw refusals.insightNotFound(id);
  requireSite(area.caller, found.siteId);
  return found;
}
