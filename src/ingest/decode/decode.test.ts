import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAsset, decodePoint } from './decode.ts';
import { type Decoded, samplesMax } from './sample.ts';

const receivedMs = Date.parse('2026-03-02T10:00:00Z');
const arrived = { receivedMs, timeZone: 'America/Chicago' };
const noon = '2026-03-01T12:00:00Z';
const noonMs = Date.parse(noon);

/** What came out, as a line: `point@time=value quality` of each sample, then the reasons of the rejections. */
function shown({ samples, rejections }: Decoded): string {
  const readings = samples.map(({ point, timeMs, value, quality }) => {
    const at = timeMs === receivedMs ? 'now' : new Date(timeMs).toISOString().replace('.000Z', 'Z');
    return `${point}@${at}=${value}${quality === 'good' ? '' : ` ${quality}`}`;
  });
  return [...readings, ...rejections.map(({ reason }) => `! ${reason}`)].join(', ');
}

describe('the payload of a point', () => {
  test.each([
    ['21.5', 'p@now=21.5'],
    ['-3', 'p@now=-3'],
    ['+1.5e3', 'p@now=1500'],
    ['.5', 'p@now=0.5'],
    [' 21.5\n', 'p@now=21.5'],
    ['true', 'p@now=1'],
    ['false', 'p@now=0'],
    ['NaN', 'p@now=null bad'],
    ['-Infinity', 'p@now=null bad'],
    ['1e999', 'p@now=null bad'],
    ['null', 'p@now=null bad'],
    ['ON', 'p@now=ON'],
    ['"ON"', 'p@now=ON'],
    ['0x10', 'p@now=0x10'],
    ['21,5', 'p@now=21,5'],
    ['True', 'p@now=1'],
    ['\ufeff21.5', 'p@now=21.5'],
    ['21.5\0', 'p@now=21.5'],
    ['2\x001', '! malformed'],
    ['999999999999999', 'p@now=999999999999999'],
    ['0.1', 'p@now=0.1'],
    ['-0.30000000000000004', 'p@now=-0.30000000000000004'],
    ['1.', 'p@now=1'],
    ['.', 'p@now=.'],
    ['-', 'p@now=-'],
    ['1.2.3', 'p@now=1.2.3'],
    ['{"value":"21.5"}', 'p@now=21.5'],
    ['{"value":1,"quality":"GOOD"}', 'p@now=1'],
    ['{"value":1,"quality":192}', 'p@now=1'],
    ['{"value":1,"quality":64}', 'p@now=1 uncertain'],
    ['{"value":1,"quality":0}', 'p@now=1 bad'],
    ['{"value":1,"quality":false}', 'p@now=1 bad'],
    ['{"value":21.5}', 'p@now=21.5'],
    ['{"value":true,"quality":"uncertain"}', 'p@now=1 uncertain'],
    ['{"value":21.5,"quality":"bad"}', 'p@now=21.5 bad'],
    ['{"value":NaN}', 'p@now=null bad'],
    ['{"value": -Infinity }', 'p@now=null bad'],
    [`{"value":1,"time":"${noon}"}`, 'p@2026-03-01T12:00:00Z=1'],
    [
      `[{"value":1,"time":"${noon}"},{"value":2,"time":${noonMs + 1_000}}]`,
      'p@2026-03-01T12:00:00Z=1, p@2026-03-01T12:00:01Z=2',
    ],
    ['[7]', 'p@now=7'],
    [`[{"value":1,"time":"${noon}"},{"value":2}]`, 'p@2026-03-01T12:00:00Z=1, p@now=2'],
    [`[2,{"value":1,"time":"${noon}"}]`, 'p@now=2, p@2026-03-01T12:00:00Z=1'],
    [`[{"value":2},{"value":1,"time":"${noon}"},{"value":3,"time":null}]`, 'p@2026-03-01T12:00:00Z=1, ! malformed'],
    ['[]', '! malformed'],
    ['{"value":1,"value":2}', 'p@now=2'],
    ['{"__proto__":{"value":9},"value":1}', 'p@now=1'],
    ['{"__proto__":{"value":9}}', '! malformed'],
    ['[1,2]', '! malformed'],
    ['', '! malformed'],
    ['{"value":', '! malformed'],
    ['{"valu":1}', '! malformed'],
    ['{"value":1,"quality":"excellent"}', '! malformed'],
    ['{"value":{"deep":1}}', '! unusable_value'],
    ['{"value":[1]}', '! unusable_value'],
    ['{"value":1,"time":"yesterday"}', '! time_unreadable'],
  ])('%s gives %s', (payload, expected) => {
    expect(shown(decodePoint('p', Buffer.from(payload), arrived))).toBe(expected);
  });
});

