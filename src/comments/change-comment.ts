import type { Caller } from '../access/api-key.ts';
import type { Writing as WritingBelow } from '../access/child-routes.ts';
import type { Which } from '../access/collection-routes.ts';
import { actorOf, type Change, changesBetween, type EventType, type NewEvent } from '../events/event.ts';
import { appendEvent, appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { refusals } from '../platform/refusals.ts';
import { type Comment, type CommentBody, type CommentChange, namedIn } from './comment.ts';
import {
  type CommentColumns,
  deleteComment,
  findComment,
  getRow,
  insertComment,
  listNamed,
  type Subject,
  updateComment,
} from './comment-store.ts';
import type { CommentSubject, SubjectPlace } from './comment-subject.ts';

/** Where a comment is written, by whom and when; the id is that of what is commented on. */
type Writing = WritingBelow & { readonly subject: CommentSubject };

/** Adds a comment; run it in a transaction. Throws validation_failed for a parent that is no comment of the same subject. */
export async function addComment(trx: Db, writing: Writing, body: CommentBody): Promise<Comment> {
  const { subject, area, id, at } = writing;
  const { tenantId, userId, keyId } = area.caller;
  const place = await subject.hold(trx, area, id);
  const on = subjectOf(writing);
  const parentId = body.parent_id ?? null;
  if (parentId !== null && !(await getRow(trx, on, parentId)))
    throw refusals.invalidBody('/parent_id', 'not_found', `there is no such comment on this ${words(subject)}`);
  const inserted = await insertComment(trx, on, {
    body: body.body,
    parentId,
    mentions: await listNamed(trx, tenantId, namedIn(body.body)),
    createdBy: userId,
    createdByKey: keyId,
    externalId: body.external_id ?? null,
    metadata: body.metadata ?? {},
    at,
  });
  await subject.changed(trx, { tenantId, id, at }, 1);
  const comment = await getComment(trx, on, inserted);
  await appendEvent(trx, eventOf(writing, place, { type: subject.events.created, comment, changes: [] }));
  return comment;
}

/** Changes one's own comment; run it in a transaction. Throws comment_not_own and precondition_failed. */
export async function changeComment(
  trx: Db,
  writing: Writing,
  { id: commentId, ifMatch, body }: Which & { body: CommentChange },
): Promise<Comment> {
  const { subject, area, id, at } = writing;
  const place = await subject.hold(trx, area, id);
  const on = subjectOf(writing);
  await getOwn(trx, writing, { id: commentId, ifMatch });
  const before = await getComment(trx, on, commentId);
  if (Object.keys(body).length === 0) return before;
  await updateComment(trx, on, { id: commentId, columns: await columnsOf(trx, writing, { before, body }), at });
  const comment = await getComment(trx, on, commentId);
  const changes = changesBetween(shownOf(before), shownOf(comment));
  if (changes.length > 0)
    await appendEvent(trx, eventOf(writing, place, { type: subject.events.updated, comment, changes }));
  return comment;
}

/** Deletes one's own comment, under the same conditions; its answers are those of what it answered from then on, each told as a change. */
export async function removeComment(trx: Db, writing: Writing, which: Which): Promise<void> {
  const { subject, area, id, at } = writing;
  const { tenantId } = area.caller;
  const place = await subject.hold(trx, area, id);
  const on = subjectOf(writing);
  const row = await getOwn(trx, writing, which);
  const comment = await getComment(trx, on, which.id);
  const moved = await deleteComment(trx, on, { id: which.id, parentId: row.parent_id, at });
  await subject.changed(trx, { tenantId, id, at }, -1);
  const changes = [{ field: 'parent_id', from: which.id, to: row.parent_id }];
  await appendEvents(trx, [
    eventOf(writing, place, { type: subject.events.deleted, comment, changes: [] }),
    ...moved.map((answer) => eventOf(writing, place, { type: subject.events.updated, comment: answer, changes })),
  ]);
}

/** What a comment of this subject is kept under. */
export function subjectOf({ subject, area, id }: Pick<Writing, 'subject' | 'area' | 'id'>): Subject {
  return { tenantId: area.caller.tenantId, kind: subject.kind, id };
}

/** One comment as it is shown. Throws comment_not_found. */
export async function getComment(db: Db, on: Subject, commentId: string): Promise<Comment> {
  const comment = await findComment(db, on, commentId);
  if (!comment) throw refusals.commentNotFound(commentId);
  return comment;
}

async function getOwn(trx: Db, writing: Writing, { id: commentId, ifMatch }: Which) {
  const row = await getRow(trx, subjectOf(writing), commentId);
  if (!row) throw refusals.commentNotFound(commentId);
  if (!isOwn(writing.area.caller, row)) throw refusals.commentNotOwn();
  requireMatch(ifMatch, row.updated_at);
  return row;
}

type Author = { readonly created_by: string | null; readonly created_by_key: string | null };

/** A comment is its writer's, whether he comes himself or by a key; what nobody but a key has written is that key's. */
function isOwn({ userId, keyId, role, scopes }: Caller, { created_by, created_by_key }: Author): boolean {
  if (role === 'admin' || scopes.includes('admin')) return true;
  return created_by === null ? keyId !== null && created_by_key === keyId : created_by === userId;
}

async function columnsOf(
  trx: Db,
  { area, at }: Writing,
  { before, body }: { before: Comment; body: CommentChange },
): Promise<CommentColumns> {
  const { body: text, external_id, metadata } = body;
  const isOther = text !== undefined && text !== before.body;
  return {
    ...(isOther
      ? { body: text, edited_at: at, mentions: await listNamed(trx, area.caller.tenantId, namedIn(text)) }
      : {}),
    ...(external_id === undefined ? {} : { external_id }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  };
}

function shownOf({ body, external_id, metadata }: Comment) {
  return { body, external_id, metadata };
}

const excerptLength = 500;

type Told = {
  readonly type: EventType;
  readonly comment: Pick<Comment, 'id' | 'body' | 'parent_id' | 'mentions'>;
  readonly changes: readonly Change[];
};

function eventOf(
  { subject, area, id }: Writing,
  { siteId, assetId }: SubjectPlace,
  { type, comment, changes }: Told,
): NewEvent {
  const { body, parent_id, mentions } = comment;
  return {
    tenantId: area.caller.tenantId,
    siteId,
    assetId,
    type,
    subject: { kind: subject.kind, id },
    actor: actorOf(area.caller),
    changes,
    data: { id: comment.id, body: [...body].slice(0, excerptLength).join(''), parent_id, mentions },
  };
}

function words({ kind }: CommentSubject): string {
  return kind.replace('_', ' ');
}
