/** Readings over HTTP: a verdict for each row, given after its commit. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { freshTime, row, site, valuesByTime } from './support/telemetry-rows.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/telemetry';
const post = (body: unknown, url = path, headers = {}) => api.call('POST', url, { key: world.key, body, headers });
const lines = (payload: string | Buffer, headers = {}) =>
  api.call('POST', path, {
    key: world.key,
    payload,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  });

const stored = (pointId = world.pointId) => valuesByTime(api, pointId);

describe('a JSON body', () => {
  test('is one row, an array of rows, or readings; each row gets its verdict, in order', async () => {
    const [first, second] = [row(), row({ value: 2 })];
    const one = await post(first);
    expect([one.status, one.json]).toEqual([
      200,
      {
        data: {
          received: 1,
          stored: 1,
          duplicates: 0,
          conflicts: 0,
          refused: 0,
          verdicts: [{ row: 0, verdict: 'stored' }],
        },
      },
    ]);
    const more = await post([
      second,
      { ...first, value: 3 },
      first,
      second,
      { ...second, value: 9 },
      row({ value: 'x' }),
    ]);
    expect(more.json.data).toMatchObject({ received: 6, stored: 1, duplicates: 2, conflicts: 2, refused: 1 });
    expect(more.json.data.verdicts.map(({ verdict }: { verdict: string }) => verdict)).toEqual([
      'stored',
      'conflict',
      'duplicate',
      'duplicate',
      'conflict',
      'refused',
    ]);
    expect(more.json.data.verdicts[5]).toMatchObject({ row: 5, reason: 'unusable_value' });
    expect((await post({ readings: [first] })).json.data.duplicates).toBe(1);
    expect(await stored()).toMatchObject({ [first.time]: 1, [second.time]: 2 });
  });

  test('of a key twice in a body, a row that equals what the table has is a duplicate, wherever it stands', async () => {
    const first = row({ value: 5 });
    await post(first);
    const { json } = await post([{ ...first, value: 6 }, first, { ...first, value: 6 }]);
    expect(json.data.verdicts.map(({ verdict }: { verdict: string }) => verdict)).toEqual([
      'conflict',
      'duplicate',
      'conflict',
    ]);
  });

  test.each([
    ['2026-02-03T04:05:06.123456Z', '2026-02-03T04:05:06.123Z', 'ISO 8601 with microseconds'],
    [1770091507, '2026-02-03T04:05:07.000Z', 'seconds'],
    [1770091508000, '2026-02-03T04:05:08.000Z', 'milliseconds'],
    [1770091509000000, '2026-02-03T04:05:09.000Z', 'microseconds'],
    ['2026-07-03T04:05:10', '2026-07-03T03:05:10.000Z', "a local time in the site's zone"],
  ])('reads the time %j as %s: %s', async (time, expected, _) => {
    for (const name of ['ts', 'time', 'timestamp']) {
      expect((await post({ ...row(), time: undefined, [name]: time })).json.data.refused).toBe(0);
    }
    expect(await stored()).toHaveProperty([expected]);
  });

  test('takes booleans, states, qualities and values that are no numbers, and no time as now', async () => {
    await api.database.pool.query(`update point set states = '{"ON": 1, "OFF": 0}' where id = $1`, [world.pointId]);
    try {
      // The directory remembers a point for a while; its id is asked for each time.
      const [on, off, bad] = [freshTime(), freshTime(), freshTime()];
      const by = { point_id: world.pointId };
      const reply = await post([
        { ...by, time: on, value: 'ON' },
        { ...by, time: off, value: false, quality: 'uncertain' },
        { ...by, time: bad, value: null },
        { ...by, value: 3 },
        { ...by, time: freshTime(), value: 'AUTO' },
      ]);
      expect(reply.json.data).toMatchObject({ stored: 4, refused: 1 });
      expect(await stored()).toMatchObject({ [on]: 1, [off]: 0, [bad]: null });
    } finally {
      await api.database.pool.query('update point set states = null where id = $1', [world.pointId]);
    }
  });

  test('names points by id, by their own URI, by the URI of their asset, or by names', async () => {
    await api.database.pool.query(`update point set external_id = 'urn:point:1', source = 'm' where id = $1`, [
      world.pointId,
    ]);
    const plain = () => ({ time: freshTime(), value: 1 });
    const reply = await post([
      { point_id: world.pointId, ...plain() },
      { point_id: world.pointId.toUpperCase(), ...plain() },
      { uri: 'urn:point:1', ...plain() },
      { uri: `${world.base}#AHU-01`, point: 'sat', ...plain() },
      row(),
    ]);
    expect(reply.json.data.stored).toBe(5);
  });

  test.each([
    [{ value: 1 }, 'malformed', 'site is missing'],
    [{ site, asset: 'AHU-01', value: 1 }, 'malformed', 'point is missing'],
    [{ site, asset: 'AHU-01', point: 'sat' }, 'malformed', 'value'],
    [{ site, asset: 'AHU-01', point: 'sat', value: 1, timestam: 'x' }, 'malformed', 'timestam'],
    [{ site, asset: 'AHU-01', point: 'sat', value: 1, time: 1, ts: 1 }, 'malformed', 'time and ts'],
    [{ site, asset: 'AHU-01', point: 'sat', value: [1] }, 'unusable_value', ''],
    [{ site, asset: 'AHU-01', point: 'sat', value: 1, quality: 'lovely' }, 'malformed', 'quality'],
    [{ site, asset: 'AHU-01', point: 'sat', value: 1, time: 'noon' }, 'time_unreadable', 'noon'],
    [{ site, asset: 'AHU-01', point: 'sat', value: 1, time: '2126-01-01T00:00:00Z' }, 'time_in_future', ''],
    [{ site, asset: 'AHU-01', point: 'sat', value: 1, time: '1970-01-02T00:00:00Z' }, 'time_too_old', ''],
    [{ site: 'nowhere', asset: 'AHU-01', point: 'sat', value: 1 }, 'unknown_site', 'nowhere'],
    [{ site, asset: 'AHU-01', point: 'nothing', value: 1 }, 'unknown_point', 'discovery is off'],
    [{ site: 'a\u0000b', asset: 'AHU-01', point: 'sat', value: 1 }, 'malformed', 'site'],
    [{ site, asset: 'AHU-01', point: '\ud800', value: 1 }, 'malformed', 'point'],
    [{ point_id: 'x', value: 1 }, 'malformed', 'point_id'],
    [{ point_id: newId(), value: 1 }, 'unknown_point', ''],
    [{ uri: 'urn:nothing', value: 1 }, 'unknown_point', ''],
    [{ uri: 'urn:a\u0000', value: 1 }, 'malformed', 'uri'],
    [[], 'malformed', 'a row is'],
    [null, 'malformed', 'a row is'],
  ])('refuses the row %j as %s, and stores the good one beside it', async (bad, reason, detail) => {
    const { status, json } = await post([bad, row()]);
    expect([status, json.data.stored]).toEqual([200, 1]);
    expect(json.data.verdicts[0]).toMatchObject({ row: 0, verdict: 'refused', reason });
    expect(json.data.verdicts[0].detail).toContain(detail);
  });

  test.each([
    ['', 400, 'malformed_json'],
    ['{"value":', 400, 'malformed_json'],
    ['[{"value":1},', 400, 'malformed_json'],
    ['7', 400, 'validation_failed'],
    ['{"readings": 1}', 400, 'validation_failed'],
    ['{"readings": [], "more": 1}', 400, 'validation_failed'],
    ['['.repeat(1_000_000), 400, 'malformed_json'],
    [`[${'{"value":1},'.repeat(10_000)}{"value":1}]`, 413, 'body_too_large'],
    ['x'.repeat(9 * 1_048_576), 413, 'body_too_large'],
    [Buffer.from([0x7b, 0xff, 0x7d]), 400, 'malformed_json'],
  ])('that is no rows at all (%#) is refused', async (payload, status, error) => {
    const reply = await api.call('POST', path, {
      key: world.key,
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect([reply.status, reply.json.error]).toEqual([status, error]);
  });

  test('of another media type or coding is 415, and says what is possible', async () => {
    const type = await api.call('POST', path, {
      key: world.key,
      payload: 'a=1',
      headers: { 'content-type': 'text/plain' },
    });
    expect([type.status, type.headers.accept]).toEqual([415, 'application/json, application/x-ndjson']);
    const coding = await post(row(), path, { 'content-encoding': 'br' });
    expect([coding.status, coding.headers['accept-encoding']]).toEqual([415, 'gzip']);
  });

  test('may be gzip; a broken one is 400, and one that swells beyond measure 413', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const send = (payload: Buffer) => api.call('POST', path, { key: world.key, payload, headers });
    expect((await send(gzipSync(JSON.stringify([row()])))).json.data.stored).toBe(1);
    expect((await send(Buffer.from('[]'))).json.errors[0].code).toBe('not_gzip');
    expect((await send(gzipSync(JSON.stringify([row()])).subarray(0, 30))).status).toBe(400);
    expect((await send(gzipSync(Buffer.alloc(50 * 1_048_576)))).status).toBe(413);
  });

  test('with an Idempotency-Key gives its first answer again, and does not take another body', async () => {
    const headers = { 'idempotency-key': newId() };
    const body = [row()];
    const first = await post(body, path, headers);
    const again = await post(body, path, headers);
    expect(again.json).toEqual(first.json);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await post([row()], path, headers)).json.error).toBe('idempotency_key_reused');
  });

  test('with Prefer: return=minimal tells of refused rows alone', async () => {
    const { json, headers } = await post([row(), { value: 1 }], path, { prefer: 'return=minimal' });
    expect(headers['preference-applied']).toBe('return=minimal');
    expect(json.data.verdicts).toEqual([expect.objectContaining({ row: 1, verdict: 'refused' })]);
  });
});

describe('an NDJSON body', () => {
  test('is answered with a verdict a line and a summary in the last', async () => {
    const first = row();
    const text = `\ufeff${JSON.stringify(first)}\r\n\n{"value":\n${JSON.stringify(first)}\n${JSON.stringify(row())}`;
    const { status, json, headers } = await lines(text);
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    expect(json).toEqual([
      { row: 0, verdict: 'stored' },
      { row: 1, verdict: 'refused', reason: 'malformed', detail: expect.stringContaining('not JSON') },
      { row: 2, verdict: 'duplicate' },
      { row: 3, verdict: 'stored' },
      { summary: { received: 4, stored: 2, duplicates: 1, conflicts: 0, refused: 1 } },
    ]);
  });

  test('may be empty, gzip, minimal, or carry an Idempotency-Key', async () => {
    const zero = { received: 0, stored: 0, duplicates: 0, conflicts: 0, refused: 0 };
    expect((await lines('')).json).toEqual([{ summary: zero }]);
    const text = `${JSON.stringify(row())}\n${JSON.stringify({ value: 1 })}\n`;
    expect((await lines(gzipSync(text), { 'content-encoding': 'gzip' })).json.at(-1).summary).toMatchObject({
      stored: 1,
    });
    const minimal = await lines(text, { prefer: 'return=minimal' });
    expect(minimal.json.data).toMatchObject({ received: 2, duplicates: 1, refused: 1, verdicts: [{ row: 1 }] });
    const key = { 'idempotency-key': newId() };
    const other = `${JSON.stringify(row())}\n`;
    expect((await lines(other, key)).json.data).toMatchObject({ stored: 1, verdicts: [{ row: 0, verdict: 'stored' }] });
    expect((await lines(other, key)).json.data).toMatchObject({ stored: 1 });
  });

  test('refuses a line that is too long or not UTF-8, and goes on behind it', async () => {
    const bad = Buffer.from([0x7b, 0xff, 0x7d, 0x0a]);
    const { json } = await lines(
      Buffer.concat([Buffer.from(`"${'x'.repeat(20_000)}"\n`), bad, Buffer.from(JSON.stringify(row()))]),
    );
    expect(json.map(({ reason, verdict }: { reason?: string; verdict?: string }) => reason ?? verdict)).toEqual([
      'malformed',
      'malformed',
      'stored',
      undefined,
    ]);
  });

  test('without a line end is given up after some megabytes', async () => {
    expect((await lines(Buffer.alloc(6 * 1_048_576, 0x61))).json.error).toBe('body_too_large');
    const bomb = gzipSync(Buffer.alloc(300 * 1_048_576, 0x0a));
    expect((await lines(bomb, { 'content-encoding': 'gzip' })).json.error).toBe('body_too_large');
  });
});
