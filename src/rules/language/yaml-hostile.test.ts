/** Files that are no rules, but an attempt on whoever reads them. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseSource, validateSource } from './yaml-source.ts';

function errorsOf(text: string): string[] {
  const { source, errors } = parseSource('a.yaml', text);
  const validated = validateSource(source, z.strictObject({ a: z.unknown().optional() }));
  return [...errors, ...validated.errors].map(({ code }) => code);
}

// These took minutes, or all of the memory, before anybody said that they were wrong.
test.each([
  ['a line of colons', 'a: '.repeat(33_000), 'resource_exhaustion'],
  ['lines of colons', `${'a: '.repeat(20)}b\n`.repeat(1_500), 'resource_exhaustion'],
  ['keys of keys of keys', `${'? '.repeat(60)}a`, 'complex_key'],
  ['a thousand keys within each other', `${'? '.repeat(1_000)}a`, 'resource_exhaustion'],
  ['brackets within brackets', '- ['.repeat(2_000), 'resource_exhaustion'],
  ['braces and quotes', `{"`.repeat(6_000), 'resource_exhaustion'],
  ['a key that is a list', 'a: { [b, c]: d }', 'complex_key'],
  ['a key that stands for a mapping', 'a: { x: &m { b: c }, *m : d }', 'complex_key'],
])('%s are told as mistakes, and at once', (_, text, code) => expect(errorsOf(text)).toContain(code), 15_000);
