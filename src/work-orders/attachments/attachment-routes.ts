import { childRoutes } from '../../access/child-routes.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { fileRoute, uploadRoute } from '../parts/file-routes.ts';
import { orderOf, workOrders } from '../parts/part.ts';
import type { PartNeeds } from '../parts/part-needs.ts';
import {
  Attachment,
  AttachmentChange,
  AttachmentFields,
  AttachmentQuery,
  attachmentForm,
  attachmentList,
} from './attachment.ts';
import { listAttachments } from './attachment-store.ts';
import { attach, changeAttachment, getAttachment, removeAttachment } from './change-attachment.ts';

const named = { path: '/attachments', idName: 'attachment_id', noun: 'Attachment', nouns: 'Attachments' };

/** Files of a work order: `/work-orders/{id}/attachments`. */
export function attachmentRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  childRoutes(app, mount, needs, {
    ...named,
    parent: workOrders,
    shown: Attachment,
    list: {
      summary: 'List the files of a work order',
      of: attachmentList,
      query: AttachmentQuery,
      find: (db, below, asked) => listAttachments(db, orderOf(below), asked),
    },
    one: {
      summary: 'Get what is known of a file of a work order',
      get: async (db, below, id) => (await getAttachment(db, below, id)).attachment,
    },
    change: {
      summary: 'Change what is said of a file of a work order',
      body: AttachmentChange,
      apply: changeAttachment,
    },
    removal: { summary: 'Remove a file of a work order', remove: removeAttachment },
  });
  uploadRoute(app, mount, needs, {
    ...named,
    summary: 'Attach a file to a work order',
    shown: Attachment,
    form: { file: 'file', fields: AttachmentFields, body: attachmentForm },
    take: ({ file, fields }, keep) =>
      keep([file], (trx, writing, [fileId = '']) =>
        attach(trx, writing, { files: needs.files, given: { fileId, file, fields } }),
      ),
  });
  fileRoute(app, mount, needs, {
    ...named,
    below: '/download',
    operation: 'downloadAttachment',
    summary: 'Download a file of a work order, whole or in part',
    find: async (db, below, id) => {
      const { attachment, fileId } = await getAttachment(db, below, id);
      return { fileId, name: attachment.name };
    },
    gone: refusals.attachmentNotFound,
  });
}
