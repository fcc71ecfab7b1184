import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
});

const path = '/api/v1/devices';
const sitePath = '/api/v1/sites/ucl-east-campus/devices/';

async function register(body: object = {}, key = world.key) {
  const reply = await api.call('POST', path, { key, body: { name: 'PLC 1', ...body } });
  expect(reply.status).toBe(201);
  return reply.json.data;
}

describe('whose a device is', () => {
  test("another tenant's is not found, whatever is asked of it", async () => {
    const { id } = await register({ site: 'plant' });
    const stranger = await makeWorld(api.database);
    for (const [method, url, body] of [
      ['GET', `${path}/${id}`, undefined],
      ['GET', `${path}/${id}/status`, undefined],
      ['GET', `${path}/${id}/events`, undefined],
      ['PATCH', `${path}/${id}`, { name: 'mine' }],
      ['DELETE', `${path}/${id}`, undefined],
      ['POST', `${path}/${id}/rotate-credentials`, {}],
      ['POST', `${path}/${id}/revoke`, undefined],
      ['GET', `/api/v1/sites/ucl-east-campus/devices/${id}/`, undefined],
    ] as const) {
      const reply = await api.call(method, url, { key: stranger.key, ...(body && { body }) });
      expect([method, url, reply.status, reply.json?.error]).toEqual([method, url, 404, 'device_not_found']);
    }
    expect((await api.call('GET', path, { key: stranger.key })).json.total).toBe(0);
  });

  test('a key of one site sees and makes devices there alone, with grants that reach no further', async () => {
    const key = await world.makeKey({ siteIds: [world.campusId] });
    const elsewhere = await register({ site: 'plant' });
    const nowhere = await register();
    for (const { id } of [elsewhere, nowhere]) {
      expect((await api.call('GET', `${path}/${id}`, { key })).status).toBe(403);
      expect((await api.call('PATCH', `${path}/${id}`, { key, body: { name: 'x' } })).status).toBe(403);
    }
    expect((await api.call('GET', path, { key })).json.total).toBe(0);
    const asked = async (body: object) => (await api.call('POST', path, { key, body: { name: 'x', ...body } })).status;
    const site = 'ucl-east-campus';
    expect(await asked({})).toBe(400);
    expect(await asked({ site: 'plant' })).toBe(403);
    expect(await asked({ site, publish_grants: ['telemetry/{site}/#', 'v1/devices/me/telemetry'] })).toBe(201);
    for (const grant of ['#', 'telemetry/#', 'telemetry/+/x', 'telemetry/plant/#', '+/ucl-east-campus/#', 'spBv1.0/#'])
      expect([grant, await asked({ site, publish_grants: [grant] })]).toEqual([grant, 400]);
    const mine = await register({ site }, key);
    const change = async (body: object) => (await api.call('PATCH', `${path}/${mine.id}`, { key, body })).status;
    expect(await change({ site: 'plant' })).toBe(403);
    expect(await change({ site: null })).toBe(400);
    expect(await change({ subscribe_grants: ['insights/plant/#'] })).toBe(400);
    expect(await change({ subscribe_grants: ['insights/{site}/#'] })).toBe(200);
  });

  test('below a site it belongs there', async () => {
    const made = await api.call('POST', sitePath, { key: world.key, body: { name: 'x' } });
    expect(made).toMatchObject({ status: 201, json: { site: 'ucl-east-campus' } });
    const other = await api.call('POST', sitePath, { key: world.key, body: { name: 'x', site: 'plant' } });
    expect(other).toMatchObject({ status: 400, json: { errors: [{ pointer: '/site' }] } });
    expect((await api.call('GET', `/api/v1/sites/plant/devices/${made.json.id}/`, { key: world.key })).status).toBe(
      404,
    );
  });
});
