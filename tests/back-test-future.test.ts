/** `rules backtest` over stored telemetry knows no future. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runRules } from '../src/cli/rules.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld } from './support/api.ts';
import { classifyEquipment, minuteMs, storeReadings, warmText } from './support/api-rules.ts';
import { type Printed, runHere } from './support/command-here.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let own: TestDatabase;
let database: Database;
let rules: string;
const beganMs = Math.floor(Date.now() / minuteMs - 20) * minuteMs;
beforeAll(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 4, log: createLog('silent') });
  const world = await makeWorld(database);
  await classifyEquipment({ database }, world);
  await storeReadings({ database }, world, beganMs, Array(20).fill(30));
  rules = await mkdtemp(join(tmpdir(), 'faultline-rules-'));
  await writeFile(join(rules, 'sat-warm.yaml'), warmText.replace(/suppressed_by:.*\n/, ''));
});
afterAll(async () => {
  await database.close();
  await own.drop();
  await rm(rules, { recursive: true });
});

const inDays = (days: number) => new Date(beganMs + days * 86_400_000).toISOString();
const run = (fromDays: number, toDays: number): Promise<Printed> => {
  const span = ['--from', inDays(fromDays), '--to', inDays(toDays)];
  const args = ['backtest', '--site', 'ucl-east-campus', ...span, '--rules', rules];
  return runHere(() => runRules(args), { DATABASE_URL: own.url, LOG_LEVEL: 'silent' });
};

test('it looks no further than now, and says so: what fires at the end has done so since it opened', async () => {
  const { code, output, errors } = await run(0, 10);
  expect([code, errors]).toEqual([0, expect.stringContaining('--to is in the future: this looks as far as 20')]);
  // It opened after ten minutes at the earliest, and that was at most some twenty minutes ago.
  expect(output).toMatch(/^sat-warm +1 +1 +0\.[0-3] /m);
  expect(output).not.toContain('data-missing');
});

test('a span that has not begun is refused', async () => {
  const { code, errors } = await run(9, 10);
  expect([code, errors]).toEqual([2, expect.stringContaining('--from is in the future')]);
});
