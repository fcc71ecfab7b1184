import type { FastifyRequest } from 'fastify';
import type { FieldError } from '../platform/refusal.ts';
import { refusals } from '../platform/refusals.ts';

const depthMax = 32;

/**
 * Refuses, for every route at once, what no part of the program can hold: text with NUL or half a surrogate pair, which
 * PostgreSQL does not store, numbers beyond a double, and nesting so deep that recursion over it could run out of stack.
 */
export function checkHygiene(request: FastifyRequest): void {
  const { params, query, body } = request;
  check('path', params);
  check('query', query);
  check('body', body);
}

function check(place: FieldError['in'], part: unknown): void {
  const rest: { value: unknown; pointer: string; depth: number }[] = [{ value: part, pointer: '', depth: 0 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, pointer, depth } = next;
    const wrong = faultOf(value, depth);
    if (wrong) throw refusals.invalid([{ in: place, pointer, ...wrong }]);
    if (value === null || typeof value !== 'object') continue;
    for (const [key, inner] of Object.entries(value)) {
      const below = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const wrongKey = faultOf(key, depth);
      if (wrongKey) throw refusals.invalid([{ in: place, pointer, ...wrongKey }]);
      rest.push({ value: inner, pointer: below, depth: depth + 1 });
    }
  }
}

function faultOf(value: unknown, depth: number): { code: string; message: string } | undefined {
  if (depth > depthMax) return { code: 'too_deep', message: `is nested deeper than ${depthMax}` };
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { code: 'invalid', message: 'is beyond the range of numbers' };
  }
  if (typeof value !== 'string') return undefined;
  if (value.includes('\0')) return { code: 'invalid', message: 'has a NUL character' };
  if (!value.isWellFormed()) return { code: 'invalid', message: 'has half a surrogate pair' };
  return undefined;
}
