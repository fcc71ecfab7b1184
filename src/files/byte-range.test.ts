import { expect, test } from 'vitest';
import { ifRangeHolds, readRange } from './byte-range.ts';

test.each([
  [undefined, undefined, 'without a header all of it is sent'],
  ['bytes=0-3', { start: 0, end: 3 }, 'both ends are included'],
  ['bytes=6-', { start: 6, end: 9 }, 'up to the end'],
  ['bytes=-4', { start: 6, end: 9 }, 'the last ones'],
  ['bytes=-99', { start: 0, end: 9 }, 'more than there are is all of them'],
  ['bytes=8-99', { start: 8, end: 9 }, 'an end beyond the last one is the last one'],
  ['bytes=9-9', { start: 9, end: 9 }, 'a single one'],
  ['Bytes= 1-2 ', { start: 1, end: 2 }, 'units have no case'],
  ['bytes=10-', 'unsatisfiable', 'a beginning behind the end'],
  ['bytes=99999999999999999999-', 'unsatisfiable', 'a number beyond all files'],
  ['bytes=-0', 'unsatisfiable', 'the last none'],
  ['bytes=5-4', undefined, 'an end before its beginning is no range'],
  ['bytes=0-1,4-5', undefined, 'several parts are sent as one whole'],
  ['bytes=-', undefined, 'nothing'],
  ['bytes=a-b', undefined, 'no numbers'],
  ['lines=0-1', undefined, 'another unit'],
])('%j of ten bytes is %j: %s', (header, range, _why) => {
  expect(readRange(header, 10)).toEqual(range);
});

test('of an empty file nothing is satisfiable', () => {
  expect(readRange('bytes=0-', 0)).toBe('unsatisfiable');
  expect(readRange('bytes=-5', 0)).toBe('unsatisfiable');
});

const at = new Date('2026-03-17T17:00:00.700Z');
test.each([
  [undefined, true, 'there is no condition'],
  ['"a"', true, 'the same bytes'],
  ['"b"', false, 'other bytes'],
  ['W/"a"', false, 'a weak tag never matches'],
  ['Tue, 17 Mar 2026 17:00:00 GMT', true, 'the same second'],
  ['Tue, 17 Mar 2026 17:00:01 GMT', false, 'another one'],
  ['soon', false, 'neither'],
])('If-Range %j holds: %j, %s', (header, holds, _why) => {
  expect(ifRangeHolds(header, { etag: '"a"', at })).toBe(holds);
});
