/**
 * The body of a request as a stream of bytes that is bounded in every direction: how large it becomes, how long nothing may
 * come, how long it takes in all, and how much a gzip may swell.
 *
 *   request ─▶ relay, which counts and watches the clock ─▶ gunzip, where Content-Encoding says so ─▶ whoever reads
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { linger } from '../../platform/linger.ts';
import { Refusal } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';

export type BodyLimits = {
  /** Of the bytes after decoding; absent: any number. */
  readonly bytesMax?: number;
  /** How long the reader may wait for the next byte. */
  readonly idleMsMax: number;
  readonly totalMsMax: number;
};

/** A gzip that is smaller than this may swell as it likes; deflate itself makes at most 1,032 bytes of one. */
const swollenBytesMin = 16 * 1_048_576;
const swellMax = 250;

/**
 * Reads a request's body. Throws, while it is read, the refusals body_too_large, media_type_unsupported, request_timeout
 * and validation_failed for bytes that are no gzip, and Node's error when the client went away.
 */
export async function* readBody(
  raw: Readable & { headers: IncomingHttpHeaders },
  { bytesMax = Number.POSITIVE_INFINITY, idleMsMax, totalMsMax }: BodyLimits,
): AsyncGenerator<Buffer, void> {
  const isGzip = gzipOf(raw.headers['content-encoding']);
  let received = 0;
  let lastAt = performance.now();
  const relay = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      received += chunk.length;
      lastAt = performance.now();
      done(null, chunk);
    },
  });
  const decoded: Readable = isGzip ? relay.pipe(createGunzip()) : relay;
  const end = (error: Error) => void decoded.destroy(error);
  const endEarly = () => {
    if (!raw.readableEnded) end(new Error('the client went away'));
  };
  const startedAt = lastAt;
  const clock = setInterval(
    () => {
      const nowMs = performance.now();
      // While what has come is not read yet, or all has come, the delay is ours.
      if (raw.readableEnded || relay.readableLength + decoded.readableLength > 0) lastAt = nowMs;
      else if (nowMs - lastAt > idleMsMax || nowMs - startedAt > totalMsMax) end(refusals.requestTimeout());
    },
    Math.min(1_000, idleMsMax / 4),
  );
  raw.once('error', end).once('close', endEarly).pipe(relay);
  let bytes = 0;
  try {
    for await (const chunk of decoded as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw refusals.bodyTooLarge(`It may have ${bytesMax} bytes.`);
      if (isGzip && bytes > swollenBytesMin && bytes > received * swellMax)
        throw refusals.bodyTooLarge(`It swells to more than ${swellMax} times its size.`);
      yield chunk;
    }
  } catch (error) {
    if (isGzip && /^Z_/.test((error as NodeJS.ErrnoException).code ?? ''))
      throw refusals.invalidBody(
        '',
        'not_gzip',
        'Content-Encoding says gzip, and the body is none, or not a whole one',
      );
    throw error;
  } finally {
    clearInterval(clock);
    raw.unpipe(relay);
    raw.off('error', end).off('close', endEarly);
    // An error after this has nobody to hear it, and must not end the process.
    raw.on('error', () => {});
    decoded.on('error', () => {}).destroy();
    if (!raw.readableEnded) linger(raw);
  }
}

/** A whole body of at most `bytesMax` bytes. */
export async function readWholeBody(
  raw: Readable & { headers: IncomingHttpHeaders },
  limits: BodyLimits & { bytesMax: number },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readBody(raw, limits)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The media type of a request, in small letters and without its parameters. */
export function mediaTypeOf(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Throws media_type_unsupported with what is possible (RFC 9110, section 15.5.16). */
export function refuseMediaType(given: string, possible: readonly string[]): never {
  throw new Refusal(
    'media_type_unsupported',
    `This takes ${possible.join(' or ')}${given === '' ? '; name it in Content-Type' : `, not ${given}`}.`,
    { headers: { accept: possible.join(', ') } },
  );
}

function gzipOf(encoding: string | undefined): boolean {
  const given = (encoding ?? 'identity').trim().toLowerCase();
  if (given === 'gzip' || given === 'x-gzip') return true;
  if (given === 'identity' || given === '') return false;
  throw new Refusal('media_type_unsupported', `The Content-Encoding ${given} is not possible; gzip is.`, {
    headers: { 'accept-encoding': 'gzip' },
  });
}
