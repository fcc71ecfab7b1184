/**
 * The one body of every error: problem details (RFC 9457) with the attributes `error`, `statusCode` and `message` of older
 * clients beside them, and the id under which the log has the request.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestValidationError } from 'fastify-zod-openapi';
import { z } from 'zod';
import { isConnectionLoss } from '../platform/database.ts';
import { type FieldError, Refusal } from '../platform/refusal.ts';
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';
import { refusals } from '../platform/refusals.ts';
import { fieldErrorsOf } from './field-errors.ts';
import { pathOf } from './mounts.ts';

export const problemType = 'application/problem+json';

const codes = Object.keys(refusalList) as [RefusalCode, ...RefusalCode[]];

export const Problem = z.object({
  type: z.url().describe('A page about this kind of error.'),
  title: z.string().describe('The kind of error in a sentence, always the same for one code.'),
  status: z.int(),
  detail: z.string().describe('What was wrong this time.'),
  instance: z.string().describe('The path of the request.'),
  error: z.enum(codes).describe('The machine-readable code.'),
  statusCode: z.int().describe('The same as status.'),
  message: z.string().describe('The same as detail.'),
  request_id: z.string(),
  errors: z.array(
    z.object({
      in: z.enum(['body', 'query', 'path', 'header']),
      pointer: z.string().describe('A JSON pointer (RFC 6901) into that part of the request.'),
      code: z.string(),
      message: z.string(),
    }),
  ),
});
export type Problem = z.infer<typeof Problem>;

/** The body for a refusal; `publicUrl` makes its type an absolute URL. */
export function problemOf(refusal: Refusal, request: { id: string; url: string }, publicUrl: string): Problem {
  const { code, status, message, errors } = refusal;
  return {
    type: `${publicUrl}/problems/${code}`,
    title: refusalList[code].title,
    status,
    detail: message,
    instance: pathOf(request.url) || '/',
    error: code,
    statusCode: status,
    message,
    request_id: request.id,
    errors: errors as FieldError[],
  };
}

/**
 * Answers any error: as the refusal that it is or stands for, or as internal_error. What nobody decided on is logged as an error, and so
 * is the cause of a refusal that is ours.
 */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, publicUrl: string) {
  const refusal = refusalOf(error, request);
  if (refusal.status >= 500 && (refusal !== error || refusal.cause !== undefined))
    request.log.error({ err: error, request_id: request.id }, refusal.message);
  return reply
    .code(refusal.status)
    .headers({ ...refusal.headers, 'cache-control': 'no-store', 'x-request-id': request.id })
    .type(problemType)
    .send(JSON.stringify(problemOf(refusal, request, publicUrl)));
}

function refusalOf(error: unknown, request: FastifyRequest): Refusal {
  if (error instanceof Refusal) return error;
  const { validation, validationContext, code, statusCode } = error as FastifyishError;
  if (validation) {
    const issues = validation
      .filter((issue) => issue instanceof RequestValidationError)
      .map((issue) => issue.params.issue);
    return refusals.invalid(fieldErrorsOf(issues, validationContext ?? 'body', request));
  }
  // The client's connection, not the database's; nobody hears the answer.
  if (error === request.raw.errored)
    return new Refusal('malformed_request', 'The request broke off.', { cause: error });
  if (isConnectionLoss(error)) return refusals.databaseUnavailable(error);
  const known = code === undefined ? undefined : frameworkCodes[code];
  if (known) return new Refusal(known, refusalList[known].title, { cause: error });
  if (statusCode === 400) return new Refusal('malformed_request', (error as Error).message, { cause: error });
  return new Refusal('internal_error', 'Something went wrong on our side.', { cause: error });
}

type FastifyishError = {
  readonly validation?: readonly unknown[];
  readonly validationContext?: string;
  readonly code?: string;
  readonly statusCode?: number;
};

/** Fastify's own errors that a request can cause, by their codes. */
const frameworkCodes: Record<string, RefusalCode> = {
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_EMPTY_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_INVALID_TYPE: 'media_type_unsupported',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
};
