import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readBody, readWholeBody } from './request-body.ts';

const limits = { idleMsMax: 100, totalMsMax: 10_000, bytesMax: 1_000 };
const request = (stream: Readable, headers = {}) => Object.assign(stream, { headers });
const gzip = { 'content-encoding': 'gzip' };

describe('a body', () => {
  test('comes whole, in whatever pieces, also as gzip', async () => {
    const text = 'a'.repeat(500);
    const pieces = (bytes: Buffer) => Readable.from([...bytes].map((byte) => Buffer.from([byte])));
    expect(String(await readWholeBody(request(pieces(Buffer.from(text))), limits))).toBe(text);
    expect(String(await readWholeBody(request(pieces(gzipSync(text)), gzip), limits))).toBe(text);
    expect(await readWholeBody(request(Readable.from([])), limits)).toHaveLength(0);
  });

  test('of which nothing more comes is given up', async () => {
    const stream = new PassThrough();
    stream.write('a');
    await expect(readWholeBody(request(stream), limits)).rejects.toMatchObject({ code: 'request_timeout' });
  });

  test('that trickles is given up after a while in all', async () => {
    const stream = new PassThrough();
    const trickle = setInterval(() => stream.write('a'), 20);
    const read = readWholeBody(request(stream), { ...limits, totalMsMax: 200 });
    await expect(read).rejects.toMatchObject({ code: 'request_timeout' });
    clearInterval(trickle);
  });

  test('that a slow reader reads is not late, nor one that has come', async () => {
    let bytes = 0;
    const parts = ['a', 'b', 'c'].map((part) => Buffer.from(part.repeat(40_000)));
    for await (const chunk of readBody(request(Readable.from(parts)), { ...limits, bytesMax: 1_000_000 })) {
      bytes += chunk.length;
      await sleep(250);
    }
    expect(bytes).toBe(120_000);
  });

  test.each([
    ['too large', 'x'.repeat(2_000), {}, 'body_too_large'],
    ['too large once it is unpacked', gzipSync('x'.repeat(2_000)), gzip, 'body_too_large'],
    ['no gzip', 'x', gzip, 'validation_failed'],
    ['a gzip cut off', gzipSync('x'.repeat(100)).subarray(0, 15), gzip, 'validation_failed'],
    ['of another coding', 'x', { 'content-encoding': 'br' }, 'media_type_unsupported'],
  ])('that is %s is refused', async (_, bytes, headers, code) => {
    await expect(readWholeBody(request(Readable.from([Buffer.from(bytes)]), headers), limits)).rejects.toMatchObject({
      code,
    });
  });

  test('whose client goes away ends with an error', async () => {
    const stream = new PassThrough();
    stream.write('a');
    const read = readWholeBody(request(stream), { ...limits, idleMsMax: 10_000 });
    setTimeout(() => stream.destroy(), 20);
    await expect(read).rejects.toThrow('the client went away');
  });
});
