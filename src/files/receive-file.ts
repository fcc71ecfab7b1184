/** One file as it comes, written to a folder of this machine, counted, hashed and looked at on the way. */
import { createHash } from 'node:crypto';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import { mediaTypeOf } from './media-types.ts';

/** A file that has come whole, and is not kept yet: whoever has it removes it. */
export type ReceivedFile = {
  readonly path: string;
  readonly fileName: string | undefined;
  readonly bytes: number;
  readonly sha256: Buffer;
  readonly mediaType: string;
};

/** What must stay free on the disk, on which the database may lie as well. */
const freeBytesMin = 512 * 1_048_576;
const headBytes = 4_096;

type Given = {
  /** Where files lie that are coming in. */
  readonly folder: string;
  readonly fileName: string | undefined;
  readonly bytesMax: number;
  /** What the form calls it. */
  readonly part: string;
};

/**
 * Writes a file as its bytes come. Throws body_too_large for one of more than `bytesMax` bytes, file_storage_unavailable where
 * the disk has no room, file_type_not_allowed for one that is not taken, whatever the stream throws, and leaves nothing then.
 */
export async function receiveFile(stream: AsyncIterable<Buffer>, given: Given): Promise<ReceivedFile> {
  const { folder, fileName, bytesMax, part } = given;
  await mkdir(folder, { recursive: true });
  await requireRoom(folder);
  const path = join(folder, newId());
  try {
    const seen = await write(stream, path, bytesMax);
    if (seen.bytes === 0) throw refusals.invalidBody(`/${part}`, 'empty', 'the file is empty');
    const mediaType = await mediaTypeOf({ path, fileName, ...seen });
    if (mediaType === undefined) throw refusals.fileTypeNotAllowed();
    return { path, fileName, bytes: seen.bytes, sha256: seen.sha256, mediaType };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Removes a file that nobody keeps. */
export async function discardFile({ path }: Pick<ReceivedFile, 'path'>): Promise<void> {
  await rm(path, { force: true });
}

async function write(stream: AsyncIterable<Buffer>, path: string, bytesMax: number) {
  const hash = createHash('sha256');
  const text = createTextTest();
  const head: Buffer[] = [];
  let bytes = 0;
  await using file = await open(path, 'wx', 0o600);
  for await (const chunk of stream) {
    if (bytes < headBytes) head.push(chunk.subarray(0, headBytes - bytes));
    bytes += chunk.length;
    if (bytes > bytesMax) throw refusals.bodyTooLarge(`A file may have ${bytesMax} bytes.`);
    hash.update(chunk);
    text.add(chunk);
    await file.writeFile(chunk);
  }
  // What is acknowledged must be there after the machine lost its power.
  await file.sync();
  return { bytes, sha256: hash.digest(), isText: text.end(), head: Buffer.concat(head) };
}

/** Tells at the end whether all pieces together are UTF-8 without NUL. */
function createTextTest() {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isText = true;
  const decode = (chunk?: Buffer) => {
    if (!isText) return;
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      isText = false;
    }
  };
  return {
    add(chunk: Buffer) {
      if (chunk.includes(0)) isText = false;
      decode(chunk);
    },
    end() {
      decode();
      return isText;
    },
  };
}

async function requireRoom(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < freeBytesMin) throw refusals.fileStorageUnavailable(new Error('the disk has no room for files'));
}
