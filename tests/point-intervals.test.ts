/** How often points report, learned from what comes. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { learnIntervals } from '../src/telemetry/learn-intervals.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { storeReadings } from './support/readings.ts';

let api: TestApi;
let world: World;
let path: string;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  path = `/api/v1/points/${world.pointId}`;
});

const change = (body: object) => api.call('PATCH', path, { key: world.key, body });

describe('how often a point reports', () => {
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
  const learned = async () => (await api.call('GET', path, { key: world.key })).json.data.learned_interval_s;
  const learn = async () => {
    await sql`update point_interval set looked_at = now() - interval '1 day'`.execute(api.database.db);
    await learnIntervals(api.database.db);
  };

  test('is learned from its last readings, shown beside what is expected, and adopted when somebody says so', async () => {
    expect(await change({ expected_interval_s: 'learned' })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/expected_interval_s' }] },
    });
    await storeReadings(
      api.database,
      world.seriesId,
      Array.from({ length: 40 }, (_, i) => ({ time: ago(i * 300_000), value: i })),
    );
    await learn();
    expect(await learned()).toBe(300);
    const { json } = await change({ expected_interval_s: 'learned' });
    expect(json.data).toMatchObject({ expected_interval_s: 300, learned_interval_s: 300 });
  });

  test('is not known where readings come too unevenly, and stays where too few come', async () => {
    await storeReadings(
      api.database,
      world.seriesId,
      Array.from({ length: 40 }, (_, i) => ({ time: ago(i * 60_000), value: i })),
    );
    await learn();
    expect(await learned()).toBe(60);
    await sql`delete from reading where series_id = ${world.seriesId}`.execute(api.database.db);
    await learn();
    expect(await learned()).toBe(60);
    await storeReadings(
      api.database,
      world.seriesId,
      Array.from({ length: 40 }, (_, i) => ({ time: ago(i * i * 10_000), value: i })),
    );
    await learn();
    expect(await learned()).toBeNull();
  });

  test('is looked at once an hour at most, and rules are not bound again for it', async () => {
    const version = () =>
      sql<{ v: string }>`select version::text as v from rule_shard_model where shard = 0`.execute(api.database.db);
    await learn();
    const before = (await version()).rows;
    await storeReadings(
      api.database,
      world.seriesId,
      Array.from({ length: 40 }, (_, i) => ({ time: ago(i * 60_000), value: i })),
    );
    await learnIntervals(api.database.db);
    expect(await learned()).toBeNull();
    await learn();
    expect(await learned()).toBe(60);
    expect((await version()).rows).toEqual(before);
  });
});
