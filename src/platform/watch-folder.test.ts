import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Watch, watchFolder } from './watch-folder.ts';

let folder: string;
let watch: Watch;
let told: string[];
let failures: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-watch-'));
  await writeFile(join(folder, 'a.txt'), 'one');
  told = [];
  failures = 0;
  watch = await watchFolder(folder, {
    everyMs: 20,
    onChanged: async () => {
      if (failures-- > 0) throw new Error('not now');
      told.push('changed');
    },
    onError: (error) => told.push(`error: ${(error as Error).message.replace(/,.*/, '')}`),
  });
});
afterEach(async () => {
  await watch.close();
  await rm(folder, { recursive: true, force: true });
});

/** Waits until so many have been told, and as long again for one more. */
async function expectTold(expected: string[]): Promise<void> {
  for (let i = 0; i < 200 && told.length < expected.length; i++) await sleep(20);
  await sleep(150);
  expect(told).toEqual(expected);
}

test.each<[string, () => Promise<unknown>, string[]]>([
  ['no change, nothing', async () => undefined, []],
  ['a changed file', () => writeFile(join(folder, 'a.txt'), 'two!'), ['changed']],
  ['another text of the same length', () => writeFile(join(folder, 'a.txt'), 'two'), ['changed']],
  [
    'a new file below',
    async () => {
      await mkdir(join(folder, 'b'));
      await writeFile(join(folder, 'b/c.txt'), '');
    },
    ['changed'],
  ],
  ['a renamed file', () => rename(join(folder, 'a.txt'), join(folder, 'b.txt')), ['changed']],
  ['a removed file', () => rm(join(folder, 'a.txt')), ['changed']],
])('%s is told', async (_what, change, expected) => {
  await sleep(30);
  await change();
  await expectTold(expected);
});

test('files that are still being written are told once they stand still', async () => {
  for (let i = 0; i < 20; i++) {
    await writeFile(join(folder, 'a.txt'), 'x'.repeat(i));
    await sleep(10);
  }
  expect(told.length).toBeLessThanOrEqual(1);
  told = [];
  await writeFile(join(folder, 'a.txt'), 'the last');
  await expectTold(['changed']);
});

test('what could not be taken over is tried again, and told once', async () => {
  failures = 3;
  await writeFile(join(folder, 'a.txt'), 'two');
  await expectTold(['error: not now', 'changed']);
});

test('a folder that is gone for a while is told once, and looked at again when it is back', async () => {
  await rename(folder, `${folder}-away`);
  await expectTold(['error: ENOENT: no such file or directory']);
  await rename(`${folder}-away`, folder);
  await writeFile(join(folder, 'a.txt'), 'changed meanwhile');
  await expectTold(['error: ENOENT: no such file or directory', 'changed']);
});

test('a file that never stands still does not hold up the changes of others for ever', async () => {
  await writeFile(join(folder, 'b.txt'), 'new');
  for (let i = 0; i < 300 && told.length === 0; i++) {
    await writeFile(join(folder, 'a.txt'), 'x'.repeat(i));
    await sleep(5);
  }
  expect(told).toEqual(['changed']);
});

test('a link that leads nowhere hides no change of another file', async () => {
  await symlink('nowhere', join(folder, 'b.txt'));
  await expectTold(['changed']);
  await writeFile(join(folder, 'a.txt'), 'changed');
  await expectTold(['changed', 'changed']);
});
