/** Sites as people make and change them over HTTP. */
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

describe('POST /sites', () => {
  test('makes a site that is found where its Location says, and discovers only if it is asked to', async () => {
    const made = await call('POST', '/sites', { slug: 'north', name: 'North plant', time_zone: 'Asia/Tokyo' });
    expect(made.status).toBe(201);
    expect(made.json.data).toMatchObject({
      slug: 'north',
      name: 'North plant',
      time_zone: 'Asia/Tokyo',
      discovery: false,
    });
    expect(made.headers.location).toBe('http://127.0.0.1:3000/api/v1/sites/north');
    const found = await call('GET', '/sites/north');
    expect(found.json).toEqual(made.json);
    expect(found.headers.etag).toBe(made.headers.etag);
  });

  test('with a slug alone it is named by that and lies in the zone of the tenant', async () => {
    const made = await call('POST', '/sites', { slug: 'south' });
    expect(made.json.data).toMatchObject({ name: 'south', time_zone: 'Europe/Paris' });
  });

  test('what its devices send is stored at once, where it discovers', async () => {
    await call('POST', '/sites', { slug: 'north', discovery: true });
    const reading = { site: 'north', asset: 'AHU-1', point: 'sat', value: 20 };
    const sent = await call('POST', '/telemetry', { readings: [reading] });
    expect(sent.json.data).toMatchObject({ stored: 1 });
    expect((await call('GET', '/sites/north/assets/')).json).toMatchObject([{ name: 'AHU-1', state: 'discovered' }]);
  });

  test('the same request with the same Idempotency-Key makes one', async () => {
    const headers = { 'idempotency-key': 'one' };
    const [first, second] = [
      await call('POST', '/sites', { slug: 'north' }, { headers }),
      await call('POST', '/sites', { slug: 'north' }, { headers }),
    ];
    expect([first.status, second.status, second.headers['idempotent-replayed']]).toEqual([201, 201, 'true']);
    expect(second.json).toEqual(first.json);
  });

  test('a slug that is taken is refused, and another tenant may have it', async () => {
    const taken = await call('POST', '/sites', { slug: 'plant' });
    expect(taken).toMatchObject({ status: 409, json: { error: 'site_exists', errors: [{ pointer: '/slug' }] } });
    await call('POST', '/sites', { slug: 'north' });
    const other = await makeWorld(api.database);
    expect((await call('POST', '/sites', { slug: 'north' }, { key: other.key })).status).toBe(201);
  });

  test.each([
    ['/slug', { name: 'x' }],
    ['/slug', { slug: 'No Slug' }],
    ['/slug', { slug: '-north' }],
    ['/name', { slug: 'north', name: ' ' }],
    ['/time_zone', { slug: 'north', time_zone: 'Mars/Olympus' }],
    ['/discovery', { slug: 'north', discovery: 'on' }],
    ['/shard', { slug: 'north', shard: 1 }],
  ])('what is wrong with %s is named: %j', async (pointer, body) => {
    const refused = await call('POST', '/sites', body);
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });
});

describe('PATCH /sites/{slug}', () => {
  test('changes what is given, under If-Match', async () => {
    const before = await call('GET', '/sites/plant');
    const headers = { 'if-match': String(before.headers.etag) };
    const changed = await call('PATCH', '/sites/plant', { discovery: true, name: 'A plant' }, { headers });
    expect(changed.json.data).toEqual({
      ...before.json.data,
      discovery: true,
      name: 'A plant',
      updated_at: changed.json.data.updated_at,
    });
    expect(changed.headers.etag).not.toBe(before.headers.etag);
    const stale = await call('PATCH', '/sites/plant', { discovery: false }, { headers });
    expect(stale).toMatchObject({ status: 412, json: { error: 'precondition_failed' } });
    const nothing = await call('PATCH', '/sites/plant', {});
    expect(nothing.headers.etag).toBe(changed.headers.etag);
    const listed = await call('GET', '/sites?discovery=true');
    expect(listed.json.data).toEqual([changed.json.data]);
  });

  test('another time zone is that of the days of queries, and leaves readings where they are', async () => {
    const path = `/points/${world.pointId}/readings`;
    await call('POST', '/telemetry', {
      readings: [{ point_id: world.pointId, time: '2026-03-17T20:00:00Z', value: 1 }],
    });
    const daysOf = async () =>
      (await call('GET', `${path}?start=2026-03-17&end=2026-03-19&bucket=1d&agg=count`)).json.data.map(
        ({ time }: { time: string }) => time,
      );
    expect(await daysOf()).toEqual(['2026-03-17T00:00:00Z']);
    await call('PATCH', '/sites/ucl-east-campus', { time_zone: 'Asia/Tokyo' });
    expect(await daysOf()).toEqual(['2026-03-17T15:00:00Z']);
    expect((await call('GET', path)).json.data).toMatchObject([{ time: '2026-03-17T20:00:00Z' }]);
  });

  test.each([
    ['/slug', { slug: 'other' }],
    ['/time_zone', { time_zone: '' }],
    ['/name', { name: 'x'.repeat(201) }],
  ])('what is wrong with %s is named: %j', async (pointer, body) => {
    expect(await call('PATCH', '/sites/plant', body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });
});

describe('who may make and change sites', () => {
  test('another tenant finds none of them, and its own of the same slug is not touched', async () => {
    const other = await makeWorld(api.database);
    await call('PATCH', '/sites/plant', { name: 'Theirs' }, { key: other.key });
    expect((await call('GET', '/sites/plant')).json.data.name).toBe('Plant');
    await call('POST', '/sites', { slug: 'north' });
    const foreign = await call('PATCH', '/sites/north', { name: 'x' }, { key: other.key });
    expect(foreign).toMatchObject({ status: 404, json: { error: 'site_not_found' } });
  });

  test('a key that is limited to sites changes those, and no other, and makes none', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId] });
    expect((await call('PATCH', '/sites/plant', { discovery: true }, { key })).status).toBe(200);
    for (const [method, path, body] of [
      ['PATCH', '/sites/ucl-east-campus', { discovery: true }],
      ['POST', '/sites', { slug: 'north' }],
    ] as const)
      expect(await call(method, path, body, { key })).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    expect((await call('GET', '/sites/ucl-east-campus')).json.data.discovery).toBe(false);
    expect((await call('GET', '/sites/north')).status).toBe(404);
  });

  test('it takes the scope sites:write', async () => {
    const key = await world.makeKey({ scopes: ['read', 'assets:write'] });
    for (const [method, path] of [
      ['POST', '/sites'],
      ['PATCH', '/sites/plant'],
    ] as const) {
      const refused = await call(method, path, { slug: 'north' }, { key });
      expect(refused).toMatchObject({ status: 403, json: { error: 'scope_missing' } });
    }
    const writer = await world.makeKey({ scopes: ['sites:write'] });
    expect((await call('PATCH', '/sites/plant', { name: 'x' }, { key: writer })).status).toBe(200);
  });
});

