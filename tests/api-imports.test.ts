/** Files of readings: taken to the disk, stored in the background, and finished whatever happens to the program meanwhile. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { eventually } from './support/program.ts';

let importsDir: string;
let api: TestApi;
let world: World;
beforeAll(async () => {
  importsDir = await mkdtemp(join(tmpdir(), 'faultline-imports-'));
  api = await startTestApi({ importsDir });
});
afterAll(async () => {
  await api.close();
  await rm(importsDir, { recursive: true });
});
beforeEach(async () => {
  vi.restoreAllMocks();
  world = await makeWorld(api.database);
});

const path = '/api/v1/imports/telemetry';
const campus = 'ucl-east-campus';
const map = (points: object, more: object = {}) =>
  JSON.stringify({ time: { column: 'time' }, asset: { name: 'AHU-01', class: 'brick:AHU' }, points, ...more });
const sat = { class: 'brick:Supply_Air_Temperature_Sensor' };
const satMap = map({ T: { ...sat, name: 'sat' } });

type Sending = {
  columns?: string;
  site?: string | null;
  query?: string;
  key?: string;
  headers?: Record<string, string>;
  url?: string;
};

function send(
  payload: string | Buffer,
  { columns = satMap, site = campus, query = '', url = path, ...more }: Sending = {},
) {
  const named = site === null ? '' : `&site=${site}`;
  return api.call('POST', `${url}?columns=${encodeURIComponent(columns)}${named}${query}`, {
    key: more.key ?? world.key,
    payload,
    headers: { 'content-type': 'text/csv', ...more.headers },
  });
}

/** A body of these parts, with its media type. */
function form(parts: Record<string, string>): { csv: string; headers: Record<string, string> } {
  const written = Object.entries(parts).map(
    ([name, value]) => `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return { csv: `${written.join('')}--x--\r\n`, headers: { 'content-type': 'multipart/form-data; boundary=x' } };
}

async function ended(id: string) {
  return eventually(`the end of import ${id}`, async () => {
    const { json } = await api.call('GET', `/api/v1/imports/${id}`, { key: world.key });
    return ['receiving', 'running'].includes(json.data.state) ? undefined : json.data;
  });
}

async function readings(): Promise<string[]> {
  const { rows } = await api.database.pool.query<{ line: string }>(
    `select a.name || '/' || p.name || '=' || r.value || '@' || to_char(r.time at time zone 'utc', 'MM-DD"T"HH24:MI') as line
     from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id
     where p.tenant_id = $1 order by r.time, p.name`,
    [world.tenantId],
  );
  return rows.map(({ line }) => line);
}

describe('an import', () => {
  test('is accepted with its place, stored in the background, and tells what became of each row', async () => {
    const csv =
      'time,T\n2026-07-01T10:00,20\n2026-07-01 10:01,21.5\nnoon,1\n2026-07-01T10:02,x\n2026-07-01T10:03,\n2026-07-01T10:00,7\n';
    const accepted = await send(csv, { query: '&file_name=log.csv' });
    expect([accepted.status, accepted.json.detail, accepted.json.data?.state]).toEqual([202, undefined, 'running']);
    const { id } = accepted.json.data;
    expect(accepted.headers.location).toBe(`http://127.0.0.1:3000/api/v1/imports/${id}`);
    const done = await ended(id);
    expect(done).toMatchObject({
      ...{ state: 'done', site: campus, file_name: 'log.csv', bytes: csv.length, bytes_read: csv.length, rows_read: 6 },
      ...{ stored: 2, duplicates: 0, conflicts: 1, refused: 2, failure: null, seconds_left: null },
      errors: [
        { line: 4, column: null, reason: 'time_unreadable' },
        { line: 5, column: 'T', reason: 'unusable_value' },
      ],
    });
    // London is an hour ahead of UTC in summer.
    expect(await readings()).toEqual(['AHU-01/sat=20@07-01T09:00', 'AHU-01/sat=21.5@07-01T09:01']);
    const again = await ended((await send(csv)).json.data.id);
    expect(again).toMatchObject({ state: 'done', stored: 0, duplicates: 2, conflicts: 1 });
    // The file goes once it is known that the import is over.
    await eventually('its file is gone', async () => readdirSync(importsDir).length === 1 || undefined);
    expect(readdirSync(importsDir)).toEqual(['holder']);
    const list = await api.call('GET', '/api/v1/imports?state=done', { key: world.key });
    expect(list.json.data.map((one: { id: string }) => one.id)).toEqual([again.id, id]);
  });

  test('takes the long layout, values by name, units of its own, and what a site discovers from the map', async () => {
    await api.database.pool.query('update site set discovery = true where id = $1', [world.campusId]);
    await api.database.pool.query(`update point set unit = 'degC' where id = $1`, [world.pointId]);
    const columns = map(
      {
        sat: { ...sat, unit: 'degF' },
        fan: { class: 'brick:Fan_Status', values: { on: 1, off: 0 } },
        odd: { class: 'brick:Pressure_Sensor' },
      },
      { layout: 'long', asset: { column: 'unit', class: 'brick:AHU' }, time: { column: 'time', format: 'seconds' } },
    );
    const csv =
      'time,unit,point,value\n1772355600,AHU-01,sat,59\n1772355600,AHU-09,fan,on\n1772355660,AHU-09,fan,off\n1772355660,AHU-09,nothing,1\n';
    const done = await ended((await send(csv, { columns })).json.data.id);
    expect(done).toMatchObject({ stored: 3, refused: 1, errors: [{ line: 5, reason: 'unknown_point' }] });
    expect(await readings()).toEqual([
      'AHU-09/fan=1@03-01T09:00',
      'AHU-01/sat=15@03-01T09:00',
      'AHU-09/fan=0@03-01T09:01',
    ]);
    const { rows } = await api.database.pool.query(
      `select a.class, p.name, p.class as point_class from asset a join point p on p.asset_id = a.id where a.name = 'AHU-09' and a.tenant_id = $1 and p.name = 'fan'`,
      [world.tenantId],
    );
    expect(rows).toEqual([{ class: 'brick:AHU', name: 'fan', point_class: 'brick:Fan_Status' }]);
  });

  test('of a unit that does not become the point’s is refused', async () => {
    await api.database.pool.query(`update point set unit = 'kPa' where id = $1`, [world.pointId]);
    const done = await ended(
      (await send('time,T\n2026-07-01T10:00,20\n', { columns: map({ T: { ...sat, name: 'sat', unit: 'degF' } }) })).json
        .data.id,
    );
    expect(done).toMatchObject({ stored: 0, errors: [{ detail: expect.stringContaining('kPa') }] });
  });

  test('has each column converted by its own unit, also where two are of one point', async () => {
    await api.database.pool.query(`update point set unit = 'degC' where id = $1`, [world.pointId]);
    const columns = map({ F: { ...sat, name: 'sat', unit: 'degF' }, C: { ...sat, name: 'sat', unit: 'degC' } });
    const csv = 'time,F,C\n2026-07-01T10:00,59,\n2026-07-01T10:01,,16\n';
    expect(await ended((await send(csv, { columns })).json.data.id)).toMatchObject({ stored: 2, refused: 0 });
    expect(await readings()).toEqual(['AHU-01/sat=15@07-01T09:00', 'AHU-01/sat=16@07-01T09:01']);
  });

  test('may come as a form, as gzip, or below a site', async () => {
    const csv = 'time,T\n2026-07-01T10:00,20\n';
    const form = new FormData();
    form.append('columns', new Blob([satMap]), 'map.yaml');
    form.append('site', campus);
    form.append('file', new Blob([csv]), 'log.csv');
    const request = new Request('http://x', { method: 'POST', body: form });
    const payload = Buffer.from(await request.arrayBuffer());
    const headers = { 'content-type': String(request.headers.get('content-type')) };
    const sent = await api.call('POST', path, { key: world.key, payload, headers });
    expect([sent.status, sent.json.data.file_name]).toEqual([202, 'log.csv']);
    expect(await ended(sent.json.data.id)).toMatchObject({ state: 'done', stored: 1, bytes: csv.length });
    const zipped = await send(gzipSync('time,T\n2026-07-01T11:00,20\n'), { headers: { 'content-encoding': 'gzip' } });
    expect(await ended(zipped.json.data.id)).toMatchObject({ stored: 1 });
    const below = await send(csv, { url: `/api/v1/sites/${campus}/imports/telemetry/`, site: null });
    expect([below.status, below.headers.location]).toEqual([
      202,
      `http://127.0.0.1:3000/api/v1/sites/${campus}/imports/${below.json.id}/`,
    ]);
    expect(await ended(below.json.id)).toMatchObject({ duplicates: 1 });
  });

  test.each<[string, Sending & { csv?: string }, number, string]>([
    ['no map', { columns: '' }, 400, 'validation_failed'],
    ['a map that is none', { columns: '{"time": 1}' }, 400, 'validation_failed'],
    ['no zone', { columns: map({ T: sat }, { time: { column: 'time', zone: 'Mars' } }) }, 400, 'validation_failed'],
    ['a header that does not fit', { csv: 'zeit,T\n1,2\n' }, 400, 'validation_failed'],
    ['a separator that is no comma', { csv: 'time;T\n1;2\n' }, 400, 'validation_failed'],
    ['nothing', { csv: '' }, 400, 'validation_failed'],
    ['no site', { site: null }, 400, 'validation_failed'],
    ['an unknown site', { site: 'nowhere' }, 400, 'validation_failed'],
    ['no asset', { columns: map({ T: sat }, { asset: { class: 'brick:AHU' } }) }, 400, 'validation_failed'],
    ['another media type', { headers: { 'content-type': 'application/json' } }, 415, 'media_type_unsupported'],
    ['a form without a boundary', { headers: { 'content-type': 'multipart/form-data' } }, 400, 'validation_failed'],
    ['a form that ends', { ...form({}), csv: '--x\r\n' }, 400, 'validation_failed'],
    ['a form whose map is none', form({ columns: '{"time": 1}', file: 'time,T\n' }), 400, 'validation_failed'],
    ['a form with a part that nobody knows', form({ colums: '', file: 'time,T\n' }), 400, 'validation_failed'],
  ])('with %s is refused at once, and leaves nothing', async (_, { csv = 'time,T\n', ...sending }, status, error) => {
    const [begun, stopped] = [vi.spyOn(globalThis, 'setInterval'), vi.spyOn(globalThis, 'clearInterval')];
    const reply = await send(csv, sending);
    expect([reply.status, reply.json.error]).toEqual([status, error]);
    // A clock that runs on would keep the program from ending.
    for (const { value } of begun.mock.results) expect(stopped).toHaveBeenCalledWith(value);
    expect((await api.call('GET', '/api/v1/imports', { key: world.key })).json.total).toBe(0);
    expect(readdirSync(importsDir)).toEqual(['holder']);
  });

  test.each([
    ['a NUL', 'AH\0U'],
    ['half of an emoji where its name is cut', `${'x'.repeat(59)}\u{1f600}`],
  ])('refuses a row whose asset has %s, and no other', async (_, asset) => {
    const columns = map({ sat }, { layout: 'long', asset: { column: 'unit', class: 'brick:AHU' } });
    const rows = [asset, 'AHU-01'].map((unit) => `2026-07-01T10:00,${unit},sat,20\n`);
    const accepted = await send(`time,unit,point,value\n${rows.join('')}`, { columns });
    expect(await ended(accepted.json.data.id)).toMatchObject({
      ...{ state: 'done', failure: null, rows_read: 2, stored: 1, refused: 1 },
      errors: [{ line: 2, reason: 'unknown_point' }],
    });
  });

  test('with an Idempotency-Key is made once', async () => {
    const headers = { 'idempotency-key': newId() };
    const csv = 'time,T\n2026-07-01T10:00,20\n';
    const first = await send(csv, { headers });
    const second = await send(csv, { headers });
    expect(second.json.data.id).toBe(first.json.data.id);
    expect((await send(`${csv}2026-07-01T10:01,20\n`, { headers })).json.error).toBe('idempotency_key_reused');
    await ended(first.json.data.id);
    expect((await api.call('GET', '/api/v1/imports', { key: world.key })).json.total).toBe(1);
  });

  test('is its tenant’s alone, and its site’s', async () => {
    const { id } = (await send('time,T\n2026-07-01T10:00,20\n')).json.data;
    await ended(id);
    const other = await makeWorld(api.database);
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    for (const url of [`/api/v1/imports/${id}`, `/api/v1/imports/${id}/cancel`]) {
      const method = url.endsWith('cancel') ? 'POST' : 'GET';
      expect((await api.call(method, url, { key: other.key })).json.error).toBe('import_not_found');
      expect((await api.call(method, url, { key: elsewhere })).json.error).toBe('site_forbidden');
    }
    expect((await api.call('GET', '/api/v1/imports', { key: elsewhere })).json.total).toBe(0);
    expect((await api.call('GET', `/api/v1/sites/plant/imports/${id}/`, { key: world.key })).status).toBe(404);
    expect((await send('time,T\n', { key: elsewhere })).json.error).toBe('site_forbidden');
  });
});

