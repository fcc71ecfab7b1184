import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataDir } from './data-dir-lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a folder whose owner lives is refused with an error that names both, and is free once it is released', async () => {
  const lock = await lockDataDir(folder);
  await expect(lockDataDir(folder)).rejects.toThrow(
    `DATA_DIR ${folder} is in use by another Faultline, process ${process.pid}`,
  );
  await lock.release();
  const next = await lockDataDir(folder);
  await lock.release();
  await expect(lockDataDir(folder)).rejects.toThrow('is in use');
  await next.release();
  expect(await readdir(folder)).toEqual([]);
});

test('of many who find a stale lock together exactly one gets it', async () => {
  await writeFile(join(folder, 'lock'), `${await endedPid()}\n\n`);
  const takers = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(folder)));
  expect(takers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await readFile(join(folder, 'lock'), 'utf8')).toMatch(`${process.pid}\n`);
  expect(await readdir(folder)).toEqual(['lock']);
});

const stale: [string, () => Promise<string>][] = [
  ['names a process that has ended', async () => `${await endedPid()}\n\n`],
  ['is empty, as a power cut may leave it', async () => ''],
];
if (process.platform === 'linux') {
  stale.push([
    'names a process id that has been given to another since',
    async () => `${process.pid}\nan earlier boot 1\n`,
  ]);
}
test.each(stale)('a lock that %s is taken over', async (_name, content) => {
  await writeFile(join(folder, 'lock'), await content());
  await lockDataDir(folder);
  await expect(lockDataDir(folder)).rejects.toThrow(`process ${process.pid}`);
});

async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid as number;
}
