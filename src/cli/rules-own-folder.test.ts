import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { warmRule as rule, runRulesCommand } from '../../tests/support/rules-command.ts';

let directory: string;
let own: string;

describe('rules in a folder of their own, beside the library', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rules-'));
    await writeFile(join(directory, 'warm.yaml'), rule);
    own = await mkdtemp(join(tmpdir(), 'own-'));
    await writeFile(join(own, 'cool.yaml'), rule.replace('rule: warm', 'rule: cool').replace('sat > 15', 'sat < 15'));
    await writeFile(join(own, 'copy.yaml'), rule.replace('sat > 15', 'sat > 18'));
    await writeFile(join(own, 'notes.yaml'), 'what: { belongs: to something else }\n');
    const expected = (id: string, sat: number) =>
      `rule: ${id}\ncases: [{ name: opens, series: { sat: ${sat}*4 }, expect: [{ at: 2m, state: firing }] }]\n`;
    await writeFile(join(own, 'cool.test.yaml'), expected('cool', 10));
    await writeFile(join(own, 'copy.test.yaml'), expected('warm', 17));
  });
  afterAll(() => Promise.all([own, directory].map((folder) => rm(folder, { recursive: true }))));

  test.each(['cool.test.yaml', 'cool.yaml'])('test %s runs the rule beside the test', async (name) => {
    expect(await run('test', join(own, name))).toMatchObject({
      code: 0,
      output: '1 files, 1 cases passed, 0 failed\n',
    });
  });

  test('check of a test file finds the rule beside it', async () => {
    expect((await run('check', join(own, 'cool.test.yaml'))).code).toBe(0);
  });

  test('test of the folder runs all of its rules, a copy in the place of the rule that it is of', async () => {
    const { code, output } = await run('test', own);
    expect([code, output.trim().split('\n').at(-1)]).toEqual([1, '2 files, 1 cases passed, 1 failed']);
    expect(output).toContain('copy.test.yaml: opens\n  at 2m: expected state firing, found normal');
  });

  test('coverage is that of the folder alone', async () => {
    const { output } = await run('test', own, '--coverage');
    expect(output).toContain('cool: no case clears it\n');
    const { output: onlyCool } = await run('test', join(own, 'cool.yaml'), '--coverage');
    expect(onlyCool).not.toContain('warm:');
  });

  test('check of a copy is no double of the rule that it is of, and a double among the given is one', async () => {
    expect(await run('check', join(own, 'copy.yaml'))).toMatchObject({
      code: 0,
      output: '1 files, 1 rules, 0 errors, 0 warnings\n',
    });
    const double = join(own, 'double.yaml');
    await writeFile(double, rule);
    const { code, output } = await run('check', join(own, 'copy.yaml'), double);
    await rm(double);
    expect([code, output]).toEqual([1, expect.stringContaining("double.yaml:1:7: error: rule 'warm' is also in")]);
  });
});

const run = (...args: string[]) => runRulesCommand(directory, args);
