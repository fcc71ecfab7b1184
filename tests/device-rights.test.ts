/** What somebody with a key of one site, or with a token, might try to become more than that. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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
const site = 'ucl-east-campus';

test.each([
  { publish_grants: ['telemetry/#'] },
  { publish_grants: ['telemetry/ucl-east-campus/#', 'telemetry/plant/#'] },
  { subscribe_grants: ['insights/#'] },
])('a key of one site gets no password of a device that may do more than is there: %o', async (grants) => {
  const key = await world.makeKey({ siteIds: [world.campusId] });
  const made = await api.call('POST', path, { key: world.key, body: { name: 'gateway', site, ...grants } });
  expect(made.status).toBe(201);
  const url = `${path}/${made.json.data.id}/rotate-credentials`;
  for (const body of [{}, { password: 'one that I know' }])
    expect(await api.call('POST', url, { key, body })).toMatchObject({
      status: 403,
      json: { error: 'site_forbidden' },
    });
  expect((await api.call('POST', url, { key: world.key, body: {} })).status).toBe(200);
});

test('a key of one site gives a device of it, which may do nothing elsewhere, another password', async () => {
  const key = await world.makeKey({ siteIds: [world.campusId] });
  const grants = { publish_grants: ['telemetry/{site}/#'], subscribe_grants: ['insights/{site}/#'] };
  const made = await api.call('POST', path, { key: world.key, body: { name: 'gateway', site, ...grants } });
  const reply = await api.call('POST', `${path}/${made.json.data.id}/rotate-credentials`, { key, body: {} });
  expect(reply.status).toBe(200);
});

async function provisioned(external_id: string) {
  const token = await api.call('POST', '/api/v1/device-tokens', {
    key: world.key,
    body: { name: 'Line 3', site, asset_name: '{external_id}', max_uses: 5 },
  });
  expect(token.status).toBe(201);
  return api.call('POST', '/api/v1/devices/provision', { body: { token: token.json.data.token, external_id } });
}

test.each(['$&', 'a$$b', "$`x$'", '$1'])('the external id %j names the asset as it is', async (externalId) => {
  const reply = await provisioned(externalId);
  expect(reply.status).toBe(201);
  const device = await api.call('GET', `${path}/${reply.json.data.device_id}`, { key: world.key });
  expect(device.json.data.asset_name).toBe(externalId);
});

test.each(['a/b', 'a+', '#'])(
  'the external id %j, which no level of a topic may be, names no asset',
  async (externalId) => {
    expect(await provisioned(externalId)).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
  },
);
