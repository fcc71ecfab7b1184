import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

describe('a column map', () => {
  test.each([
    [
      'unit: degF',
      'unit: degFF',
      "columns.yaml:3:68: error: points.SAT.unit: unknown unit 'degFF'",
      "did you mean 'degF'?",
    ],
    [
      'brick:Supply_Air_Temperature_Sensor',
      'brick:Suply_Air_Temperature_Sensor',
      "columns.yaml:3:25: error: points.SAT.class: 'brick:Suply_Air_Temperature_Sensor' is not in the table",
      "did you mean 'brick:Supply_Air_Temperature_Sensor'?",
    ],
    [
      'unit: degF',
      'of: brick:Coling_Coil',
      "columns.yaml:3:66: error: points.SAT.of: 'brick:Coling_Coil' is not in the table",
      "did you mean 'brick:Cooling_Coil'?",
    ],
    [
      'column: time }',
      'column: time, format: d.M.yyyy }',
      "columns.yaml:1:31: error: time: the format 'd.M.yyyy' fits none of the 4 rows; the first that it does not fit, on line 2, has '2026-01-05T00:00Z'",
      "format: 'iso' fits it",
    ],
    ['SAT:', 'SAR:', "columns.yaml:3:11: error: the log has no column 'SAR'", "did you mean 'SAT'?"],
    ['column: time', 'column: tiem', "columns.yaml:1:17: error: the log has no column 'tiem'", "did you mean 'time'?"],
  ])('a column map with %s made %s is refused, at its place', async (right, wrong, place, help) => {
    const map = join(trends, 'wrong.columns.yaml');
    const text = await readFile(join(trends, 'columns.yaml'), 'utf8');
    await writeFile(map, text.replace(right, wrong));
    const { code, errors } = await run('backtest', '--csv', join(trends, 'log.csv'), '--columns', map);
    expect([code, errors]).toEqual([2, expect.stringContaining(place)]);
    expect(errors).toContain(help);
  });

  test.each([
    [
      'rows of which most fit only the other way round are refused',
      ['1/9/2026 0:00', '1/12/2026 0:00', '1/13/2026 0:00', '1/30/2026 0:00', '1/31/2026 0:00'],
      "error: time: the format 'dd/M/yyyy H:mm' fits none of the 5 rows; the first that it does not fit, on line 2, has '1/9/2026 0:00'",
      "format: 'M/d/yyyy H:mm' fits it",
      2,
    ],
    [
      'rows of which some fit only the other way round are warned of',
      ['01/9/2026 0:00', '01/12/2026 0:00', '01/13/2026 0:00'],
      "warning: time: the format 'dd/M/yyyy H:mm' fits only 2 of the 3 rows; the first that it does not fit, on line 4, has '01/13/2026 0:00'",
      "format: 'MM/d/yyyy H:mm' fits it: are day and month the other way round, in all rows?",
      0,
    ],
    [
      'a row without a time is warned of',
      ['01/9/2026 0:00', '', '01/12/2026 0:00'],
      "the format 'dd/M/yyyy H:mm' fits only 2 of the 3 rows; the first that it does not fit, on line 3, has no time",
      'formats are made like',
      0,
    ],
  ])('%s, with the line', async (_, times, message, help, wanted) => {
    const [map, csv] = [join(trends, 'swap.columns.yaml'), join(trends, 'swap.csv')];
    const text = await readFile(join(trends, 'columns.yaml'), 'utf8');
    await writeFile(map, text.replace('column: time', 'column: time, format: dd/M/yyyy H:mm'));
    await writeFile(csv, `time,SAT\n${times.map((time) => `${time},60\n`).join('')}`);
    const { code, errors } = await run('backtest', '--csv', csv, '--columns', map);
    expect([code, errors]).toEqual([wanted, expect.stringContaining(message)]);
    expect(errors).toContain(help);
  });

  test.each([
    [';', "';'"],
    ['\t', 'tabs'],
  ])('a log that %j separates is said to be none of commas, once', async (separator, named) => {
    const csv = join(trends, 'semicolon.csv');
    await writeFile(csv, ['time', 'SAT\n2026-01-05T00:00Z', '60\n'].join(separator));
    const { code, errors } = await run('backtest', '--csv', csv, '--columns', join(trends, 'columns.yaml'));
    expect([code, errors]).toEqual([
      2,
      expect.stringContaining(`the columns of the log are separated by ${named}, not by commas`),
    ]);
    expect(errors.match(/ error: /g)).toHaveLength(1);
  });

  test('points that no rule can use are warned of, and the rest is back-tested', async () => {
    const map = join(trends, 'more.columns.yaml');
    const csv = join(trends, 'more.csv');
    await writeFile(csv, 'time,SAT,RAT,POS\n2026-01-05T00:00Z,60,70,\n2026-01-05T00:03Z,61,70,\n');
    const text = await readFile(join(trends, 'columns.yaml'), 'utf8');
    const more =
      ', RAT: { class: brick:Return_Air_Temperature_Sensor, unit: degF }, POS: { class: brick:Damper_Position_Command }';
    await writeFile(map, text.replace(/ \}\n$/, `${more} }\n`));
    const { code, errors, output } = await run('backtest', '--csv', csv, '--columns', map);
    expect([code, errors.split('\n').filter((line) => line.includes('warning'))]).toEqual([
      0,
      [
        expect.stringContaining('points.RAT: no rule for brick:AHU reads brick:Return_Air_Temperature_Sensor'),
        expect.stringContaining('points.POS: the log has no reading of it'),
      ],
    ]);
    expect(output).toContain('1 rule ran\n');
  });

  test('a point in a unit that no rule can take is warned of, and its rule is said not to run', async () => {
    const map = join(trends, 'percent.columns.yaml');
    const text = await readFile(join(trends, 'columns.yaml'), 'utf8');
    await writeFile(map, text.replace('degF', 'percent'));
    const { code, errors, output } = await run('backtest', '--csv', join(trends, 'log.csv'), '--columns', map);
    expect([code, errors]).toEqual([0, expect.stringContaining('no rule can read it: it is in percent')]);
    expect(output).toContain('no rule ran: rules bind tells what each one lacks\n');
  });

  test('a rule that ran and never knew its condition is named', async () => {
    const csv = join(trends, 'sparse.csv');
    await writeFile(csv, 'time,SAT\n2026-01-05T00:00:30Z,#N/A\n2026-01-05T00:00:40Z,#N/A\n');
    const { code, output } = await run('backtest', '--csv', csv, '--columns', join(trends, 'columns.yaml'));
    expect([code, output]).toEqual([0, expect.stringContaining('1 rule ran; 1 never knew their condition')]);
    expect(output).toContain('stale: warm\n');
  });

  test('fit names the days that the log lacks', async () => {
    const log = ['--csv', join(trends, 'log.csv'), '--columns', join(trends, 'columns.yaml')];
    const { code, errors } = await run('fit', ...log, '--days', '2026-01-05,2026-01-07');
    expect([code, errors]).toEqual([
      2,
      expect.stringContaining('--days: there are no readings of 2026-01-07; there are of 2026-01-05'),
    ]);
  });

  test.each(['bind', 'fit'])('%s refuses such a map as well', async (name) => {
    const map = join(trends, 'wrong.columns.yaml');
    await writeFile(map, (await readFile(join(trends, 'columns.yaml'), 'utf8')).replace('degF', 'degFF'));
    const { code, errors } = await run(name, '--csv', join(trends, 'log.csv'), '--columns', map);
    expect([code, errors]).toEqual([2, expect.stringContaining("unknown unit 'degFF'")]);
  });
});

const run = (...args: string[]) => runRulesCommand(directory, args);
