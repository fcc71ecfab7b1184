/** Assets that turn out to be others, with all that hangs on them. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SelfDescription } from '../src/assets/discovery.ts';
import { createDirectory } from '../src/ingest/decode/directory.ts';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';
import { type MergeWorld, makeMergeWorld, minute } from './support/merging.ts';

let api: TestApi;
let world: MergeWorld;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeMergeWorld(api);
});

describe('merging an asset', () => {
  const mergeAsset = (id: string, target: string, more: object = {}, key = world.key) =>
    api.call('POST', `/api/v1/assets/${id}/merge-into`, { key, body: { target, ...more } });

  async function discoverAsset() {
    await world.send('ahu_1', 'sat', [{ time: minute(0), value: 1 }]);
    await world.send('ahu_1', 'RT', [{ time: minute(0), value: 2 }]);
    await world.send('ahu_1', 'fan', [{ time: minute(0), value: 3 }]);
    const rat = await api.call('POST', '/api/v1/points', {
      key: world.key,
      body: { asset_id: world.ahuId, name: 'rat' },
    });
    const { id } = await api.database.db
      .selectFrom('asset')
      .select('id')
      .where('tenant_id', '=', world.tenantId)
      .where('name', '=', 'ahu_1')
      .executeTakeFirstOrThrow();
    return { id, ratId: rat.json.data.id as string, fan: await world.find('ahu_1', 'fan') };
  }

  test('points become one by their names or as given, the others move with it, and later messages follow', async () => {
    const { id, ratId, fan } = await discoverAsset();
    const reply = await mergeAsset(id, world.ahuId, { points: { RT: 'rat' } });
    expect(reply.status).toBe(200);
    expect(reply.json.data).toMatchObject({ asset_id: world.ahuId, moved_points: [fan.id] });
    expect(reply.json.data.merges.map((one: { target_point_id: string }) => one.target_point_id).sort()).toEqual(
      [ratId, world.pointId].sort(),
    );
    const fresh = await api.restart();
    const rows = ['sat', 'RT', 'fan', 'new'].map((point, i) => ({
      site: 'ucl-east-campus',
      asset: 'ahu_1',
      point,
      time: minute(30),
      value: i,
    }));
    const sent = await fresh.call('POST', '/api/v1/telemetry', { key: world.key, body: { readings: rows } });
    expect(sent.json.data).toMatchObject({ stored: 4 });
    await fresh.app.close();
    expect(await world.values()).toEqual([1, 0]);
    expect(await world.valuesOf(fan.seriesId)).toEqual([3, 2]);
    expect(await world.valuesOf((await world.find('AHU-01', 'new')).seriesId)).toEqual([3]);
    const points = await api.call('GET', `/api/v1/points?asset_id=${world.ahuId}`, { key: world.key });
    expect(points.json.data.map((one: { name: string }) => one.name).sort()).toEqual(['fan', 'new', 'rat', 'sat']);
    const assets = await api.call('GET', '/api/v1/assets', { key: world.key });
    expect(assets.json.data.map((one: { name: string }) => one.name)).not.toContain('ahu_1');
    const shown = await api.call('GET', `/api/v1/assets/${id}`, { key: world.key });
    expect(shown.json.data).toMatchObject({ merged_into: world.ahuId, status: 'retired' });
  });

  test('a device that describes itself under the old name makes no points anew', async () => {
    const { id } = await discoverAsset();
    await mergeAsset(id, world.ahuId, { points: { RT: 'rat' } });
    const directory = createDirectory(api.database.db);
    const site = (await directory.findSites(world.tenantId, ['ucl-east-campus'])).get('ucl-east-campus');
    if (!site) throw new Error('there is a site');
    const said = SelfDescription.parse({ points: { RT: { unit: 'degF' }, sat: {}, hum: { unit: 'percent' } } });
    expect(await directory.describe(site, 'ahu_1', said)).toBe(true);
    const points = await api.call('GET', '/api/v1/points?site=ucl-east-campus', { key: world.key });
    expect(points.json.data.map((one: { name: string }) => one.name).sort()).toEqual(['fan', 'hum', 'rat', 'sat']);
  });

  test('work orders, overrides of rules and relations follow at once, and insights once they are over', async () => {
    const { id } = await discoverAsset();
    const { db } = api.database;
    const [open, over] = [await world.makeInsight({ assetId: id }), await world.makeInsight({ assetId: id })];
    await sql`update insight set status = 'resolved', resolved_at = now() where id = ${over}`.execute(db);
    const order = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x', asset_id: id } });
    await sql`insert into rule_override (id, tenant_id, rule_id, asset_id, since_at, reason, author)
      values (gen_random_uuid(), ${world.tenantId}, '*', ${id}, now(), 'a test', 'alex')`.execute(db);
    await sql`insert into asset_relation (tenant_id, from_asset_id, kind, to_asset_id) values
      (${world.tenantId}, ${id}, 'feeds', ${world.ahuId}), (${world.tenantId}, ${id}, 'feeds', ${world.chillerId})`.execute(
      db,
    );
    await mergeAsset(id, world.ahuId);
    await world.moveAll();
    const assetOf = async (table: string, its: string) =>
      (await sql<{ a: string }>`select asset_id as a from ${sql.table(table)} where id = ${its}`.execute(db)).rows[0]
        ?.a;
    expect(await assetOf('insight', open)).toBe(id);
    expect(await assetOf('insight', over)).toBe(world.ahuId);
    expect(await assetOf('work_order', order.json.data.id)).toBe(world.ahuId);
    const told = await sql`select type, actor, changes from event
      where subject_id = ${order.json.data.id} order by id`.execute(api.database.db);
    expect(told.rows.at(-1)).toMatchObject({
      type: 'work_order.updated',
      actor: { kind: 'key', user_id: world.alexId },
      changes: [{ field: 'asset_id', from: id, to: world.ahuId }],
    });
    const left = await sql<{
      from: string;
      to: string;
    }>`select from_asset_id as from, to_asset_id as to from asset_relation
      where tenant_id = ${world.tenantId}`.execute(db);
    expect(left.rows).toEqual([{ from: world.ahuId, to: world.chillerId }]);
    const overrides = await sql<{
      a: string;
    }>`select asset_id as a from rule_override where tenant_id = ${world.tenantId}`.execute(db);
    expect(overrides.rows).toEqual([{ a: world.ahuId }]);
  });

  test('it is refused as a whole where one of its points cannot become the other', async () => {
    const { id, fan } = await discoverAsset();
    await world.setUnit((await world.find('ahu_1', 'sat')).id, 'kW');
    expect(await mergeAsset(id, world.ahuId)).toMatchObject({ status: 409, json: { error: 'merge_not_possible' } });
    expect(await world.find('ahu_1', 'fan')).toEqual(fan);
    expect(await world.values()).toEqual([]);
  });

  test.each([
    [{ points: { nothing: 'sat' } }, '/points'],
    [{ points: { RT: 'nothing' } }, '/points'],
    [{ target: '0198f0a0-7b5c-7def-8abc-0123456789ab' }, '/target'],
  ])('%j is refused at %s', async (more, pointer) => {
    const { id } = await discoverAsset();
    expect(await mergeAsset(id, world.ahuId, more)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  test("another tenant's, another site's and one that was merged already are refused", async () => {
    const { id } = await discoverAsset();
    const stranger = await makeWorld(api.database);
    expect((await mergeAsset(id, world.ahuId, {}, stranger.key)).status).toBe(404);
    expect((await mergeAsset(id, stranger.ahuId)).status).toBe(400);
    expect((await mergeAsset(id, world.chillerId)).status).toBe(409);
    expect((await mergeAsset(id, world.ahuId, {}, await world.makeKey({ siteIds: [world.plantId] }))).status).toBe(403);
    expect((await mergeAsset(id, world.ahuId)).status).toBe(200);
    expect((await mergeAsset(id, world.ahuId)).status).toBe(409);
    expect((await mergeAsset(world.ahuId, id)).status).toBe(409);
  });
});
