/** `rules bind`, `backtest` and `fit` over a database: a given one, that of a program that runs, and one that nobody runs. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runRules } from '../src/cli/rules.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { stopLeftPostgres } from '../src/platform/embedded-postgres.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { insertOverride } from '../src/rules/live/override-store.ts';
import { makeWorld, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, libraryTexts, storeReadings, warmText } from './support/api-rules.ts';
import { type Printed, runHere } from './support/command-here.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { type DataDir, makeDataDir } from './support/program.ts';

const root = join(import.meta.dirname, '..');
const startMs = Date.UTC(2026, 0, 5);
const span = ['--from', '2026-01-05', '--to', '2026-01-05T04:00:00Z'];

let own: TestDatabase;
let database: Database;
let world: World;
let rules: string;
beforeAll(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 4, log: createLog('silent') });
  world = await makeWorld(database);
  await classifyEquipment({ database }, world);
  await storeReadings({ database }, world, startMs, [
    ...Array(60).fill(16),
    ...Array(60).fill(20),
    ...Array(120).fill(15),
  ]);
  rules = await mkdtemp(join(tmpdir(), 'faultline-rules-'));
  for (const { file, text } of libraryTexts) await write(file, text);
});
afterAll(async () => {
  await database.close();
  await own.drop();
  await rm(rules, { recursive: true });
});

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(rules, file)), { recursive: true });
  await writeFile(join(rules, file), text);
}

/** Runs the command in this process, on the database of this file unless told otherwise. */
const run = (args: string[], url = own.url): Promise<Printed> =>
  runHere(() => runRules([...args, '--rules', rules]), { DATABASE_URL: url, LOG_LEVEL: 'silent' });

/** Runs it in a process of its own, as a person does, with these settings and no others. */
function runAlone(args: string[], env: Record<string, string> = { DATABASE_URL: own.url }): Promise<Printed> {
  const command = ['src/cli/faultline.ts', 'rules', ...args, '--rules', rules];
  return new Promise((resolve) => {
    const options = { cwd: root, env: { PATH: process.env.PATH ?? '', LOG_LEVEL: 'silent', ...env } };
    execFile(process.execPath, command, options, (error, output, errors) =>
      resolve({ code: error ? Number(error.code) : 0, output, errors }),
    );
  });
}

const lines = ({ output }: Printed) => output.trim().split('\n');
const objects = (ended: Printed) => (ended.output === '' ? [] : lines(ended).map((line) => JSON.parse(line)));

test('bind sums up what runs where and what keeps the other rules from it', async () => {
  const { code, output } = await runAlone(['bind', '--site', 'ucl-east-campus']);
  expect([code, output]).toEqual([
    0,
    [
      'AHU-01: sat-broken, sat-warm runs',
      '',
      'fan-at-night cannot run: fan: no point brick:Fan_On_Off_Status (AHU-01)',
      'fan-at-night cannot run: hours: the asset has no parameter hours (AHU-01)',
      '1 piece of equipment: 2 rules run, 2 times in all; 1 times one cannot',
      '',
    ].join('\n'),
  ]);
});

test('a site is found by its slug even where that looks like an id, and by its id', async () => {
  const slug = '13211186-beb4-4227-bd2d-0644e860886e';
  const { db } = database;
  const site = db.updateTable('site').where('slug', '=', 'ucl-east-campus');
  const { id } = await site.set({ slug }).returning('id').executeTakeFirstOrThrow();
  const found = [await run(['bind', '--site', slug]), await run(['bind', '--site', id])];
  await db.updateTable('site').where('id', '=', id).set({ slug: 'ucl-east-campus' }).execute();
  expect(found.map(({ code }) => code)).toEqual([0, 0]);
  expect(found[0]?.output).toContain('1 piece of equipment');
  expect(found[1]?.output).toBe(found[0]?.output);
});

test('bind --all says which rule runs where, and which point is missing where one cannot', async () => {
  const { code, output } = await run(['bind', '--site', 'ucl-east-campus', '--all']);
  expect([code, output]).toEqual([
    0,
    [
      'AHU-01: sat-broken runs',
      'AHU-01: sat-warm runs',
      'AHU-01: fan-at-night cannot run: fan: no point brick:Fan_On_Off_Status',
      'AHU-01: fan-at-night cannot run: hours: the asset has no parameter hours',
      '1 piece of equipment: 2 rules run, 2 times in all; 1 times one cannot',
      '',
    ].join('\n'),
  ]);
  expect(objects(await run(['bind', '--json']))[0]).toEqual({
    asset: 'ucl-east-campus/AHU-01',
    rule: 'sat-broken',
    runs: true,
    enabled: true,
    missing: [],
  });
});

