/** Connections to OPC-UA servers by API: what is refused with which reason, who sees what, and that no secret comes out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { createOpcuaCertificate, type OpcuaCertificate } from './support/opcua-certificates.ts';

let api: TestApi;
let world: World;
let other: World;
let pair: OpcuaCertificate;
let stranger: OpcuaCertificate;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
  await api.database.pool.query(
    `insert into site (id, tenant_id, slug, name, time_zone, shard) values ($1, $2, 'their-own', 'Theirs', 'UTC', 0)`,
    [newId(), other.tenantId],
  );
  [pair, stranger] = await Promise.all([createOpcuaCertificate('A user'), createOpcuaCertificate('A stranger')]);
});
afterAll(() => api.close());

const path = '/api/v1/opcua-connections';
const call = (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.call(method, url, { key: world.key, headers, ...(body !== undefined && { body }) });
let count = 0;
const plain = () => ({
  name: `Plant ${++count}`,
  site: 'plant',
  endpoint_url: 'opc.tcp://127.0.0.1:1',
});
const password = 'a password that nobody may see';
const make = async (more: object = {}) => (await call('POST', path, { ...plain(), ...more })).json.data;

describe('a connection', () => {
  test('is closed by default: it signs and encrypts, and writes nothing', async () => {
    expect(await make()).toMatchObject({
      security: { mode: 'sign_and_encrypt', policy: 'basic256sha256' },
      identity: { kind: 'anonymous' },
      writable_nodes: [],
      enabled: true,
      source: 'api',
      status: { state: 'connecting', reason: null, items: { total: 0 }, open_gaps: 0, lag_ms: null },
    });
  });

  test('is made once for one Idempotency-Key, shown, listed, changed and deleted', async () => {
    const body = plain();
    const made = await call('POST', path, body, { 'idempotency-key': 'one-connection' });
    const again = await call('POST', path, body, { 'idempotency-key': 'one-connection' });
    expect([made.status, again.status, again.json]).toEqual([201, 201, made.json]);
    const { id, updated_at } = made.json.data;
    const member = `${path}/${id}`;
    expect((await call('GET', member)).json.data).toEqual(made.json.data);
    expect((await call('GET', `${path}?site=plant`)).json.data.map((one: { id: string }) => one.id)).toContain(id);
    expect((await call('GET', `${path}?site=ucl-east-campus`)).json.data).toEqual([]);
    expect((await call('GET', `${path}?state=disabled`)).json.data).toEqual([]);
    const changed = await call('PATCH', member, { sampling_interval_ms: 250, site: 'ucl-east-campus', enabled: false });
    expect(changed).toMatchObject({
      status: 200,
      json: {
        data: {
          sampling_interval_ms: 250,
          publishing_interval_ms: 1_000,
          site: 'ucl-east-campus',
          enabled: false,
          status: { state: 'disabled' },
        },
      },
    });
    expect(changed.json.data.updated_at > updated_at).toBe(true);
    const late = await call('PATCH', member, { enabled: true }, { 'if-match': '"stale"' });
    expect(late).toMatchObject({ status: 412, json: { error: 'precondition_failed' } });
    const on = await call('PATCH', member, { enabled: true });
    expect(on.json.data.status.state).toBe('connecting');
    expect((await call('DELETE', member)).status).toBe(204);
    expect(await call('GET', member)).toMatchObject({ status: 404, json: { error: 'opcua_connection_not_found' } });
  });

  test('has a device of its own, which is changed with it alone and goes with it', async () => {
    const { id, device_id } = await make();
    const device = `/api/v1/devices/${device_id}`;
    expect((await call('GET', device)).json.data).toMatchObject({
      protocol: 'opcua',
      site: 'plant',
      publish_grants: [`opcua/${id}`],
      subscribe_grants: [],
    });
    for (const [method, url, body] of [
      ['PATCH', device, { name: 'Another' }],
      ['DELETE', device, undefined],
      ['POST', `${device}/rotate-credentials`, {}],
      ['POST', `${device}/revoke`, undefined],
    ] as const)
      expect(await call(method, url, body)).toMatchObject({ status: 409, json: { error: 'device_of_connection' } });
    await call('DELETE', `${path}/${id}`);
    expect((await call('GET', device)).status).toBe(404);
  });

  test.each<[string, object, string]>([
    ['an address of another protocol', { endpoint_url: 'http://plc:4840' }, '/endpoint_url'],
    ['an address with a password in it', { endpoint_url: 'opc.tcp://me:secret@plc:4840' }, '/endpoint_url'],
    ['an address without a host', { endpoint_url: 'opc.tcp://' }, '/endpoint_url'],
    ['a site that there is not', { site: 'nowhere' }, '/site'],
    ['a site of another tenant', { site: 'their-own' }, '/site'],
    ['a mode without a policy', { security: { mode: 'sign', policy: 'none' } }, '/security/policy'],
    ['a policy without a mode', { security: { mode: 'none', policy: 'basic256sha256' } }, '/security/policy'],
    ['an old policy', { security: { mode: 'sign', policy: 'basic128rsa15' } }, '/security/policy'],
    ['a user without a password', { identity: { kind: 'username', username: 'me' } }, '/identity/password'],
    ['another kind of user', { identity: { kind: 'kerberos' } }, '/identity/kind'],
    ['no time between samples', { sampling_interval_ms: 0 }, '/sampling_interval_ms'],
    ['an endless outage', { bridge_ms: 1e9 }, '/bridge_ms'],
    ['a node by its index', { writable_nodes: ['ns=2;s=Setpoint'] }, '/writable_nodes/0'],
    ['an empty name', { name: ' ' }, '/name'],
    ['a property that there is not', { polling: true }, '/polling'],
  ])('is refused with %s', async (_what, wrong, pointer) => {
    const refused = await call('POST', path, { ...plain(), ...wrong });
    expect(refused).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
    expect(refused.json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });

  test('is refused with the name of another, also by a change; another tenant may have the same', async () => {
    const [one, two] = [await make(), await make()];
    const double = await call('POST', path, { ...plain(), name: one.name });
    expect(double).toMatchObject({ status: 400, json: { errors: [{ pointer: '/name', code: 'conflict' }] } });
    expect((await call('PATCH', `${path}/${two.id}`, { name: one.name })).status).toBe(400);
    expect((await call('PATCH', `${path}/${one.id}`, { name: one.name })).status).toBe(200);
    const theirs = await api.call('POST', path, { key: other.key, body: { ...plain(), name: one.name } });
    expect(theirs.status).toBe(201);
  });
});

describe('a secret', () => {
  test('of a user is in no answer, and sealed in the database', async () => {
    const identity = { kind: 'username', username: 'operator', password };
    const made = await call('POST', path, { ...plain(), identity });
    const { id } = made.json.data;
    expect(made.json.data.identity).toEqual({ kind: 'username', username: 'operator', certificate_fingerprint: null });
    const listed = await call('GET', path);
    for (const { text } of [made, listed, await call('GET', `${path}/${id}`)]) expect(text).not.toContain(password);
    const { rows } = await api.database.pool.query('select * from opcua_connection where id = $1', [id]);
    expect(rows[0].secret_sealed.includes(password)).toBe(false);
    expect(JSON.stringify(rows)).not.toContain(password);
  });

  test('stays when something else is changed, and goes when the user does', async () => {
    const { id } = await make({ identity: { kind: 'username', username: 'operator', password } });
    const changed = await call('PATCH', `${path}/${id}`, { bridge_ms: 60_000 });
    expect(changed.json.data.identity).toMatchObject({ kind: 'username', username: 'operator' });
    await call('PATCH', `${path}/${id}`, { identity: { kind: 'anonymous' } });
    const { rows } = await api.database.pool.query(
      'select username, secret_sealed from opcua_connection where id = $1',
      [id],
    );
    expect(rows).toEqual([{ username: null, secret_sealed: null }]);
  });

  test('of a certificate is refused where it is another key, or none', async () => {
    const identity = (certificate: string, private_key: string) => ({ kind: 'certificate', certificate, private_key });
    const made = await call('POST', path, { ...plain(), identity: identity(pair.certificatePem, pair.privateKeyPem) });
    expect(made.json.data.identity).toMatchObject({
      kind: 'certificate',
      certificate_fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(made.text).not.toContain('PRIVATE KEY');
    for (const [wrong, pointer] of [
      [identity(pair.certificatePem, stranger.privateKeyPem), '/identity/private_key'],
      [identity(pair.certificatePem, 'no key'), '/identity/private_key'],
      [identity('no certificate', pair.privateKeyPem), '/identity/certificate'],
    ] as const) {
      const refused = await call('POST', path, { ...plain(), identity: wrong });
      expect(refused.json.errors?.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
      expect(refused.text).not.toContain(pair.privateKeyPem.split('\n')[1]);
    }
  });
});

describe('nobody else', () => {
  test('of another tenant finds a connection, its trial or its changes', async () => {
    const { id } = await make();
    for (const [method, url] of [
      ['GET', `${path}/${id}`],
      ['PATCH', `${path}/${id}`],
      ['DELETE', `${path}/${id}`],
      ['POST', `${path}/${id}/test`],
    ] as const) {
      const body = method === 'PATCH' ? { body: { enabled: false } } : {};
      expect(await api.call(method, url, { key: other.key, ...body })).toMatchObject({
        status: 404,
        json: { error: 'opcua_connection_not_found' },
      });
    }
    expect((await api.call('GET', path, { key: other.key })).text).not.toContain(id);
  });

  test('with a key for some sites, or to read alone, changes one', async () => {
    const limited = await world.makeKey({ siteIds: [world.plantId] });
    const reader = await world.makeKey({ scopes: ['read'] });
    const { id } = await make();
    expect(await api.call('GET', path, { key: limited })).toMatchObject({
      status: 403,
      json: { error: 'site_forbidden' },
    });
    expect(await api.call('POST', `${path}/${id}/test`, { key: reader })).toMatchObject({
      status: 403,
      json: { error: 'scope_missing' },
    });
    expect((await api.call('GET', path, { key: reader })).status).toBe(200);
  });
});

describe('a trial', () => {
  test('says why a server that is not there cannot be reached', async () => {
    const { id } = await make({ security: { mode: 'none', policy: 'none' } });
    const tried = await call('POST', `${path}/${id}/test`);
    expect(tried).toMatchObject({
      status: 200,
      json: { data: { works: false, reason: 'unreachable', namespaces: [] } },
    });
    expect(tried.json.data.detail).toMatch(/127\.0\.0\.1:1/);
  });
});

describe('certificates', () => {
  const certificates = '/api/v1/opcua-certificates';

  test('and connections are shown as they are also to who knows their version, which what is seen of them does not move', async () => {
    const { id } = await make();
    const given = (await call('POST', certificates, { certificate: pair.certificatePem })).json.data;
    const { db } = api.database;
    const get = async (url: string, known?: unknown) =>
      api.call('GET', url, { key: world.key, headers: known === undefined ? {} : { 'if-none-match': String(known) } });
    const [one, other] = [await get(`${path}/${id}`), await get(`${certificates}/${given.id}`)];
    await db.updateTable('opcua_connection').set({ state: 'failing' }).where('id', '=', id).execute();
    await db.updateTable('opcua_certificate').set({ reason: 'expired' }).where('id', '=', given.id).execute();
    expect((await get(`${path}/${id}`, one.headers.etag)).json.data.status.state).toBe('failing');
    expect((await get(`${certificates}/${given.id}`, other.headers.etag)).json.data.reason).toBe('expired');
    await call('DELETE', `${certificates}/${given.id}`);
  });

  test('are given ahead, trusted, listed and forgotten; one that is none is refused', async () => {
    const given = await call('POST', certificates, { certificate: pair.certificatePem });
    expect(given).toMatchObject({
      status: 201,
      json: { data: { state: 'trusted', application_uri: pair.applicationUri, seen_at: null } },
    });
    const { id, fingerprint } = given.json.data;
    const twice = await call('POST', certificates, { certificate: pair.certificatePem });
    expect(twice.json.data.id).toBe(id);
    const listed = await call('GET', `${certificates}?state=trusted`);
    expect(listed.json.data.map((one: { fingerprint: string }) => one.fingerprint)).toEqual([fingerprint]);
    expect((await call('GET', `${certificates}?state=rejected`)).json.data).toEqual([]);
    expect((await api.call('GET', `${certificates}/${id}`, { key: other.key })).status).toBe(404);
    expect((await api.call('POST', `${certificates}/${id}/trust`, { key: other.key })).status).toBe(404);
    expect((await api.call('DELETE', `${certificates}/${id}`, { key: other.key })).status).toBe(404);
    expect((await call('DELETE', `${certificates}/${id}`)).status).toBe(204);
    expect((await call('GET', `${certificates}/${id}`)).status).toBe(404);
    expect(await call('POST', certificates, { certificate: 'none' })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/certificate' }] },
    });
    expect((await call('POST', `${certificates}/${newId()}/trust`)).status).toBe(404);
  });

  test('of our own are the same each time, and come without their key', async () => {
    const [first, second] = [
      await call('GET', '/api/v1/opcua-application'),
      await call('GET', '/api/v1/opcua-application'),
    ];
    expect(first.json.data).toEqual(second.json.data);
    expect(first.json.data.certificate).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(first.text).not.toContain('PRIVATE');
    expect(first.json.data.application_uri).toMatch(/^urn:faultline:/);
  });
});
