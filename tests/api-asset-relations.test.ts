/** What feeds what and what is part of what, as people say it over the API. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type AssetWords, assetWords } from './support/api-assets.ts';
import { makeForm, makePicture } from './support/forms.ts';

let api: TestApi;
let world: World;
let words: AssetWords;
let ids: string[];
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  words = assetWords(api, world);
  ids = [];
  for (const name of ['chiller', 'ahu', 'vav', 'fan']) ids.push((await words.make({ name })).id);
});

const put = (from = '', kind = 'feeds', to = '') => words.ask('PUT', `/assets/${from}/relations/${kind}/${to}`);
const drop = (from = '', kind = 'feeds', to = '') => words.ask('DELETE', `/assets/${from}/relations/${kind}/${to}`);

describe('feeds', () => {
  test('is listed from both ends, with its kind and its direction', async () => {
    const [chiller = '', ahu = '', vav = ''] = ids;
    const made = await words.relate(chiller, 'feeds', ahu);
    expect(made).toMatchObject({
      kind: 'feeds',
      direction: 'out',
      from_asset_id: chiller,
      to_asset_id: ahu,
      source: null,
    });
    expect(made.asset).toMatchObject({ id: ahu, name: 'ahu', status: 'operational' });
    await words.relate(ahu, 'feeds', vav);
    const list = async (query = '') =>
      (await words.get(`/assets/${ahu}/relations${query}`)).map(
        (one: { direction: string; asset: { name: string } }) => [one.direction, one.asset.name],
      );
    expect(await list()).toEqual([
      ['out', 'vav'],
      ['in', 'chiller'],
    ]);
    expect(await list('?direction=in')).toEqual([['in', 'chiller']]);
    expect(await list('?kind=isPartOf')).toEqual([]);
    expect((await words.told(chiller)).at(-1)).toMatchObject({
      type: 'asset.updated',
      changes: [{ field: 'feeds', from: null, to: ahu }],
    });
  });

  test('said twice it is there once; taken back twice the second is 404', async () => {
    const [chiller, ahu] = ids;
    const first = await put(chiller, 'feeds', ahu);
    const second = await put(chiller, 'feeds', ahu);
    expect([first.status, second.status, second.json.data.id]).toEqual([200, 200, first.json.data.id]);
    const inCapitals = await put(chiller?.toUpperCase(), 'feeds', ahu?.toUpperCase());
    expect([inCapitals.status, inCapitals.json.data]).toEqual([200, first.json.data]);
    const path = `/assets/${chiller}/relations/feeds/${ahu}`;
    const drops = async (etag: string) =>
      (await words.ask('DELETE', path, undefined, world.key, { 'if-match': etag })).status;
    expect(await drops('"1"')).toBe(412);
    expect(await drops(String(first.headers.etag))).toBe(204);
    await put(chiller, 'feeds', ahu);
    expect([(await drop(chiller, 'feeds', ahu)).status, (await drop(chiller, 'feeds', ahu)).json.error]).toEqual([
      204,
      'asset_relation_not_found',
    ]);
  });

  test('nothing feeds itself, by way of others either, nor equipment of another site', async () => {
    const [chiller, ahu, vav] = ids;
    await put(chiller, 'feeds', ahu);
    await put(ahu, 'feeds', vav);
    for (const [from, to] of [
      [chiller, chiller],
      [ahu, chiller],
      [vav, chiller],
      [chiller, world.chillerId],
    ]) {
      const { status, json } = await put(from, 'feeds', to);
      expect([status, json.error]).toEqual([409, 'asset_relation_not_possible']);
    }
  });

  test('two changes at once make no circle, not even where they share no equipment', async () => {
    for (let round = 0; round < 6; round++) {
      const made = await Promise.all(['a', 'b', 'c', 'd'].map((name) => words.make({ name: `${name}${round}` })));
      const [a, b, c, d] = made.map(({ id }) => id);
      await put(b, 'feeds', c);
      await put(d, 'feeds', a);
      const replies = await Promise.all([put(a, 'feeds', b), put(c, 'feeds', d)]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
    }
  });

  test('a merging that would close a circle is refused, and leaves everything as it was', async () => {
    const [chiller = '', ahu = '', vav = ''] = ids;
    await put(chiller, 'feeds', ahu);
    await put(ahu, 'feeds', vav);
    const refused = await words.ask('POST', `/assets/${vav}/merge-into`, { target: chiller });
    expect([refused.status, refused.json.error]).toEqual([409, 'merge_not_possible']);
    expect(await words.get(`/assets/${vav}`)).toMatchObject({ merged_into: null, status: 'operational' });
  });

  test('another tenant’s equipment is not there, at either end', async () => {
    const other = await makeWorld(api.database);
    expect([
      (await put(ids[0], 'feeds', other.ahuId)).status,
      (await put(other.ahuId, 'feeds', ids[0])).status,
    ]).toEqual([404, 404]);
    const key = await world.makeKey({ siteIds: [world.plantId] });
    const path = `/assets/${ids[0]}/relations/feeds/${ids[1]}`;
    expect((await words.ask('PUT', path, undefined, key)).json.error).toBe('site_forbidden');
  });
});

describe('isPartOf', () => {
  test('is the tree of parent_id, told either way', async () => {
    const [, ahu = '', , fan = ''] = ids;
    await words.relate(fan, 'isPartOf', ahu);
    expect((await words.get(`/assets/${fan}`)).parent_id).toBe(ahu);
    expect((await put(fan, 'isPartOf', ids[0])).json.detail).toContain(ahu);
    expect((await put(ahu, 'isPartOf', fan)).json.error).toBe('asset_relation_not_possible');
    expect((await put(ahu, 'isPartOf', ahu)).json.error).toBe('asset_relation_not_possible');
    expect((await drop(fan, 'isPartOf', ahu)).status).toBe(204);
    expect((await words.get(`/assets/${fan}`)).parent_id).toBeNull();
    await words.change(fan, { parent_id: ids[0] });
    const [relation] = await words.get(`/assets/${fan}/relations`);
    expect(relation).toMatchObject({ kind: 'isPartOf', direction: 'out', to_asset_id: ids[0] });
    await words.change(fan, { parent_id: ahu });
    expect(await words.get(`/assets/${ids[0]}/relations`)).toEqual([]);
  });

  test('a piece that turned out to be a part of itself is part of nothing below it for rules either', async () => {
    const [whole = '', middle = '', , part = ''] = ids;
    await words.relate(middle, 'isPartOf', whole);
    await words.relate(part, 'isPartOf', middle);
    expect((await words.ask('POST', `/assets/${whole}/merge-into`, { target: part })).status).toBe(200);
    const relations = await words.get(`/assets/${part}/relations`);
    expect(
      relations.map((one: { direction: string; from_asset_id: string }) => [one.direction, one.from_asset_id]),
    ).toEqual([['in', middle]]);
    expect((await words.get(`/assets/${middle}`)).parent_id).toBe(part);
  });
});

describe('the picture of equipment', () => {
  const put = async (
    id: string,
    bytes: Buffer | string,
    more: { key?: string; headers?: Record<string, string> } = {},
  ) => {
    const form = makeForm([['file', { bytes }]]);
    const headers = { ...form.headers, ...more.headers };
    return api.call('PUT', `/api/v1/assets/${id}/image`, { key: world.key, ...more, ...form, headers });
  };
  const get = (id: string, below = '', key = world.key) =>
    api.call('GET', `/api/v1/assets/${id}/image${below}`, { key });
  const kept = async () => {
    const rows = await api.database.db
      .selectFrom('file')
      .select('state')
      .where('tenant_id', '=', world.tenantId)
      .execute();
    return rows.map(({ state }) => state).sort();
  };

  test('is set, shown, sent whole and small, replaced and taken away, each time with an event', async () => {
    const { id } = await words.make({ name: 'P-7' });
    expect((await get(id)).json.error).toBe('asset_image_not_found');
    const [first, second] = [await makePicture('png'), await makePicture('jpeg')];
    const set = await put(id, first);
    expect([set.status, set.json.data.image]).toEqual([
      200,
      {
        ...{ media_type: 'image/png', bytes: first.length, sha256: createHash('sha256').update(first).digest('hex') },
        ...{ width: expect.any(Number), height: expect.any(Number) },
      },
    ]);
    const whole = await get(id);
    expect([whole.status, whole.headers['content-type'], whole.bytes]).toEqual([200, 'image/png', first]);
    expect(whole.headers['content-disposition']).toMatch(/^inline; filename="P-7.png"/);
    expect((await get(id, '/thumbnail')).headers['content-type']).toBe('image/jpeg');
    const stale = await put(id, second, { headers: { 'if-match': '"x"' } });
    expect([stale.status, (await get(id)).bytes]).toEqual([412, first]);
    const replaced = await put(id, second, { headers: { 'if-match': String(set.headers.etag) } });
    expect([replaced.status, replaced.json.data.image.media_type]).toEqual([200, 'image/jpeg']);
    expect((await get(id)).bytes).toEqual(second);
    expect(await kept()).toEqual(['dropped', 'dropped', 'dropped', 'dropped', 'kept', 'kept']);
    const drop = () => api.call('DELETE', `/api/v1/assets/${id}/image`, { key: world.key });
    expect([(await drop()).status, (await drop()).status, (await get(id, '/thumbnail')).status]).toEqual([
      204, 404, 404,
    ]);
    expect((await words.get(`/assets/${id}`)).image).toBeNull();
    expect(await kept()).not.toContain('kept');
    const told = await words.told(id);
    expect(told.slice(1).map(({ type, changes }) => [type, changes.map(({ field }) => field)])).toEqual(
      [1, 2, 3].map(() => ['asset.updated', ['image']]),
    );
  });

  test('is a picture, of equipment that the key may change', async () => {
    const { id } = await words.make({ name: 'P-8' });
    expect((await put(id, 'text')).json).toMatchObject({ error: 'validation_failed', errors: [{ pointer: '/file' }] });
    const picture = await makePicture('png');
    expect((await put(id, picture, { key: await world.makeKey({ scopes: ['read'] }) })).status).toBe(403);
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    expect((await put(id, picture, { key: elsewhere })).json.error).toBe('site_forbidden');
    expect((await put(world.campusId, picture)).json.error).toBe('asset_not_found');
    const other = await makeWorld(api.database);
    expect((await put(other.ahuId, picture)).json.error).toBe('asset_not_found');
    await put(id, picture);
    for (const below of ['', '/thumbnail']) {
      expect((await get(id, below, other.key)).status).toBe(404);
      expect((await get(id, below, elsewhere)).status).toBe(403);
    }
  });
});
