/** Readings and buckets as CSV and NDJSON: what is in them, who may have how many, and that they take no memory. */
import { once } from 'node:events';
import { get as httpGet, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { minute, storeReadings } from './support/stored-readings.ts';

const minutesOfYear = 525_600;
const yearMs = Date.UTC(2025, 0, 1);

let api: TestApi;
let world: World;
let address: string;
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date('2026-03-17T12:30:00Z') });
  world = await makeWorld(api.database);
  await storeReadings(api, world.seriesId, [
    ...[0, 1, 2, 3].map((count) => ({ at: minute(count), value: count + 0.5 })),
    { at: minute(9), value: null, quality: 2 },
  ]);
  const engine = await prepareStorage(api.database.pool, createLog('silent'));
  await engine.ensureSpan('reading', yearMs, yearMs + (minutesOfYear - 1) * 60_000);
  await sql`insert into reading (series_id, time, value, quality)
    select ${world.seriesId}, ${new Date(yearMs)}::timestamptz + n * interval '1 minute', n % 1000, 0
    from generate_series(0, ${minutesOfYear - 1}) n`.execute(api.database.db);
  address = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

const path = () => `/api/v1/points/${world.pointId}/readings`;
const span = `start=${minute(0)}&end=${minute(10)}`;
const spanOfYear = { start: '2025-01-01T00:00:00Z', end: '2026-01-01T00:00:00Z' };
const year = `start=${spanOfYear.start}&end=${spanOfYear.end}`;
const get = (query: string, headers: Record<string, string> = {}) =>
  api.call('GET', `${path()}?${query}`, { key: world.key, headers });
const post = (body: object, headers: Record<string, string> = {}) =>
  api.call('POST', '/api/v1/telemetry/query', { key: world.key, body, headers });

