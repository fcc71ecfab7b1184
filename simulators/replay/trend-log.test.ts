import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseColumnMap } from './column-map.ts';
import { type BadCell, readTrendLog, type TrendRow } from './trend-log.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trend-log-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What a log of these lines gives under a map. */
async function read(mapText: string, lines: string[]): Promise<{ rows: TrendRow[]; bad: BadCell[] }> {
  const file = join(folder, 'log.csv');
  await writeFile(file, lines.join('\n'));
  const rows: TrendRow[] = [];
  const bad: BadCell[] = [];
  const map = parseColumnMap(mapText, 'map.yaml');
  for await (const row of readTrendLog({ file, map, mapFile: 'map.yaml', onBad: (cell) => bad.push(cell) }))
    rows.push(row);
  return { rows, bad };
}

const wide = `time: { column: t, zone: America/Chicago }
asset: { name: A }
points: { Sat: { unit: degF }, Fan: { unit: bool } }`;

test('a wide log gives a row an instant; blanks are no readings', async () => {
  const { rows, bad } = await read(wide, [
    '\uFEFFt,Sat,other,Fan',
    '2025-01-01 00:00,55.5,x,True',
    '2025-01-01 00:01,,x,',
    '',
    '2025-01-01 00:02,-1e2,x,FALSE',
  ]);
  expect(bad).toEqual([]);
  expect(rows).toEqual([
    { asset: 'A', at: Date.parse('2025-01-01T06:00Z'), values: { sat: 55.5, fan: true } },
    { asset: 'A', at: Date.parse('2025-01-01T06:01Z'), values: {} },
    { asset: 'A', at: Date.parse('2025-01-01T06:02Z'), values: { sat: -100, fan: false } },
  ]);
});

test('what cannot be understood is reported with line and column, and stops nothing else', async () => {
  const { rows, bad } = await read(wide, [
    't,Sat,Fan',
    'yesterday,1,1',
    '2025-01-01 00:01,#VALUE!,1',
    '2025-01-01 00:02,1',
    '2025-03-09 02:30,1,1',
    '2025-01-01 00:03,3,1',
  ]);
  expect(rows.map(({ values }) => values)).toEqual([{ fan: 1 }, { sat: 3, fan: 1 }]);
  expect(
    bad.map(({ line, column, rowLost, problem }) => `${line} ${column} ${rowLost} ${problem.slice(0, 40)}`),
  ).toEqual([
    '2 t true "yesterday" is not a time of the map\'s f',
    '3 Sat false "#VALUE!" is not a number, True or False',
    '4 undefined true 2 columns where the header has 3',
    '5 t true "2025-03-09 02:30" is skipped by dayligh',
  ]);
});

test('several assets come from a column', async () => {
  const map = wide.replace('{ name: A }', '{ column: Unit }');
  const { rows } = await read(map, ['t,Unit,Sat,Fan', '2025-01-01 00:00,B,1,', '2025-01-01 00:00,C,2,']);
  expect(rows.map(({ asset, values }) => [asset, values])).toEqual([
    ['B', { sat: 1 }],
    ['C', { sat: 2 }],
  ]);
});

test('a long log gives one reading a row, and each point its own pass through the repeated hour', async () => {
  const map = `${wide}\nlayout: long\npoint: { column: tag }`;
  const { rows } = await read(map, [
    't,tag,value',
    '2025-11-02 01:30,Sat,1',
    '2025-11-02 01:30,Fan,True',
    '2025-11-02 01:30,nobody,5',
    '2025-11-02 01:00,Sat,2',
    '2025-11-02 01:45,Fan,False',
  ]);
  expect(rows.map(({ at, values }) => [new Date(at).toISOString().slice(11, 16), values])).toEqual([
    ['06:30', { sat: 1 }],
    ['06:30', { fan: true }],
    ['07:00', { sat: 2 }],
    ['06:45', { fan: false }],
  ]);
});

test('columns that the file does not have are named with their place in the map', async () => {
  const log = ['time,SAT (F),Fan', '2025-01-01 00:00,1,1'];
  await expect(read(wide.replace('Sat:', '"Sat F":'), log)).rejects.toThrow(/map.yaml:1:17: .* has no column "t"/);
  await expect(read(wide.replace('Sat:', '"Sat F":'), log)).rejects.toThrow(
    /map.yaml:3:11: .* has no column "Sat F"; did you mean "SAT \(F\)"\?/,
  );
  await expect(read(wide, [])).rejects.toThrow(/is empty: its first line must name the columns/);
});
