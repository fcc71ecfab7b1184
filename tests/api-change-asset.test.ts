import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listNamedPoints, listSites } from '../src/assets/point-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type AssetWords, assetWords } from './support/api-assets.ts';

let api: TestApi;
let world: World;
let words: AssetWords;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  words = assetWords(api, world);
});
afterAll(() => api.close());

describe('PATCH /assets/{id}', () => {
  test('sets tags and merges parameters, under If-Match', async () => {
    const url = `/api/v1/assets/${world.ahuId}`;
    const before = await api.call('GET', url, { key: world.key });
    const etag = String(before.headers.etag);
    const changed = await api.call('PATCH', url, {
      key: world.key,
      body: { tags: ['a', 'b', 'a'], params: { min_oa: 0.3, x: 1 } },
      headers: { 'if-match': etag },
    });
    expect(changed.json.data).toMatchObject({ tags: ['a', 'b'], params: { min_oa: 0.3, x: 1 } });
    const stale = await api.call('PATCH', url, { key: world.key, body: { tags: [] }, headers: { 'if-match': etag } });
    expect(stale.json.error).toBe('precondition_failed');
    const less = await api.call('PATCH', url, { key: world.key, body: { params: { x: null } } });
    expect(less.json.data).toMatchObject({ tags: ['a', 'b'], params: { min_oa: 0.3 } });
    const found = await api.call('GET', '/api/v1/assets?tag=b', { key: world.key });
    expect(found.json.data.map(({ id }: { id: string }) => id)).toEqual([world.ahuId]);
  });

  test.each([
    { tags: [''] },
    { tags: ['x'.repeat(65)] },
    { tags: 'a' },
    { params: { 'A B': 1 } },
    { params: { x: 'y' } },
    { name: '' },
    { uri: null },
    { site: 'plant' },
    { status: 'gone' },
    { status: null },
    { warranty_until: 'soon' },
    { purchase_cost: -1 },
    { useful_life_years: '20' },
    { parent_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' },
    { location_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' },
  ])('%j is refused', async (body) => {
    const reply = await api.call('PATCH', `/api/v1/assets/${world.ahuId}`, { key: world.key, body });
    expect([reply.status, reply.json.error]).toEqual([400, 'validation_failed']);
  });

  test('null, an empty text and an empty list unset, and what is not given stays', async () => {
    const full = {
      description: 'x',
      class: 'brick:Pump',
      manufacturer: 'm',
      model: 'm',
      serial_number: 's',
      install_date: '2019-05-20',
      warranty_until: '2020-05-20',
      purchase_cost: 1250.5,
      useful_life_years: 20,
      criticality: 'low',
      barcode: 'b',
      tags: ['t'],
      external_id: 'e',
      location_uri: 'urn:there',
      custom: { a: 1, b: 'x' },
    };
    const made = await words.make({ name: 'P-1', ...full });
    expect(await words.change(made.id, { custom: { a: null, c: true } })).toMatchObject({
      ...full,
      custom: { b: 'x', c: true },
    });
    for (const unset of [null, '']) {
      await words.change(made.id, full);
      const names = Object.keys(full).filter((name) => name !== 'tags' && name !== 'custom');
      const after = await words.change(made.id, {
        ...Object.fromEntries(names.map((name) => [name, unset])),
        tags: [],
      });
      for (const name of names)
        expect([name, after[name]]).toEqual([name, name === 'description' || name === 'location_uri' ? '' : null]);
      expect([after.tags, after.name]).toEqual([[], 'P-1']);
    }
  });

  test('a change of status says why, and each property that changed is in one event', async () => {
    const made = await words.make({ name: 'P-2' });
    await words.change(made.id, { status: 'down', status_reason: 'seal', model: 'X' });
    await words.change(made.id, { status: 'down', model: 'X' });
    const [, updated, status, ...others] = await words.told(made.id);
    expect([updated?.type, updated?.changes]).toEqual(['asset.updated', [{ field: 'model', from: null, to: 'X' }]]);
    expect([status?.type, status?.changes]).toEqual([
      'asset.status_changed',
      [{ field: 'status', from: 'operational', to: 'down' }],
    ]);
    expect([status?.data, others]).toMatchObject([{ reason: 'seal' }, []]);
  });

  test('two changes with one ETag: the second is refused', async () => {
    const made = await words.ask('POST', '/assets', { name: 'P-3' });
    const headers = { 'if-match': String(made.headers.etag) };
    const url = `/assets/${made.json.data.id}`;
    const both = await Promise.all(['a', 'b'].map((model) => words.ask('PATCH', url, { model }, world.key, headers)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
  });
});

describe('another name', () => {
  /** Whose point it is that a device sends under a name, as every door of ingest asks; undefined: it is not known. */
  const ownerOf = async (asset: string) => {
    const [site] = await listSites(api.database.db, { tenantId: world.tenantId, slugs: ['ucl-east-campus'] });
    if (!site) throw new Error('there is a site');
    const [found] = await listNamedPoints(api.database.db, { site, names: [{ asset, point: 'speed' }] });
    return found?.ref.assetId;
  };

  test('a device that goes on sending under the one before is of the same equipment', async () => {
    const made = await words.make({ name: 'M-1' });
    await words.ask('POST', '/points', { asset_id: made.id, name: 'speed' });
    for (const name of ['M-2', 'M-3', 'M-1', 'M-3', 'M-3']) {
      expect((await words.change(made.id, { name })).name).toBe(name);
      expect([name, await ownerOf('M-1'), await ownerOf('M-2'), await ownerOf(name)]).toEqual([
        name,
        ...Array.from({ length: 3 }, () => made.id),
      ]);
    }
    const list = await words.get('/assets?sort=name&q=M');
    expect(list.map(({ name }: { name: string }) => name)).toEqual(['M-3']);
    expect((await words.told(made.id)).flatMap(({ changes }) => changes.map(({ to }) => to))).toEqual([
      'M-2',
      'M-3',
      'M-1',
      'M-3',
    ]);
  });

  test('a name that is given to other equipment is its own from then on, so that two can change names', async () => {
    const [a, b] = [await words.make({ name: 'A' }), await words.make({ name: 'B' })];
    for (const { id } of [a, b]) await words.ask('POST', '/points', { asset_id: id, name: 'speed' });
    await words.change(a.id, { name: 'C' });
    await words.change(b.id, { name: 'A' });
    await words.change(a.id, { name: 'B' });
    expect([await ownerOf('A'), await ownerOf('B'), await ownerOf('C')]).toEqual([b.id, a.id, a.id]);
    const refused = await words.ask('PATCH', `/assets/${a.id}`, { name: 'A' });
    expect([refused.status, refused.json.error]).toEqual([409, 'asset_exists']);
    await words.make({ name: 'C' });
    expect(await ownerOf('C')).toBeUndefined();
  });

  test('leaves the one before to equipment that is made anew, which has a URI of its own', async () => {
    const old = await words.make({ name: 'boiler' });
    await words.change(old.id, { name: 'boiler-old' });
    const fresh = await words.make({ name: 'boiler' });
    expect(fresh.uri).toBe(`${old.uri}:${fresh.id}`);
  });
});

describe('the tree', () => {
  test('a part of a part is in one list below each, and nothing is part of itself', async () => {
    const [a, b, c] = [
      await words.make({ name: 'a' }),
      await words.make({ name: 'b' }),
      await words.make({ name: 'c' }),
    ];
    await words.change(b.id, { parent_id: a.id });
    await words.change(c.id, { parent_id: b.id });
    const children = async (id: string) =>
      (await words.get(`/assets/${id}/children`)).map((one: { id: string }) => one.id);
    expect([await children(a.id), await children(b.id), await children(c.id)]).toEqual([[b.id], [c.id], []]);
    for (const parent_id of [a.id, b.id, c.id]) {
      const { status, json } = await words.ask('PATCH', `/assets/${a.id}`, { parent_id });
      expect([status, json.errors[0]]).toMatchObject([400, { pointer: '/parent_id', code: 'cycle' }]);
    }
    const elsewhere = await words.ask('PATCH', `/assets/${a.id}`, { parent_id: world.chillerId });
    expect(elsewhere.json.errors[0].code).toBe('other_site');
    await words.change(b.id, { parent_id: null });
    expect(await children(a.id)).toEqual([]);
  });

  test('two changes at once make no circle, not even where they share no equipment', async () => {
    for (let round = 0; round < 6; round++) {
      const [a, b, c, d] = await Promise.all(
        ['a', 'b', 'c', 'd'].map((name) => words.make({ name: `${name}${round}` })),
      );
      await words.change(a.id, { parent_id: b.id });
      await words.change(c.id, { parent_id: d.id });
      const replies = await Promise.all([
        words.ask('PATCH', `/assets/${b.id}`, { parent_id: c.id }),
        words.ask('PATCH', `/assets/${d.id}`, { parent_id: a.id }),
      ]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
    }
  });
});

test('what was merged into another is gone: whatever is asked below it is 410 and names that', async () => {
  const [kept, gone] = [await words.make({ name: 'kept' }), await words.make({ name: 'gone', barcode: 'G' })];
  await words.ask('POST', `/assets/${gone.id}/merge-into`, { target: kept.id });
  for (const [method, below] of [
    ['GET', '/children'],
    ['GET', '/points'],
    ['GET', '/insights'],
    ['GET', '/work-orders'],
    ['GET', '/history'],
    ['GET', '/health'],
    ['GET', '/downtime'],
    ['GET', '/relations'],
    ['GET', '/qr.svg'],
    ['DELETE', ''],
    ['PUT', `/relations/feeds/${kept.id}`],
  ] as const) {
    const { status, json } = await words.ask(method, `/assets/${gone.id}${below}`);
    expect([method, below, status, json.error]).toEqual([method, below, 410, 'asset_merged']);
    expect(json.detail).toContain(kept.id);
  }
  expect(await words.get(`/assets/by-code/G`)).toMatchObject({ id: kept.id, barcode: 'G' });
  expect(await words.get(`/assets/by-code/${gone.id}`)).toMatchObject({ id: kept.id });
  expect((await words.told(gone.id)).map(({ type }) => type)).toEqual([
    'asset.created',
    'asset.updated',
    'asset.status_changed',
  ]);
});
