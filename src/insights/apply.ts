/**
 * From the effects of rules to insights that people see. Everything is written in the transaction of the rules' own state.
 *
 *   opened ──▶ open ──work-order-due──▶ in_progress ──resolved──▶ resolved ──reopened──▶ open | in_progress
 *                └───────────resolved──────────────────────────────▲
 */
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { Effect, WorkOrderRequest } from '../rules/effect.ts';
import type { AssetOwner } from '../rules/store.ts';
import {
  flagInsight,
  type InsightKey,
  insertInsight,
  reopenInsight,
  resolveInsight,
  startInsight,
} from './apply-store.ts';

export type { WorkOrderRequest };

/** An insight that asks for its work order. */
export type OpenInsight = { readonly id: string; readonly assetId: string } & AssetOwner;

/** Opens the work order of an insight in the transaction, unless it has one. */
export type OpenWorkOrder = (trx: Db, insight: OpenInsight, request: WorkOrderRequest) => Promise<void>;

type Context = { readonly owners: ReadonlyMap<string, AssetOwner>; readonly openWorkOrder: OpenWorkOrder };

/** Writes effects in the order in which they happened. Effects of assets without an owner are not for us. */
export async function applyEffects(
  trx: Db,
  effects: readonly Effect[],
  { owners, openWorkOrder }: Context,
): Promise<void> {
  for (const effect of effects) {
    const owner = owners.get(effect.assetId);
    if (owner) await applyEffect(trx, effect, owner, openWorkOrder);
  }
}

async function applyEffect(trx: Db, effect: Effect, owner: AssetOwner, openWorkOrder: OpenWorkOrder): Promise<void> {
  switch (effect.kind) {
    case 'opened':
      return insertInsight(trx, { id: newId(), owner, finding: effect });
    case 'reopened':
      return reopenInsight(trx, keyOf(effect), effect);
    case 'flagged':
      return flagInsight(trx, keyOf(effect), effect);
    case 'resolved':
      return resolveInsight(trx, keyOf(effect), new Date(effect.clearedAt));
    case 'work-order-due': {
      const started = await startInsight(trx, keyOf(effect));
      if (started === undefined) return;
      const { assetId, workOrder } = effect;
      return openWorkOrder(trx, { id: started, assetId, ...owner }, workOrder);
    }
    // States before there is an insight, and what so far only the log tells.
    case 'pending':
    case 'pending-cleared':
    case 'data-missing':
    case 'data-returned':
    case 'rule-error':
    case 'rule-error-cleared':
      return;
  }
}

function keyOf({ ruleId, assetId, openedAt }: { ruleId: string; assetId: string; openedAt: number }): InsightKey {
  return { ruleId, assetId, openedAt: new Date(openedAt) };
}
