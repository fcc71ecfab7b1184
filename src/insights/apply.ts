/**
 * From the effects of rules to insights that people see. Everything is written in the transaction of the rules' own state.
 *
 *   opened ──▶ open ──work-order-due──▶ in_progress ──resolved──▶ resolved ──reopened──▶ open | in_progress
 *                └───────────resolved──────────────────────────────▲
 */
import type { NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { Effect, Ending, WorkOrderRequest } from '../rules/kernel/effect.ts';
import type { AssetOwner } from '../rules/live/store.ts';
import { flagInsight, insertInsight, reopenInsight, resolveInsight, startInsight, updateShown } from './apply-store.ts';
import { type RanAt, recordEvidence, sourcesAt } from './evidence/record-evidence.ts';
import { recordInsightEvents } from './insight-events.ts';
import { type InsightKey, identityOf, keyOf } from './insight-key.ts';

export type { WorkOrderRequest };

/** An insight that asks for its work order. */
export type OpenInsight = { readonly id: string; readonly assetId: string; readonly ruleId: string } & AssetOwner;

/** Opens the work order of an insight in the transaction, unless it has one; returns what is to be told of it. */
export type OpenWorkOrder = (trx: Db, insight: OpenInsight, request: WorkOrderRequest) => Promise<NewEvent[]>;

/**
 * Adds a note to the work orders of insights, in the transaction; one that they have already is not added again. Returns what is
 * to be told of that.
 */
export type NoteOnWorkOrders = (trx: Db, insightIds: readonly string[], note: string) => Promise<NewEvent[]>;

export type Context = {
  readonly owners: ReadonlyMap<string, AssetOwner>;
  readonly openWorkOrder: OpenWorkOrder;
  readonly noteOnWorkOrders: NoteOnWorkOrders;
  /** What evaluated the tick of an effect: it says what the evidence of an insight is made of. */
  readonly ranAt: RanAt;
};

/**
 * Writes effects in the order in which they happened, and as events what they changed. Nothing is opened for an asset without
 * an owner.
 */
export function applyEffects(trx: Db, effects: readonly Effect[], context: Context): Promise<void> {
  return recordInsightEvents(trx, { keys: keysOf(effects) }, () => writeEffects(trx, effects, context));
}

/** The insights that effects are about, each once. */
export function keysOf(effects: readonly Effect[]): InsightKey[] {
  const about = effects.flatMap((effect) => ('openedAt' in effect ? [keyOf(effect)] : []));
  return [...new Map(about.map((key) => [identityOf(key), key])).values()];
}

/** Writes effects for a caller that tells of their insights; returns what is to be told of work orders. */
export async function writeEffects(
  trx: Db,
  effects: readonly Effect[],
  { owners, ranAt, ...workOrders }: Context,
): Promise<NewEvent[]> {
  const sources = sourcesAt(ranAt);
  const ofWorkOrders: NewEvent[] = [];
  for (const effect of effects) {
    ofWorkOrders.push(...(await applyEffect(trx, effect, owners.get(effect.assetId), workOrders)));
    await recordEvidence(trx, effect, sources);
  }
  return ofWorkOrders;
}

async function applyEffect(
  trx: Db,
  effect: Effect,
  owner: AssetOwner | undefined,
  { openWorkOrder, noteOnWorkOrders }: Omit<Context, 'owners' | 'ranAt'>,
): Promise<NewEvent[]> {
  switch (effect.kind) {
    case 'opened':
      if (owner) await insertInsight(trx, { id: newId(), owner, finding: effect });
      return [];
    case 'reopened':
      await reopenInsight(trx, keyOf(effect), effect);
      return [];
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
      const started = await startInsight(trx, keyOf(effect));
      if (started === undefined) return [];
      const { assetId, ruleId, workOrder } = effect;
      return openWorkOrder(trx, { id: started, assetId, ruleId, ...owner }, workOrder);
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
