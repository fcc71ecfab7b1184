/** Items of OPC-UA connections by API: what is made of them, what is refused and where, and who sees them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let other: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
  await api.database.pool.query(
    `insert into site (id, tenant_id, slug, name, time_zone, shard) values ($1, $2, 'their-own', 'Theirs', 'UTC', 0)`,
    [newId(), other.tenantId],
  );
});
afterAll(() => api.close());

const connections = '/api/v1/opcua-connections';
const call = (method: string, url: string, body?: unknown) =>
  api.call(method, url, { key: world.key, ...(body !== undefined && { body }) });
let count = 0;
async function connect(): Promise<string> {
  const body = { name: `Plant ${++count}`, site: 'plant', endpoint_url: 'opc.tcp://127.0.0.1:1' };
  return (await call('POST', connections, body)).json.data.id;
}
const pathOf = (id: string) => `${connections}/${id}/items`;
const nodeOf = (name: string) => `nsu=urn:plant;s=${name}`;
/** An item whose asset is of this connection alone. */
const item = (id: string, name: string, more: object = {}) => ({
  node: nodeOf(name),
  asset: `asset of ${id}`,
  point: name,
  ...more,
});
const set = (id: string, items: object[]) => call('POST', pathOf(id), { items });
const versionOf = async (id: string) =>
  (await api.database.pool.query('select version from opcua_connection where id = $1', [id])).rows[0].version as number;
const pointers = (refused: { json: { errors: { pointer: string }[] } }) =>
  refused.json.errors.map((one) => one.pointer);

