/** What people write down about sites, and sites that go again. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database, { timeZone: 'Europe/Paris' });
});

const call = (
  method: string,
  path: string,
  body?: object,
  more: { key?: string; headers?: Record<string, string> } = {},
) => api.call(method, `/api/v1${path}`, { key: world.key, ...(body && { body }), ...more });

describe('what is known of a site', () => {
  const known = {
    address: { street: '1 Mill Lane', city: 'Leeds', country: 'GB' },
    geo: { latitude: 53.796, longitude: -1.548 },
    access_notes: 'Ring at gate 2.',
    opening_hours: {
      monday: [
        { from: '07:00', to: '12:00' },
        { from: '13:00', to: '24:00' },
      ],
      sunday: [],
    },
    parent_site: 'plant',
    external_id: 'erp-1',
    metadata: { a: 1 },
  };
  const unset = {
    address: null,
    geo: null,
    access_notes: '',
    opening_hours: null,
    parent_site: null,
    external_id: null,
  };

  test('is kept as it is given, when it is made and later, and null unsets it', async () => {
    const made = await call('POST', '/sites', { slug: 'north', ...known });
    expect(made.json.data).toMatchObject(known);
    const emptied = await call('PATCH', '/sites/north', { ...unset, access_notes: null, metadata: {} });
    expect(emptied.json.data).toMatchObject({ ...unset, metadata: {} });
    expect((await call('PATCH', '/sites/north', known)).json.data).toMatchObject(known);
    const found = await call('GET', '/sites?parent_site=plant&external_id=erp-1&q=north&sort=-name');
    expect(found.json.data.map(({ slug }: { slug: string }) => slug)).toEqual(['north']);
    expect((await call('POST', '/sites', { slug: 'bare' })).json.data).toMatchObject({ ...unset, metadata: {} });
  });

  test.each([
    ['/address/town', { address: { town: 'x' } }],
    ['/address/country', { address: { country: 'gb' } }],
    ['/geo/latitude', { geo: { latitude: 91, longitude: 0 } }],
    ['/geo/longitude', { geo: { latitude: 1 } }],
    ['/opening_hours/monday', { opening_hours: { monday: [{ from: '12:00', to: '08:00' }] } }],
    [
      '/opening_hours/monday',
      {
        opening_hours: {
          monday: [
            { from: '08:00', to: '12:00' },
            { from: '11:00', to: '13:00' },
          ],
        },
      },
    ],
    ['/opening_hours/monday/0/to', { opening_hours: { monday: [{ from: '08:00', to: '25:00' }] } }],
    ['/opening_hours/funday', { opening_hours: { funday: [] } }],
    ['/parent_site', { parent_site: 'nowhere' }],
  ])('what is wrong with %s is named: %j', async (pointer, body) => {
    for (const reply of [
      await call('PATCH', '/sites/plant', body),
      await call('POST', '/sites', { slug: 'n', ...body }),
    ])
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  test('a site is not part of itself, by way of others either, nor by two changes at once', async () => {
    await call('PATCH', '/sites/plant', { parent_site: 'ucl-east-campus' });
    for (const parent_site of ['plant', 'ucl-east-campus'])
      expect(await call('PATCH', '/sites/ucl-east-campus', { parent_site })).toMatchObject({
        status: 400,
        json: { errors: [{ pointer: '/parent_site', code: 'cycle' }] },
      });
    const move = (slug: string, parent_site: string) => call('PATCH', `/sites/${slug}`, { parent_site });
    for (let round = 0; round < 5; round++) {
      const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((letter) => `${letter}${round}`) as [
        string,
        string,
        string,
        string,
      ];
      for (const slug of [a, b, c, d]) await call('POST', '/sites', { slug });
      await move(a, b);
      await move(c, d);
      const replies = await Promise.all([move(b, c), move(d, a)]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
    }
  });

  test('each change is told, with what was before', async () => {
    const { json } = await call('POST', '/sites', { slug: 'north' });
    await call('PATCH', '/sites/north', { name: 'North', geo: known.geo });
    await call('PATCH', '/sites/north', { name: 'North' });
    await call('DELETE', '/sites/north');
    const rows = await api.database.db
      .selectFrom('event')
      .select(['type', 'changes'])
      .where('subject_id', '=', json.data.id)
      .orderBy('id')
      .execute();
    expect(rows.map(({ type }) => type)).toEqual(['site.created', 'site.updated', 'site.deleted']);
    expect(rows[1]?.changes).toEqual([
      { field: 'name', from: 'north', to: 'North' },
      { field: 'geo', from: null, to: known.geo },
    ]);
  });
});

describe('DELETE /sites/{slug}', () => {
  test('deletes what nothing belongs to, under If-Match', async () => {
    await call('POST', '/sites', { slug: 'north' });
    expect((await call('DELETE', '/sites/north', undefined, { headers: { 'if-match': '"1"' } })).status).toBe(412);
    expect((await call('DELETE', '/sites/north')).status).toBe(204);
    expect((await call('DELETE', '/sites/north')).json.error).toBe('site_not_found');
    expect((await call('POST', '/sites', { slug: 'north' })).status).toBe(201);
  });

  test('deletes one whose work orders all lie elsewhere now', async () => {
    await call('POST', '/sites', { slug: 'north' });
    const { id } = (await call('POST', '/sites/north/work-orders/', { title: 'x' })).json;
    const moved = await call('PATCH', `/work-orders/${id}`, { asset_id: world.ahuId });
    expect(moved.json.data.site).toBe('ucl-east-campus');
    expect((await call('DELETE', '/sites/north')).status).toBe(204);
  });

  test.each([
    ['1 assets', '/assets', { name: 'x', site: 'north' }],
    ['1 places', '/locations', { name: 'x', site: 'north' }],
    ['1 sites', '/sites', { slug: 'n2', parent_site: 'north' }],
    ['1 work orders', '/sites/north/work-orders/', { title: 'x' }],
    ['1 devices', '/devices', { name: 'x', site: 'north' }],
    ['on record', '/telemetry/retention-policies', { site: 'north', keep: { raw: '90d' } }],
  ])('is refused where something belongs to it: %s', async (what, path, body) => {
    await call('POST', '/sites', { slug: 'north' });
    const made = await call('POST', path, body);
    expect([made.status, made.text]).toEqual([201, made.text]);
    const refused = await call('DELETE', '/sites/north');
    expect([refused.status, refused.json.error]).toEqual([409, 'site_not_empty']);
    expect(refused.json.detail).toContain(what);
    expect((await call('GET', '/sites/north')).status).toBe(200);
  });

  test('what is made there at the same time is made, or refused, and never fails', async () => {
    for (let round = 0; round < 6; round++) {
      await call('POST', '/sites', { slug: `s${round}` });
      const [removed, made] = await Promise.all([
        call('DELETE', `/sites/s${round}`),
        call('POST', '/assets', { name: 'x', site: `s${round}` }),
      ]);
      expect([
        [204, 400],
        [409, 201],
      ]).toContainEqual([removed.status, made.status]);
    }
  });

  test('the default site of the tenant stays, and a key that is limited to sites deletes none', async () => {
    await call('POST', '/sites', { slug: 'north' });
    const { db } = api.database;
    const north = (await call('GET', '/sites/north')).json.data.id;
    await db.updateTable('tenant').set({ default_site_id: north }).where('id', '=', world.tenantId).execute();
    expect((await call('DELETE', '/sites/north')).json.detail).toContain('default');
    const key = await world.makeKey({ siteIds: [north] });
    expect((await call('DELETE', '/sites/north', undefined, { key })).json.error).toBe('site_forbidden');
  });
});
