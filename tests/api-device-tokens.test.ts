import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { passwordMatches } from './support/devices.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now, mqttUrls: ['mqtt://127.0.0.1:1883'] });
});
afterAll(() => api.close());
beforeEach(async () => {
  now = new Date('2026-04-11T18:22:33.000Z');
  world = await makeWorld(api.database);
});

const path = '/api/v1/devices';
let serial = 0;
const nextSerial = () => `SN-${serial++}`;

const isPassword = (id: string, password: string) => passwordMatches(api, { id, password });

describe('one-time tokens', () => {
  const tokens = '/api/v1/device-tokens';
  const provision = (body: object, headers: Record<string, string> = {}) =>
    api.call('POST', `${path}/provision`, { body, headers });
  const makeToken = async (body: object = {}) => {
    const reply = await api.call('POST', tokens, { key: world.key, body: { name: 'Line 3', ...body } });
    expect(reply.status).toBe(201);
    return reply.json.data as { id: string; token: string; expires_at: string };
  };

  test('a device with a token, and no API key, gets credentials with the grants of the token', async () => {
    const { token, expires_at } = await makeToken({
      site: 'ucl-east-campus',
      asset_name: '{external_id}',
      publish_grants: ['telemetry/{site}/{asset}/#'],
    });
    expect(expires_at).toBe('2026-04-12T18:22:33Z');
    const external_id = nextSerial();
    const { status, json } = await provision({ token, external_id, name: 'Pump' });
    expect(status).toBe(201);
    expect(json.data).toMatchObject({
      name: 'Pump',
      site: 'ucl-east-campus',
      publish_grants: [`telemetry/ucl-east-campus/${external_id}/#`],
      mqtt_urls: ['mqtt://127.0.0.1:1883'],
    });
    expect(await isPassword(json.data.device_id, json.data.password)).toBe(true);
    const device = await api.call('GET', `${path}/${json.data.device_id}`, { key: world.key });
    expect(device.json.data).toMatchObject({ external_id, asset_name: external_id, username: json.data.username });
  });

  test('a token is shown once, listed without its secret, and its state tells what became of it', async () => {
    const { id, token } = await makeToken();
    const list = await api.call('GET', tokens, { key: world.key });
    expect(list.json.data).toMatchObject([{ id, state: 'usable', uses: 0, max_uses: 1, prefix: token.slice(0, 8) }]);
    expect(list.text).not.toContain(token);
    await provision({ token, external_id: nextSerial() });
    expect((await api.call('GET', `${tokens}/${id}`, { key: world.key })).json.data).toMatchObject({
      state: 'used',
      uses: 1,
    });
    expect((await api.call('GET', `${tokens}?state=usable`, { key: world.key })).json.total).toBe(0);
    expect((await api.call('GET', `${tokens}?state=used`, { key: world.key })).json.total).toBe(1);
  });

  test('a token that is used, expired, revoked or made up is refused, each with its own code', async () => {
    const used = await makeToken();
    await provision({ token: used.token, external_id: nextSerial() });
    const revoked = await makeToken();
    expect((await api.call('DELETE', `${tokens}/${revoked.id}`, { key: world.key })).status).toBe(204);
    const expired = await makeToken({ expires_at: '2026-04-11T19:00:00Z' });
    now = new Date('2026-04-11T19:00:00Z');
    for (const [token, status, error] of [
      [used.token, 409, 'device_token_used'],
      [revoked.token, 401, 'device_token_revoked'],
      [expired.token, 401, 'device_token_expired'],
      ['fdt_made-up', 401, 'device_token_invalid'],
    ] as const) {
      expect(await provision({ token, external_id: nextSerial() })).toMatchObject({ status, json: { error } });
    }
    expect((await api.call('GET', path, { key: world.key })).json.total).toBe(1);
  });

  test('If-Match holds where one is revoked, and one that is revoked keeps its version', async () => {
    const { id, token } = await makeToken({ max_uses: 2 });
    const get = () => api.call('GET', `${tokens}/${id}`, { key: world.key });
    const revoke = (etag: unknown) =>
      api.call('DELETE', `${tokens}/${id}`, { key: world.key, headers: { 'if-match': String(etag) } });
    const { headers: unused } = await get();
    await provision({ token, external_id: nextSerial() });
    expect(await revoke(unused.etag)).toMatchObject({ status: 412, json: { error: 'precondition_failed' } });
    expect((await get()).json.data.state).toBe('usable');
    expect((await revoke((await get()).headers.etag)).status).toBe(204);
    const { headers: revoked, json } = await get();
    expect(json.data.state).toBe('revoked');
    expect((await revoke(revoked.etag)).status).toBe(204);
    expect((await get()).headers.etag).toBe(revoked.etag);
  });

  test('of many exchanges at once, as many succeed as the token allows', async () => {
    for (const max_uses of [1, 3]) {
      const { id, token } = await makeToken({ max_uses });
      const replies = await Promise.all(
        Array.from({ length: 8 }, () => provision({ token, external_id: nextSerial() })),
      );
      const statuses = replies.map(({ status }) => status).sort();
      expect(statuses).toEqual([...Array(max_uses).fill(201), ...Array(8 - max_uses).fill(409)]);
      expect((await api.call('GET', `${tokens}/${id}`, { key: world.key })).json.data.uses).toBe(max_uses);
    }
  });

  test('an exchange that fails uses nothing', async () => {
    const external_id = nextSerial();
    await api.call('POST', path, { key: world.key, body: { name: 'x', external_id } });
    const { id, token } = await makeToken();
    const reply = await provision({ token, external_id });
    expect(reply).toMatchObject({
      status: 409,
      json: { error: 'device_conflict', errors: [{ pointer: '/external_id' }] },
    });
    expect((await api.call('GET', `${tokens}/${id}`, { key: world.key })).json.data.uses).toBe(0);
  });

  test('a serial number that is a wildcard does not widen the grants of a token', async () => {
    const { token } = await makeToken({ publish_grants: ['telemetry/{external_id}/#'] });
    for (const external_id of ['+', '#', 'a/b', '$SYS'])
      expect((await provision({ token, external_id })).status).toBe(400);
  });

  test('with an Idempotency-Key a lost answer can be asked for again: the same device, another password', async () => {
    const { token } = await makeToken();
    const body = { token, external_id: nextSerial() };
    const headers = { 'idempotency-key': 'boot-1' };
    const first = await provision(body, headers);
    const second = await provision(body, headers);
    expect([second.status, second.headers['idempotent-replayed']]).toEqual([201, 'true']);
    expect(second.json.data.device_id).toBe(first.json.data.device_id);
    expect(await isPassword(first.json.data.device_id, first.json.data.password)).toBe(false);
    expect(await isPassword(first.json.data.device_id, second.json.data.password)).toBe(true);
    const stranger = await provision(body, { 'idempotency-key': 'boot-2' });
    expect(stranger).toMatchObject({ status: 409, json: { error: 'device_token_used' } });
    expect(await provision(body)).toMatchObject({ status: 409 });
    now = new Date(now.getTime() + 11 * 60_000);
    expect(await provision(body, headers)).toMatchObject({ status: 409, json: { error: 'device_token_used' } });
  });

  test('once the device has connected, nobody gets its credentials again', async () => {
    const { token } = await makeToken();
    const body = { token, external_id: nextSerial() };
    const headers = { 'idempotency-key': 'boot-3' };
    const { json } = await provision(body, headers);
    await api.database.db.updateTable('device').set({ connects: 1 }).where('id', '=', json.data.device_id).execute();
    expect((await provision(body, headers)).status).toBe(409);
  });

  test.each([
    ['/publish_grants/0', { publish_grants: ['telemetry/{site}/#'] }],
    ['/expires_at', { expires_at: '2026-04-11T18:00:00Z' }],
    ['/expires_at', { expires_at: '2028-04-11T18:00:00Z' }],
    ['/expires_at', { expires_at: 'tomorrow' }],
    ['/max_uses', { max_uses: 0 }],
    ['/site', { site: 'nowhere' }],
  ])('what is wrong with a token is said when it is made: %s for %j', async (pointer, body) => {
    const reply = await api.call('POST', tokens, { key: world.key, body: { name: 'x', ...body } });
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  test("another tenant's token is not found", async () => {
    const { id } = await makeToken();
    const stranger = await makeWorld(api.database);
    expect((await api.call('GET', `${tokens}/${id}`, { key: stranger.key })).status).toBe(404);
    expect((await api.call('DELETE', `${tokens}/${id}`, { key: stranger.key })).status).toBe(404);
    expect((await api.call('GET', tokens, { key: stranger.key })).json.total).toBe(0);
  });

  test('who guesses tokens is not heard for a while', async () => {
    const guess = (n: number) => provision({ token: `fdt_${n}`, external_id: 'x' });
    const statuses: number[] = [];
    for (let n = 0; n < 30; n++) statuses.push((await guess(n)).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    expect((await guess(31)).headers['retry-after']).toBe('60');
  });
});
