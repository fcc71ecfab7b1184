import { constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { inflatedBytes, inflatedBytesMax } from './inflate.ts';
import { textOf } from './payload.ts';

const refusal = (payload: Buffer) => {
  const text = textOf(payload);
  return typeof text === 'string' ? `text ${text.slice(0, 20)}` : `${text.reason}: ${text.detail}`;
};

describe('text', () => {
  test.each([
    ['a byte order mark', Buffer.from('\ufeff21.5')],
    ['spaces and line ends', Buffer.from(' 21.5\r\n')],
    ['the NUL that ends a text in C', Buffer.from('21.5\0\0')],
    ['gzip', gzipSync('21.5')],
    ['gzip, not compressed', gzipSync('21.5', { level: 0 })],
    ['gzip of a text with a byte order mark', gzipSync('\ufeff21.5\n')],
  ])('is freed of %s', (_name, payload) => {
    expect(textOf(payload)).toBe('21.5');
  });

  test.each([
    ['UTF-16 with its mark', Buffer.from('\ufeff21.5', 'utf16le'), /UTF-16; send UTF-8/],
    ['UTF-16 the other way round', Buffer.from('\ufeff21.5', 'utf16le').swap16(), /UTF-16; send UTF-8/],
    ['UTF-16 without a mark', Buffer.from('{"a":1}', 'utf16le'), /UTF-16; send UTF-8/],
    ['Latin-1', Buffer.from('21.5 °C', 'latin1'), /not UTF-8/],
    ['half a character', Buffer.from([0x7b, 0xe2, 0x82]), /not UTF-8/],
  ])('that is %s is refused, and the reason says what would be right', (_name, payload, expected) => {
    expect(refusal(payload)).toMatch(expected);
  });

  test('that holds the replacement character itself is UTF-8', () => {
    expect(textOf(Buffer.from('a\ufffdb'))).toBe('a\ufffdb');
  });
});

describe('gzip', () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1_024 * 1_024), { level: 9 });
  /** A bomb whose trailer claims less than it holds. */
  const liar = Buffer.from(bomb);
  liar.writeUInt32LE(10, liar.length - 4);
  const broken = gzipSync('x'.repeat(10_000));
  broken[broken.length >> 1] = (broken[broken.length >> 1] ?? 0) ^ 0xff;

  test.each([
    ['64 MiB of zeros', bomb, /at most, not 67108864/],
    ['64 MiB of zeros that claim to be ten', liar, /one member as long as its trailer says/],
    ['300,000 equal characters', gzipSync('1'.repeat(300_000)), /200 times/],
    ['a gzip in a gzip', gzipSync(gzipSync('1')), /may not hold another/],
    ['two members', Buffer.concat([gzipSync('12345'), gzipSync('6')]), /one member/],
    ['its beginning', gzipSync('21.5').subarray(0, 12), /cut off/],
    ['its magic alone', Buffer.from([0x1f, 0x8b]), /cut off/],
    ['its first half', gzipSync(JSON.stringify(process.versions)).subarray(0, 60), /malformed/],
    ['a flipped bit', broken, /cannot be inflated/],
    ['zlib, which is not gzip', deflateSync('21.5'), /malformed|text/],
  ])('of %s is refused, or read as what it is', (_name, payload, expected) => {
    const startedAt = process.memoryUsage().arrayBuffers;
    expect(refusal(payload)).toMatch(expected);
    expect(process.memoryUsage().arrayBuffers - startedAt).toBeLessThan(3 * inflatedBytesMax);
  });

  test('is weighed by what it will hold, unless it is refused unopened', () => {
    expect(inflatedBytes(gzipSync('x'.repeat(5_000)))).toBe(5_000);
    expect(inflatedBytes(bomb)).toBe(bomb.length);
    expect(inflatedBytes(Buffer.from('21.5'))).toBe(4);
    expect(inflatedBytes(gzipSync(''))).toBe(gzipSync('').length);
  });

  test('of as much as is allowed is read', () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `${i}:${(i * 2_654_435_761) % 1_000_003}`).join(',');
    expect(textOf(gzipSync(text, { strategy: constants.Z_DEFAULT_STRATEGY }))).toBe(text);
    expect(typeof textOf(deflateRawSync(text))).toBe('object');
  });
});
