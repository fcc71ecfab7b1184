import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const command = new URL('./rules.ts', import.meta.url).href;
let directory: string;
let trends: string;

const rule = `rule: warm
version: 1
title: Warm
applies_to: { class: brick:AHU }
inputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
when: sat > 15
for: 2m
severity: info
category: fault
`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rules-'));
  trends = await mkdtemp(join(tmpdir(), 'trends-'));
  await writeFile(join(directory, 'warm.yaml'), rule);
  await writeFile(
    join(directory, 'warm.test.yaml'),
    'rule: warm\ncases: [{ name: warms, series: { sat: 16*4 }, expect: [{ at: 2m, state: firing }] }]\n',
  );
  await writeFile(
    join(trends, 'log.csv'),
    'time,SAT\n2026-01-05T00:00Z,14\n2026-01-05T00:01Z,60\n2026-01-05T00:03Z,61\n2026-01-05T00:04Z,50\n',
  );
  const columns =
    'time: { column: time }\nasset: { name: A, class: brick:AHU }\npoints: { SAT: { class: brick:Supply_Air_Temperature_Sensor, unit: degF } }\n';
  await writeFile(join(trends, 'columns.yaml'), columns);
});

afterAll(async () => {
  await rm(directory, { recursive: true });
  await rm(trends, { recursive: true });
});

describe('the rules command', () => {
  test('check finds nothing wrong with good rules', async () => {
    expect(await run('check')).toEqual({ code: 0, output: '1 files, 1 rules, 0 errors, 0 warnings\n' });
  });

  test('check of a bad file ends with 1 and says where', async () => {
    const bad = join(directory, 'other.txt.yaml');
    await writeFile(bad, rule.replace('warm', 'cold').replace('sat > 15', 'sta > 15'));
    const { code, output } = await run('check', bad, '--json');
    await rm(bad);
    expect([code, JSON.parse(output)]).toMatchObject([1, { file: bad, line: 6, column: 7, code: 'unknown_variable' }]);
  });

  test('test passes, and names what no case covers', async () => {
    expect(await run('test')).toEqual({ code: 0, output: '1 files, 1 cases passed, 0 failed\n' });
    expect((await run('test', '--coverage')).output).toContain(
      'warm: no case clears it\nwarm: no case starves it of data\n',
    );
  });

  test('backtest prints one insight a line', async () => {
    const { code, output } = await run(
      'backtest',
      '--csv',
      join(trends, 'log.csv'),
      '--columns',
      join(trends, 'columns.yaml'),
      '--json',
    );
    expect([code, JSON.parse(output)]).toMatchObject([
      0,
      {
        rule: 'warm',
        asset: 'A',
        state: 'fired',
        since: '2026-01-05T00:01:00.000Z',
        opened_at: '2026-01-05T00:03:00.000Z',
        cleared_at: '2026-01-05T00:04:00.000Z',
        suppressed_by: null,
        work_order: false,
      },
    ]);
  });

  test('bind says which rule runs', async () => {
    const { output } = await run('bind', '--csv', join(trends, 'log.csv'), '--columns', join(trends, 'columns.yaml'));
    expect(output).toBe('A: warm runs\n');
  });

  test.each([[['backtest']], [['nonsense']], [['check', '--nonsense']]])(
    '%j is not understood and ends with 2',
    async (args) => {
      expect((await run(...args)).code).toBe(2);
    },
  );
});

function run(...args: string[]): Promise<{ code: number; output: string }> {
  const script = `import { runRules } from ${JSON.stringify(command)}; process.exitCode = await runRules(${JSON.stringify([...args, '--rules', directory])});`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], (error, stdout) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout });
    });
  });
}
