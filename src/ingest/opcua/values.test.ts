import { expect, test } from 'vitest';
import type { Value } from './connection.ts';
import { decodeValues, encodeValues } from './values.ts';

const timeMs = Date.UTC(2026, 0, 5, 10);
const value = (given: Partial<Value>): Value => ({ itemId: 7, timeMs, value: 1, status: 0, ...given });
const form = 'the payload must be [[item, time in ms, value, status], …]';

test.each<[string, Value]>([
  ['a number', value({ value: -1.25e-9 })],
  ['a text with all that texts may have', value({ value: 'Läuft "gut"\n\u0000\u2028' })],
  ['no value, and a status with its upper bit', value({ value: null, status: 0x8031_0480 })],
  ['a time to the microsecond', value({ timeMs: timeMs + 0.123 })],
  ['the largest item', value({ itemId: 2_147_483_647 })],
])('%s comes out as it went in', (_, one) => {
  const payloads = encodeValues([one]);
  expect(payloads.map((payload) => decodeValues(payload))).toEqual([{ values: [one], rejections: [] }]);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d is no value', (number) => {
  const [payload] = encodeValues([value({ value: number })]);
  expect(payload?.toString()).toBe(`[[7,${timeMs},null,0]]`);
});

test('half of a character and an endless text are still texts', () => {
  const [payload] = encodeValues([value({ value: '\ud800' }), value({ value: 'x'.repeat(1_000_000) })]);
  const { values } = decodeValues(payload ?? Buffer.alloc(0));
  expect(values.map((one) => String(one.value).length)).toEqual([1, 1_000]);
});

test('many values are several payloads that quarantine keeps whole, in their order, and texts are apart', () => {
  const many = Array.from({ length: 5_000 }, (_, itemId) =>
    value({ itemId, timeMs: timeMs + 0.125, value: itemId % 10 === 0 ? `state ${itemId}` : itemId / 3 }),
  );
  const payloads = encodeValues(many);
  expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
  expect(payloads.length).toBeLessThan(6);
  const found = payloads.map((payload) => decodeValues(payload).values);
  for (const values of found) expect(new Set(values.map((one) => typeof one.value)).size).toBe(1);
  const ids = (isText: boolean) =>
    found.flat().flatMap((one) => ((typeof one.value === 'string') === isText ? one.itemId : []));
  expect(ids(false)).toEqual(many.flatMap(({ itemId }) => (itemId % 10 === 0 ? [] : itemId)));
  expect(ids(true)).toHaveLength(500);
});

test.each([
  ['', form],
  ['{"a":1}', form],
  ['[[1,2,3', form],
  ['[1]', '1 is no [item, time in ms, value, status]'],
  ['[null]', 'null is no [item, time in ms, value, status]'],
  ['[[1,2,3]]', '[1,2,3] is no [item, time in ms, value, status]'],
  ['[[1.5,2,3,0]]', '[1.5,2,3,0] is no [item, time in ms, value, status]'],
  ['[[1,null,3,0]]', '[1,null,3,0] is no [item, time in ms, value, status]'],
  ['[[1,2,true,0]]', '[1,2,true,0] is no [item, time in ms, value, status]'],
  ['[[1,2,3,-1]]', '[1,2,3,-1] is no [item, time in ms, value, status]'],
  ['[[1,2,3,4294967296]]', '[1,2,3,4294967296] is no [item, time in ms, value, status]'],
  [`[${'[1,2,3,0],'.repeat(10_000)}[1,2,3,0]]`, 'a message may hold 10000 readings at most'],
])('%j is refused', (payload, detail) => {
  const { values, rejections } = decodeValues(Buffer.from(payload));
  expect([values, rejections.map((rejection) => rejection.detail)]).toEqual([[], [detail]]);
});

test('what is good beside something bad is kept', () => {
  const { values, rejections } = decodeValues(Buffer.from(`[[7,${timeMs},1,0],[8],[7,${timeMs},"on",0]]`));
  expect(values.map((one) => one.value)).toEqual([1, 'on']);
  expect(rejections).toHaveLength(1);
});
