import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { warmRule as rule, runRulesCommand } from '../../tests/support/rules-command.ts';

let directory: string;
let trends: string;

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
    expect(await run('check')).toMatchObject({ code: 0, output: '1 files, 1 rules, 0 errors, 0 warnings\n' });
  });

  test('check of a bad file ends with 1 and says where', async () => {
    const bad = join(directory, 'other.txt.yaml');
    await writeFile(bad, rule.replace('warm', 'cold').replace('sat > 15', 'sta > 15'));
    const { code, output } = await run('check', bad, '--json');
    await rm(bad);
    expect([code, JSON.parse(output)]).toMatchObject([1, { file: bad, line: 6, column: 7, code: 'unknown_variable' }]);
  });

  test('check warns of ticks that a program would not take, by its TICK', async () => {
    const odd = join(directory, 'odd.yaml');
    await writeFile(odd, `${rule.replace('warm', 'odd').replace('2m', '100s')}every: 25s\n`);
    const ended = [
      await run('check', odd),
      await run('check', odd, '--tick', '5s'),
      await run('check', odd, '--tick', 'x'),
    ];
    await rm(odd);
    expect(ended.map(({ code }) => code)).toEqual([1, 0, 2]);
    expect(ended[0]?.output).toContain('every: 25s is neither a multiple nor a part of the base tick TICK: 10s');
    expect(ended[2]?.errors).toContain("--tick: 'x' is not a duration such as 10s");
  });

  test('check of a test file looks for mistakes of a test, all of them', async () => {
    const bad = join(trends, 'bad.test.yaml');
    await writeFile(bad, 'rule: wram\ncases: [{ name: warms, serise: {}, expect: [{ at: 2m, state: firing }] }]\n');
    const good = await run('check', join(directory, 'warm.test.yaml'));
    const { code, output } = await run('check', bad, '--json');
    expect([good.code, good.output]).toEqual([0, expect.stringContaining('rules test runs their cases')]);
    const found = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(found.map((one) => one.help)).toEqual(
      expect.arrayContaining(["did you mean 'warm'?", "did you mean 'series'?"]),
    );
  });

  test('coverage is of the rules that are tested, and no others', async () => {
    const other = join(directory, 'other.yaml');
    await writeFile(other, rule.replace('rule: warm', 'rule: other'));
    const { output } = await run('test', join(directory, 'warm.test.yaml'), '--coverage');
    const whole = await run('test', '--coverage');
    await rm(other);
    expect([output.includes('warm: no case clears it'), output.includes('other: ')]).toEqual([true, false]);
    expect(whole.output).toContain('other: no ');
  });

  test('test passes, and names what no case covers', async () => {
    expect(await run('test')).toMatchObject({ code: 0, output: '1 files, 1 cases passed, 0 failed\n' });
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
    expect([code, JSON.parse(output)]).toEqual([
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
    expect(output).toBe('A: warm runs\n1 piece of equipment: 1 rule runs, 1 times in all; 0 times one cannot\n');
  });

  test.each([
    [['nonsense'], "there is no command 'nonsense'"],
    [['chekc'], "there is no command 'chekc'; did you mean 'check'?"],
    [['check', '--jsn'], "there is no option --jsn; did you mean '--json'?"],
    [['check', 'nowhere.yaml'], 'there is no file or folder nowhere.yaml'],
    [['backtest', '--csv', 'x.csv'], '--columns is missing'],
    [['backtest', '--csv', 'x.csv', '--columns', 'y.yaml', '--from', '2026-01-05'], '--from is for stored telemetry'],
    [['backtest', '--rule'], '--rule needs a value'],
    [['fit', '--csv', 'x.csv', '--columns', 'y.yaml', '--days', 'monday'], "--days: 'monday' is not a day"],
  ])('%j is not understood or not possible, and ends with 2: %s', async (args, message) => {
    const { code, errors } = await run(...args);
    expect([code, errors]).toEqual([2, expect.stringContaining(message)]);
  });

  test('--help of a command is its usage, and no error', async () => {
    const { code, output } = await run('backtest', '--help');
    expect([code, output.split('\n')[0]]).toEqual([
      0,
      'rules backtest [--site S] [--asset A] [--rule R] --from T --to T [--rules DIR] [--json]',
    ]);
  });

  test('test --json prints one case a line, and --sarif the failed ones at their places', async () => {
    const file = join(directory, 'cold.test.yaml');
    await writeFile(
      file,
      'rule: warm\ncases:\n  - { name: colds, series: { sat: 1*4 }, expect: [{ at: 2m, state: firing }] }\n',
    );
    const told = await run('test', '--json');
    const sarif = JSON.parse((await run('test', '--sarif')).output);
    await rm(file);
    expect([
      told.code,
      told.output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ]).toEqual([
      1,
      [
        { file, case: 'colds', passed: false, failures: ['at 2m: expected state firing, found normal'] },
        { file: join(directory, 'warm.test.yaml'), case: 'warms', passed: true, failures: [] },
      ],
    ]);
    expect(sarif.runs[0].results).toMatchObject([
      {
        ruleId: 'failed_case',
        level: 'error',
        locations: [{ physicalLocation: { region: { startLine: 3, startColumn: 5 } } }],
      },
    ]);
  });
});

const run = (...args: string[]) => runRulesCommand(directory, args);
