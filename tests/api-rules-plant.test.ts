/** Rules that read points of other equipment, over the API: of what is upstream, and of the site. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, storeReadings } from './support/api-rules.ts';

const coldText = `rule: terminal-cold
version: 1
title: The air handler sends cold air
applies_to: { class: brick:VAV }
inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, from: upstream(brick:AHU), unit: degC }
  any: { class: brick:Supply_Air_Temperature_Sensor, from: [self, site], unit: degC }
when: sat < 10 && any < 10
for: 10m
severity: warning
category: comfort
`;
const startMs = Date.UTC(2026, 0, 5);
const span = { from: '2026-01-05T00:00:00Z', to: '2026-01-05T02:00:00Z' };

let api: TestApi;
let world: World;
let vavId: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  await classifyEquipment(api, world);
  await deployLibrary(api, [{ file: 'terminal-cold.yaml', text: coldText }]);
  vavId = newId();
  const { db } = api.database;
  const own = { tenant_id: world.tenantId, site_id: world.campusId, shard: 0, class: 'brick:VAV' };
  await db
    .insertInto('asset')
    .values({ ...own, id: vavId, name: 'VAV-1', uri: `${world.base}#VAV-1` })
    .execute();
  await db
    .insertInto('asset_relation')
    .values({ tenant_id: world.tenantId, from_asset_id: world.ahuId, kind: 'feeds', to_asset_id: vavId })
    .execute();
  await storeReadings(api, world, startMs, [...Array(60).fill(16), ...Array(60).fill(8)]);
});
afterAll(() => api.close());
beforeEach(() => setStatus('operational'));

const setStatus = (status: string) =>
  api.database.db.updateTable('asset').set({ status }).where('id', '=', world.ahuId).execute();
const get = async (path: string) => (await api.call('GET', `/api/v1${path}`, { key: world.key })).json;
const dryRun = (body: object) =>
  api.call('POST', '/api/v1/rules/terminal-cold/test', { key: world.key, body: { ...span, ...body } });

describe('a rule that reads what is upstream, and of the site', () => {
  test('is told with the point that it reads', async () => {
    const inputs = ['sat', 'any'].map((name) => ({ name, source: 'point', point_id: world.pointId }));
    const expected = [{ asset: 'VAV-1', status: 'running', missing: [], inputs }];
    expect((await get('/rules/terminal-cold/bindings')).data).toMatchObject(expected);
    expect((await get(`/assets/${vavId}/rules`)).data).toMatchObject(expected);
    expect((await get('/rules/terminal-cold')).data.inputs.map(({ from }: { from: string[] }) => from)).toEqual([
      ['upstream(brick:AHU)'],
      ['self', 'site'],
    ]);
  });

  test.each([
    ['of the asset', () => ({ asset_id: vavId })],
    ['of the site', () => ({ site: 'ucl-east-campus' })],
  ])('is run over the past: %s', async (_, place) => {
    const { status, json } = await dryRun(place());
    expect([status, json.data?.insights, json.data?.missing]).toMatchObject([
      200,
      [{ asset: 'VAV-1', opened_at: '2026-01-05T01:10:00Z' }],
      [],
    ]);
  });

  test('lacks its point when the equipment that has it is retired, which has no rules itself', async () => {
    await setStatus('retired');
    const { data } = await get('/rules/terminal-cold/bindings');
    expect(data).toMatchObject([
      { asset: 'VAV-1', status: 'cannot_run', missing: [{ input: 'sat' }, { input: 'any' }] },
    ]);
    expect((await get(`/assets/${world.ahuId}/rules`)).data).toEqual([]);
    expect((await dryRun({ asset_id: vavId })).json.data).toMatchObject({ insights: [], totals: { insights: 0 } });
  });
});