test('bind says what is paused, off and on trial for now', async () => {
  const said = async (enabled: 'paused' | 'shadow' | false) => {
    const given = { tenantId: world.tenantId, rule: '*', assetId: world.ahuId, enabled, reason: 'r', author: 'a' };
    const later = { untilAt: new Date(Date.now() + 3_600_000) };
    const id = await insertOverride(database.db, { ...given, ...later });
    const ended = await run(['bind', '--site', 'ucl-east-campus', '--all']);
    await database.db.deleteFrom('rule_override').where('id', '=', id).execute();
    return lines(ended).find((line) => line.includes('sat-warm'));
  };
  expect([await said('paused'), await said('shadow'), await said(false)]).toEqual([
    'AHU-01: sat-warm is paused',
    'AHU-01: sat-warm runs on trial',
    'AHU-01: sat-warm is off for now',
  ]);
});

test('bind and fit pass over equipment without a class, also where its points are expected to report', async () => {
  const { db } = database;
  const place = { tenant_id: world.tenantId, asset_id: world.chillerId };
  const point = { id: newId(), ...place, name: 'power', expected_interval_ms: 60_000 };
  await db.insertInto('point').values(point).execute();
  const bound = await run(['bind', '--site', 'plant', '--all']);
  const fitted = await run(['fit', '--asset', 'Chiller-01', '--site', 'plant', ...span]);
  await db.deleteFrom('point').where('id', '=', point.id).execute();
  expect(bound.output).toBe('no equipment with a class: no rule is for it\n');
  expect(fitted.code).toBe(2);
  expect(fitted.errors).toContain("there is no asset 'Chiller-01' that has a class");
});

describe('backtest', () => {
  test('prints one insight a line, with the documented keys and no others', async () => {
    expect(objects(await run(['backtest', '--site', 'ucl-east-campus', ...span, '--json']))).toEqual([
      {
        rule: 'sat-warm',
        asset: 'AHU-01',
        state: 'fired',
        since: '2026-01-05T01:02:00.000Z',
        opened_at: '2026-01-05T01:12:00.000Z',
        cleared_at: '2026-01-05T02:06:00.000Z',
        suppressed_by: null,
        work_order: true,
      },
    ]);
  });

  test('prints for each rule its episodes, hours and work orders, and the difference from the deployed version', async () => {
    const before = await run(['backtest', '--site', 'ucl-east-campus', ...span]);
    expect(before.output).toContain('no version of the rules is deployed yet');
    await deployLibrary({ database });
    const same = lines(await run(['backtest', '--asset', 'AHU-01', '--site', 'ucl-east-campus', ...span]));
    expect(same[1]).toMatch(/^sat-warm +1 +1 +0\.9 +0 +1 +the same$/);
    expect(same.slice(-2)).toEqual(['1 insights, 1 work orders over 1 day', '2 rules ran']);
    const differences: [string, string, RegExp][] = [
      ['later', warmText.replace('for: 10m', 'for: 20m'), /^sat-warm +1 .* 1 moved$/],
      ['never', warmText.replace('for: 10m', 'for: 100m'), /^sat-warm +0 .* 1 gone$/],
      ['longer', warmText.replace('clear_for: 5m', 'clear_for: 15m'), /^sat-warm +1 .* 1 moved$/],
      ['a new rule', warmText.replace('rule: sat-warm', 'rule: sat-new'), /^sat-new +1 .* 1 opened$/m],
    ];
    for (const [name, text, expected] of differences) {
      await write('ahu/sat-warm.yaml', text);
      const { output } = await run(['backtest', '--site', 'ucl-east-campus', ...span]);
      expect([name, output.split('\n').some((line) => expected.test(line)), output]).toEqual([name, true, output]);
    }
    await write('ahu/sat-warm.yaml', warmText);
  });

  test('one rule, by its name, with what explains it', async () => {
    expect(
      objects(
        await run([
          'backtest',
          '--rule',
          'sat-warm',
          '--asset',
          'AHU-01',
          '--site',
          'ucl-east-campus',
          ...span,
          '--json',
        ]),
      ),
    ).toHaveLength(1);
    expect(
      objects(await run(['backtest', '--rule', 'sat-broken', '--site', 'ucl-east-campus', ...span, '--json'])),
    ).toEqual([]);
  });

  test('a file with mistakes is told, ends with 1, and keeps no other from running', async () => {
    await write('ahu/bad.yaml', 'rule: bad\n');
    const ended = await run(['backtest', '--site', 'ucl-east-campus', ...span, '--json']);
    await rm(join(rules, 'ahu/bad.yaml'));
    expect([ended.code, objects(ended).length]).toEqual([1, 1]);
    expect(ended.errors).toContain('ahu/bad.yaml:1:1: error: version is missing');
  });

  test.each([
    [['--site', 'nowhere', ...span], "there is no site 'nowhere'"],
    [['--site', 'plnt', ...span], "there is no site 'plnt'; did you mean 'plant'?"],
    [['--asset', 'AHU-02', ...span], "there is no asset 'AHU-02' that has a class; did you mean 'AHU-01'?"],
    [['--rule', 'sat-wram', ...span], "there is no rule 'sat-wram'; did you mean 'sat-warm'?"],
    [['--from', '2026-01-05'], '--from 2026-01-05 needs a zone'],
    [['--site', 'plant', '--from', '2026-01-05'], '--to is missing'],
    [
      ['--site', 'plant', '--from', 'monday', '--to', '2026-01-06'],
      '--from monday is neither a date (2026-01-05) nor an instant',
    ],
    [['--site', 'plant', '--from', '2026-01-06', '--to', '2026-01-05'], '--to must be after --from'],
    [['--sit', 'plant', ...span], "there is no option --sit; did you mean '--site'?"],
    [['--split', 'day', ...span], '--split is for trend logs, with --csv'],
    [['--csv', 'x.csv', '--columns', 'x.yaml', '--site', 'plant'], '--site is for stored telemetry'],
  ])('%j ends with 2: %s', async (args, message) => {
    const { code, errors } = await run(['backtest', ...args]);
    expect([code, errors]).toEqual([2, expect.stringContaining(message)]);
  });
});

