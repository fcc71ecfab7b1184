/** The folder of the rules as it may be found: what cannot be read keeps nothing else from being taken over. */
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { findDeployedRuleSet } from '../src/rules/live/rule-set-store.ts';
import { type DeployedRules, openRuleSets } from '../src/rules/live/rule-sets.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/program.ts';

let testDatabase: TestDatabase;
let database: Database;
let directory: string;
let rules: DeployedRules | undefined;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { connectionsMax: 2, log: createLog('silent') });
});
afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'faultline-folder-'));
  await cp('tests/fixtures/rules', directory, { recursive: true });
});
afterEach(async () => {
  await rules?.close();
  await rm(directory, { recursive: true, force: true });
});

const open = async (log = createLog('silent')) => {
  const { db } = database;
  rules = await openRuleSets({ db, log, directory, timeScale: 1, tickMs: 60_000, lookMs: 250 });
};
const file = () => join(directory, 'too-high.yaml');

/** The version of the rule in too-high.yaml that is deployed, and the files with errors. */
async function deployed(): Promise<string> {
  const found = await findDeployedRuleSet(database.db);
  const text = found?.texts.find((one) => one.file === 'too-high.yaml')?.text ?? '';
  const errors = (found?.errors ?? []).map((error) => `${error.file} ${error.code}`);
  return [`version ${/^version: (.*)$/m.exec(text)?.[1]}`, ...errors].join(', ');
}

async function becomes(expected: string): Promise<void> {
  let last = '';
  const look = async () => {
    last = await deployed();
    return last === expected ? true : undefined;
  };
  await eventually(expected, look).catch(() => expect(last).toBe(expected));
}

async function save(version: number): Promise<void> {
  const text = await readFile('tests/fixtures/rules/too-high.yaml', 'utf8');
  await writeFile(file(), text.replace('version: 1', `version: ${version}`));
}

const troubles: [string, () => Promise<unknown>, string][] = [
  ['a link that leads nowhere', () => symlink('nowhere', join(directory, 'x.yaml')), ', x.yaml unreadable_file'],
  ['a folder with the name of a file', () => mkdir(join(directory, 'x.yaml')), ''],
  ['links to the folder itself', () => symlink('.', join(directory, 'x')), ''],
  [
    'a file too large to read',
    () => writeFile(join(directory, 'x.yaml'), 'x'.repeat(2_000_000)),
    ', x.yaml unreadable_file',
  ],
  ['a lock of an editor', () => symlink('me@here.1', join(directory, '.#too-high.yaml')), ''],
];

test.each(troubles)('%s: the others are taken over, while it runs and at the start', async (_what, make, told) => {
  await open();
  await make();
  await save(2);
  await becomes(`version 2${told}`);
  await rules?.close();
  await save(3);
  await open();
  await becomes(`version 3${told}`);
});

test('a file that cannot be read any more runs on as it was, and when it can again as it is then', async () => {
  await open();
  await rename(file(), `${file()}.away`);
  await symlink('nowhere', file());
  await becomes('version 1, too-high.yaml unreadable_file');
  await rules?.close();
  await open();
  await becomes('version 1, too-high.yaml unreadable_file');
  await rm(file());
  await save(4);
  await becomes('version 4');
});

test('each deployment is one line of the log that names the rules which came, changed and went', async () => {
  const deployments: Record<string, unknown>[] = [];
  const write = (line: string) => {
    const entry = JSON.parse(line) as Record<string, unknown>;
    if (entry.msg === 'rules deployed') deployments.push(entry);
  };
  await save(7);
  await open(createLog('info', { write }));
  const text = await readFile(file(), 'utf8');
  const count = deployments.length;
  await writeFile(join(directory, 'another.yaml'), text.replace('rule: too-high', 'rule: another'));
  await save(8);
  await eventually('deployed', () => Promise.resolve(deployments.length > count || undefined));
  await rm(join(directory, 'another.yaml'));
  await eventually('deployed', () => Promise.resolve(deployments.length > count + 1 || undefined));
  expect(deployments.slice(count)).toMatchObject([
    { added: ['another'], changed: ['too-high'], removed: [], mistakes: 0 },
    { added: [], changed: [], removed: ['another'], mistakes: 0 },
  ]);
});
