import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRow } from './row.ts';

const nothing = { site: null, pointId: null };
const id = '01a1fe92-1663-7302-a88c-df9ad745d09e';
const names = { site: 's', asset: 'a', point: 'p' };

test.each([
  [{ ...names, value: 1 }, nothing, 'name s a p'],
  [{ asset: 'a', point: 'p', value: 1 }, { site: 's', pointId: null }, 'name s a p'],
  [{ ...names, value: 1 }, { site: 'other', pointId: null }, 'malformed'],
  [{ ...names, value: 1, constructor: 1 }, nothing, 'malformed'],
  [JSON.parse('{"site":"s","asset":"a","point":"p","value":1,"__proto__":{"time":1}}'), nothing, 'malformed'],
  [{ point_id: id.toUpperCase(), value: null }, nothing, `id ${id}`],
  [{ point_id: id, site: 's', value: 1 }, nothing, 'malformed'],
  [{ value: 1 }, { site: null, pointId: id }, `id ${id}`],
  [{ value: 1, point_id: id }, { site: null, pointId: id }, `id ${id}`],
  [{ value: 1, point_id: names.site }, { site: null, pointId: id }, 'malformed'],
  [{ value: 1, point: 'p' }, { site: null, pointId: id }, 'malformed'],
  [{ uri: 'urn:x', value: 1 }, nothing, 'uri urn:x '],
  [{ uri: 'urn:x', point: 'p', value: 1 }, nothing, 'uri urn:x p'],
  [{ uri: 'urn:x', site: 's', value: 1 }, nothing, 'malformed'],
  [{ uri: 7, value: 1 }, nothing, 'malformed'],
  [{ uri: 'x'.repeat(2_049), value: 1 }, nothing, 'malformed'],
])('the row %j is %s', (given, defaults, expected) => {
  const row = readRow(given, defaults);
  expect('target' in row ? Object.values(row.target).join(' ') : row.reason).toBe(expected);
});

test('whatever a row is, it has a target or a reason, and a short one', () => {
  const name = fc.constantFrom(
    'site',
    'asset',
    'point',
    'point_id',
    'uri',
    'time',
    'ts',
    'value',
    'quality',
    'x'.repeat(5_000),
  );
  const row = fc.oneof(fc.anything(), fc.dictionary(name, fc.oneof(fc.anything(), fc.string(), fc.constant(id))));
  fc.assert(
    fc.property(
      row,
      fc.constantFrom(nothing, { site: 's', pointId: null }, { site: null, pointId: id }),
      (given, defaults) => {
        const read = readRow(given, defaults);
        if ('target' in read) return true;
        return read.reason === 'malformed' && read.detail.length < 400;
      },
    ),
    { numRuns: 2_000 },
  );
});
