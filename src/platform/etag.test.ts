import { expect, test } from 'vitest';
import { etagOf, ifMatchHolds, ifNoneMatchNames } from './etag.ts';

const etag = etagOf('2026-04-11T18:22:33Z');

test('a tag is strong, and another for an instant a millisecond later', () => {
  expect(etag).toMatch(/^"\w+"$/);
  expect(etagOf(new Date('2026-04-11T18:22:33.000Z'))).toBe(etag);
  expect(etagOf('2026-04-11T18:22:33.001Z')).not.toBe(etag);
});

const headers: [string | undefined, boolean, boolean, string][] = [
  [undefined, true, false, 'absent'],
  ['*', true, true, 'a star'],
  [etag, true, true, 'the tag'],
  [`W/${etag}`, false, true, 'the weak tag: strong comparison for changes, weak for reading'],
  [`"a", ${etag} ,"b"`, true, true, 'in a list'],
  ['"a"', false, false, 'another tag'],
  [etag.slice(1, -1), false, false, 'without quotes'],
  ['', false, false, 'empty'],
];
test.each(headers)('%s: If-Match %s, If-None-Match %s: %s', (header, holds, names) => {
  expect([ifMatchHolds(header, etag), ifNoneMatchNames(header, etag)]).toEqual([holds, names]);
});
