import { readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { addComment, changeComment, getComment, removeComment, subjectOf } from './change-comment.ts';
import { Comment, CommentBody, CommentChange, CommentQuery, commentList } from './comment.ts';
import { listComments } from './comment-store.ts';
import type { CommentSubject } from './comment-subject.ts';

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly subject: CommentSubject;
};

/** Comments on one kind of thing: `/{collection}/{id}/comments`, the same on every mount. */
export function commentRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  addingRoute(app, mount, needs);
  changingRoutes(app, mount, needs);
}

function childOf(mount: Mount, { collection }: CommentSubject) {
  return mount.child(collection, '/comments', 'comment_id');
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell, subject }: Needs): void {
  const { tag, noun, scopes } = subject;
  const config = { scope: scopes.read };
  const child = childOf(mount, subject);
  const list = {
    operationId: mount.operationId(`list${noun}Comments`),
    summary: `List the comments on ${subject.words}`,
    tags: [tag],
    params: child.listParams,
    querystring: CommentQuery,
    response: { 200: mount.pageOf(Comment) },
  };
  app.get(child.list, { config, schema: list }, async (request, reply) => {
    const { area } = request;
    const { id } = request.params;
    await subject.find(db, area, id);
    const { page, filter } = paging.list(commentList, request.query, readerOf(area, subject.kind, id));
    const rows = await listComments(db, subjectOf({ subject, area, id }), { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId(`get${noun}Comment`),
    summary: `Get one comment on ${subject.words}`,
    tags: [tag],
    params: child.memberParams,
    response: { 200: mount.oneOf(Comment) },
  };
  app.get(child.member(), { config, schema: one }, async (request, reply) => {
    const { area } = request;
    const { id, comment_id } = request.params;
    await subject.find(db, area, id);
    return shell.send(request, reply, mount.one(await getComment(db, subjectOf({ subject, area, id }), comment_id)));
  });
}

function addingRoute(app: RouteScope, mount: Mount, { shell, subject }: Needs): void {
  const child = childOf(mount, subject);
  const schema = {
    operationId: mount.operationId(`create${subject.noun}Comment`),
    summary: `Comment on ${subject.words}, or answer a comment`,
    tags: [subject.tag],
    params: child.listParams,
    body: CommentBody,
    response: { 201: mount.oneOf(Comment) },
  };
  app.post(child.list, { config: { scope: subject.scopes.write }, schema }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, body } = request;
      return mount.created(request, await addComment(trx, { subject, area, id: params.id, at: shell.now() }, body));
    }),
  );
}

function changingRoutes(app: RouteScope, mount: Mount, { shell, subject }: Needs): void {
  const config = { scope: subject.scopes.write };
  const child = childOf(mount, subject);
  const change = {
    operationId: mount.operationId(`change${subject.noun}Comment`),
    summary: `Change one's own comment on ${subject.words}; an admin changes any`,
    tags: [subject.tag],
    params: child.memberParams,
    body: CommentChange,
    response: { 200: mount.oneOf(Comment) },
  };
  app.patch(child.member(), { config, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const { id, comment_id: commentId } = request.params;
      const which = { commentId, ifMatch: request.headers['if-match'], body };
      return mount.one(await changeComment(trx, { subject, area, id, at: shell.now() }, which));
    }),
  );
  const removal = {
    operationId: mount.operationId(`delete${subject.noun}Comment`),
    summary: `Delete one's own comment on ${subject.words}; an admin deletes any`,
    tags: [subject.tag],
    params: child.memberParams,
    response: { 204: { description: 'Deleted; its answers are those of what it answered.' } },
  };
  app.delete(child.member(), { config, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area } = request;
      const { id, comment_id: commentId } = request.params;
      await removeComment(
        trx,
        { subject, area, id, at: shell.now() },
        { commentId, ifMatch: request.headers['if-match'] },
      );
      return deleted;
    }),
  );
}