test('fit finds what rules ask to be fitted, from stored readings', async () => {
  const fitted = warmText
    .replace('rule: sat-warm', 'rule: sat-fitted')
    .replace('params:\n', 'params:\n  usual: { unit: degC, min: 0, max: 40, fit: { of: sat, quantile: 0.5 } }\n');
  await write('ahu/sat-fitted.yaml', fitted);
  const [one] = objects(await run(['fit', '--asset', 'AHU-01', '--site', 'ucl-east-campus', ...span, '--json']));
  await rm(join(rules, 'ahu/sat-fitted.yaml'));
  expect(one).toMatchObject({
    asset: 'AHU-01',
    days: ['2026-01-05'],
    params: [{ name: 'usual', value: 15, rule: 'sat-fitted' }],
  });
});

describe('which database', () => {
  let folder: DataDir;
  beforeAll(async () => {
    folder = await makeDataDir();
  });
  afterAll(() => folder.remove());

  test('a folder without one is refused, and left as it is', async () => {
    const { code, errors } = await runAlone(['bind'], { DATA_DIR: folder.path });
    expect([code, errors]).toEqual([2, expect.stringContaining(`DATA_DIR ${folder.path} holds no database yet`)]);
    const again = await runAlone(['bind'], { DATA_DIR: folder.path });
    expect(again.errors).toBe(errors);
  });

  test('that of a program that runs is used, and goes on; without one it is started for as long as it takes', async () => {
    const program = spawn(process.execPath, ['tests/support/hold-postgres.ts', folder.path], { cwd: root });
    await once(program.stdout, 'data');
    const empty = await runAlone(['bind'], { DATA_DIR: folder.path });
    expect([empty.code, empty.errors]).toEqual([2, expect.stringContaining('no Faultline has used this database yet')]);
    expect(program.exitCode).toBeNull();
    program.kill('SIGKILL');
    await once(program, 'exit');
    // The killed program has left its server; this attaches to it.
    const attached = await runAlone(['bind'], { DATA_DIR: folder.path });
    expect(attached.errors).toContain('no Faultline has used this database yet');
    await stopLeftPostgres(folder.path, createLog('silent'));
    const started = await runAlone(['bind'], { DATA_DIR: folder.path });
    expect(started.errors).toContain('no Faultline has used this database yet');
    expect(await readdir(join(folder.path, 'postgres'))).not.toContain('postmaster.pid');
  });

  test.each([
    ['postgresql://nobody:wrong@127.0.0.1:1/none', 'DATABASE_URL cannot be used: the database does not answer'],
    ['mysql://127.0.0.1/x', 'DATABASE_URL must be postgresql://'],
  ])('%s is refused: %s', async (url, message) => {
    const { code, errors } = await run(['bind'], url);
    expect([code, errors]).toEqual([2, expect.stringContaining(message)]);
    expect(errors).not.toContain('wrong');
  });

  test('one of an older version is told how to be brought up to date', async () => {
    const old = await createTestDatabase();
    const client = openDatabase(old.url, { connectionsMax: 1, log: createLog('silent') });
    await client.db.deleteFrom('migration').where('name', 'like', '0012%').execute();
    const { errors } = await run(['bind'], old.url);
    await client.close();
    await old.drop();
    expect(errors).toContain('its schema is of an older version; start the program once to bring it up to date');
  });
});
