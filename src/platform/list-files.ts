import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file below a folder, by its name relative to it; `trouble` is a code such as ENOENT where it cannot be looked at. */
export type FoundFile = {
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
  readonly trouble: string | undefined;
};

/**
 * The regular files of a folder and below it, in the order of their names; what begins with a dot is left out, and so are
 * pipes and the like. Links are followed, but none into a folder that it lies in. Rejects only where the folder cannot be read.
 */
export async function listFiles(folder: string): Promise<FoundFile[]> {
  const files = await walk(folder, '', [await realpath(folder)]);
  return files.sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function walk(folder: string, below: string, within: readonly string[]): Promise<FoundFile[]> {
  const names = await readdir(join(folder, below));
  const seen = names.filter((name) => !name.startsWith('.'));
  return (await Promise.all(seen.map((name) => lookAt(folder, join(below, name), within)))).flat();
}

async function lookAt(folder: string, name: string, within: readonly string[]): Promise<FoundFile[]> {
  try {
    const found = await stat(join(folder, name));
    if (found.isFile()) return [{ name, size: found.size, mtimeMs: found.mtimeMs, ino: found.ino, trouble: undefined }];
    if (!found.isDirectory()) return [];
    const real = await realpath(join(folder, name));
    return within.includes(real) ? [] : await walk(folder, name, [...within, real]);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return [{ name, size: 0, mtimeMs: 0, ino: 0, trouble: code }];
  }
}
