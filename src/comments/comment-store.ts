import { sql } from 'kysely';
import { personOf } from '../access/person.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { formatInstant } from '../platform/instant.ts';
import { narrowed, readPage } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { Comment, type CommentFilter } from './comment.ts';
import type { CommentSubject } from './comment-subject.ts';

/** What a comment is about. */
export type Subject = { readonly tenantId: string; readonly kind: CommentSubject['kind']; readonly id: string };

/** Comments on one subject. */
export async function listComments(
  db: Db,
  subject: Subject,
  { filter, page }: { filter: CommentFilter; page: ListRequest },
): Promise<Rows<Comment>> {
  let comments = commentsOn(db, subject);
  if (filter.parent_id !== undefined) comments = comments.where('comment.parent_id', '=', filter.parent_id);
  if (filter.is_reply !== undefined)
    comments = comments.where('comment.parent_id', filter.is_reply ? 'is not' : 'is', null);
  if (filter.created_by !== undefined) comments = comments.where('comment.created_by', '=', filter.created_by);
  if (filter.mentions !== undefined) comments = comments.where(sql<boolean>`${filter.mentions}::uuid = any(mentions)`);
  if (filter.external_id !== undefined) comments = comments.where('comment.external_id', '=', filter.external_id);
  const found = narrowed(comments, page);
  return readPage({ found, shown: shown(found) }, page, toComment);
}

/** One comment on a subject. */
export async function findComment(db: Db, subject: Subject, id: string): Promise<Comment | undefined> {
  const row = await shown(commentsOn(db, subject)).where('comment.id', '=', id).executeTakeFirst();
  return row && toComment(row);
}

/** The row of one comment; whoever changes it holds its subject. */
export function getRow(trx: Db, subject: Subject, id: string) {
  return commentsOn(trx, subject).selectAll('comment').where('comment.id', '=', id).executeTakeFirst();
}

export type NewComment = {
  readonly body: string;
  readonly parentId: string | null;
  readonly mentions: readonly string[];
  readonly createdBy: string | null;
  readonly createdByKey: string | null;
  readonly externalId: string | null;
  readonly metadata: Record<string, unknown>;
  readonly at: Date;
};

/** Inserts a comment and gives its id. */
export async function insertComment(
  trx: Db,
  { tenantId, kind, id: subjectId }: Subject,
  comment: NewComment,
): Promise<string> {
  const id = newId();
  await trx
    .insertInto('comment')
    .values({
      ...{ id, tenant_id: tenantId, subject_kind: kind, subject_id: subjectId },
      body: comment.body,
      parent_id: comment.parentId,
      mentions: [...comment.mentions],
      created_by: comment.createdBy,
      created_by_key: comment.createdByKey,
      external_id: comment.externalId,
      metadata: JSON.stringify(comment.metadata),
      created_at: comment.at,
      updated_at: comment.at,
    })
    .execute();
  return id;
}

export type CommentColumns = {
  readonly body?: string;
  readonly mentions?: string[];
  readonly edited_at?: Date;
  readonly external_id?: string | null;
  readonly metadata?: string;
};

/** Changes a comment. */
export async function updateComment(
  trx: Db,
  { tenantId, kind, id: subjectId }: Subject,
  { id, columns, at }: { id: string; columns: CommentColumns; at: Date },
): Promise<void> {
  await trx
    .updateTable('comment')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('subject_kind', '=', kind)
    .where('subject_id', '=', subjectId)
    .where('id', '=', id)
    .execute();
}

/** Deletes a comment; its answers become those of `parentId`, and are given as they are then. */
export async function deleteComment(
  trx: Db,
  { tenantId }: Subject,
  { id, parentId, at }: { id: string; parentId: string | null; at: Date },
): Promise<Pick<Comment, 'id' | 'body' | 'parent_id' | 'mentions'>[]> {
  const moved = await trx
    .updateTable('comment')
    .set({ parent_id: parentId, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('parent_id', '=', id)
    .returning(['id', 'body', 'parent_id', 'mentions'])
    .execute();
  await trx.deleteFrom('comment').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
  return moved;
}

/** The ids of the active users of these names, given in small letters. */
export async function listNamed(db: Db, tenantId: string, usernames: readonly string[]): Promise<string[]> {
  if (usernames.length === 0) return [];
  const rows = await db
    .selectFrom('app_user')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('active', '=', true)
    .where(sql<boolean>`lower(username) = any(${usernames}::text[])`)
    .orderBy('username')
    .execute();
  return rows.map(({ id }) => id);
}

function commentsOn(db: Db, { tenantId, kind, id }: Subject) {
  return db
    .selectFrom('comment')
    .where('comment.tenant_id', '=', tenantId)
    .where('comment.subject_kind', '=', kind)
    .where('comment.subject_id', '=', id);
}

function shown(comments: ReturnType<typeof commentsOn>) {
  return comments
    .leftJoin('app_user as creator', 'creator.id', 'comment.created_by')
    .leftJoin('api_key', 'api_key.id', 'comment.created_by_key')
    .selectAll('comment')
    .select(['creator.username', 'creator.email', 'api_key.name as key_name']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toComment(row: Row): Comment {
  return Comment.parse({
    ...row,
    author: row.username ?? (row.key_name === null ? '' : `API key ${row.key_name}`),
    created_by_detail: personOf(row.created_by, row.username, row.email),
    edited_at: row.edited_at && formatInstant(row.edited_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
