import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileBytes } from './file-bytes.ts';

/**
 * Files below `folder`, which is made when the first comes:
 *
 *   {folder}/{tenant}/{last two digits of the id}/{id}
 */
export function createDiskBytes(folder: string): FileBytes {
  const pathOf = (key: string) => {
    const [tenant = '', id = ''] = key.split('/');
    return join(folder, tenant, id.slice(-2), id);
  };
  return {
    kind: 'disk',
    async keep(key, path) {
      const target = pathOf(key);
      await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      // The name must survive as well as the bytes, and it stands in the folder.
      await syncFolder(dirname(target));
    },
    async read(key, range) {
      const file = await open(pathOf(key), 'r');
      return file.createReadStream(range ? { start: range.start, end: range.end } : {});
    },
    async remove(keys) {
      for (const key of keys) await rm(pathOf(key), { force: true });
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and writes their names through.
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}
