/** Places as people make, change and delete them over the API. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type AssetWords, assetWords } from './support/api-assets.ts';

let api: TestApi;
let world: World;
let words: AssetWords;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  words = assetWords(api, world);
});

test('a place is made whole, found where its Location says, listed by what it is, and told of', async () => {
  const body = { name: 'Roof', class: 'Rooftop', uri: 'urn:roof', external_id: 'r', metadata: { a: 1 } };
  const made = await words.ask('POST', '/locations', { site: 'plant', ...body });
  const { data } = made.json;
  expect(made.status).toBe(201);
  expect(data).toMatchObject({ ...body, class: 'brick:Rooftop', site: 'plant', source: null, parent_id: null });
  const found = await api.call('GET', String(made.headers.location).replace('http://127.0.0.1:3000', ''), {
    key: world.key,
  });
  expect([found.json, found.headers.etag]).toEqual([made.json, made.headers.etag]);
  const child = await words.place({ name: 'Corner', parent_id: data.id, site: undefined });
  expect([child.site, child.uri]).toEqual(['plant', `urn:faultline:plant:location:${child.id}`]);
  for (const query of ['site=plant&sort=name&limit=1', `parent_id=${data.id}`, 'q=corn'])
    expect([query, (await words.get(`/locations?${query}`)).map(({ id }: { id: string }) => id)]).toEqual([
      query,
      [child.id],
    ]);
  for (const name of ['Rooftop', 'brick:Rooftop'])
    expect(await words.get(`/locations?class=${name}`)).toMatchObject([{ id: data.id }]);
  const ofSite = await words.ask('POST', '/sites/plant/locations/', { name: 'Hall' });
  expect([ofSite.status, ofSite.json.site]).toEqual([201, 'plant']);
  const changed = await words.ask('PATCH', `/locations/${data.id}`, { name: 'Roof 1', external_id: null, class: '' });
  expect(changed.json.data).toMatchObject({ name: 'Roof 1', external_id: null, class: null, uri: 'urn:roof' });
  expect((await words.told(data.id)).map(({ type }) => type)).toEqual(['location.created', 'location.updated']);
});

test('equipment goes by the URI of its place when that has another', async () => {
  const place = await words.place({ name: 'Roof' });
  const [here, elsewhere] = [
    await words.make({ name: 'a', location_id: place.id }),
    await words.make({ name: 'b', location_id: place.id, location_uri: 'urn:own' }),
  ];
  await words.ask('PATCH', `/locations/${place.id}`, { uri: 'urn:roof' });
  expect((await words.get(`/assets/${here.id}`)).location_uri).toBe('urn:roof');
  expect((await words.get(`/assets/${elsewhere.id}`)).location_uri).toBe('urn:own');
  expect(await words.told(here.id)).toMatchObject([
    { type: 'asset.created' },
    { type: 'asset.updated', changes: [{ field: 'location_uri', from: place.uri, to: 'urn:roof' }] },
  ]);
  expect(await words.told(elsewhere.id)).toHaveLength(1);
  const shown = async () => {
    const { json, headers } = await words.ask('GET', `/assets/${elsewhere.id}`);
    return [json.data.location, headers.etag];
  };
  const [, etag] = await shown();
  await words.ask('PATCH', `/locations/${place.id}`, { name: 'Upper roof' });
  expect(await shown()).toEqual(['Upper roof', expect.not.stringMatching(String(etag))]);
  await words.change(here.id, { location_id: null });
  expect(await words.get(`/assets/${here.id}`)).toMatchObject({ location_id: null, location_uri: '' });
});

test('a place is not part of itself, by way of others either, nor by two changes at once', async () => {
  const change = (id: string, parent_id: string) => words.ask('PATCH', `/locations/${id}`, { parent_id });
  for (let round = 0; round < 5; round++) {
    const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((name) => words.place({ name })));
    expect((await change(a.id, a.id)).json.errors[0].code).toBe('cycle');
    await change(a.id, b.id);
    await change(c.id, d.id);
    for (const id of [b.id, b.id.toUpperCase()]) expect((await change(id, a.id)).json.errors[0].code).toBe('cycle');
    const replies = await Promise.all([change(b.id, c.id), change(d.id, a.id)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
  }
  const there = await words.place({ name: 'there', site: 'plant' });
  const here = await words.ask('POST', '/locations', { name: 'x', site: 'ucl-east-campus', parent_id: there.id });
  expect(here.json.errors[0]).toMatchObject({ pointer: '/parent_id', code: 'other_site' });
});

test('is deleted when it holds nothing, and what is put into it at the same time is, or is refused', async () => {
  const [place, child] = [await words.place({ name: 'a' }), await words.place({ name: 'b' })];
  await words.ask('PATCH', `/locations/${child.id}`, { parent_id: place.id });
  const refused = await words.ask('DELETE', `/locations/${place.id}`);
  expect([refused.status, refused.json.error]).toEqual([409, 'location_not_empty']);
  const drop = (id: string) => words.ask('DELETE', `/locations/${id}`);
  expect([(await drop(child.id)).status, (await drop(place.id)).status, (await drop(place.id)).status]).toEqual([
    204, 204, 404,
  ]);
  for (let round = 0; round < 6; round++) {
    const { id } = await words.place({ name: 'busy' });
    const [removed, made] = await Promise.all([
      drop(id),
      words.ask('POST', '/assets', { name: `n${round}`, site: 'ucl-east-campus', location_id: id }),
    ]);
    expect([
      [204, 400],
      [409, 201],
    ]).toContainEqual([removed.status, made.status]);
  }
});

test('another tenant and a key of another site find none of it', async () => {
  const place = await words.place({ name: 'a' });
  const other = await makeWorld(api.database);
  for (const [method, body] of [
    ['GET', undefined],
    ['PATCH', { name: 'x' }],
    ['DELETE', undefined],
  ] as const) {
    expect((await words.ask(method, `/locations/${place.id}`, body, other.key)).status).toBe(404);
    const key = await world.makeKey({ siteIds: [world.plantId] });
    expect((await words.ask(method, `/locations/${place.id}`, body, key)).status).toBe(403);
  }
  const foreign = await words.ask('POST', '/locations', { name: 'x', parent_id: place.id }, other.key);
  expect(foreign.json.errors[0]).toMatchObject({ pointer: '/parent_id', code: 'not_found' });
});