describe('the payload of an asset', () => {
  test.each([
    ['{"sat":13.2,"fan":true}', 'sat@now=13.2, fan@now=1'],
    [`{"sat":13.2,"time":"${noon}"}`, 'sat@2026-03-01T12:00:00Z=13.2'],
    [`{"time":"${noon}","values":{"sat":13.2,"time":5}}`, 'sat@2026-03-01T12:00:00Z=13.2, time@2026-03-01T12:00:00Z=5'],
    [`[{"a":1,"time":"${noon}"},{"a":2}]`, 'a@2026-03-01T12:00:00Z=1, a@now=2'],
    ['{"sat":{"value":1,"quality":"bad"},"fan":false}', 'sat@now=1 bad, fan@now=0'],
    ['{"sat":1,"quality":"uncertain"}', 'sat@now=1 uncertain'],
    ['{"quality":3}', 'quality@now=3'],
    ['{"values":{"sat":1},"quality":64}', 'sat@now=1 uncertain'],
    ['{"sat":{"value":1,"quality":0},"quality":"good"}', 'sat@now=1 bad'],
    ['{"a":1,"b":{},"c":{}}', 'a@now=1, ! malformed'],
    ['{"a":1,"b":[2],"c":[3]}', 'a@now=1, ! unusable_value'],
    ['{"__proto__":1}', '__proto__@now=1'],
    ['{}', '! malformed'],
    [`{"time":"${noon}"}`, '! malformed'],
    ['21.5', '! malformed'],
    ['[[1]]', '! malformed'],
    ['not json', '! malformed'],
  ])('%s gives %s', (payload, expected) => {
    expect(shown(decodeAsset(Buffer.from(payload), arrived))).toBe(expected);
  });

  test('of many bad values the first stands for all', () => {
    const { rejections } = decodeAsset(Buffer.from('{"a":[],"b":[],"c":[]}'), arrived);
    expect(rejections).toHaveLength(1);
    expect(rejections[0]?.detail).toContain('(and 2 more)');
  });
});

describe('the time of a sample', () => {
  test.each<[string | number, string, string]>([
    [noonMs / 1_000, '2026-03-01T12:00:00Z', 'seconds'],
    [noonMs, '2026-03-01T12:00:00Z', 'milliseconds'],
    [noonMs * 1_000, '2026-03-01T12:00:00Z', 'microseconds'],
    [noonMs * 1_000_000, '2026-03-01T12:00:00Z', 'nanoseconds'],
    [`"${noonMs / 1_000}"`, '2026-03-01T12:00:00Z', 'seconds as a text'],
    ['"2026-03-01T14:00:00+02:00"', '2026-03-01T12:00:00Z', 'ISO 8601 with an offset'],
    ['"2026-03-01T06:00:00"', '2026-03-01T12:00:00Z', "a local time in the site's zone, Chicago"],
    ['"2026-03-01 06:00:00"', '2026-03-01T12:00:00Z', 'a local time with a space'],
    ['"2025-07-01T07:00:00"', '2025-07-01T12:00:00Z', 'a local time in summer'],
    ['null', 'now', 'null, as if absent'],
  ])('%s is %s: %s', (time, expected) => {
    expect(shown(decodePoint('p', Buffer.from(`{"value":1,"time":${time}}`), arrived))).toBe(`p@${expected}=1`);
  });

  test.each([
    ['"2026-03-02T10:05:01Z"', 'time_in_future'],
    ['1e30', 'time_in_future'],
    ['0', 'time_too_old'],
    ['-5', 'time_too_old'],
    ['"1970-01-01T00:00:10Z"', 'time_too_old'],
    ['"2026-02-30T00:00:00Z"', 'time_unreadable'],
    ['"2026-03-01"', 'time_unreadable'],
    ['""', 'time_unreadable'],
    ['true', 'time_unreadable'],
    ['{}', 'time_unreadable'],
  ])('%s is refused: %s', (time, reason) => {
    expect(shown(decodePoint('p', Buffer.from(`{"value":1,"time":${time}}`), arrived))).toBe(`! ${reason}`);
  });

  test('five minutes ahead are allowed, for clocks that differ', () => {
    expect(shown(decodePoint('p', Buffer.from('{"value":1,"time":"2026-03-02T10:05:00Z"}'), arrived))).toBe(
      'p@2026-03-02T10:05:00Z=1',
    );
  });

  test('microseconds are kept', () => {
    const { samples } = decodePoint('p', Buffer.from('{"value":1,"time":"2026-03-01T12:00:00.123456Z"}'), arrived);
    expect(samples[0]?.timeMs).toBeCloseTo(noonMs + 123.456, 3);
  });
});

