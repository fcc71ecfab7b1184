import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import sparkplugPayload from 'sparkplug-payload';
import { describe, expect, test } from 'vitest';
import { encodeWire, type WireMetric } from '../../../tests/support/sparkplug-wire.ts';
import { decodePayload, metricsMax, peekPayload } from './payload.ts';

const decoder = sparkplugPayload.get('spBv1.0') as NonNullable<ReturnType<typeof sparkplugPayload.get>>;
const one: WireMetric = { name: 'sat', datatype: 10, double: 21.5, at: 5 };
const plain = encodeWire({ at: 7, seq: 3, metrics: [one] });

/** A payload whose body is another, as Eclipse Tahu packs it. */
function packed(body: Buffer, seq?: number): Buffer {
  return Buffer.from(
    decoder.encodePayload({ uuid: 'SPBV1.0_COMPRESSED', body, ...(seq !== undefined && { seq }) } as never),
  );
}

function first(payload: Buffer) {
  const decoded = decodePayload(payload);
  if ('reason' in decoded) throw new Error(`${decoded.reason}: ${decoded.detail}`);
  return { ...decoded.metrics[0], seq: decoded.seq, sentMs: decoded.timeMs };
}

test.each([
  ['as it is', plain],
  ['packed by gzip in its body', packed(gzipSync(plain))],
  ['packed by deflate in its body', packed(deflateSync(plain))],
  ['packed as a whole', gzipSync(plain)],
])('a payload %s has its time, its place in the sequence and its metrics', (_how, payload) => {
  expect(first(payload)).toMatchObject({ name: 'sat', datatype: 10, timeMs: 5, seq: 3, sentMs: 7 });
  expect(peekPayload(payload)).toEqual({ seq: 3, timeMs: 7 });
});

test('what is absent is absent: a metric of an alias only has no name, and datatype 0 says nothing', () => {
  expect(first(encodeWire({ metrics: [{ alias: 0, int: 0, datatype: 0 }] }))).toMatchObject({
    name: undefined,
    alias: 0,
    datatype: undefined,
    timeMs: undefined,
    isNull: false,
    seq: undefined,
  });
  expect(first(encodeWire({ metrics: [{ alias: 2n ** 64n - 1n }] }))).toMatchObject({ alias: 2n ** 64n - 1n });
});

describe('the properties of a metric', () => {
  test.each([
    [{ Quality: 192 }, 'good', undefined],
    [{ Quality: 0 }, 'bad', undefined],
    [{ Quality: 500 }, 'bad', undefined],
    [{ Quality: 64 }, 'uncertain', undefined],
    [{ quality: 700_000 }, 'bad', undefined],
    [{ engUnit: '°C' }, 'good', '°C'],
    [{ 'Engineering Units': ' kPa ' }, 'good', 'kPa'],
    [{ engUnit: '' }, 'good', undefined],
    [{ low: 1, high: 2, Documentation: 'x' }, 'good', undefined],
  ])('%o say quality %s and unit %s', (properties, quality, unit) => {
    expect(first(encodeWire({ metrics: [{ ...one, properties }] }))).toMatchObject({ quality, unit });
  });
});

test('the instance of a template has members, its definition has none', () => {
  const template = (isDefinition: boolean) => ({ name: 'motor', template: { isDefinition, metrics: [one] } });
  expect(first(encodeWire({ metrics: [template(false)] })).members).toMatchObject([{ name: 'sat' }]);
  expect(first(encodeWire({ metrics: [template(true)] })).members).toEqual([]);
});

/** A megabyte of the same field of length 0. */
function repeated(field: number, bytes: number): Buffer {
  return Buffer.alloc(bytes, Buffer.from([field * 8 + 2, 0]));
}

function nested(depth: number): WireMetric {
  return depth === 0 ? one : { name: 'a', template: { isDefinition: false, metrics: [nested(depth - 1)] } };
}

function wrapped(field: number, content: Buffer): Buffer {
  return Buffer.from(
    protobuf.Writer.create()
      .uint32(field * 8 + 2)
      .bytes(content)
      .finish(),
  );
}

describe('a hostile payload is refused:', () => {
  test.each([
    ['half a million metrics', repeated(2, 1_000_000), 'too_many_readings'],
    ['half a million members of a template', wrapped(2, wrapped(18, repeated(2, 1_000_000))), 'too_many_readings'],
    [
      'a few templates with many members',
      Buffer.concat(Array(3).fill(wrapped(2, wrapped(18, repeated(2, 8_000))))),
      'too_many_readings',
    ],
    [
      'a few metrics with many properties',
      Buffer.concat(Array(3).fill(wrapped(2, wrapped(9, repeated(2, 60_000))))),
      'too_many_readings',
    ],
    ['half a million properties of one', wrapped(2, wrapped(9, repeated(2, 1_000_000))), 'too_many_readings'],
    ['templates in templates', encodeWire({ metrics: [nested(20)] }), 'too_many_readings'],
    ['30 MB when it is unpacked', packed(gzipSync(Buffer.alloc(30_000_000))), 'too_many_readings'],
    ['something that is not packed', packed(Buffer.from('not packed')), 'malformed'],
    ['gzip that is cut off', gzipSync(plain).subarray(0, 20), 'malformed'],
    ['a length beyond its end', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'malformed'],
    ['a varint without end', Buffer.alloc(1_000, 0xff), 'malformed'],
    ['field 0', Buffer.from([0x02, 0x01, 0x00]), 'malformed'],
    ['groups in groups', Buffer.alloc(100_000, 0x33), 'malformed'],
    ['JSON', Buffer.from('{"value": 21.5}'), 'malformed'],
  ])('%s', (_what, payload, reason) => {
    expect(decodePayload(payload)).toMatchObject({ reason });
  });

  test('the most that a message may hold is none', () => {
    const many = encodeWire({ metrics: Array.from({ length: metricsMax }, () => one) });
    expect(decodePayload(many)).toMatchObject({ seq: undefined });
    expect(decodePayload(Buffer.concat([many, many]))).toMatchObject({ reason: 'too_many_readings' });
  });
});

test('whatever the bytes, there are metrics or a reason', () => {
  const mutated = fc
    .tuple(fc.nat(plain.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(plain.length))
    .map(([at, byte, length]) => {
      const bytes = Buffer.from(plain);
      bytes[at] = byte;
      return bytes.subarray(0, length);
    });
  const bytesArb = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    mutated,
  );
  fc.assert(
    fc.property(bytesArb, (bytes) => {
      const decoded = decodePayload(bytes);
      expect('reason' in decoded ? decoded.detail : decoded.metrics).toBeDefined();
      expect(Object.keys(peekPayload(bytes))).toEqual(['seq', 'timeMs']);
    }),
    { numRuns: 5_000 },
  );
});
