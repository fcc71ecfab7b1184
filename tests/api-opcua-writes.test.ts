/** Writing to a real server: only to nodes that a connection names, in their types, and each try on record; and whom we trust before. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { nodeKey, type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';

let api: TestApi;
let world: World;
let other: World;
let server: OpcuaServer;
let id: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
  server = await startOpcuaServer({
    items: 1,
    hz: 0,
    users: { operator: 'let me in' },
    securityModes: ['none', 'sign_and_encrypt'],
  });
  id = await connect({
    writable_nodes: ['setpoint', 'mode', 'enabled', 'label', 'array', 'double', 'gone'].map(nodeKey),
  });
});
afterAll(async () => {
  await api.close();
  await server.stop();
});

const path = '/api/v1/opcua-connections';
const call = (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.call(method, url, { key: world.key, headers, ...(body !== undefined && { body }) });
let count = 0;
async function connect(more: object = {}): Promise<string> {
  const body = {
    name: `Server ${++count}`,
    site: 'plant',
    endpoint_url: server.endpointUrl,
    security: { mode: 'none', policy: 'none' },
    ...more,
  };
  const made = await call('POST', path, body);
  expect(made.status).toBe(201);
  return made.json.data.id;
}
const write = async (name: string, value: unknown) =>
  (await call('POST', `${path}/${id}/writes`, { node: nodeKey(name), value })).json;

describe('a value', () => {
  test.each([
    ['setpoint', 6.5, 7],
    ['mode', 2, 1],
    ['enabled', false, true],
    ['label', 'pump 2', 'pump 1'],
  ])('is written to %s in its own type, and what was there before is noted', async (name, value, previous) => {
    expect((await write(name, value)).data).toMatchObject({
      state: 'written',
      status: 'Good',
      value,
      previous,
      detail: null,
    });
    expect(await server.readValue(name)).toEqual(value);
  });

  test.each<[string, unknown, RegExp]>([
    ['setpoint', 'cold', /Double: a number/],
    ['mode', 1.5, /whole number from -2147483648/],
    ['mode', 2_147_483_648, /to 2147483647/],
    ['enabled', 1, /true or false/],
    ['label', 7, /String: a text/],
    ['array', 7, /array/],
    ['gone', 7, /has no value/],
  ])('of another type is not sent to %s', async (name, value, detail) => {
    const before = await server.readValue(name).catch(() => undefined);
    expect((await write(name, value)).data).toMatchObject({ state: 'refused', detail: expect.stringMatching(detail) });
    expect(await server.readValue(name).catch(() => undefined)).toEqual(before);
  });

  test('that the server refuses is answered with its StatusCode', async () => {
    expect((await write('double', 7)).data).toMatchObject({
      state: 'refused',
      status: 'BadNotWritable',
      previous: 21.5,
    });
  });

  test('for a node that the connection does not name, or while it is off, goes nowhere and is on record', async () => {
    const closed = await connect();
    const body = { node: nodeKey('setpoint'), value: 99 };
    const refused = await call('POST', `${path}/${closed}/writes`, body);
    expect(refused).toMatchObject({ status: 409, json: { error: 'opcua_not_writable' } });
    await call('PATCH', `${path}/${closed}`, { writable_nodes: [nodeKey('setpoint')], enabled: false });
    expect((await call('POST', `${path}/${closed}/writes`, body)).status).toBe(409);
    expect(await server.readValue('setpoint')).not.toBe(99);
    const listed = await call('GET', `${path}/${closed}/writes`);
    expect(listed.json.data.map(({ state, detail }: { state: string; detail: string }) => [state, detail])).toEqual([
      ['refused', 'the connection is off'],
      ['refused', 'the connection does not allow it'],
    ]);
  });

  test('is written once for one Idempotency-Key', async () => {
    const send = (value: number) =>
      call('POST', `${path}/${id}/writes`, { node: nodeKey('setpoint'), value }, { 'idempotency-key': 'one-write' });
    const first = await send(5);
    await server.setValue('setpoint', 8);
    expect((await send(5)).json).toEqual(first.json);
    expect(await server.readValue('setpoint')).toBe(8);
    expect((await send(4)).status).toBe(422);
  });

  test('is for nobody without the scope, and for no other tenant', async () => {
    const body = { node: nodeKey('setpoint'), value: 99 };
    const reader = await world.makeKey({ scopes: ['opcua:read', 'opcua:write'] });
    expect((await api.call('POST', `${path}/${id}/writes`, { key: reader, body })).status).toBe(403);
    for (const method of ['POST', 'GET'])
      expect(
        (await api.call(method, `${path}/${id}/writes`, { key: other.key, ...(method === 'POST' && { body }) })).status,
      ).toBe(404);
    expect(await server.readValue('setpoint')).not.toBe(99);
  });

  test('for a server that cannot be reached is on record as refused', async () => {
    const away = await connect({ endpoint_url: 'opc.tcp://127.0.0.1:1', writable_nodes: [nodeKey('setpoint')] });
    const tried = await call('POST', `${path}/${away}/writes`, { node: nodeKey('setpoint'), value: 1 });
    expect(tried.json.data).toMatchObject({
      state: 'refused',
      status: null,
      detail: expect.stringMatching(/127\.0\.0\.1:1/),
    });
  });
});

describe('the certificate of a server', () => {
  test('is listed as rejected when it is first seen, and trusted by a call', async () => {
    const security = { mode: 'sign_and_encrypt', policy: 'basic256sha256' };
    const identity = { kind: 'username', username: 'operator', password: 'let me in' };
    const secure = await connect({ security, identity });
    const trial = async () => (await call('POST', `${path}/${secure}/test`)).json.data;
    expect(await trial()).toMatchObject({ works: false, reason: 'certificate_untrusted' });
    const seen = await call('GET', '/api/v1/opcua-certificates?state=rejected');
    expect(seen.json.data).toMatchObject([
      { state: 'rejected', reason: 'certificate_untrusted', endpoint_url: server.endpointUrl },
    ]);
    expect((await api.call('GET', '/api/v1/opcua-certificates', { key: other.key })).json.data).toEqual([]);
    const [certificate] = seen.json.data;
    const trusted = await call('POST', `/api/v1/opcua-certificates/${certificate.id}/trust`);
    expect(trusted.json.data).toMatchObject({ state: 'trusted', decided_at: expect.any(String) });
    expect(await trial()).toMatchObject({
      works: true,
      reason: null,
      namespaces: expect.arrayContaining(['urn:faultline:test:numbers']),
    });
    await call('PATCH', `${path}/${secure}`, { identity: { ...identity, password: 'wrong' } });
    const wrong = await trial();
    expect(wrong).toMatchObject({ works: false, reason: 'identity_rejected' });
    expect(JSON.stringify(wrong)).not.toContain('wrong ');
    expect((await call('DELETE', `/api/v1/opcua-certificates/${certificate.id}`)).status).toBe(204);
    expect(await trial()).toMatchObject({ works: false, reason: 'certificate_untrusted' });
  });
});
