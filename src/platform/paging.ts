/**
 * One page of a list, in an order that is total, reached by offset or by cursor, never by both.
 *
 *   ?limit=50            rows 0..49, nextCursor c1
 *   ?limit=50&cursor=c1  rows 50..99 as they follow the row at which c1 ended, whatever was added before it meanwhile
 *
 * A cursor is opaque to clients: the position of the last row and a binding (which list, which tenant, which order and
 * filter), signed, so that it cannot be made up nor be used on another list.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type Asked, type List, type ListFields, limitDefault, pageFields, readListQuery } from './list-query.ts';
import { refusals } from './refusals.ts';

/** The page of lists that have neither sort nor anything else to ask. */
export const PageQuery = z.strictObject(pageFields);
export type PageQuery = { limit?: number | undefined; offset?: number | undefined; cursor?: string | undefined };

/** Where a page ended: the sort keys of its last row, as the database writes them (instants with microseconds), and its id. */
export type RowPosition = { readonly keys: readonly string[]; readonly id: string };

/** Where a piece of a series ended, such as a point's readings. */
export type Position = { readonly at: string; readonly id: string };

/** What a store needs to know to fetch a page. `offset` counts from the start of the list, also behind a cursor. */
export type PageRequest = {
  readonly limit: number;
  readonly offset: number;
  readonly after?: RowPosition;
  readonly binding: string;
};

/** The same of a list with an order, ranges and words of its own. */
export type ListRequest = PageRequest & Asked & Pick<List, 'id' | 'idType'>;

/** What a store gives: up to limit + 1 rows, each with the position that it has in the list. */
export type Rows<T> = { readonly rows: readonly { item: T; position: RowPosition }[]; readonly total: number };

export type Page<T> = {
  readonly items: readonly T[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly nextCursor: string | null;
};

/** A piece of a long series, which has a cursor and neither offset nor total. */
export type Series<T> = Pick<Page<T>, 'items' | 'limit' | 'nextCursor'>;

/** For whom a list is read: what else decides which rows are in it, and the zone in which its local times are read. */
export type Reader = { readonly of: unknown; readonly timeZone: string };

type ListQuery<E extends string> = PageQuery & {
  sort?: string | undefined;
  q?: string | undefined;
  expand?: E[] | undefined;
};

export type Paging = {
  /** Takes a list's query apart: what its store needs, the filters of its own, and what is to be shown along with it. */
  list<E extends string, Q extends ListQuery<E>>(
    list: List<E>,
    query: Q,
    reader: Reader,
  ): { page: ListRequest; filter: Omit<Q, ListFields>; expand: readonly E[] };
  /** Takes a list's query apart into page and filter; `list` names whatever else decides which rows come in which order. */
  read<Q extends PageQuery>(query: Q, list: unknown): { page: PageRequest; filter: Omit<Q, keyof PageQuery> };
  page<T>(request: PageRequest, rows: Rows<T>): Page<T>;
  /** For lists that have a cursor alone, such as a point's readings: opens the one given, and signs the next. */
  open(cursor: string | undefined, list: unknown): { position: Position | undefined; binding: string };
  sign(position: Position, binding: string): string;
};

/** Paging whose cursors are signed with `secret`. Throws the refusals validation_failed and cursor_invalid. */
export function createPaging(secret: string): Paging {
  return {
    sign: ({ at, id }, binding) => seal(secret, [[at], id, 0, binding]),
    open(cursor, list) {
      const binding = bindingOf(list);
      if (cursor === undefined) return { position: undefined, binding };
      const { keys, id } = openCursor(secret, cursor, binding);
      return { position: { at: keys[0] ?? '', id }, binding };
    },
    list(list, query, { of, timeZone }) {
      const { asked, filter, bound } = readListQuery(list, query, timeZone);
      const page = pageOf(secret, query, bindingOf([list.name, of, bound]));
      return { page: { ...page, ...asked, id: list.id, idType: list.idType }, filter, expand: query.expand ?? [] };
    },
    read({ limit, offset, cursor, ...filter }, list) {
      const binding = bindingOf([list, Object.entries(filter).sort()]);
      return { page: pageOf(secret, { limit, offset, cursor }, binding), filter };
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
        nextCursor: more ? seal(secret, [last.position.keys, last.position.id, offset + shown.length, binding]) : null,
      };
    },
  };
}

function pageOf(secret: string, { limit = limitDefault, offset, cursor }: PageQuery, binding: string): PageRequest {
  if (cursor === undefined) return { limit, offset: offset ?? 0, binding };
  if (offset !== undefined) throw refusals.invalid([bothGiven]);
  const { offset: passed, ...after } = openCursor(secret, cursor, binding);
  return { limit, offset: passed, after, binding };
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

const Payload = z.tuple([z.array(z.string()), z.string(), z.int().min(0), z.string()]);

function seal(
  secret: string,
  given: readonly [readonly string[], id: string, offset: number, binding: string],
): string {
  const payload = Buffer.from(JSON.stringify(given)).toString('base64url');
  return `${payload}.${macOf(secret, payload).toString('base64url')}`;
}

function openCursor(secret: string, cursor: string, binding: string): RowPosition & { offset: number } {
  const [payload = '', mac = '', ...rest] = cursor.split('.');
  const given = Buffer.from(mac, 'base64url');
  const own = macOf(secret, payload);
  if (rest.length > 0 || given.length !== own.length || !timingSafeEqual(given, own)) throw refusals.cursorInvalid();
  const [keys, id, offset, bound] = Payload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  if (bound !== binding) throw refusals.cursorInvalid();
  return { keys, id, offset };
}

function macOf(secret: string, payload: string): Buffer {
  return createHmac('sha256', secret).update('cursor\0').update(payload).digest().subarray(0, 16);
}
