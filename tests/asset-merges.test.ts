/** Assets that turn out to be others, with all that hangs on them. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SelfDescription } from '../src/assets/discovery.ts';
import { createDirectory } from '../src/ingest/decode/directory.ts';
import { newId } from '../src/platform/id.ts';
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
    const id = await assetNamed('ahu_1');
    return { id, ratId: rat.json.data.id as string, fan: await world.find('ahu_1', 'fan') };
  }

  const uriOf = (name: string) => `urn:faultline:ucl-east-campus:${name}`;
  async function assetNamed(name: string): Promise<string> {
    const { id } = await api.database.db
      .selectFrom('asset')
      .select('id')
      .where('tenant_id', '=', world.tenantId)
      .where('name', '=', name)
      .executeTakeFirstOrThrow();
    return id;
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

  test('what was merged is not changed, and gets no work: both are of the other asset', async () => {
    const { id } = await discoverAsset();
    const insight = await world.makeInsight({ assetId: id });
    await mergeAsset(id, world.ahuId);
    const call = (method: string, path: string, body: object) =>
      api.call(method, `/api/v1${path}`, { key: world.key, body });
    const changed = await call('PATCH', `/assets/${id}`, { tags: ['x'] });
    expect(changed).toMatchObject({ status: 410, json: { error: 'asset_merged' } });
    expect(changed.json.detail).toContain(world.ahuId);
    const { uri } = (await api.call('GET', `/api/v1/assets/${id}`, { key: world.key })).json.data;
    for (const [pointer, body] of [
      ['/asset_id', { asset_id: id }],
      ['/equipment_uri', { equipment_uri: uri }],
    ] as const) {
      const refused = await call('POST', '/work-orders', { title: 'x', ...body });
      expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer, code: 'conflict' }] } });
      expect(refused.json.detail).toContain(world.ahuId);
    }
    const order = await call('POST', '/work-orders', { title: 'x', insight });
    expect(order).toMatchObject({ status: 201, json: { data: { asset_id: world.ahuId } } });
  });

  test('its work orders go by the URI of the other asset, too; ids are taken in capitals as well', async () => {
    const { id } = await discoverAsset();
    const call = async (method: string, path: string, body?: object) =>
      (await api.call(method, `/api/v1${path}`, { key: world.key, ...(body && { body }) })).json.data;
    const { id: orderId } = await call('POST', '/work-orders', { title: 'x', asset_id: id });
    expect((await mergeAsset(id.toUpperCase(), world.ahuId.toUpperCase())).status).toBe(200);
    const uri = `${world.base}#AHU-01`;
    const found = await call('GET', `/work-orders?equipment_uri=${encodeURIComponent(uri)}`);
    expect(found).toMatchObject([{ id: orderId, asset_id: world.ahuId, equipment_uri: uri }]);
  });

  test.each([
    ['a part', 1],
    ['a part of a part', 2],
    ['a part of a part of a part', 3],
  ])(
    'an asset that turned out to be %s of its own gives it its place, and the others become parts of that',
    async (_, depth) => {
      const { db } = api.database;
      const ids: string[] = [];
      for (const name of ['plant', 'p0', 'p1', 'p2', 'p3']) {
        const id = newId();
        await sql`insert into asset (id, tenant_id, site_id, name, uri, shard, parent_id)
        values (${id}, ${world.tenantId}, ${world.campusId}, ${name}, ${name}, 0, ${ids.at(-1) ?? null})`.execute(db);
        ids.push(id);
      }
      const [plant, top, ...parts] = ids as [string, string, ...string[]];
      const target = parts[depth - 1] as string;
      expect((await mergeAsset(top, target)).status).toBe(200);
      const parentOf = async (id: string) =>
        (await db.selectFrom('asset').select('parent_id').where('id', '=', id).executeTakeFirstOrThrow()).parent_id;
      expect(await parentOf(target)).toBe(plant);
      if (target !== parts[0]) expect(await parentOf(parts[0] as string)).toBe(target);
      for (const start of ids) {
        const seen: string[] = [];
        for (let at: string | null = start; at !== null; at = await parentOf(at)) {
          expect(seen).not.toContain(at);
          seen.push(at);
        }
      }
    },
  );

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
    await sql`update insight set status = 'resolved', ended_at = now() where id = ${over}`.execute(db);
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
      changes: [
        { field: 'asset_id', from: id, to: world.ahuId },
        { field: 'equipment_uri', from: uriOf('ahu_1'), to: `${world.base}#AHU-01` },
      ],
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

  test('an insight that follows tells of it, and one that the other has of that rule and instant stays', async () => {
    const { db } = api.database;
    const ids = [];
    for (const name of ['old', 'older']) {
      await world.send(name, 'sat', [{ time: minute(ids.length), value: 1 }]);
      ids.push(await assetNamed(name));
    }
    const insights = await Promise.all(ids.map((assetId) => world.makeInsight({ assetId, status: 'resolved' })));
    await sql`update insight set opened_at = '2026-02-01T00:00:00Z', ended_at = now(), resolved_at = now()
      where id = any(${insights}::uuid[])`.execute(db);
    for (const id of ids) await mergeAsset(id, world.ahuId);
    await world.moveAll();
    await world.moveAll();
    const { rows: placed } = await sql<{ id: string; asset_id: string }>`
      select id, asset_id from insight where id = any(${insights}::uuid[])`.execute(db);
    const [moved, ...others] = placed.filter(({ asset_id }) => asset_id === world.ahuId);
    expect(others).toEqual([]);
    const from = ids[insights.indexOf(moved?.id ?? '')];
    const { rows: told } = await sql`select subject_id, type, asset_id, actor, changes from event
      where subject_kind = 'insight' and tenant_id = ${world.tenantId}`.execute(db);
    expect(told).toEqual([
      {
        subject_id: moved?.id,
        type: 'insight.updated',
        asset_id: world.ahuId,
        actor: { kind: 'system' },
        changes: [
          { field: 'asset_id', from, to: world.ahuId },
          { field: 'equipment_uri', from: uriOf(from === ids[0] ? 'old' : 'older'), to: `${world.base}#AHU-01` },
        ],
      },
    ]);
  });

  test('the newest measurements of its points are those of the other asset, which lists them', async () => {
    const { id, ratId, fan } = await discoverAsset();
    const latestOf = async (asset: string) => {
      const { status, json } = await api.call('GET', `/api/v1/assets/${asset}/latest`, { key: world.key });
      const points = json.data.map((one: { point_id: string; value: number }) => [one.point_id, one.value]);
      return { status, total: json.total, values: Object.fromEntries(points) };
    };
    expect(await latestOf(id)).toMatchObject({ status: 200, total: 3, values: { [fan.id]: 3 } });
    await mergeAsset(id, world.ahuId, { points: { RT: 'rat' } });
    expect(await latestOf(world.ahuId)).toEqual({
      status: 200,
      total: 3,
      values: { [world.pointId]: 1, [ratId]: 2, [fan.id]: 3 },
    });
    expect(await latestOf(id)).toEqual({ status: 200, total: 0, values: {} });
  });

  test('two of its points that become one are in the unit that the first of them has brought', async () => {
    const { id, ratId, fan } = await discoverAsset();
    const sat = await world.find('ahu_1', 'sat');
    await world.setUnit(fan.id, 'degF');
    await world.setUnit(sat.id, 'degC');
    await sql`update reading set time = time + interval '1 minute' where series_id = ${sat.seriesId}`.execute(
      api.database.db,
    );
    const reply = await mergeAsset(id, world.ahuId, { points: { fan: 'rat', sat: 'rat' } });
    expect(reply.status).toBe(200);
    const shown = await api.call('GET', `/api/v1/points/${ratId}`, { key: world.key });
    expect(shown.json.data).toMatchObject({ unit: 'degF' });
    expect(await world.valuesOf((await world.find('AHU-01', 'rat')).seriesId)).toEqual([3, 33.8]);
  });

  test('it is refused where a point of the other asset has become one of its own', async () => {
    const { id } = await discoverAsset();
    const sat = await world.find('ahu_1', 'sat');
    expect((await world.merge(world.pointId, sat.id)).status).toBe(200);
    const reply = await mergeAsset(id, world.ahuId);
    expect(reply).toMatchObject({ status: 409, json: { error: 'merge_not_possible' } });
    expect(reply.json.detail).toContain('sat');
    expect((await mergeAsset(world.ahuId, id)).status).toBe(200);
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