describe('the service history of a site', () => {
  type Entry = { id: string; kind: string; asset: string; asset_id: string | null };
  const historyOf = async (slug: string, query = '', key = world.key) => {
    const { status, json, headers } = await call('GET', `/sites/${slug}/history/${query}`, undefined, { key });
    return { status, entries: json as Entry[], headers, error: json.error };
  };

  test('O5: has its work orders, its insights and what became of its equipment, newest first, page by page', async () => {
    const insight = await world.makeInsight({ siteId: world.plantId, assetId: world.chillerId });
    const make = async (body: object) => (await call('POST', '/work-orders', { title: 'x', ...body })).json.data.id;
    const about = await make({ asset_id: world.chillerId });
    const loose = (await call('POST', '/sites/plant/work-orders/', { title: 'x' })).json.id;
    const looser = (await call('POST', '/sites/plant/work-orders/', { title: 'x' })).json.id;
    await make({ asset_id: world.ahuId });
    await call('PATCH', `/assets/${world.chillerId}`, { status: 'down' });
    const { entries, headers } = await historyOf('plant');
    expect(entries.map(({ kind, asset }) => [kind, asset])).toEqual([
      ['status_change', 'Chiller-01'],
      ['work_order', ''],
      ['work_order', ''],
      ['work_order', 'Chiller-01'],
      ['insight', 'Chiller-01'],
    ]);
    expect(entries.slice(1).map(({ id }) => id)).toEqual([looser, loose, about, insight]);
    expect([entries[1]?.asset_id, headers['x-total-count']]).toEqual([null, '5']);
    const first = await historyOf('plant', '?limit=1');
    const paged = [...first.entries];
    for (let page = first; page.headers['x-next-cursor'] !== undefined; paged.push(...page.entries))
      page = await historyOf('plant', `?limit=1&cursor=${page.headers['x-next-cursor']}`);
    expect(paged).toEqual(entries);
    expect((await historyOf('plant', '?limit=1&offset=3')).entries).toEqual([entries[3]]);
    const other = await historyOf('ucl-east-campus', `?cursor=${first.headers['x-next-cursor']}`);
    expect([other.status, other.error]).toEqual([400, 'cursor_invalid']);
    expect((await historyOf('plant', '?kind=insight')).entries).toEqual([entries[4]]);
  });

  test('shows what the key may see', async () => {
    await world.makeInsight();
    await call('POST', '/work-orders', { title: 'x' });
    const kindsFor = async (more: object) => {
      const { status, entries } = await historyOf('ucl-east-campus', '', await world.makeKey(more));
      return status === 200 ? entries.map(({ kind }) => kind) : status;
    };
    expect(await kindsFor({ scopes: ['read'] })).toEqual(['work_order', 'insight']);
    expect(await kindsFor({ scopes: ['assets:read', 'insights:read'] })).toEqual(['insight']);
    expect(await kindsFor({ scopes: ['read'], siteIds: [world.plantId] })).toBe(403);
    expect(await kindsFor({ scopes: ['work-orders:read'] })).toBe(403);
  });
});
