/**
 * One page of a list, newest first (created_at desc, id desc), reached by offset or by cursor, never by both.
 *
 *   ?limit=50            rows 0..49, nextCursor c1
 *   ?limit=50&cursor=c1  rows 50..99 as they follow the row at which c1 ended, whatever was added before it meanwhile
 *
 * A cursor is opaque to clients: the position of the last row and a binding (which list, which tenant, which filter),
 * signed, so that it cannot be made up nor be used on another list.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { wholeNumber } from './fields.ts';
import { refusals } from './refusals.ts';

const limitDefault = 50;
const limitMax = 200;
const offsetMax = 1_000_000_000;

/** The query parameters that every list takes. */
export const PageQuery = z.strictObject({
  limit: wholeNumber({ min: 1, max: limitMax, default: limitDefault }).describe('How many items at most.'),
  offset: wholeNumber({ min: 0, max: offsetMax }).describe(
    'How many items to skip (0 if absent). Not together with cursor.',
  ),
  cursor: z.string().max(1024).optional().describe('nextCursor of the page before. Not together with offset.'),
});
export type PageQuery = { limit?: number | undefined; offset?: number | undefined; cursor?: string | undefined };

/** Where a page ended: the sort key of its last row, as the database writes it (microseconds), and its id. */
export type Position = { readonly at: string; readonly id: string };

/** What a store needs to know to fetch a page. `offset` counts from the start of the list, also behind a cursor. */
export type PageRequest = {
  readonly limit: number;
  readonly offset: number;
  readonly after?: Position;
  readonly binding: string;
};

/** What a store gives: up to limit + 1 rows, each with the position that it has in the list. */
export type Rows<T> = { readonly rows: readonly { item: T; position: Position }[]; readonly total: number };

export type Page<T> = {
  readonly items: readonly T[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly nextCursor: string | null;
};

/** A piece of a long series, which has a cursor and neither offset nor total. */
export type Series<T> = Pick<Page<T>, 'items' | 'limit' | 'nextCursor'>;

export type Paging = {
  /** Takes a list's query apart into page and filter; `list` names whatever else decides which rows come in which order. */
  read<Q extends PageQuery>(query: Q, list: unknown): { page: PageRequest; filter: Omit<Q, keyof PageQuery> };
  page<T>(request: PageRequest, rows: Rows<T>): Page<T>;
  /** For lists that have a cursor alone, such as a point's readings: opens the one given, and signs the next. */
  open(cursor: string | undefined, list: unknown): { position: Position | undefined; binding: string };
  sign(position: Position, binding: string): string;
};

/** Paging whose cursors are signed with `secret`. Throws the refusals validation_failed and cursor_invalid. */
export function createPaging(secret: string): Paging {
  const sign = (position: Position, binding: string, offset = 0): string => {
    const payload = Buffer.from(JSON.stringify([position.at, position.id, offset, binding])).toString('base64url');
    return `${payload}.${macOf(secret, payload).toString('base64url')}`;
  };
  return {
    sign,
    open(cursor, list) {
      const binding = bindingOf(list);
      return { position: cursor === undefined ? undefined : openCursor(secret, cursor, binding), binding };
    },
    read({ limit = limitDefault, offset, cursor, ...filter }, list) {
      const binding = bindingOf([list, Object.entries(filter).sort()]);
      if (cursor === undefined) return { page: { limit, offset: offset ?? 0, binding }, filter };
      if (offset !== undefined) throw refusals.invalid([bothGiven]);
      const { offset: passed, ...after } = openCursor(secret, cursor, binding);
      return { page: { limit, offset: passed, after, binding }, filter };
    },
    page({ limit, offset, binding }, { rows, total }) {
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      const more = rows.length > limit && last !== undefined;
      return {
        items: shown.map((row) => row.item),
        total,
        limit,
        offset,
        nextCursor: more ? sign(last.position, binding, offset + shown.length) : null,
      };
    },
  };
}

const bothGiven = {
  in: 'query',
  pointer: '/cursor',
  code: 'conflict',
  message: 'give either cursor or offset, not both',
} as const;

function bindingOf(list: unknown): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 16);
}

const Payload = z.tuple([z.string(), z.string(), z.int().min(0), z.string()]);

function openCursor(secret: string, cursor: string, binding: string): Position & { offset: number } {
  const [payload = '', mac = '', ...rest] = cursor.split('.');
  const given = Buffer.from(mac, 'base64url');
  const own = macOf(secret, payload);
  if (rest.length > 0 || given.length !== own.length || !timingSafeEqual(given, own)) throw refusals.cursorInvalid();
  const [at, id, offset, bound] = Payload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  if (bound !== binding) throw refusals.cursorInvalid();
  return { at, id, offset };
}

function macOf(secret: string, payload: string): Buffer {
  return createHmac('sha256', secret).update('cursor\0').update(payload).digest().subarray(0, 16);
}
