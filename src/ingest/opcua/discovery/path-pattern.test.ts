import { expect, test } from 'vitest';
import { fieldNames, pathNames, pathText } from './found-node.ts';
import { matchPath, parsePathPattern } from './path-pattern.ts';

function match(pattern: string, path: string) {
  const parsed = parsePathPattern(pattern);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return matchPath(parsed.pattern, pathNames(path));
}

test.each<[string, string, object | undefined]>([
  ['Plant/{asset}/{point}', 'Plant/CH-1/Power', { asset: 'CH-1', point: 'Power' }],
  ['Plant/{asset}/{point}', 'Plant/CH-1', undefined],
  ['Plant/{asset}/{point}', 'Plant/CH-1/A/B', undefined],
  ['Plant/CH-{n}/{point}', 'Plant/CH-12/Power', { n: '12', point: 'Power' }],
  ['Plant/CH-{n}/{point}', 'Plant/CH-/Power', undefined],
  ['Plant/CH-{n}_{kind}_sp', 'Plant/CH-1_a_b_sp', { n: '1', kind: 'a_b' }],
  ['Plant/*Pump*/{point}', 'Plant/CHW Pump 1/Speed', { point: 'Speed' }],
  ['Plant/*Pump*/{point}', 'Plant/Chiller/Speed', undefined],
  ['Plant/*/Speed', 'Plant//Speed', {}],
  ['{n}a', 'aa', { n: 'a' }],
  ['{n}ab', 'ab', undefined],
  ['*-*-x', 'a-b-c-x', {}],
  ['**/Speed', 'Speed', {}],
  ['**/Speed', 'A/B/Speed', {}],
  ['**/Speed', 'A/B/Speed/C', undefined],
  ['**/Sensors/**/{point}', 'A/Sensors/B/Sensors/T', { point: 'T' }],
  ['Plant/{asset}/{point...}', 'Plant/P-1/Phases/[0]/Current', { asset: 'P-1', point: 'Phases_0_Current' }],
  ['Plant/{asset}/{point...}', 'Plant/P-1', undefined],
  ['Plant/{area...}/{asset}/{point}', 'Plant/A/B/C/P-1/T', { area: 'A_B_C', asset: 'P-1', point: 'T' }],
  ['M/{point...}', 'M/[1,2]', { point: '1_2' }],
  ['a&/b/{point}', 'a&/b/T', { point: 'T' }],
  ['&{x&}&*&&/{point}', '{x}*&&/T', { point: 'T' }],
  ['plant/{point}', 'Plant/T', undefined],
])('%s on %s', (pattern, path, captures) => {
  expect(match(pattern, path)).toEqual(captures);
});

test.each([
  ['', /must have a name/],
  ['/Plant', /between each two slashes/],
  ['Plant//x', /between each two slashes/],
  ['Plant/', /between each two slashes/],
  ['Plant/{asset}{point}', /text between two wildcards/],
  ['Plant/*{point}', /text between two wildcards/],
  ['Plant/{a b}', /names in braces/],
  ['Plant/{asset', /names in braces/],
  ['{x}/{x}', /has \{x\} twice/],
  ['**/a/**/b/**/c/**', /3 times at most/],
  [Array.from({ length: 33 }, () => 'a').join('/'), /32 names/],
  ['x'.repeat(1_001), /1000 characters/],
])('%s is refused with the reason', (pattern, reason) => {
  expect(parsePathPattern(pattern)).toEqual({ problem: expect.stringMatching(reason) });
});

test('a pattern made to be slow is not', () => {
  const names = Array.from({ length: 64 }, () => 'a'.repeat(256));
  const parsed = parsePathPattern(
    `**/a*a*a*a*a*a/**/*a*a*a*a*b/**/${Array.from({ length: 20 }, () => '*a*a*a*').join('/')}/z`,
  );
  if ('problem' in parsed) throw new Error(parsed.problem);
  const startedAt = performance.now();
  for (let time = 0; time < 100; time++) expect(matchPath(parsed.pattern, names)).toBeUndefined();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test('paths keep names with slashes and ampersands apart, there and back', () => {
  for (const names of [['a/b', 'c'], ['a', 'b', 'c'], ['a&', '/b'], ['&/', ''], ['x']]) {
    expect(pathNames(pathText(names))).toEqual(names);
  }
  expect(pathText(['AC/DC', 'R&D'])).toBe('AC&/DC/R&&D');
  expect(fieldNames('Phases[0].Current')).toEqual(['Phases', '[0]', 'Current']);
  expect(fieldNames('')).toEqual([]);
});
