import type { FastifyRequest } from 'fastify';
import type { core } from 'zod';
import type { FieldError } from '../platform/refusal.ts';

const places: Record<string, FieldError['in']> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
  body: 'body',
};

/** Zod's issues with one part of a request, as the API names them: where, which code, in words. */
export function fieldErrorsOf(
  issues: readonly core.$ZodIssue[],
  context: string,
  request: Pick<FastifyRequest, 'body' | 'query' | 'params' | 'headers'>,
): FieldError[] {
  const place = places[context] ?? 'body';
  const part = { body: request.body, query: request.query, path: request.params, header: request.headers }[place];
  return issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const pointer = pointerOf([...issue.path, key]);
        return { in: place, pointer, code: 'unknown', message: `there is no ${key} here` };
      });
    }
    const absent = valueAt(part, issue.path) === undefined;
    const pointer = pointerOf(issue.path);
    if (absent) return [{ in: place, pointer, code: 'required', message: 'is required' }];
    return [{ in: place, pointer, code: codeOf(issue), message: messageOf(issue) }];
  });
}

/** A JSON pointer (RFC 6901, section 3). */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The value at a path, or the text in which it stands: a list may be given with commas. */
function valueAt(part: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof value === 'string') return value;
    return value === null || typeof value !== 'object' ? undefined : (value as Record<PropertyKey, unknown>)[step];
  }, part);
}

function codeOf(issue: core.$ZodIssue): string {
  if (issue.code === 'too_big') return 'too_long';
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') return 'invalid_type';
  return 'invalid';
}

/** Of a union's issues, those of the branch that came furthest say more than that none of them fits. */
function messageOf(issue: core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  const [first] = issue.errors.find((branch) => !branch.some(isOfAnotherType)) ?? [];
  return first ? messageOf(first) : 'has the wrong type';
}

/** Whether a branch was not meant: it is of another type, or of the empty text that unsets. */
function isOfAnotherType(issue: core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && issue.values.join() === '');
}
