/**
 * A mount is a way in: the same handlers under /api/v1 (RunTight's envelope) and under /api/v1/sites/{slug} (Tacit's).
 * It decides the path, the envelope and nothing else. Stages get their mounts as an argument; src/api/mounts.ts makes
 * them.
 */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { FastifyZodOpenApiTypeProvider } from 'fastify-zod-openapi';
import type { z } from 'zod';
import type { Db } from './database.ts';
import type { Page, Series } from './paging.ts';

/** What is to be sent, before anything is: a status, header fields and the body that the reply's schema describes. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The body holds a secret, which is shown to whoever asked and kept from everybody else. */
  readonly isSecret?: boolean;
};

/** What is answered where something was deleted or ended. */
export const deleted: Answer = { status: 204, headers: {}, body: undefined };

export type RouteScope = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  FastifyZodOpenApiTypeProvider
>;

/** Every object of the API has an id and the instant of its last change, of which its ETag is made. */
type Versioned = { readonly id: string; readonly updated_at: string };

/** A collection below each member of another one, such as the comments of work orders. */
export type ChildMount<Name extends string> = {
  readonly list: string;
  /** The path of one of them (`''`), or of what is below it (`/download`). */
  member(below?: string): string;
  readonly listParams: z.ZodType<{ id: string }>;
  /** `id` is that of the parent, `name` that of the child. */
  readonly memberParams: z.ZodType<{ id: string } & { [key in Name]: string }>;
};

export type Mount = {
  readonly name: 'tenant' | 'site';
  /** The path of a list (`work-orders`), and of one of its members (`work-orders`, `/readings`). */
  list(collection: string): string;
  member(collection: string, below?: string): string;
  /** The members of members: `child('work-orders', '/comments', 'comment_id')`. */
  child<Name extends string>(collection: string, below: string, name: Name): ChildMount<Name>;
  /** An operation's id is its verb and noun, and the mount where that is needed to tell two apart. */
  operationId(verbAndNoun: string): string;
  readonly listParams: z.ZodType<object>;
  readonly memberParams: z.ZodType<{ id: string }>;
  /** The parameters of a member whose id is a name, such as a rule's. */
  namedParams(id: z.ZodType<string, string>): z.ZodType<{ id: string }>;
  /** The schemas of the replies: a page of items, one of them, and a piece of a long series. */
  pageOf(item: z.ZodType): z.ZodType;
  oneOf(item: z.ZodType): z.ZodType;
  seriesOf(item: z.ZodType): z.ZodType;
  page(request: FastifyRequest, page: Page<unknown>): Answer;
  series(request: FastifyRequest, series: Series<unknown>): Answer;
  one(object: Versioned): Answer;
  /** What was found and is not kept: it has no version. */
  found(object: object): Answer;
  /** 201, with the Location of the new object. */
  created(request: FastifyRequest, object: Versioned): Answer;
};

/** Sends an answer; a GET whose If-None-Match names the ETag gets 304 (RFC 9110, section 13.1.2). */
export type Send = (request: FastifyRequest, reply: FastifyReply, answer: Answer) => FastifyReply;

/**
 * Runs a write in one transaction and sends its answer. With an Idempotency-Key the answer is kept in that same
 * transaction, so that a write and the memory of it exist together or not at all.
 */
export type Transact = (
  request: FastifyRequest,
  reply: FastifyReply,
  write: (trx: Db) => Promise<Answer>,
  queue?: Queue,
) => Promise<FastifyReply>;

/**
 * Where a write waits before it gets a transaction, if it needs other connections beside that one's: with as many of them
 * as there are connections none could go on. Throws a refusal when too many wait.
 */
export type Queue = <T extends object>(request: FastifyRequest, work: () => Promise<T>) => Promise<T>;

/** The parts of the HTTP shell that a stage's routes use. */
export type Shell = { readonly send: Send; readonly transact: Transact; readonly now: () => Date };

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };

/**
 * Sends an object whole, also to who knows its ETag: part of what it shows changes without a new version, such as when it was used
 * last, so that the ETag is for If-Match alone.
 */
export function sendWhole({ send }: Shell, { request, reply }: Exchange, { headers, ...answer }: Answer): FastifyReply {
  reply.headers(headers);
  return send(request, reply, { ...answer, headers: {} });
}
