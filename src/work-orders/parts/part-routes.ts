import { commentRoutes } from '../../comments/comment-routes.ts';
import type { CommentSubject } from '../../comments/comment-subject.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { attachmentRoutes } from '../attachments/attachment-routes.ts';
import { addToWorkOrder } from '../count-store.ts';
import { laborRoutes } from '../labor/labor-routes.ts';
import { linkRoutes } from '../links/link-routes.ts';
import { photoRoutes } from '../photos/photo-routes.ts';
import { signatureRoutes } from '../signatures/signature-routes.ts';
import { taskRoutes } from '../tasks/task-routes.ts';
import { holdOrder, requireOrder, workOrders } from './part.ts';
import type { PartNeeds } from './part-needs.ts';

/** Everything that belongs to a work order: comments, files, photos, signatures, its checklist, the time worked on it, what it is to others. */
export function workOrderPartRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  commentRoutes(app, mount, { ...needs, subject: commentedOrder });
  attachmentRoutes(app, mount, needs);
  photoRoutes(app, mount, needs);
  signatureRoutes(app, mount, needs);
  taskRoutes(app, mount, needs);
  laborRoutes(app, mount, needs);
  linkRoutes(app, mount, needs);
}

const commentedOrder: CommentSubject = {
  ...workOrders,
  kind: 'work_order',
  noun: 'WorkOrder',
  words: 'a work order',
  events: { created: 'comment.created', updated: 'comment.updated', deleted: 'comment.deleted' },
  find: async (db, area, id) => {
    const { siteId, workOrder } = await requireOrder(db, area, id);
    return { siteId, assetId: workOrder.asset_id };
  },
  hold: async (trx, area, id) => {
    const { site_id: siteId, asset_id: assetId } = await holdOrder(trx, area, id);
    return { siteId, assetId };
  },
  changed: (trx, which, difference) => addToWorkOrder(trx, which, { comment_count: difference }),
};
