import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runImport } from '../src/cli/import.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld } from './support/api.ts';
import { runHere } from './support/command-here.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/program.ts';

let testDatabase: TestDatabase;
let database: Database;
let folder: string;
const file = (name: string) => join(folder, name);
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { connectionsMax: 4, log: createLog('silent') });
  await makeWorld(database);
  folder = await mkdtemp(join(tmpdir(), 'faultline-import-'));
  const map =
    'time: {column: time}\nasset: {class: brick:AHU}\npoints:\n  T: {class: brick:Supply_Air_Temperature_Sensor, name: sat}\n';
  await writeFile(file('map.yaml'), map);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
  await rm(folder, { recursive: true });
});

/** Runs the command in this process; gives its code and what it printed on the standard output. */
async function run(...argv: string[]): Promise<{ code: number; text: string }> {
  const { code, output: text } = await runHere(() => runImport(['telemetry', ...argv]), {
    DATABASE_URL: testDatabase.url,
  });
  return { code, text };
}

const options = () => ['--columns', file('map.yaml'), '--site', 'ucl-east-campus', '--asset', 'AHU-01'];

describe('faultline import telemetry', () => {
  test('stores a file, tells of refused rows by line, and changes nothing the second time', async () => {
    await writeFile(file('log.csv'), 'time,T\n2026-07-01 10:00,20\nnoon,1\n2026-07-01 10:01,21\n');
    const first = await run(file('log.csv'), ...options());
    expect(first.code).toBe(0);
    expect(first.text).toContain('3 rows, 2 readings stored');
    expect(first.text).toContain('log.csv:3: the time "noon"');
    const second = await run(file('log.csv'), ...options(), '--json');
    expect(JSON.parse(second.text)).toMatchObject({ state: 'done', rows: 3, stored: 0, duplicates: 2, refused: 1 });
    const { rows } = await database.pool.query('select r.time, r.value from reading r order by 1');
    expect(rows).toEqual([
      { time: new Date('2026-07-01T09:00:00Z'), value: 20 },
      { time: new Date('2026-07-01T09:01:00Z'), value: 21 },
    ]);
  });

  test('says what is wrong before it stores anything', async () => {
    await writeFile(file('log.csv'), 'time,T\n2026-07-01 10:00,20\n');
    await writeFile(file('other.csv'), 'zeit,T\n1,2\n');
    await writeFile(
      file('bad.yaml'),
      'time: {column: time}\nasset: {class: brick:AHU}\npoints:\n  T: {class: brick:Sensor, unit: degX}\n',
    );
    await expect(run(file('log.csv'), '--columns', file('bad.yaml'), '--site', 'plant')).rejects.toThrow(
      /bad\.yaml:4:\d+.*degX/s,
    );
    await expect(run(file('log.csv'), '--columns', file('map.yaml'), '--site', 'plant')).rejects.toThrow('--asset');
    await expect(run(file('log.csv'), ...options().with(3, 'nowhere'))).rejects.toThrow('--site nowhere');
    await expect(run(file('other.csv'), ...options())).rejects.toThrow("no column 'time'");
    await expect(run(file('nothing.csv'), ...options())).rejects.toThrow('ENOENT');
    expect((await run(file('log.csv'))).code).toBe(2);
    expect((await run('--help')).text).toContain('--columns');
  });

  test('shows how far it is, stops at Ctrl-C, and goes on when it is run again', async () => {
    const rows = Array.from(
      { length: 60_000 },
      (_, i) => `${new Date(Date.UTC(2025, 0, 1) + i * 60_000).toISOString()},${i % 50}`,
    );
    await writeFile(file('long.csv'), `time,T\n${rows.join('\n')}\n`);
    const command = ['src/cli/faultline.ts', 'import', 'telemetry', file('long.csv'), ...options()];
    const child = spawn(process.execPath, command, { env: { PATH: process.env.PATH, DATABASE_URL: testDatabase.url } });
    const output = { text: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output.text += String(chunk)));
    await eventually('a line of progress', async () => (/ % .* rows\/s/.test(output.text) ? true : undefined));
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    expect((await exit)[0]).toBe(1);
    expect(output.text).toContain('stopped before its end');
    const again = JSON.parse((await run(file('long.csv'), ...options(), '--json')).text);
    expect(again).toMatchObject({ state: 'done', rows: 60_000, refused: 0 });
    expect(again.duplicates).toBeGreaterThan(0);
    expect(again.stored + again.duplicates).toBe(60_000);
  });
});
