/** What insights ask of work orders, which the program gives them (src/work-orders): they may not know each other. */
import type { NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import type { WorkOrderRequest } from '../rules/kernel/effect.ts';
import type { AssetOwner } from '../rules/live/store.ts';

/** An insight that asks for its work order. */
export type OpenInsight = { readonly id: string; readonly assetId: string; readonly ruleId: string } & AssetOwner;

/** Opens the work order of an insight in the transaction, unless it has one; returns what is to be told of it. */
export type OpenWorkOrder = (trx: Db, insight: OpenInsight, request: WorkOrderRequest) => Promise<NewEvent[]>;

/**
 * Adds a note to the work orders of insights, in the transaction; one that they have already is not added again. Returns what is
 * to be told of that.
 */
export type NoteOnWorkOrders = (trx: Db, insightIds: readonly string[], note: string) => Promise<NewEvent[]>;

/** Notes on the work orders of an insight when its fault came back, in place of what was noted when it did so before. */
export type NoteReturn = (trx: Db, insightId: string, when: string) => Promise<NewEvent[]>;

/** What becomes of work orders. */
export type WorkOrderSteps = {
  readonly openWorkOrder: OpenWorkOrder;
  readonly noteOnWorkOrders: NoteOnWorkOrders;
  readonly noteReturn: NoteReturn;
};
