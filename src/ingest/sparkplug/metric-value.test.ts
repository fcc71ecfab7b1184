import fc from 'fast-check';
import sparkplugPayload from 'sparkplug-payload';
import { describe, expect, test } from 'vitest';
import { encodeWire, type WireMetric } from '../../../tests/support/sparkplug-wire.ts';
import { datatypes, metricValue } from './metric-value.ts';
import { decodePayload } from './payload.ts';

type Datatype = keyof typeof datatypes;
type IntegerType = 'Int8' | 'Int16' | 'Int32' | 'Int64' | 'UInt8' | 'UInt16' | 'UInt32' | 'UInt64';

/** The value of a metric that went over the wire. */
function readValue(type: Datatype, metric: WireMetric): unknown {
  const payload = decodePayload(encodeWire({ metrics: [{ ...metric, datatype: datatypes[type] }] }));
  if ('reason' in payload) throw new Error(payload.detail);
  return metricValue(payload.metrics[0]?.value ?? {}, datatypes[type]);
}

describe('the value of a datatype', () => {
  test.each<[Datatype, WireMetric, unknown]>([
    ['Int8', { int: 127 }, 127],
    ['Int8', { int: 0x80 }, -128],
    ['Int8', { int: 0xffff_ff80 }, -128],
    ['Int8', { long: -128n }, -128],
    ['Int8', { int: 0 }, 0],
    ['Int16', { int: 0xfffe }, -2],
    ['Int16', { int: -2 }, -2],
    ['Int16', { int: 32_767 }, 32_767],
    ['Int32', { int: -2_147_483_648 }, -2_147_483_648],
    ['Int32', { int: 2_147_483_647 }, 2_147_483_647],
    ['Int32', { long: -1n }, -1],
    ['Int64', { long: -1n }, -1],
    ['Int64', { long: -(2n ** 53n) + 1n }, -(2 ** 53) + 1],
    ['Int64', { long: -(2n ** 63n) }, -(2 ** 63)],
    ['Int64', { long: 2n ** 63n - 1n }, 2 ** 63],
    ['UInt8', { int: 255 }, 255],
    ['UInt16', { int: 65_535 }, 65_535],
    ['UInt32', { int: 0xffff_ffff }, 4_294_967_295],
    ['UInt32', { long: 0xffff_ffffn }, 4_294_967_295],
    ['UInt64', { long: 2n ** 64n - 1n }, 2 ** 64],
    ['UInt64', { long: 2n ** 53n - 1n }, 2 ** 53 - 1],
    ['UInt64', { int: 7 }, 7],
    ['Float', { float: 0.5 }, 0.5],
    ['Float', { double: 0.1 }, 0.1],
    ['Double', { double: 0.1 }, 0.1],
    ['Double', { double: 0 }, 0],
    ['Double', { double: Number.NaN }, Number.NaN],
    ['Boolean', { boolean: true }, 1],
    ['Boolean', { boolean: false }, 0],
    ['DateTime', { long: 1_700_000_000_000n }, 1_700_000_000_000],
    ['String', { string: 'on' }, 'on'],
    ['Text', { string: '' }, ''],
    ['UUID', { string: 'f47ac10b-58cc-4372-a567-0e02b2c3d479' }, 'f47ac10b-58cc-4372-a567-0e02b2c3d479'],
  ])('%s %o is %s', (type, metric, expected) => {
    expect(readValue(type, metric)).toBe(expected);
  });

  test.each<[Datatype, WireMetric, string]>([
    ['Int8', { int: 300 }, '300 is no Int8'],
    ['Int8', { int: 0xff7f }, '65407 is no Int8'],
    ['Int16', { long: 65_536n }, '65536 is no Int16'],
    ['UInt8', { int: 256 }, '256 is no UInt8'],
    ['UInt16', { int: -1 }, '4294967295 is no UInt16'],
    ['UInt32', { long: 2n ** 32n }, '4294967296 is no UInt32'],
    ['Double', { int: 5 }, 'there is no value of Double'],
    ['Boolean', {}, 'there is no value of Boolean'],
    ['Bytes', { bytes: Buffer.from('x') }, 'a value of Bytes is no number'],
    ['File', { bytes: Buffer.from('x') }, 'a value of File is no number'],
    ['DataSet', {}, 'a value of DataSet is no number'],
    ['Int8Array', { bytes: Buffer.from('x') }, 'a value of Int8Array is no number'],
    ['DateTimeArray', { bytes: Buffer.from('x') }, 'a value of DateTimeArray is no number'],
  ])('%s %o is none: %s', (type, metric, unusable) => {
    expect(readValue(type, metric)).toEqual({ unusable });
  });
});

test('integers come out as another encoder put them in', () => {
  const encoder = sparkplugPayload.get('spBv1.0');
  const bounds: [IntegerType, number, number][] = [
    ['Int8', -(2 ** 7), 2 ** 7 - 1],
    ['Int16', -(2 ** 15), 2 ** 15 - 1],
    ['Int32', -(2 ** 31), 2 ** 31 - 1],
    ['Int64', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['UInt8', 0, 2 ** 8 - 1],
    ['UInt16', 0, 2 ** 16 - 1],
    ['UInt32', 0, 2 ** 32 - 1],
    ['UInt64', 0, Number.MAX_SAFE_INTEGER],
  ];
  const metricArb = fc
    .constantFrom(...bounds)
    .chain(([type, min, max]) =>
      fc.tuple(fc.constant(type), fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, 0, 1))),
    );
  fc.assert(
    fc.property(metricArb, ([type, value]) => {
      const bytes = encoder?.encodePayload({ timestamp: 1, metrics: [{ name: 'a', type, value }] }) ?? [];
      const payload = decodePayload(Buffer.from(bytes));
      if ('reason' in payload) throw new Error(payload.detail);
      expect(metricValue(payload.metrics[0]?.value ?? {}, payload.metrics[0]?.datatype ?? 0)).toBe(value);
    }),
    { numRuns: 2_000 },
  );
});
