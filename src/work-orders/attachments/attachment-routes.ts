import { readerOf } from '../../access/listing.ts';
import { findFile } from '../../files/file-store.ts';
import { takeForms } from '../../files/take-forms.ts';
import { deleted, type Mount, type RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { FileHeaders, sentFile } from '../parts/file-shown.ts';
import { aboutForm } from '../parts/form.ts';
import { requireOrder } from '../parts/part.ts';
import { type PartNeeds, partRead, partTags, partUpload, partWrite } from '../parts/part-needs.ts';
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

/** Files of a work order: `/work-orders/{id}/attachments`. */
export function attachmentRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  readingRoutes(app, mount, needs);
  takeForms(app, (scope) => uploadRoute(scope, mount, needs));
  changingRoutes(app, mount, needs);
}

const childOf = (mount: Mount) => mount.child('work-orders', '/attachments', 'attachment_id');

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell, files }: PartNeeds): void {
  const child = childOf(mount);
  const list = {
    operationId: mount.operationId('listAttachments'),
    summary: 'List the files of a work order',
    tags: partTags,
    params: child.listParams,
    querystring: AttachmentQuery,
    response: { 200: mount.pageOf(Attachment) },
  };
  app.get(child.list, { config: partRead, schema: list }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    await requireOrder(db, area, orderId);
    const { page, filter } = paging.list(attachmentList, request.query, readerOf(area, orderId));
    const rows = await listAttachments(db, { tenantId: area.caller.tenantId, orderId }, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getAttachment'),
    summary: 'Get what is known of a file of a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(Attachment) },
  };
  app.get(child.member(), { config: partRead, schema: one }, async (request, reply) => {
    const { id: orderId, attachment_id: id } = request.params;
    await requireOrder(db, request.area, orderId);
    const { attachment } = await getAttachment(db, { area: request.area, orderId }, id);
    return shell.send(request, reply, mount.one(attachment));
  });
  const download = {
    operationId: mount.operationId('downloadAttachment'),
    summary: 'Download a file of a work order, whole or in part',
    tags: partTags,
    params: child.memberParams,
    headers: FileHeaders,
    response: sentFile,
  };
  app.get(child.member('/download'), { config: partRead, schema: download }, async (request, reply) => {
    const { area } = request;
    const { id: orderId, attachment_id: id } = request.params;
    await requireOrder(db, area, orderId);
    const { attachment, fileId } = await getAttachment(db, { area, orderId }, id);
    const file = await findFile(db, area.caller.tenantId, fileId);
    if (!file) throw refusals.attachmentNotFound(id);
    return files.send(request, reply, { file, name: attachment.name });
  });
}

function uploadRoute(scope: RouteScope, mount: Mount, { db, shell, files }: PartNeeds): void {
  const child = childOf(mount);
  const schema = {
    operationId: mount.operationId('createAttachment'),
    summary: 'Attach a file to a work order',
    description: aboutForm,
    tags: partTags,
    consumes: ['multipart/form-data'],
    params: child.listParams,
    body: attachmentForm,
    response: { 201: mount.oneOf(Attachment) },
  };
  scope.post(child.list, { config: partUpload, schema }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    // Before a byte of it is taken.
    await requireOrder(db, area, orderId);
    return files.receive(request, { file: 'file', fields: AttachmentFields }, ({ file, fields }) =>
      files.keep(db, area.caller.tenantId, {
        files: [file],
        use: ([fileId = '']) =>
          shell.transact(request, reply, async (trx) => {
            const where = { area, orderId, at: shell.now() };
            return mount.created(request, await attach(trx, where, { files, given: { fileId, file, fields } }));
          }),
      }),
    );
  });
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const child = childOf(mount);
  const change = {
    operationId: mount.operationId('changeAttachment'),
    summary: 'Change what is said of a file of a work order',
    tags: partTags,
    params: child.memberParams,
    body: AttachmentChange,
    response: { 200: mount.oneOf(Attachment) },
  };
  app.patch(child.member(), { config: partWrite, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const { id: orderId, attachment_id: id } = request.params;
      const which = { id, ifMatch: request.headers['if-match'], body };
      return mount.one(await changeAttachment(trx, { area, orderId, at: shell.now() }, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteAttachment'),
    summary: 'Remove a file of a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(child.member(), { config: partWrite, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area } = request;
      const { id: orderId, attachment_id: id } = request.params;
      await removeAttachment(trx, { area, orderId, at: shell.now() }, { id, ifMatch: request.headers['if-match'] });
      return deleted;
    }),
  );
}
