import { childRoutes } from '../access/child-routes.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
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
export function commentRoutes(app: RouteScope, mount: Mount, { subject, ...needs }: Needs): void {
  const { noun, words } = subject;
  childRoutes(app, mount, needs, {
    parent: subject,
    ...{ path: '/comments', idName: 'comment_id', noun: `${noun}Comment`, nouns: `${noun}Comments` },
    shown: Comment,
    list: {
      summary: `List the comments on ${words}`,
      of: commentList,
      query: CommentQuery,
      find: (db, below, asked) => listComments(db, subjectOf({ subject, ...below }), asked),
    },
    one: {
      summary: `Get one comment on ${words}`,
      get: (db, below, id) => getComment(db, subjectOf({ subject, ...below }), id),
    },
    creation: {
      summary: `Comment on ${words}, or answer a comment`,
      body: CommentBody,
      add: (trx, writing, body) => addComment(trx, { subject, ...writing }, body),
    },
    change: {
      summary: `Change one's own comment on ${words}; an admin changes any`,
      body: CommentChange,
      apply: (trx, writing, which) => changeComment(trx, { subject, ...writing }, which),
    },
    removal: {
      summary: `Delete one's own comment on ${words}; an admin deletes any`,
      description: 'Deleted; its answers are those of what it answered.',
      remove: (trx, writing, which) => removeComment(trx, { subject, ...writing }, which),
    },
  });
}
