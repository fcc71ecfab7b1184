import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listFiles } from './list-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-list-'));
  await mkdir(join(folder, 'b'));
  await writeFile(join(folder, 'a.txt'), 'one');
  await writeFile(join(folder, 'b/c.txt'), '');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const listed = async () =>
  (await listFiles(folder)).map(({ name, trouble }) => (trouble ? `${name} ${trouble}` : name));

test.each<[string, () => Promise<unknown>, string[]]>([
  ['files below are listed by their relative names', async () => undefined, ['a.txt', 'b/c.txt']],
  [
    'hidden files and folders are left out',
    async () => {
      await mkdir(join(folder, '.git'));
      await writeFile(join(folder, '.git/d.txt'), '');
      await symlink('nowhere', join(folder, '.#a.txt'));
    },
    ['a.txt', 'b/c.txt'],
  ],
  ['a link to a file is a file', () => symlink('a.txt', join(folder, 'd.txt')), ['a.txt', 'b/c.txt', 'd.txt']],
  ['a link to a folder is a folder', () => symlink('b', join(folder, 'd')), ['a.txt', 'b/c.txt', 'd/c.txt']],
  [
    'a link that leads nowhere is listed with its trouble, and hides no other',
    () => symlink('nowhere', join(folder, 'd.txt')),
    ['a.txt', 'b/c.txt', 'd.txt ENOENT'],
  ],
  [
    'links to folders that they lie in end',
    async () => {
      await symlink('.', join(folder, 'd'));
      await symlink('..', join(folder, 'b/e'));
      await symlink(folder, join(folder, 'b/f'));
    },
    ['a.txt', 'b/c.txt'],
  ],
  [
    'a link to itself is listed with its trouble',
    () => symlink('d', join(folder, 'd')),
    ['a.txt', 'b/c.txt', 'd ELOOP'],
  ],
])('%s', async (_what, prepare, expected) => {
  await prepare();
  expect(await listed()).toEqual(expected);
});

test('a folder that is not there is an error', async () => {
  await expect(listFiles(join(folder, 'none'))).rejects.toThrow('ENOENT');
});
