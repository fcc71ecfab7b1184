import { Counter, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { insertWorkOrder } from '../src/work-orders/store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
const registry = new Registry();
let ready = true;
beforeAll(async () => {
  new Counter({ name: 'faultline_example_total', help: 'An example.', registers: [registry] }).inc(3);
  api = await startTestApi({
    registry,
    readiness: async () => ({ ready, checks: { database: ready ? 'ok' : 'no answer' } }),
  });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const get = (url: string, key: string | undefined = world.key) =>
  api.call('GET', url, key === undefined ? {} : { key });

describe('assets, sites and points', () => {
  test('R17: the list of equipment has the envelope of every list', async () => {
    const { json } = await get('/api/v1/assets');
    expect(json).toMatchObject({ total: 2, limit: 50, offset: 0, nextCursor: null });
    expect(json.data.map((asset: { name: string }) => asset.name).sort()).toEqual(['AHU-01', 'Chiller-01']);
    const one = await get(`/api/v1/assets/${world.ahuId}`);
    expect(one.json.data).toMatchObject({
      site: 'ucl-east-campus',
      uri: `${world.base}#AHU-01`,
      status: 'operational',
    });
  });

  test('below a site there is what lies there', async () => {
    const { json, headers } = await get('/api/v1/sites/plant/assets/');
    expect([json.map((asset: { name: string }) => asset.name), headers['x-total-count']]).toEqual([
      ['Chiller-01'],
      '1',
    ]);
    expect((await get(`/api/v1/sites/plant/assets/${world.ahuId}/`)).status).toBe(404);
    expect((await get(`/api/v1/sites/plant/points/${world.pointId}/readings/`)).status).toBe(404);
  });

  test.each([
    [`assets?uri=${encodeURIComponent('http://fuseki:3030/buildings/ucl-east#AHU-01')}`, 1],
    ['assets?status=down', 0],
    ['assets?state=modelled', 2],
    ['sites?discovery=true', 0],
    ['sites?discovery=false', 2],
    ['points?name=sat', 1],
    ['points?name=rat', 0],
  ])('%s holds %i', async (query, total) => {
    expect((await get(`/api/v1/${query}`)).json.total).toBe(total);
  });

  test('a point tells its asset, its unit and how often it is expected to report', async () => {
    const { json } = await get(`/api/v1/points/${world.pointId}`);
    expect(json.data).toMatchObject({ name: 'sat', unit: 'degC', asset_id: world.ahuId, expected_interval_s: 60 });
  });
});

describe('insights', () => {
  test('an insight has the work orders that it led to, those of rules included, without the deleted', async () => {
    const insight = await world.makeInsight();
    const byRule = await api.database.db.transaction().execute((trx) => insertWorkOrder(trx, ruleOrder(insight)));
    const path = '/api/v1/work-orders';
    const body = { title: 'by hand', insight };
    const byHand = (await api.call('POST', path, { key: world.key, body })).json.data.id;
    const gone = (await api.call('POST', path, { key: world.key, body })).json.data.id;
    await api.call('DELETE', `${path}/${gone}`, { key: world.key });
    const { json } = await get(`/api/v1/insights/${insight}`);
    expect([...json.data.work_order_ids].sort()).toEqual([byRule?.id, byHand].sort());
    expect(json.data).toMatchObject({
      equipment_uri: `${world.base}#AHU-01`,
      causes: ['a worn seat'],
      status: 'in_progress',
    });
    const shown = (await get(`${path}/${byRule?.id}`)).json.data;
    expect(shown).toMatchObject({ source: 'rule', insight, assigned_team: 'hvac', created_by: null, priority: 'high' });
    const kept = await api.call('PATCH', `${path}/${byRule?.id}`, { key: world.key, body: { insight: null } });
    expect(kept).toMatchObject({ status: 400, json: { errors: [{ pointer: '/insight', code: 'conflict' }] } });
  });

  test('a rule opens one work order for an insight, however often and however many at once, and uses one number', async () => {
    const insight = await world.makeInsight();
    const open = () => api.database.db.transaction().execute((trx) => insertWorkOrder(trx, ruleOrder(insight)));
    const opened = await Promise.all(Array.from({ length: 8 }, open));
    expect(opened.filter((order) => order !== undefined)).toHaveLength(1);
    const number = opened.find((order) => order !== undefined)?.number ?? 0;
    const next = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
    expect(next.json.data.number).toBe(number + 1);
  });

  test.each(['status=resolved', 'severity=critical', 'category=comfort', 'rule_id=other', 'shadow=true'])(
    'insights?%s filters',
    async (query) => {
      await world.makeInsight({ status: 'open' });
      const all = (await get('/api/v1/insights')).json.total;
      expect(all).toBeGreaterThan(0);
      expect((await get(`/api/v1/insights?${query}`)).json.total).toBe(0);
    },
  );
});

describe('readings', () => {
  const path = () => `/api/v1/points/${world.pointId}/readings`;
  const minute = (count: number) => new Date(Date.UTC(2026, 3, 11, 12, count)).toISOString().replace('.000', '');

  beforeAll(async () => {
    const engine = await prepareStorage(api.database.pool, createLog('silent'));
    await engine.ensureDays([Math.floor(Date.UTC(2026, 3, 11) / 86_400_000)]);
    const rows = Array.from({ length: 10 }, (_, index) => ({
      series_id: world.seriesId,
      time: minute(index),
      value: index,
      quality: 0,
    }));
    const bad = { series_id: world.seriesId, time: minute(10), value: null, quality: 2 };
    await api.database.db
      .insertInto('reading')
      .values([...rows, bad])
      .execute();
  });

  test('the newest come first unless asked, each with time, value and quality', async () => {
    const { json } = await get(path());
    expect(json).toMatchObject({ limit: 1000, nextCursor: null });
    expect(json.data).toHaveLength(11);
    expect(json.data.slice(0, 2)).toEqual([
      { time: minute(10), value: null, quality: 'bad' },
      { time: minute(9), value: 9, quality: 'good' },
    ]);
    const rising = await get(`${path()}?order=asc&limit=1`);
    expect(rising.json.data).toEqual([{ time: minute(0), value: 0, quality: 'good' }]);
  });

  test('start is included and end is not; without a zone both are read in that of the site, here British Summer Time', async () => {
    const times = async (query: string) =>
      (await get(`${path()}?order=asc&${query}`)).json.data.map((reading: { time: string }) => reading.time);
    expect(await times(`start=${minute(2)}&end=${minute(4)}`)).toEqual([minute(2), minute(3)]);
    expect(await times('start=2026-04-11T13:02&end=2026-04-11T13:04')).toEqual([minute(2), minute(3)]);
    expect(await times('start=2026-04-11T14:02:00%2B02:00&end=2026-04-11T14:04:00+02:00')).toEqual([
      minute(2),
      minute(3),
    ]);
  });

  test.each(['asc', 'desc'])('pages in the order %s give each reading once', async (order) => {
    const all = (await get(`${path()}?order=${order}`)).json.data;
    for (const mount of ['', '/sites/ucl-east-campus']) {
      const seen = [];
      for (let cursor = ''; ; ) {
        const url = `/api/v1${mount}/points/${world.pointId}/readings?order=${order}&limit=4${cursor}`;
        const { json, headers } = await get(url);
        seen.push(...(mount === '' ? json.data : json));
        const next = mount === '' ? json.nextCursor : (headers['x-next-cursor'] ?? null);
        if (next === null) break;
        cursor = `&cursor=${next}`;
      }
      expect(seen).toEqual(all);
    }
  });

  test.each([
    ['asc', [0, 1, 2, 3]],
    ['desc', [3, 2, 1, 0]],
  ])('pages in the order %s skip none of the readings of one millisecond', async (order, values) => {
    const rows = ['000000', '000250', '000500', '000750'].map((fraction, value) => {
      const time = `2026-04-11T11:00:00.${fraction}Z`;
      return { series_id: world.seriesId, time, value, quality: 0 };
    });
    await api.database.db
      .insertInto('reading')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const query = `order=${order}&limit=2&start=2026-04-11T11:00Z&end=2026-04-11T11:01Z`;
    const first = (await get(`${path()}?${query}`)).json;
    const second = (await get(`${path()}?${query}&cursor=${first.nextCursor}`)).json;
    expect([...first.data, ...second.data].map(({ value }) => value)).toEqual(values);
    expect(second.nextCursor).toBe(null);
  });

  test.each([
    'start=yesterday',
    'start=2026-4-11',
    'end=1e9',
    'limit=10001',
    'limit=0',
    'order=up',
    'cursor=x',
    'offset=1',
    'start=2026-04-12T00:00Z&end=2026-04-11T00:00Z',
  ])('?%s is 400', async (query) => {
    expect((await get(`${path()}?${query}`)).status).toBe(400);
  });
});

describe('quarantine', () => {
  test('a refused message is listed with its reason, and its payload as text where it is UTF-8, else in Base64', async () => {
    const device = {
      id: newId(),
      tenant_id: world.tenantId,
      name: 'gateway',
      username: newId(),
      password_argon2id: '-',
    };
    await api.database.db.insertInto('device').values(device).execute();
    const message = {
      tenant_id: world.tenantId,
      reason: 'unknown_point',
      detail: 'no such point',
      topic: 'telemetry/a/b/c',
    };
    const payloads = [Buffer.from('{"value": 21,5}'), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from('nul \0 inside')];
    for (const [index, payload] of payloads.entries()) {
      const received_at = new Date(Date.UTC(2026, 3, 11) + index);
      const row = { ...message, id: newId(), device_id: device.id, payload, received_at };
      await api.database.db.insertInto('quarantine').values(row).execute();
    }
    const { json } = await get('/api/v1/quarantine');
    expect(json).toMatchObject({ total: 3 });
    expect(json.data).toMatchObject([
      { payload: 'nul \0 inside', payload_encoding: 'utf8' },
      { payload: '//4A', payload_encoding: 'base64' },
      {
        ...{ reason: 'unknown_point', detail: 'no such point' },
        payload: '{"value": 21,5}',
        device: 'gateway',
        received_at: '2026-04-11T00:00:00Z',
      },
    ]);
    expect((await get('/api/v1/quarantine?reason=bad_json')).json.total).toBe(0);
    expect((await get(`/api/v1/quarantine?device_id=${device.id}&topic=telemetry/a/b/c&limit=1`)).json.total).toBe(3);
  });
});

describe('operations', () => {
  test('/healthz and /version answer without a key', async () => {
    expect((await api.call('GET', '/healthz')).json).toEqual({ status: 'ok' });
    expect((await api.call('GET', '/version')).json).toMatchObject({ name: 'faultline', version: '0.0.0' });
  });

  test('/readyz is 200 when ready, and 503 with what is missing when not', async () => {
    expect(await api.call('GET', '/readyz')).toMatchObject({ status: 200, json: { status: 'ready' } });
    ready = false;
    const reply = await api.call('GET', '/readyz');
    ready = true;
    expect(reply).toMatchObject({ status: 503, json: { status: 'not_ready', checks: { database: 'no answer' } } });
  });

  test('/metrics wants a key with its scope, and has what was counted, requests by their route', async () => {
    expect((await api.call('GET', '/metrics')).status).toBe(401);
    const limited = await world.makeKey({ scopes: ['assets:read'] });
    expect((await get('/metrics', limited)).status).toBe(403);
    await get(`/api/v1/assets/${world.ahuId}`);
    const { text, headers } = await get('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('faultline_example_total 3');
    expect(text).toMatch(/duration_seconds_count\{method="GET",route="\/api\/v1\/assets\/:id",status="200"\} \d/);
    expect(text).not.toContain(world.ahuId);
  });

  test('/metrics may be open, but never to what a proxy forwards', async () => {
    const open = await startTestApi({ metricsOpen: true });
    expect((await open.call('GET', '/metrics')).status).toBe(200);
    for (const header of ['x-forwarded-for', 'forwarded']) {
      expect((await open.call('GET', '/metrics', { headers: { [header]: 'for=192.0.2.1' } })).status).toBe(401);
    }
    await open.close();
  });
});

function ruleOrder(insightId: string) {
  const columns = {
    site_id: world.campusId,
    asset_id: world.ahuId,
    title: 'Cooling valve leaks',
    priority: 'high',
    type: 'corrective',
    insight_id: insightId,
    assigned_team: 'hvac',
  };
  return { tenantId: world.tenantId, source: 'rule', columns, at: new Date() } as const;
}
