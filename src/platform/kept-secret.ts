import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';

/** The secret of this installation: SECRET, or one made on the first start and readable by its owner alone. */
export async function secretOf({ SECRET, DATA_DIR: dataDir }: Pick<Config, 'SECRET' | 'DATA_DIR'>): Promise<string> {
  if (SECRET !== undefined) return SECRET;
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'secret');
  try {
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}
