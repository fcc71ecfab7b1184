/** The threads of `rules backtest`, over a real database: they find what one thread finds, in the order of what they were given. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backTestInThreads } from '../src/cli/rules/back-test-threads.ts';
import { backTestFamily, type FamilyJob } from '../src/cli/rules/family-back-test.ts';
import { listPlants } from '../src/cli/rules/stored-plant.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import { makeWorld } from './support/api.ts';
import { classifyEquipment, libraryTexts, storeReadings } from './support/api-rules.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const startMs = Date.UTC(2026, 0, 5);
const hourMs = 3_600_000;
const ruleSet = { texts: libraryTexts, timeScale: 1, ruleId: undefined };

let own: TestDatabase;
let database: Database;
let jobs: FamilyJob[];
beforeAll(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 4, log: createLog('silent') });
  const world = await makeWorld(database);
  await classifyEquipment({ database }, world);
  const values = [16, 20, 15, 21, 15].flatMap((value) => Array<number>(60).fill(value));
  await storeReadings({ database }, world, startMs, values);
  const { assets, overrides, site } = (await listPlants(database.db, undefined)).find(
    (plant) => plant.assets.length > 0,
  ) as Awaited<ReturnType<typeof listPlants>>[number];
  jobs = [3, 5, 1].map((hours) => ({
    assets,
    overrides,
    only: undefined,
    isWatching: true,
    timeZone: site.timeZone,
    fromMs: startMs,
    toMs: startMs + hours * hourMs,
  }));
});
afterAll(async () => {
  await database.close();
  await own.drop();
});

describe('threads', () => {
  test('find what one thread finds, in the order of what they were given', async () => {
    const { rules } = buildRuleSet(libraryTexts);
    const alone = [];
    for (const job of jobs) alone.push(await backTestFamily(database.pool, [rules], job));
    const found = await backTestInThreads(jobs, { url: own.url, ruleSets: [ruleSet] }, 2);
    expect(found.map(({ insights }) => insights)).toEqual(alone.map(({ insights }) => insights));
    expect(found.map(({ readings }) => readings)).toEqual(alone.map(({ readings }) => readings));
    expect(alone.map(({ insights }) => insights[0]?.map(({ episodes }) => episodes))).toEqual([[1], [2], []]);
  });

  test('that cannot do their work say why', async () => {
    const url = new URL(own.url);
    url.pathname = '/nowhere';
    await expect(backTestInThreads(jobs, { url: url.href, ruleSets: [ruleSet] }, 2)).rejects.toThrow('nowhere');
  });
});
