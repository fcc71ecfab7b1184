/** Parts of a work order that are files: they come in a form, and are sent as they came. */
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Caller } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import { idOf } from '../../access/collection-routes.ts';
import { findFile } from '../../files/file-store.ts';
import type { ReceivedFile } from '../../files/receive-file.ts';
import type { FormShape, ReceivedForm } from '../../files/receive-form.ts';
import type { Offered } from '../../files/send-file.ts';
import { takeForms } from '../../files/take-forms.ts';
import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { FileHeaders, sentFile } from './file-shown.ts';
import { aboutForm } from './form.ts';
import { requireOrder } from './part.ts';
import { type PartNeeds, partRead, partTags, partUpload } from './part-needs.ts';

type Shown = Parameters<Mount['created']>[1];

/** Keeps files, and with them what `add` writes, which is given their ids; then answers with that. */
type Keep = (
  files: readonly ReceivedFile[],
  add: (trx: Db, writing: Writing, ids: readonly string[]) => Promise<Shown>,
) => Promise<FastifyReply>;

type Upload<Fields> = {
  /** Below the work order: `/photos`; in the id of the operation: `Photo`. */
  readonly path: string;
  readonly noun: string;
  readonly summary: string;
  readonly shown: z.ZodType;
  /** The name of its file and the fields beside that, and how the document shows it. */
  readonly form: FormShape<Fields> & { readonly body: z.ZodType };
  /** Looks at what came, and keeps it. */
  take(form: ReceivedForm<Fields>, keep: Keep, caller: Caller): Promise<FastifyReply>;
};

/** POST of a form with a file. */
export function uploadRoute<Fields>(
  app: RouteScope,
  mount: Mount,
  { db, shell, files }: PartNeeds,
  { path, noun, summary, shown, form, take }: Upload<Fields>,
): void {
  const schema = {
    operationId: mount.operationId(`create${noun}`),
    summary,
    description: aboutForm,
    tags: partTags,
    consumes: ['multipart/form-data'],
    params: mount.memberParams,
    body: form.body,
    response: { 201: mount.oneOf(shown) },
  };
  takeForms(app, (scope) =>
    scope.post(mount.member('work-orders', path), { config: partUpload, schema }, async (request, reply) => {
      const { area, params } = request;
      const { tenantId } = area.caller;
      // Before a byte of it is taken.
      await requireOrder(db, area, params.id);
      const keep: Keep = (kept, add) =>
        files.keep(db, tenantId, {
          files: kept,
          use: (ids) =>
            shell.transact(request, reply, async (trx) =>
              mount.created(request, await add(trx, { area, id: params.id, at: shell.now() }, ids)),
            ),
        });
      return files.receive(request, form, (received) => take(received, keep, area.caller));
    }),
  );
}

type Sent = {
  /** Of the part: `/photos`, `photo_id`; and of its file, below that: `/download`. */
  readonly path: string;
  readonly idName: string;
  readonly below: string;
  readonly operation: string;
  readonly summary: string;
  /** Throws where there is no such part. */
  find(db: Db, below: Below, id: string): Promise<Omit<Offered, 'file'> & { readonly fileId: string }>;
  /** What is thrown where its file has gone meanwhile. */
  gone(id: string): Error;
};

/** GET of a file, whole or in part. */
export function fileRoute(
  app: RouteScope,
  mount: Mount,
  { db, files }: PartNeeds,
  { path, idName, below, operation, summary, find, gone }: Sent,
): void {
  const child = mount.child('work-orders', path, idName);
  const schema = {
    operationId: mount.operationId(operation),
    summary,
    tags: partTags,
    params: child.memberParams,
    headers: FileHeaders,
    response: sentFile,
  };
  app.get(child.member(below), { config: partRead, schema }, async (request, reply) => {
    const { area, params } = request;
    await requireOrder(db, area, params.id);
    const id = idOf(params, idName);
    const { fileId, ...offered } = await find(db, { area, id: params.id }, id);
    const file = await findFile(db, area.caller.tenantId, fileId);
    if (!file) throw gone(id);
    return files.send(request, reply, { file, ...offered });
  });
}
