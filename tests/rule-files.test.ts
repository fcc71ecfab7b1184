/**
 * The program runs, and its rule files change under it: a good change is taken over, a bad one is listed and changes nothing,
 * a removed file ends what its rule found. A restart in between makes no difference.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { findDeployedRuleSet } from '../src/rules/live/rule-set-store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { connectGateway, type Gateway } from './support/gateway.ts';
import { findLowPort } from './support/low-port.ts';
import { type DataDir, eventually, makeDataDir, type Program, startProgram } from './support/program.ts';

let testDatabase: TestDatabase;
let database: Database;
let dataDir: DataDir;
let rulesDir: string;
let env: Record<string, string>;
let program: Program;
let gateway: Gateway;
let sending: NodeJS.Timeout;
let value = 6;
let good: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { connectionsMax: 2, log: createLog('warn') });
  dataDir = await makeDataDir();
  rulesDir = await mkdtemp(join(tmpdir(), 'faultline-rules-'));
  const text = await readFile('tests/fixtures/rules/too-high.yaml', 'utf8');
  good = text.replace('suppressed_by: [running-hot]', '').replace('clear_for: 10m', 'clear_for: 2m');
  await save(good);
  env = {
    MQTT_PORT: String(await findLowPort()),
    DATABASE_URL: testDatabase.url,
    RULES_DIR: rulesDir,
    TIME_SCALE: '60',
    GRACE: '300ms',
  };
  program = await startProgram({ dataDir: dataDir.path, env });
  gateway = await connectGateway(program);
  sending = setInterval(() => {
    const payload = JSON.stringify({ value, time: Date.now() });
    // A reading that a restart cut off is sent again by the connection itself.
    gateway.publish('telemetry/main/pump-1/vibration', payload).catch(() => undefined);
  }, 200);
});
afterAll(async () => {
  clearInterval(sending);
  await gateway?.close();
  await program?.kill('SIGTERM');
  await database?.close();
  await testDatabase?.drop();
  await dataDir?.remove();
  await rm(rulesDir, { recursive: true, force: true });
});

const Insights = z.object({
  data: z.array(
    z.object({
      rule_version: z.int(),
      status: z.string(),
      ended_because: z.string().nullable(),
      episodes: z.int(),
      work_order_ids: z.array(z.string()),
    }),
  ),
});

async function save(text: string): Promise<void> {
  await writeFile(join(rulesDir, 'too-high.yaml'), text);
}

/** The only insight, as `version status, episodes`, once it is as expected; with why it ended when it has. */
async function expectInsight(expected: string): Promise<void> {
  let last = '';
  await eventually(`an insight: ${expected}`, async () => {
    const { body } = await program.get('/api/v1/insights');
    last = Insights.parse(body)
      .data.map((one) => `version ${one.rule_version} ${one.ended_because ?? one.status}, ${one.episodes} episodes`)
      .join('; ');
    return last === expected ? true : undefined;
  }).catch((cause: Error) => {
    throw new Error(`${cause.message}; it is: ${last}\n${program.output()}`, { cause });
  });
}

const mistakes = async () => (await findDeployedRuleSet(database.db))?.errors.map(({ message }) => message) ?? [];

test('rules are taken over from files as they change, and only from good ones', async () => {
  await eventually('the first version runs', async () => {
    const shards = await database.db
      .selectFrom('rule_shard')
      .selectAll()
      .where('rule_set_hash', 'is not', null)
      .execute();
    return shards.length > 0 ? true : undefined;
  });
  const first = await findDeployedRuleSet(database.db);

  await save(good.replace('version: 1', 'version: 2').replace('v > 7.0', 'v > 5.5'));
  await expectInsight('version 2 in_progress, 1 episodes');
  const second = await findDeployedRuleSet(database.db);
  expect(second?.hash).not.toBe(first?.hash);

  const broken = good.replace('version: 1', 'version: 3').replace('v > 7.0', 'vibration > 5.5');
  await save(broken);
  await eventually('the mistake is listed', async () => ((await mistakes()).length > 0 ? true : undefined));
  expect(await mistakes()).toEqual([expect.stringContaining('Unknown variable: vibration')]);
  expect((await findDeployedRuleSet(database.db))?.hash).toBe(second?.hash);
  // The second version goes on: it clears, and opens again.
  value = 2;
  await expectInsight('version 2 cleared, 1 episodes');
  await program.kill('SIGKILL');
  expect(program.output().match(/Unknown variable: vibration/g)).toHaveLength(1);

  // Another machine, without files of its own, runs what is deployed.
  program = await startProgram({ dataDir: dataDir.path, env: { ...env, RULES_DIR: join(rulesDir, 'none') } });
  value = 6;
  await expectInsight('version 2 in_progress, 2 episodes');
  await program.kill('SIGTERM');

  program = await startProgram({ dataDir: dataDir.path, env });
  value = 2;
  await expectInsight('version 2 cleared, 2 episodes');
  value = 6;
  await expectInsight('version 2 in_progress, 3 episodes');
  expect((await findDeployedRuleSet(database.db))?.hash).toBe(second?.hash);

  await rm(join(rulesDir, 'too-high.yaml'));
  await expectInsight('version 2 rule_removed, 3 episodes');
  expect(await mistakes()).toEqual([]);
});