describe('items', () => {
  test('are made with their assets and points, also where the site discovers none, and the collector hears of it', async () => {
    const id = await connect();
    const before = await versionOf(id);
    const made = await set(id, [
      {
        node: nodeOf('lwt'),
        asset: `Chiller-${id}`,
        point: 'lwt',
        unit: '°C',
        class: 'Leaving_Chilled_Water_Temperature_Sensor',
      },
      {
        node: nodeOf('x'),
        field: 'Inlet.Phases[2]',
        site: 'ucl-east-campus',
        asset: `x-${id}`,
        point: 'speed',
        asset_class: 'brick:Pump',
      },
    ]);
    expect(made).toMatchObject({ status: 200, json: { data: { added: 2, changed: 0, unchanged: 0, ids: [1, 2] } } });
    const points = (await call('GET', `/api/v1/points?q=${id}`)).json.data;
    expect(points).toContainEqual(
      expect.objectContaining({
        site: 'plant',
        asset: `Chiller-${id}`,
        name: 'lwt',
        unit: 'degC',
        class: 'brick:Leaving_Chilled_Water_Temperature_Sensor',
        state: 'discovered',
      }),
    );
    expect(points).toContainEqual(
      expect.objectContaining({ site: 'ucl-east-campus', name: 'speed', unit: 'rpm', class: 'brick:Speed_Sensor' }),
    );
    const assets = (await call('GET', `/api/v1/assets?limit=200`)).json.data;
    expect(assets.find((one: { name: string }) => one.name === `Chiller-${id}`).class).toBe('brick:Chiller');
    expect(assets.find((one: { name: string }) => one.name === `x-${id}`).class).toBe('brick:Pump');
    expect(await versionOf(id)).toBe(before + 1);
  });

  test('take the unit and the range that the server was found to state, unless another unit is given', async () => {
    const id = await connect();
    await api.database.pool.query(
      `insert into opcua_node (connection_id, node, browse_path, unit, range_low, range_high)
       values ($1, $2, 'Plant/known', 'kPa', 0, 600), ($1, $3, 'Plant/renamed', 'kPa', 0, 600)`,
      [id, nodeOf('known'), nodeOf('renamed')],
    );
    await set(id, [item(id, 'known'), item(id, 'renamed', { unit: 'bar' })]);
    const points = (await call('GET', `/api/v1/points?q=${id}`)).json.data;
    expect(points).toContainEqual(expect.objectContaining({ name: 'known', unit: 'kPa', min: 0, max: 600 }));
    expect(points).toContainEqual(expect.objectContaining({ name: 'renamed', unit: 'bar', min: null, max: null }));
    const [first] = (await call('GET', `${pathOf(id)}?q=plant/KNOWN`)).json.data;
    expect(first).toMatchObject({ node: nodeOf('known'), browse_path: 'Plant/known', state: 'new' });
  });

  test('sent again change nothing; sent otherwise they change, and their number is never given to another', async () => {
    const id = await connect();
    await set(id, [item(id, 'a'), item(id, 'b')]);
    const version = await versionOf(id);
    const again = await set(id, [item(id, 'a'), item(id, 'b')]);
    expect(again.json.data).toEqual({ added: 0, changed: 0, unchanged: 2, ids: [1, 2] });
    expect(await versionOf(id)).toBe(version);
    const other = await set(id, [item(id, 'b', { sampling_interval_ms: 100 }), item(id, 'c')]);
    expect(other.json.data).toEqual({ added: 1, changed: 1, unchanged: 0, ids: [2, 3] });
    expect((await call('DELETE', `${pathOf(id)}?ids=3`)).json.data).toEqual({ items: 1 });
    expect((await set(id, [item(id, 'c')])).json.data.ids).toEqual([4]);
  });

  test('may exchange their points in one request', async () => {
    const id = await connect();
    await set(id, [item(id, 'a'), item(id, 'b')]);
    const exchanged = await set(id, [item(id, 'a', { point: 'b' }), item(id, 'b', { point: 'a' })]);
    expect(exchanged.json.data).toMatchObject({ changed: 2 });
  });

  test('are listed newest first, page by page, by their state, asset and any part of their names', async () => {
    const id = await connect();
    await set(id, [item(id, 'one'), item(id, 'two_%'), item(id, 'three', { asset: `Other-${id}` })]);
    await api.database.pool.query(`update opcua_item set state = 'failing' where connection_id = $1 and id = 2`, [id]);
    const first = await call('GET', `${pathOf(id)}?limit=2`);
    expect(first.json).toMatchObject({ total: 3, data: [{ id: 3 }, { id: 2, state: 'failing' }] });
    const second = await call('GET', `${pathOf(id)}?limit=2&cursor=${first.json.nextCursor}`);
    expect(second.json).toMatchObject({ data: [{ id: 1 }], nextCursor: null });
    const idsOf = async (query: string) =>
      (await call('GET', `${pathOf(id)}?${query}`)).json.data.map((one: { id: number }) => one.id);
    expect(await idsOf('state=failing')).toEqual([2]);
    expect(await idsOf(`asset=Other-${id}`)).toEqual([3]);
    expect(await idsOf('q=_%25')).toEqual([2]);
    expect(await idsOf(`node=${encodeURIComponent(nodeOf('one'))}`)).toEqual([1]);
    expect(await idsOf('site=ucl-east-campus')).toEqual([]);
  });

  test('are changed and deleted by what they have in common, and not by nothing', async () => {
    const id = await connect();
    await set(id, [item(id, 'a'), item(id, 'b', { asset: `B-${id}` }), item(id, 'c', { asset: `B-${id}` })]);
    const where = { asset: `B-${id}` };
    const changed = await call('PATCH', pathOf(id), { where, set: { deadband: { kind: 'percent', value: 2 } } });
    expect(changed.json.data).toEqual({ items: 2 });
    const listed = (await call('GET', pathOf(id))).json.data;
    expect(listed.map((one: { deadband: object }) => one.deadband)).toEqual([
      { kind: 'percent', value: 2 },
      { kind: 'percent', value: 2 },
      { kind: 'none', value: 0 },
    ]);
    for (const body of [
      { where: {}, set: { sampling_interval_ms: 50 } },
      { where, set: {} },
    ])
      expect((await call('PATCH', pathOf(id), body)).status).toBe(400);
    expect((await call('DELETE', pathOf(id))).status).toBe(400);
    expect((await call('DELETE', `${pathOf(id)}?asset=B-${id}&state=gone`)).json.data).toEqual({ items: 0 });
    expect((await call('DELETE', `${pathOf(id)}?asset=B-${id}`)).json.data).toEqual({ items: 2 });
    expect((await call('DELETE', `${pathOf(id)}?all=true`)).json.data).toEqual({ items: 1 });
    expect((await call('GET', `/api/v1/points?q=${id}`)).json.total).toBe(3);
  });

  test.each<[string, object[], string[]]>([
    ['by an index', [{ node: 'ns=2;s=a' }], ['/items/0/node']],
    ['with a field that is none', [{ field: 'a..b' }, { field: '[x]' }], ['/items/0/field', '/items/1/field']],
    ['with control characters in a name', [{}, { point: 'a\nb' }], ['/items/1/point']],
    ['without a name', [{ asset: '' }], ['/items/0/asset']],
    ['with a unit that nobody knows', [{ unit: 'furlong' }], ['/items/0/unit']],
    [
      'at a site that there is not',
      [{ site: 'nowhere' }, {}, { site: 'their-own' }],
      ['/items/0/site', '/items/2/site'],
    ],
    ['with an endless sampling', [{ sampling_interval_ms: 1e9 }], ['/items/0/sampling_interval_ms']],
    ['with a dead-band of more than all', [{ deadband: { kind: 'percent', value: 101 } }], ['/items/0/deadband/value']],
    ['with what there is not', [{ polling: true }], ['/items/0/polling']],
  ])('are refused %s, each mistake with its place', async (_what, wrong, places) => {
    const id = await connect();
    const refused = await set(
      id,
      wrong.map((more, at) => item(id, `n${at}`, more)),
    );
    expect(refused).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
    expect(pointers(refused)).toEqual(places);
    expect((await call('GET', pathOf(id))).json.total).toBe(0);
  });

  test('that are one point, or one part of a node, are refused with both named, and nothing is written', async () => {
    const id = await connect();
    const twice = await set(id, [item(id, 'a'), item(id, 'b', { point: 'a' }), item(id, 'a', { point: 'z' })]);
    expect(pointers(twice)).toEqual(['/items/1/point', '/items/2/node']);
    expect(twice.json.errors[0].message).toContain(nodeOf('a'));
    await set(id, [item(id, 'a')]);
    const mixed = await set(id, [item(id, 'c'), item(id, 'b', { point: 'a' })]);
    expect(mixed.json.errors).toEqual([expect.objectContaining({ pointer: '/items/1/point', code: 'conflict' })]);
    expect(mixed.json.errors[0].message).toContain(`item 1, ${nodeOf('a')}`);
    expect((await call('GET', pathOf(id))).json.total).toBe(1);
  });

  test('are refused at a site that is full, which says so, and no asset is left over', async () => {
    const id = await connect();
    const siteId = newId();
    await api.database.pool.query(
      `insert into site (id, tenant_id, slug, name, time_zone, shard) values ($1, $2, 'full', 'Full', 'UTC', 0)`,
      [siteId, world.tenantId],
    );
    await api.database.pool.query(
      `insert into asset (id, tenant_id, site_id, name, uri, shard, state)
       select gen_random_uuid(), $1, $2, 'a' || n, 'urn:full:' || n, 0, 'discovered' from generate_series(1, 9999) n`,
      [world.tenantId, siteId],
    );
    const two = [item(id, 'a', { site: 'full', asset: 'x' }), item(id, 'b', { site: 'full', asset: 'y' })];
    const refused = await set(id, two);
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/items', code: 'too_many' }] } });
    expect(refused.json.errors[0].message).toContain('full');
    const { rows } = await api.database.pool.query('select count(*)::integer from asset where site_id = $1', [siteId]);
    expect(rows).toEqual([{ count: 9_999 }]);
    expect((await set(id, two.slice(0, 1))).status).toBe(200);
  });

  test('come five thousand at once and no more, in a body of two megabytes, and fifty thousand in all', async () => {
    const id = await connect();
    const many = Array.from({ length: 5_000 }, (_, at) =>
      item(id, `n${at}-${'x'.repeat(115)}`, { asset: `many-${id}` }),
    );
    expect(JSON.stringify({ items: many }).length).toBeGreaterThan(1_500_000);
    expect((await set(id, many)).json.data).toMatchObject({ added: 5_000 });
    const more = await set(id, [...many, item(id, 'more')]);
    expect(more).toMatchObject({ status: 400, json: { errors: [{ pointer: '/items', code: 'too_long' }] } });
    const hostile = await call('POST', pathOf(id), { items: Array.from({ length: 1_000_000 }, () => 0) });
    expect(pointers(hostile)).toEqual(['/items']);
    const huge = await call('POST', pathOf(id), { items: [item(id, 'a', { asset: 'x'.repeat(5_000_000) })] });
    expect(huge).toMatchObject({ status: 413, json: { error: 'body_too_large' } });
    await api.database.pool.query(
      `insert into opcua_item (connection_id, id, tenant_id, node, site_id, asset, point)
       select $1, n, $2, 'i=' || n, $3, 'filled', 'p' || n from generate_series(5001, 50000) n`,
      [id, world.tenantId, world.plantId],
    );
    const last = await set(id, [item(id, 'one too many')]);
    expect(last).toMatchObject({ status: 400, json: { errors: [{ pointer: '/items', code: 'too_many' }] } });
  });
});

describe('nobody else', () => {
  test('of another tenant finds items, and a key for some sites or to read alone changes none', async () => {
    const id = await connect();
    await set(id, [item(id, 'a')]);
    const limited = await world.makeKey({ siteIds: [world.plantId] });
    const reader = await world.makeKey({ scopes: ['read'] });
    const patch = { where: { ids: [1] }, set: { sampling_interval_ms: 50 } };
    for (const [method, url, body] of [
      ['GET', pathOf(id), undefined],
      ['POST', pathOf(id), { items: [item(id, 'b')] }],
      ['PATCH', pathOf(id), patch],
      ['DELETE', `${pathOf(id)}?all=true`, undefined],
    ] as const) {
      const with_ = (key: string) => api.call(method, url, { key, ...(body && { body }) });
      expect(await with_(other.key)).toMatchObject({ status: 404, json: { error: 'opcua_connection_not_found' } });
      expect(await with_(limited)).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
      expect((await with_(reader)).status).toBe(method === 'GET' ? 200 : 403);
    }
    expect((await call('GET', pathOf(id))).json).toMatchObject({ total: 1, data: [{ sampling_interval_ms: null }] });
  });
});
