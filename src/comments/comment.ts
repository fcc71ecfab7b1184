/**
 * What people say of a work order or an insight, in threads: a comment may answer another one of the same subject. Where one is
 * deleted, its answers become answers of what it answered.
 */
import { z } from 'zod';
import { Person } from '../access/person.ts';
import { exampleOf, flag, Id, Instant, kept, keptShape, text } from '../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../platform/list-query.ts';

const bodyLengthMax = 10_000;

export const Comment = z
  .object({
    id: Id,
    body: z.string(),
    parent_id: Id.nullable().describe('The comment that this one answers.'),
    mentions: z.array(Id).describe('The users whom it names by @username.'),
    author: z.string().describe('Who wrote it, in words: a username, or the name of a key that acts for nobody.'),
    created_by: Id.nullable(),
    created_by_detail: Person.nullable(),
    edited_at: Instant.nullable().describe('When its text last changed.'),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Comment' });
export type Comment = z.infer<typeof Comment>;

export const commentList = listOf({
  name: 'comments',
  id: 'comment.id',
  columns: { created_at: columns.instant('comment.created_at'), updated_at: columns.instant('comment.updated_at') },
  words: ['comment.body'],
});

export const CommentQuery = listQuery(commentList, {
  parent_id: Id.optional().describe('Only the answers of this comment.'),
  is_reply: flag().describe('Only answers, or only those that begin a thread.'),
  created_by: Id.optional(),
  mentions: Id.optional().describe('Only those that name this user.'),
  external_id: text(255).optional(),
});
export type CommentFilter = Omit<z.output<typeof CommentQuery>, ListFields>;

const Body = text(bodyLengthMax)
  .regex(/\S/, 'must not be empty')
  .describe('Plain text; @username names an active user.');

export const CommentBody = z
  .strictObject({
    body: Body,
    parent_id: z
      .union([Id, z.literal(''), z.null()])
      .transform((value) => value || null)
      .optional()
      .describe('The comment that it answers.'),
    ...kept,
  })
  .meta({ id: 'CommentBody', ...exampleOf({ body: 'Ordered the actuator. @alex can you isolate AHU-01 on Friday?' }) });
export type CommentBody = z.output<typeof CommentBody>;

export const CommentChange = z
  .strictObject({ body: Body.optional(), ...kept })
  .meta({ id: 'CommentChange', ...exampleOf({ body: 'Ordered the actuator; it comes on Thursday.' }) });
export type CommentChange = z.output<typeof CommentChange>;

/** The usernames that a text names, in small letters: @alex, but not alex@example.com. */
export function namedIn(body: string): string[] {
  const found = body.matchAll(/(?<![\p{L}\p{N}_.@-])@([\p{L}\p{N}][\p{L}\p{N}._-]{0,63})/gu);
  // A dot or a hyphen at the end may be that of a sentence.
  const names = [...found].flatMap(([, name = '']) => [name, name.replace(/[._-]+$/, '')]);
  return [...new Set(names.map((name) => name.toLowerCase()))].slice(0, namesMax);
}

const namesMax = 100;
