/**
 * What no part of the program can hold: text with NUL or half a surrogate pair, which PostgreSQL does not store, numbers beyond a
 * double, a key that some readers take for an object's prototype, and nesting so deep that recursion over it could run out of stack.
 */
import type { FieldError } from './refusal.ts';

const depthMax = 32;

/** The first part of a value that cannot be held: its JSON pointer into the value, a code, and what is wrong; undefined: none. */
export function findUnstorable(whole: unknown): Omit<FieldError, 'in'> | undefined {
  const rest: { value: unknown; pointer: string; depth: number }[] = [{ value: whole, pointer: '', depth: 0 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, pointer, depth } = next;
    const wrong = faultOf(value, depth);
    if (wrong) return { pointer, ...wrong };
    if (value === null || typeof value !== 'object') continue;
    for (const [key, inner] of Object.entries(value)) {
      const wrongKey = key === '__proto__' ? invalid('has a key __proto__') : faultOf(key, depth);
      if (wrongKey) return { pointer, ...wrongKey };
      const below = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      rest.push({ value: inner, pointer: below, depth: depth + 1 });
    }
  }
  return undefined;
}

type Fault = Pick<FieldError, 'code' | 'message'>;

const invalid = (message: string): Fault => ({ code: 'invalid', message });

function faultOf(value: unknown, depth: number): Fault | undefined {
  if (depth > depthMax) return { code: 'too_deep', message: `is nested deeper than ${depthMax}` };
  if (typeof value === 'number' && !Number.isFinite(value)) return invalid('is beyond the range of numbers');
  if (typeof value !== 'string') return undefined;
  if (value.includes('\0')) return invalid('has a NUL character');
  if (!value.isWellFormed()) return invalid('has half a surrogate pair');
  return undefined;
}
