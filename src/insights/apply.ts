/**
 * From the effects of rules to insights that people see. Everything is written in the transaction of the rules' own state. Effects
 * write facts: that the fault is there, how often, since when, that it ended; the status follows from these and from what
 * people decided (status-store.ts):
 *
 *   opened ──▶ open ──work-order-due──▶ in_progress ──resolved──▶ resolved ──reopened──▶ open | in_progress
 *                └───────────resolved──────────────────────────────▲
 *
 *   dismissed by people    stays so through all of it; its work order waits until they open it again
 *   resolved by people     stays so while the fault goes on, and is open again when it has ended and comes back
 *   snoozed                resolved when the fault ends; snoozed again if it comes back before the time is over
 *
 * Insights are held in the order of their ids, then their work orders in that of theirs, then the counter of the tenant's work orders.
 */
import type { NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { formatInstant } from '../platform/instant.ts';
import type { Effect, Ending } from '../rules/kernel/effect.ts';
import type { AssetOwner } from '../rules/live/store.ts';
import {
  askForWork,
  beginWork,
  flagInsight,
  insertInsight,
  reopenInsight,
  resolveInsight,
  updateShown,
} from './apply-store.ts';
import { type RanAt, recordEvidence, sourcesAt } from './evidence/record-evidence.ts';
import { recordInsightEvents } from './insight-events.ts';
import { type InsightKey, identityOf, keyOf } from './insight-key.ts';
import { openWithheld } from './withheld.ts';
import { lockWorkOrders } from './withheld-store.ts';
import type { WorkOrderSteps } from './work-order-steps.ts';

export type { WorkOrderRequest } from '../rules/kernel/effect.ts';
export type { OpenInsight } from './work-order-steps.ts';

export type Context = WorkOrderSteps & {
  readonly owners: ReadonlyMap<string, AssetOwner>;
  /** What evaluated the tick of an effect: it says what the evidence of an insight is made of. */
  readonly ranAt: RanAt;
};

/**
 * Writes effects in the order in which they happened, and as events what they changed. Nothing is opened for an asset without
 * an owner.
 */
export function applyEffects(trx: Db, effects: readonly Effect[], context: Context): Promise<void> {
  return recordInsightEvents(trx, { keys: keysOf(effects) }, (held) =>
    writeEffects(trx, effects, { ...context, held }),
  );
}

/** The insights that effects are about, each once. */
export function keysOf(effects: readonly Effect[]): InsightKey[] {
  const about = effects.flatMap((effect) => ('openedAt' in effect ? [keyOf(effect)] : []));
  return [...new Map(about.map((key) => [identityOf(key), key])).values()];
}

/** Writes effects for a caller that holds their insights and tells of them; returns what is to be told of work orders. */
export async function writeEffects(
  trx: Db,
  effects: readonly Effect[],
  { held, ...context }: Context & { readonly held: readonly string[] },
): Promise<NewEvent[]> {
  const sources = sourcesAt(context.ranAt);
  await lockWorkOrders(trx, effects.some(mayNote) ? held : []);
  const ofWorkOrders: NewEvent[] = [];
  const returned = new Map<string, string>();
  for (const effect of effects) {
    ofWorkOrders.push(...(await applyEffect(trx, effect, { ...context, returned })));
    await recordEvidence(trx, effect, sources);
  }
  // Of all times that it came back within a run the last one is told.
  for (const [id, note] of returned) ofWorkOrders.push(...(await context.noteReturn(trx, id, note)));
  const asked = effects.some(({ kind }) => kind === 'reopened' || kind === 'flagged');
  if (asked) ofWorkOrders.push(...(await openWithheld(trx, { keys: keysOf(effects) }, context)));
  return ofWorkOrders;
}

/** Whether an effect leaves a note on work orders that there are already. */
function mayNote(effect: Effect): boolean {
  return effect.kind === 'reopened' || (effect.kind === 'resolved' && effect.because !== 'cleared');
}

type Applying = Pick<Context, 'owners' | 'openWorkOrder' | 'noteOnWorkOrders'> & {
  /** What is to be noted of insights that came back. */
  readonly returned: Map<string, string>;
};

async function applyEffect(
  trx: Db,
  effect: Effect,
  { owners, openWorkOrder, noteOnWorkOrders, returned }: Applying,
): Promise<NewEvent[]> {
  const owner = owners.get(effect.assetId);
  switch (effect.kind) {
    case 'opened':
      if (owner) await insertInsight(trx, { id: newId(), owner, finding: effect });
      return [];
    case 'reopened': {
      const back = await reopenInsight(trx, keyOf(effect), effect);
      if (back !== undefined) returned.set(back, returnNoteOf(effect));
      return [];
    }
    case 'flagged':
      await flagInsight(trx, keyOf(effect), effect);
      return [];
    case 'evidence-changed':
      await updateShown(trx, keyOf(effect), effect);
      return [];
    case 'resolved': {
      const ended = await resolveInsight(trx, keyOf(effect), effect);
      if (ended === undefined || effect.because === 'cleared') return [];
      return noteOnWorkOrders(trx, [ended], noteOf(effect.because, effect.clearedAt));
    }
    case 'work-order-due': {
      if (!owner) return [];
      const { assetId, ruleId, workOrder: request, at } = effect;
      const id = await askForWork(trx, keyOf(effect), { request, at });
      if (id === undefined) return [];
      const opened = await openWorkOrder(trx, { id, assetId, ruleId, ...owner }, request);
      if (opened.length > 0) await beginWork(trx, id);
      return opened;
    }
    // States before there is an insight, and what the built-in insights tell.
    case 'pending':
    case 'pending-cleared':
    case 'data-missing':
    case 'data-returned':
    case 'rule-error':
    case 'rule-error-cleared':
      return [];
  }
}

const endings: Record<Exclude<Ending, 'cleared'>, string> = {
  rule_removed: 'was taken out',
  rule_disabled: 'was switched off',
  rule_unbound: 'no longer fits this equipment',
};

/** The rule says nothing about the fault any more, so people have to look. */
function noteOf(because: Exclude<Ending, 'cleared'>, at: number): string {
  const rule = `The rule that found this fault ${endings[because]}`;
  return `${rule} (${new Date(at).toISOString()}); it did not see the fault clear. The insight has ended.`;
}

function returnNoteOf({ at, episodes }: Extract<Effect, { kind: 'reopened' }>): string {
  return `on ${formatInstant(new Date(at))}, episode ${episodes}; its insight has been opened again.`;
}
