/** Where rows over HTTP may be written: below a site, below a point, at the sites of a key, and never at another tenant's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { freshTime, row, site, valuesByTime } from './support/telemetry-rows.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/telemetry';
const post = (body: unknown, url = path) => api.call('POST', url, { key: world.key, body });

const stored = (pointId = world.pointId) => valuesByTime(api, pointId);

describe('where rows may be written', () => {
  test('below a site, rows need no site and may name no other', async () => {
    const url = `/api/v1/sites/${site}/telemetry/`;
    const { json } = await post(
      [row({ site: undefined }), row(), row({ site: 'plant' }), { point_id: newId(), value: 1 }],
      url,
    );
    expect(json.verdicts.map(({ verdict }: { verdict: string }) => verdict)).toEqual([
      'stored',
      'stored',
      'refused',
      'refused',
    ]);
    const other = await post(
      { point_id: world.pointId, time: freshTime(), value: 1 },
      '/api/v1/sites/plant/telemetry/',
    );
    expect(other.json).toMatchObject({ refused: 1, verdicts: [{ reason: 'unknown_point' }] });
  });

  test('below a point, rows name no point', async () => {
    const url = `/api/v1/points/${world.pointId}/readings`;
    const time = freshTime();
    const { json } = await post(
      [
        { time, value: 4 },
        { time: freshTime(), value: 1, point: 'sat' },
      ],
      url,
    );
    expect(json.data.verdicts.map(({ verdict }: { verdict: string }) => verdict)).toEqual(['stored', 'refused']);
    expect(await stored()).toMatchObject({ [time]: 4 });
    expect((await post([{ value: 1 }], `/api/v1/points/${newId()}/readings`)).status).toBe(404);
    expect((await post([{ value: 1 }], `/api/v1/sites/plant/points/${world.pointId}/readings/`)).status).toBe(404);
  });

  test('a key writes at its sites and nowhere else, and needs the scope', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId], scopes: ['telemetry:write'] });
    await api.database.pool.query(`update site set discovery = true where id = $1`, [world.plantId]);
    const body = [row(), { point_id: world.pointId, value: 1 }, row({ site: 'plant', asset: 'Pump', point: 'flow' })];
    const { json } = await api.call('POST', path, { key, body });
    expect(
      json.data.verdicts.map(({ reason, verdict }: { reason?: string; verdict: string }) => reason ?? verdict),
    ).toEqual(['site_forbidden', 'site_forbidden', 'stored']);
    expect(
      (await api.call('POST', `/api/v1/points/${world.pointId}/readings`, { key, body: { value: 1 } })).status,
    ).toBe(403);
    const reader = await world.makeKey({ scopes: ['read'] });
    expect((await api.call('POST', path, { key: reader, body: row() })).json.error).toBe('scope_missing');
  });

  test("another tenant's sites and points are unknown", async () => {
    const other = await makeWorld(api.database);
    const body = [
      { point_id: other.pointId, value: 1 },
      { uri: `${other.base}#AHU-01`, point: 'sat', time: freshTime(), value: 1 },
    ];
    const { json } = await post(body);
    // Both tenants have an asset of this URI: the row goes to the caller's own.
    expect(
      json.data.verdicts.map(({ reason, verdict }: { reason?: string; verdict: string }) => reason ?? verdict),
    ).toEqual(['unknown_point', 'stored']);
    expect(await stored(other.pointId)).toEqual({});
  });
});
