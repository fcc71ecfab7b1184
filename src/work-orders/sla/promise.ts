/**
 * What is promised about one work order: that somebody begins in time, and that it is done in time.
 *
 *   created ────────── at risk ────── due          ok ──▶ at_risk ──▶ breached
 *                                                   ▲        │ begun in time, while the end is not at risk yet
 *                                                   └────────┘
 *
 * A breach stays one. What has ended keeps the state in which it ended, as does what was done in time.
 */
import { addBusinessMs } from './business-time.ts';
import type { Promises, SlaPolicy } from './sla-policy.ts';

export const slaStatuses = ['ok', 'at_risk', 'breached'] as const;
export type SlaStatus = (typeof slaStatuses)[number];

/** The instants of the promises; null where nothing is promised. */
export type Terms = {
  readonly sla_response_risk_at: Date | null;
  readonly sla_response_due_at: Date | null;
  readonly sla_risk_at: Date | null;
  readonly sla_due_at: Date | null;
};

/** What has been kept of them so far. */
export type Kept = {
  readonly responded_at: Date | null;
  /** When it ended; null while it stands. */
  readonly endedAt: Date | null;
};

/** The instants that a policy gives to a work order of a priority. Business hours are those on the clock of `timeZone`. */
export function termsOf(
  promises: Promises,
  { priority, createdAt, timeZone }: { priority: string; createdAt: Date; timeZone: string },
): Terms {
  const target = promises.targets.find((one) => one.priority === priority);
  const instantsOf = (minutes: number | null | undefined) => {
    if (target === undefined || minutes == null) return { riskAt: null, dueAt: null };
    const after = (ms: number) => afterMs(createdAt, ms, { target, promises, timeZone });
    const ms = minutes * 60_000;
    return { riskAt: after(Math.round((ms * promises.at_risk_percent) / 100)), dueAt: after(ms) };
  };
  const response = instantsOf(target?.response_minutes);
  const resolution = instantsOf(target?.resolution_minutes);
  return {
    sla_response_risk_at: response.riskAt,
    sla_response_due_at: response.dueAt,
    sla_risk_at: resolution.riskAt,
    sla_due_at: resolution.dueAt,
  };
}

type Counted = { target: SlaPolicy['targets'][number]; promises: Promises; timeZone: string };

function afterMs(since: Date, ms: number, { target, promises, timeZone }: Counted): Date {
  switch (target.hours) {
    case '24x7':
      return new Date(since.getTime() + ms);
    case 'business':
      return addBusinessMs(since, ms, { hours: promises.business_hours, timeZone });
  }
}

/** How promises stand at an instant, and when the clock alone changes that next; both null where nothing is promised. */
export function statusAt(terms: Terms, kept: Kept, at: Date): { status: SlaStatus | null; nextAt: Date | null } {
  const { sla_response_risk_at, sla_response_due_at, sla_risk_at, sla_due_at } = terms;
  if (sla_response_due_at === null && sla_due_at === null) return { status: null, nextAt: null };
  if (isBroken(sla_response_due_at, kept.responded_at ?? kept.endedAt, at) || isBroken(sla_due_at, kept.endedAt, at)) {
    return { status: 'breached', nextAt: null };
  }
  if (kept.endedAt !== null) return { status: 'ok', nextAt: null };
  const isAwaited = kept.responded_at === null;
  const risks = [isAwaited ? sla_response_risk_at : null, sla_risk_at].filter((one) => one !== null);
  const dues = [isAwaited ? sla_response_due_at : null, sla_due_at].filter((one) => one !== null);
  const ahead = [...risks, ...dues].filter((instant) => instant > at).map((instant) => instant.getTime());
  return {
    status: risks.some((risk) => risk <= at) ? 'at_risk' : 'ok',
    nextAt: ahead.length === 0 ? null : new Date(Math.min(...ahead)),
  };
}

/** A promise that is kept at the very instant is kept. */
function isBroken(dueAt: Date | null, keptAt: Date | null, at: Date): boolean {
  if (dueAt === null) return false;
  return keptAt === null ? at >= dueAt : keptAt > dueAt;
}