/** So many minutes of readings. */
const long = (rows: number) =>
  `time,T\n${Array.from({ length: rows }, (_, i) => `${new Date(Date.UTC(2025, 0, 1) + i * 60_000).toISOString()},${i % 50}`).join('\n')}\n`;

describe('a long import', () => {
  test('tells how far it is, and can be cancelled; what is stored stays', async () => {
    const { id } = (await send(long(60_000))).json.data;
    const going = await eventually('some progress', async () => {
      const { json } = await api.call('GET', `/api/v1/imports/${id}`, { key: world.key });
      return json.data.rows_read > 0 ? json.data : undefined;
    });
    expect(going).toMatchObject({
      state: 'running',
      rows_per_second: expect.any(Number),
      seconds_left: expect.any(Number),
    });
    const cancelled = await api.call('POST', `/api/v1/imports/${id}/cancel`, { key: world.key });
    expect(cancelled.json.data.state).toBe('cancelled');
    expect((await api.call('POST', `/api/v1/imports/${id}/cancel`, { key: world.key })).json.error).toBe(
      'import_ended',
    );
    await eventually('its file to be gone', async () => (existsSync(join(importsDir, `${id}.csv`)) ? undefined : true));
    expect((await readings()).length).toBeGreaterThanOrEqual(going.stored);
  });

  test('goes on behind its last batch after a restart, and a half-received one has failed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'faultline-imports-'));
    const own = await startTestApi({ importsDir: folder });
    try {
      const { key } = await makeWorld(own.database);
      const sent = await own.call('POST', `${path}?site=${campus}&columns=${encodeURIComponent(satMap)}`, {
        key,
        payload: long(30_000),
        headers: { 'content-type': 'text/csv' },
      });
      const { id } = sent.json.data;
      const get = async (one: TestApi) => (await one.call('GET', `/api/v1/imports/${id}`, { key })).json.data;
      await eventually('some progress', async () => ((await get(own)).rows_read > 0 ? true : undefined));
      await own.app.close();
      const { rows } = await own.database.pool.query(`select state, rows_read::int from telemetry_import`);
      expect(rows[0].state).toBe('running');
      expect(rows[0].rows_read).toBeLessThan(30_000);
      await own.database.pool.query(
        `insert into telemetry_import (id, tenant_id, site_id, holder_id, state, columns)
         select gen_random_uuid(), tenant_id, site_id, holder_id, 'receiving', '' from telemetry_import`,
      );
      const next = await own.restart();
      const done = await eventually('its end', async () => {
        const found = await get(next);
        return found.state === 'running' ? undefined : found;
      });
      expect(done).toMatchObject({ state: 'done', rows_read: 30_000, stored: 30_000, duplicates: 0, refused: 0 });
      const failed = await next.call('GET', '/api/v1/imports?state=failed', { key });
      expect(failed.json.data).toMatchObject([{ failure: expect.stringContaining('send it again') }]);
      await next.app.close();
    } finally {
      await own.close();
      await rm(folder, { recursive: true });
    }
  });
});
