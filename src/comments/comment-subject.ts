import type { Area, Scope } from '../access/api-key.ts';
import type { EventType } from '../events/event.ts';
import type { Db } from '../platform/database.ts';

/** Where a subject lies, and the equipment that it is about. */
export type SubjectPlace = { readonly siteId: string; readonly assetId: string | null };

/** What can be commented on, as its own stage says. */
export type CommentSubject = {
  readonly kind: 'work_order' | 'insight';
  /** The collection of its routes: `work-orders`. */
  readonly collection: string;
  /** In ids of operations: `WorkOrder`; in words: `a work order`. */
  readonly noun: string;
  readonly words: string;
  readonly tag: string;
  readonly scopes: { readonly read: Scope; readonly write: Scope };
  readonly events: { readonly created: EventType; readonly updated: EventType; readonly deleted: EventType };
  /** Throws where there is none for the caller: not found, or site_forbidden. */
  find(db: Db, area: Area, id: string): Promise<SubjectPlace>;
  /** The same, and nobody changes or deletes it until the transaction ends. */
  hold(trx: Db, area: Area, id: string): Promise<SubjectPlace>;
  /** One comment more, or one less, in the transaction that holds it. */
  changed(trx: Db, which: { tenantId: string; id: string; at: Date }, difference: 1 | -1): Promise<void>;
};