describe('hostile payloads', () => {
  const bytesMax = 1_048_576;
  test.each([
    ['an array of half a million numbers', `[${'1,'.repeat(bytesMax / 2 - 1)}1]`, 'too_many_readings'],
    ['an array of many assets', `[${'{"a":1,"b":2},'.repeat(samplesMax / 2)}{"a":1}]`, 'too_many_readings'],
    ['arrays nested half a million deep', `${'['.repeat(bytesMax / 2)}${']'.repeat(bytesMax / 2)}`, 'malformed'],
    ['objects nested deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'malformed'],
    ['a text of the longest size', JSON.stringify({ a: [], b: 'x'.repeat(bytesMax) }), 'unusable_value'],
    ['words that are no JSON, over and over', `[${'NaN       '.repeat(bytesMax / 10)}`, 'malformed'],
  ])('%s is refused', (_name, payload, reason) => {
    const { rejections } = decodeAsset(Buffer.from(payload), arrived);
    expect(rejections.map((rejection) => rejection.reason)).toEqual([reason]);
  });

  test.each([
    ['digits that end in a letter', `${'1'.repeat(200_000)}x`],
    ['digits, a point, digits and a letter', `${'1'.repeat(100_000)}.${'1'.repeat(100_000)}x`],
    ['an exponent that ends in a letter', `1e${'1'.repeat(200_000)}x`],
    ['a sign and digits that end in a letter', `+${'0'.repeat(200_000)}x`],
  ])('%s, without end, are a text', (_name, payload) => {
    const { samples, rejections } = decodePoint('p', Buffer.from(payload), arrived);
    expect(samples.map(({ value }) => value === payload)).toEqual([true]);
    expect(rejections).toEqual([]);
  });

  test('a number of more digits than any double has is not finite', () => {
    expect(shown(decodePoint('p', Buffer.from('1'.repeat(bytesMax)), arrived))).toBe('p@now=null bad');
  });

  test.each([
    ['an array', `[${'1,'.repeat(400_000)}1]`, 'an array'],
    ['an object', `{${'"a":1,'.repeat(150_000)}"b":1}`, 'an object'],
    ['a text', `"${'x'.repeat(900_000)}"`, `"${'x'.repeat(60)}…"`],
    ['spaces', `"${' '.repeat(900_000)}"`, `"${' '.repeat(60)}…"`],
  ])(
    'a time that is %s without end, shared by many names, is refused once for all, and shown in part',
    (_, time, seen) => {
      const names = Array.from({ length: samplesMax - 1 }, (_value, i) => `"${i}":1`).join(',');
      const { rejections } = decodeAsset(Buffer.from(`{"time":${time},"values":{${names}}}`), arrived);
      expect(rejections.map(({ reason }) => reason)).toEqual(['time_unreadable']);
      expect(rejections[0]?.detail).toMatch(/^0: time must be ISO 8601 .* \(and 9998 more\)$/);
      expect(rejections[0]?.detail).toContain(`not ${seen} (and`);
    },
  );

  test.each(['{"value":1,', '[1,', '{value: 1}', "{'value': 1}"])(
    'the reason says that %s is no JSON, which the right form by itself would not tell',
    (payload) => {
      const decoders = [decodeAsset, (bytes: Buffer, at: typeof arrived) => decodePoint('p', bytes, at)];
      for (const decode of decoders) {
        const [rejection] = decode(Buffer.from(payload), arrived).rejections;
        expect(rejection).toMatchObject({
          reason: 'malformed',
          detail: expect.stringMatching(/^it is no JSON.*value/),
        });
      }
    },
  );

  test('whatever the bytes are, the outcome is samples that can be stored, or reasons', () => {
    const json = fc.json().map((text) => Buffer.from(text));
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.oneof(json, bytes), (payload) => {
        for (const decoded of [decodePoint('p', payload, arrived), decodeAsset(payload, arrived)]) {
          for (const { value, timeMs, quality } of decoded.samples) {
            expect(typeof value === 'number' ? Number.isFinite(value) : true).toBe(true);
            expect(value !== null || quality === 'bad').toBe(true);
            expect(timeMs <= receivedMs + 300_000).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
