import type { Area } from '../access/api-key.ts';
import type { Parent } from '../access/child-routes.ts';
import type { EventType } from '../events/event.ts';
import type { Db } from '../platform/database.ts';

/** Where a subject lies, and the equipment that it is about. */
export type SubjectPlace = { readonly siteId: string; readonly assetId: string | null };

/** What can be commented on, as its own stage says. */
export type CommentSubject = Parent & {
  readonly kind: 'work_order' | 'insight';
  /** In ids of operations: `WorkOrder`; in words: `a work order`. */
  readonly noun: string;
  readonly words: string;
  readonly events: { readonly created: EventType; readonly updated: EventType; readonly deleted: EventType };
  /** Throws as `find` does, and nobody changes or deletes it until the transaction ends. */
  hold(trx: Db, area: Area, id: string): Promise<SubjectPlace>;
  /** One comment more, or one less, in the transaction that holds it. */
  changed(trx: Db, which: { tenantId: string; id: string; at: Date }, difference: 1 | -1): Promise<void>;
};
