import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ifNoneMatchNames } from '../platform/etag.ts';
import { refusals } from '../platform/refusals.ts';
import { ifRangeHolds, readRange } from './byte-range.ts';
import type { KeptFile } from './file.ts';
import { type ByteRange, type FileBytes, keyOf } from './file-bytes.ts';
import { dispositionOf, withEnding } from './file-name.ts';
import { mediaTypes } from './media-types.ts';

/** A file under the name that it is saved by; pictures that this program has made may be shown where they are. */
export type Offered = {
  readonly file: KeptFile;
  readonly name: string;
  readonly disposition?: 'attachment' | 'inline';
};

/**
 * Sends a file whole (200) or in part (206, RFC 9110, section 14), or says that the client has it (304). Nothing in it can run in
 * the name of this server: it is of the type that was found in it, never guessed again, without scripts, frames or an origin.
 * Throws range_not_satisfiable and file_storage_unavailable.
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { file, name, disposition = 'attachment', bytes }: Offered & { bytes: FileBytes },
): Promise<FastifyReply> {
  const etag = `"${file.sha256.toString('base64url')}"`;
  const common = {
    etag,
    // Whoever may see it today may not tomorrow, so every use asks again.
    'cache-control': 'private, no-cache',
  };
  if (ifNoneMatchNames(request.headers['if-none-match'], etag)) return reply.code(304).headers(common).send();
  const isSame = ifRangeHolds(headerOf(request.headers['if-range']), { etag, at: file.createdAt });
  const range = readRange(isSame ? request.headers.range : undefined, file.bytes);
  if (range === 'unsatisfiable') throw refusals.rangeNotSatisfiable(file.bytes);
  // A HEAD has the headers alone; an empty stream leaves Content-Length as it is.
  const body = request.method === 'HEAD' ? Readable.from([]) : await open(bytes, file, range);
  const { start, end } = range ?? { start: 0, end: file.bytes - 1 };
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${file.bytes}`);
  return reply
    .headers({
      ...common,
      'content-length': String(end - start + 1),
      'accept-ranges': 'bytes',
      'last-modified': file.createdAt.toUTCString(),
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'content-disposition': dispositionOf(disposition, withEnding(name, mediaTypes[file.mediaType] ?? [])),
      'repr-digest': `sha-256=:${file.sha256.toString('base64')}:`,
    })
    .type(typeOf(file.mediaType))
    .send(body);
}

async function open(bytes: FileBytes, file: KeptFile, range: ByteRange | undefined): Promise<Readable> {
  try {
    return await bytes.read(keyOf(file), range);
  } catch (cause) {
    throw refusals.fileStorageUnavailable(cause);
  }
}

/** A header that came twice is none. */
function headerOf(given: string | string[] | undefined): string | undefined {
  return typeof given === 'string' ? given : undefined;
}

function typeOf(mediaType: string): string {
  return mediaType.startsWith('text/') ? `${mediaType}; charset=utf-8` : mediaType;
}
