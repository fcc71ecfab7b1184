/** Corrections of readings taken back over HTTP: what comes back, what stays, and that nothing of them is left in the end. */
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { dropEverything, readingsOf, storeReadings } from './support/readings.ts';

let api: TestApi;
let world: World;
let path: string;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  await openWorld();
  await dropEverything(api.database);
});
const openWorld = async () => {
  world = await makeWorld(api.database);
  path = `/api/v1/points/${world.pointId}/corrections`;
};

const minute = (n: number) => `2026-03-17T17:${String(n).padStart(2, '0')}:00Z`;
const store = (values: readonly (number | null)[]) =>
  storeReadings(
    api.database,
    world.seriesId,
    values.map((value, i) => ({ time: minute(i), value })),
  );
const shown = async () =>
  (await readingsOf(api.database, world.seriesId)).map(({ value, quality }) => `${value} ${quality}`);
const correct = (body: object, key = world.key) => api.call('POST', path, { key, body: { reason: 'a test', ...body } });
const span = { start: minute(1), end: minute(3) };

describe('taking a correction back', () => {
  const revert = (id: string, key = world.key) =>
    api.call('POST', `/api/v1/corrections/${id}/revert`, { key, body: { reason: 'wrong sensor' } });

  test.each([
    ['changed', { scale: 3 }],
    ['removed', { remove: true }],
  ])('brings back what it %s, once', async (_, change) => {
    await store([0.1, 0.2, 0.3, 0.4]);
    const { id } = (await correct({ ...span, ...change })).json.data;
    const reverted = await revert(id);
    expect(reverted).toMatchObject({ status: 201, json: { data: { action: 'revert', reverts: id, changed: 2 } } });
    expect(await shown()).toEqual(['0.1 0', '0.2 0', '0.3 0', '0.4 0']);
    const record = (await api.call('GET', `/api/v1/corrections/${id}`, { key: world.key })).json.data;
    expect(record.reverted_by).toBe(reverted.json.data.id);
    expect(await revert(id)).toMatchObject({ status: 409, json: { error: 'correction_not_revertible' } });
    await revert(reverted.json.data.id);
    expect(await shown()).toHaveLength('remove' in change ? 2 : 4);
  });

  test('leaves alone what has been changed again since, and says how many', async () => {
    await store([1, 2, 3, 4]);
    const { id } = (await correct({ ...span, offset: 10 })).json.data;
    await correct({ readings: [{ time: minute(2), value: 99 }] });
    const { json } = await revert(id);
    expect(json.data).toMatchObject({ changed: 1, request: { left: 1 } });
    expect(await shown()).toEqual(['1 0', '2 0', '99 0', '4 0']);
  });

  test('changes the version of what was taken back', async () => {
    await store([1, 2, 3]);
    const { id } = (await correct({ ...span, offset: 10 })).json.data;
    const get = (headers: Record<string, string> = {}) =>
      api.call('GET', `/api/v1/corrections/${id}`, { key: world.key, headers });
    const known = { 'if-none-match': String((await get()).headers.etag) };
    expect((await get(known)).status).toBe(304);
    const reverted = await revert(id);
    expect(await get(known)).toMatchObject({ status: 200, json: { data: { reverted_by: reverted.json.data.id } } });
  });

  test('brings back nothing of days that retention has dropped since', async () => {
    await store([1, 2, 3, 4]);
    const { id } = (await correct({ ...span, remove: true })).json.data;
    const { db } = api.database;
    await sql`insert into retention_horizon (time_table, series_id, before) values ('reading', ${world.seriesId}, ${minute(2)})`.execute(
      db,
    );
    expect((await revert(id)).json.data).toMatchObject({ changed: 1, request: { left: 1 } });
    expect(await shown()).toEqual(['1 0', '3 0', '4 0']);
  });

  test('below another one leaves to that one what was before both', async () => {
    await store([10, 10]);
    const { id } = (await correct({ start: minute(0), end: minute(9), scale: 2 })).json.data;
    const named = (await correct({ readings: [{ time: minute(1), value: 7 }] })).json.data;
    await revert(id);
    expect(await shown()).toEqual(['10 0', '7 0']);
    expect((await revert(named.id)).json.data).toMatchObject({ changed: 1, request: { left: 0 } });
    expect(await shown()).toEqual(['10 0', '10 0']);
  });

  test('leaves the originals when all were taken back, in whatever order', async () => {
    const change = fc.constantFrom({ scale: 2 }, { offset: -3 }, { remove: true }, { set: 20 }, { quality: 'bad' });
    const corrections = fc.array(fc.record({ from: fc.nat(4), length: fc.integer({ min: 1, max: 4 }), change }), {
      minLength: 2,
      maxLength: 5,
    });
    const shuffled = corrections.chain((some) =>
      fc.record({
        some: fc.constant(some),
        order: fc.shuffledSubarray([...some.keys()], { minLength: some.length }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ({ some, order }) => {
        await openWorld();
        await store([10, 20, 40, null]);
        const before = await shown();
        const ids: string[] = [];
        for (const { from, length, change } of some) {
          const made = await correct({ start: minute(from), end: minute(from + length), ...change });
          ids.push(made.json.data.id);
        }
        for (const at of order) expect((await revert(ids[at] ?? '')).status).toBe(201);
        expect(await shown()).toEqual(before);
      }),
      { numRuns: 25 },
    );
  });

  test('is not for another tenant, nor for a key of another site', async () => {
    await store([1, 2, 3]);
    const { id } = (await correct({ ...span, offset: 10 })).json.data;
    const other = await makeWorld(api.database);
    for (const url of [`/api/v1/corrections/${id}`, `/api/v1/corrections/${id}/readings`]) {
      expect((await api.call('GET', url, { key: other.key })).status).toBe(404);
      expect((await api.call('GET', url, { key: await world.makeKey({ siteIds: [world.plantId] }) })).status).toBe(403);
    }
    expect((await revert(id, other.key)).status).toBe(404);
    expect((await revert(id, await world.makeKey({ siteIds: [world.plantId] }))).status).toBe(403);
    expect((await revert(id, await world.makeKey({ scopes: ['points:read'] }))).status).toBe(403);
    expect(await shown()).toEqual(['1 0', '12 0', '13 0']);
  });
});