describe('what is in them', () => {
  test('readings as CSV: the oldest first, each a line, what is no number an empty cell', async () => {
    const { headers, text } = await get(`${span}&format=csv`);
    expect(headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    expect(headers['content-disposition']).toMatch(/^attachment; filename="[\w.]+"$/);
    expect(text.split('\r\n')).toEqual([
      'time,value,quality',
      ...[0, 1, 2, 3].map((count) => `${minute(count)},${count + 0.5},good`),
      `${minute(9)},,bad`,
      '',
    ]);
  });

  test('buckets as CSV and as NDJSON', async () => {
    const query = `${span}&bucket=5m&agg=max,count&fill=null`;
    expect((await get(`${query}&format=csv`)).text).toBe(`time,max,count\r\n${minute(0)},3.5,4\r\n${minute(5)},,0\r\n`);
    expect((await get(`${query}&format=ndjson`)).json).toEqual([
      { time: minute(0), max: 3.5, count: 4 },
      { time: minute(5), max: null, count: 0 },
    ]);
  });

  test('an order and a number of lines are heeded, and nothing is an empty stream', async () => {
    const { json } = await get(`${span}&format=ndjson&order=desc&limit=2`);
    expect(json).toEqual([
      { time: minute(9), value: null, quality: 'bad' },
      { time: minute(3), value: 3.5, quality: 'good' },
    ]);
    const none = 'start=2030-01-01T00:00:00Z&end=2030-01-02T00:00:00Z';
    expect((await get(`${none}&format=ndjson`)).text).toBe('');
    expect((await get(`${none}&format=csv`)).text).toBe('time,value,quality\r\n');
  });

  test('many points as CSV and NDJSON: each line names its point', async () => {
    const body = { points: [{ point_id: world.pointId, unit: 'degF' }], start: minute(0), end: minute(2) };
    expect((await post({ ...body, format: 'csv' })).text.split('\r\n')).toEqual([
      'point_id,site,asset,point,unit,time,value,quality',
      `${world.pointId},ucl-east-campus,AHU-01,sat,degF,${minute(0)},32.9,good`,
      `${world.pointId},ucl-east-campus,AHU-01,sat,degF,${minute(1)},34.7,good`,
      '',
    ]);
    expect((await post(body, { accept: 'application/x-ndjson' })).json).toEqual([
      { point_id: world.pointId, time: minute(0), value: 32.9, quality: 'good' },
      { point_id: world.pointId, time: minute(1), value: 34.7, quality: 'good' },
    ]);
  });

  test.each([
    ['=HYPERLINK("http://a.example";"x")', '"\'=HYPERLINK(""http://a.example"";""x"")"'],
    ['+1+cmd|/c', "'+1+cmd|/c"],
    ['-2', "'-2"],
    ['@SUM(1)', "'@SUM(1)"],
    [' =1', "' =1"],
    ['＝1', "'＝1"],
    ['a,b', '"a,b"'],
    ['a\nb', '"a\nb"'],
    ['say "hi"', '"say ""hi"""'],
    ['sat', 'sat'],
    ['température', 'température'],
  ])('the name %j is a cell of CSV that no spreadsheet runs', async (name, cell) => {
    await api.database.db.updateTable('point').set({ name }).where('id', '=', world.pointId).execute();
    const { text } = await post({ points: [world.pointId], start: minute(0), end: minute(1), format: 'csv' });
    expect(text.slice(text.indexOf('\r\n') + 2)).toBe(
      `${world.pointId},ucl-east-campus,AHU-01,${cell},degC,${minute(0)},0.5,good\r\n`,
    );
  });

  test.each([
    ['text/csv', 'text/csv'],
    ['application/x-ndjson', 'application/x-ndjson'],
    ['text/csv;q=0.5, application/x-ndjson;q=0.9', 'application/x-ndjson'],
    ['text/csv, application/json;q=0.5', 'text/csv'],
    ['application/json, text/csv', 'application/json'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
    ['text/csv;q=0', 'application/json'],
    ['text/csv;q=abc', 'application/json'],
    ['TEXT/CSV', 'text/csv'],
    ['*/*', 'application/json'],
    [',;=,', 'application/json'],
  ])('Accept: %s is answered as %s', async (accept, mediaType) => {
    const { headers } = await get(`${span}&limit=1`, { accept });
    expect(String(headers['content-type']).split(';')[0]).toBe(mediaType);
    expect(headers.vary).toBe('accept');
  });

  test('format says it before Accept does, a cursor is of pages, and what is refused is refused as usual', async () => {
    const { headers } = await get(`${span}&format=json`, { accept: 'text/csv' });
    expect(headers['content-type']).toMatch(/^application\/json/);
    for (const query of [`${span}&format=csv&cursor=x`, 'bucket=1m&format=csv', `${span}&unit=kPa&format=csv`])
      expect([query, (await get(query)).headers['content-type']]).toEqual([
        query,
        'application/problem+json; charset=utf-8',
      ]);
  });

  test('HEAD tells of a stream what GET does, without one', async () => {
    const { status, headers, text } = await api.call('HEAD', `${path()}?${year}&format=csv`, { key: world.key });
    expect([status, headers['content-type'], text]).toEqual([200, 'text/csv; charset=utf-8; header=present', '']);
  });
});

describe('long ones', () => {
  /** A stream, from its first line on; whoever does not read it is not sent more. */
  async function open(query: string): Promise<IncomingMessage> {
    const request = httpGet(`${address}${path()}?${query}`, { headers: { authorization: `Bearer ${world.key}` } });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause();
    return response;
  }
  const pagesOfYear = Math.ceil(minutesOfYear / 10_000);
  /** How many times a connection of the pool was taken while `work` went on. */
  async function takenDuring(work: () => Promise<unknown>): Promise<number> {
    let taken = 0;
    const count = () => taken++;
    api.database.pool.on('acquire', count);
    await work();
    api.database.pool.off('acquire', count);
    return taken;
  }

  test('a year of readings a minute apart, as CSV, has every one of them, and memory stays flat', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const inUse = () => {
      // Buffers outside of the heap go with the second collection.
      collect();
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const response = await open(`${year}&format=csv`);
    const before = inUse();
    let lines = 0;
    let measuredAt = 0;
    let most = 0;
    let last = '';
    for await (const chunk of response) {
      const text = String(chunk);
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
      last = text;
      if (lines - measuredAt < 25_000) continue;
      measuredAt = lines;
      most = Math.max(most, inUse() - before);
    }
    expect(lines).toBe(minutesOfYear + 1);
    expect(last.trimEnd().split('\r\n').at(-1)).toBe('2025-12-31T23:59:00Z,599,good');
    // All of it at once would be 20 MB of text, and five times that as rows.
    expect(most).toBeLessThan(3_000_000);
  });

  test('a client that does not read stops the reading: what sockets hold is sent, and no more is asked of the database', async () => {
    const years = 20;
    const body = { points: Array.from({ length: years }, () => world.pointId), ...spanOfYear, format: 'ndjson' };
    const request = httpRequest(`${address}/api/v1/telemetry/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.key}`, 'content-type': 'application/json' },
    });
    let taken = 0;
    const count = () => taken++;
    api.database.pool.on('acquire', count);
    request.end(JSON.stringify(body));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause();
    for (let before = -1; before !== taken; ) {
      before = taken;
      await sleep(1_000);
    }
    api.database.pool.off('acquire', count);
    expect(taken).toBeLessThan((years * pagesOfYear) / 5);
    response.destroy();
  });

  test('a client that pauses gets the rest where it was', async () => {
    const response = await open(`${year}&format=ndjson`);
    await sleep(500);
    let lines = 0;
    for await (const chunk of response) lines += String(chunk).split('\n').length - 1;
    expect(lines).toBe(minutesOfYear);
  });

  test('a client that goes ends the reading, and leaves its place to others', async () => {
    const taken = await takenDuring(async () => {
      for (let i = 0; i < 20; i++) (await open(`${year}&format=csv`)).destroy();
      await sleep(1_000);
    });
    expect(taken).toBeLessThan(20 * pagesOfYear * 0.25);
    expect((await get(`${span}&format=csv`)).status).toBe(200);
  });

  test('a tenant has eight streams at once, and is told to come again for a ninth; another has its own', async () => {
    const open8 = await Promise.all(Array.from({ length: 8 }, () => open(`${year}&format=csv`)));
    const ninth = await get(`${span}&format=csv`);
    expect([ninth.status, ninth.json.error, ninth.headers['retry-after']]).toEqual([503, 'query_busy', '1']);
    expect((await get(span)).status).toBe(200);
    const other = await makeWorld(api.database);
    const theirs = `/api/v1/points/${other.pointId}/readings?format=csv`;
    expect((await api.call('GET', theirs, { key: other.key })).status).toBe(200);
    for (const response of open8) response.destroy();
    await expect.poll(async () => (await get(`${span}&format=csv`)).status).toBe(200);
  });

  test('buckets of a year are a stream as well', async () => {
    await storeReadings(api, world.seriesId, [{ at: '2024-12-31T23:59:00Z', value: 1 }]);
    await sql`update rollup_progress set settled_through = ${new Date(yearMs)}::timestamptz`.execute(api.database.db);
    const { text } = await get(`${year}&bucket=15m&agg=count,max&format=csv`);
    const lines = text.trimEnd().split('\r\n');
    expect([lines.length, lines[1], lines.at(-1)]).toEqual([
      35_041,
      '2025-01-01T00:00:00Z,15,14',
      '2025-12-31T23:45:00Z,15,599',
    ]);
  });
});
