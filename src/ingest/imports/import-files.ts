/**
 * The files of imports, in a folder of this installation alone: each is written as it comes, and gone when its import has ended.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../platform/id.ts';
import { refusals } from '../../platform/refusals.ts';

export type ImportFiles = {
  /** Which installation this is, for ever. */
  holderId(): Promise<string>;
  pathOf(id: string): string;
  /**
   * Writes a file as its bytes come, and tells now and then how many there are, as long as it is told to go on. Throws
   * body_too_large for a file, or a disk, without room.
   */
  receive(id: string, body: AsyncIterable<Buffer>, onBytes: (bytes: number) => Promise<void>): Promise<Received>;
  remove(id: string): Promise<void>;
  /** Removes all files but those of these imports; gives the ids of those that are there. */
  removeOthers(ids: ReadonlySet<string>): Promise<ReadonlySet<string>>;
};

export type Received = { readonly bytes: number; readonly sha256: Buffer };

const bytesMax = 4 * 1_024 ** 3;
/** What must stay free on the disk, on which the database may lie as well. */
const freeBytesMin = 1_024 ** 3;
const toldEveryBytes = 8 * 1_048_576;

/** The files below `folder`, which is made when the first comes. */
export function createImportFiles(folder: string): ImportFiles {
  const pathOf = (id: string) => join(folder, `${id}.csv`);
  const checkRoom = async () => {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < freeBytesMin) throw refusals.bodyTooLarge('The disk of the server has no room for it.');
  };
  return {
    holderId: () => keptHolderId(folder),
    pathOf,
    receive: async (id, body, onBytes) => {
      await mkdir(folder, { recursive: true });
      await checkRoom();
      const hash = createHash('sha256');
      let bytes = 0;
      let told = 0;
      await using file = await open(pathOf(id), 'wx', 0o600);
      for await (const chunk of body) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw refusals.bodyTooLarge(`A file may have ${bytesMax} bytes.`);
        hash.update(chunk);
        await file.write(chunk);
        if (bytes - told < toldEveryBytes) continue;
        told = bytes;
        await checkRoom();
        await onBytes(bytes);
      }
      // What is accepted must be there after the machine lost its power.
      await file.sync();
      return { bytes, sha256: hash.digest() };
    },
    remove: (id) => rm(pathOf(id), { force: true }),
    removeOthers: async (ids) => {
      await mkdir(folder, { recursive: true });
      const names = (await readdir(folder)).filter((name) => name.endsWith('.csv'));
      const found = new Set(names.map((name) => name.slice(0, -'.csv'.length)));
      for (const id of found) if (!ids.has(id)) await rm(pathOf(id), { force: true });
      return new Set([...found].filter((id) => ids.has(id)));
    },
  };
}

async function keptHolderId(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'holder');
  try {
    await writeFile(file, newId(), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}
