import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
} from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../src/access/password.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson, type Person } from './support/people.ts';

let api: TestApi;
let world: World;
let kim: Person;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
  kim = await makePerson(api, world, 'technician', { username: 'kim' });
});
afterAll(() => api.close());

const path = '/api/v1/auth/login';
const logIn = (body: object) => api.call('POST', path, { body });
const ask = (key: string) => api.call('GET', '/api/v1/work-orders', { key });

describe('logging in', () => {
  test('T2: takes a user name or an e-mail address in any case, and gives a token that works like a key', async () => {
    for (const who of [
      { username: 'kim' },
      { username: 'KIM' },
      { email: kim.email },
      { email: kim.email.toUpperCase() },
    ]) {
      const { status, json, headers } = await logIn({ ...who, password: kim.password });
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      expect(json.data).toMatchObject({
        token_type: 'Bearer',
        expires_in: 900,
        user: { id: kim.id, role: 'technician' },
      });
      const { access_token: key } = json.data;
      expect((await ask(key)).status).toBe(200);
      const made = await api.call('POST', '/api/v1/sites/ucl-east-campus/work-orders/', {
        key,
        body: { title: 'by JWT' },
      });
      expect(made).toMatchObject({ status: 201, json: { created_by: kim.id, created_by_detail: { username: 'kim' } } });
    }
  });

  test.each([
    ['a wrong password', () => ({ username: 'kim', password: 'wrong horse battery staple' })],
    ['nobody of that name', () => ({ username: 'nobody', password: kim.password })],
    ['nobody of that address', () => ({ email: 'nobody@betacit.com', password: kim.password })],
    ['somebody without a password', () => ({ username: 'alex', password: 'x' })],
    ['another tenant', () => ({ username: 'kim', password: kim.password, tenant: 'Another tenant' })],
    ['a user name as an e-mail address', () => ({ email: 'kim', password: kim.password })],
    ['characters that a pattern would have', () => ({ username: 'ki_', password: kim.password })],
  ])('with %s is refused in the very same words', async (_, body) => {
    const { status, json, headers } = await logIn(body());
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="faultline"']);
    const known = (await logIn({ username: 'nobody at all', password: 'x' })).json;
    expect({ ...json, request_id: '' }).toEqual({ ...known, request_id: '' });
  });

  test('one who is not active is refused in the same words, and so is one who was deleted', async () => {
    const gone = await makePerson(api, world, 'viewer', { active: false });
    expect(await logIn(gone)).toMatchObject({ status: 400 });
    const { username, password } = gone;
    expect(await logIn({ username, password })).toMatchObject({ status: 401, json: { error: 'credentials_invalid' } });
    const deleted = await makePerson(api, world, 'viewer');
    expect((await api.call('DELETE', `/api/v1/users/${deleted.id}`, { key: world.key })).status).toBe(204);
    const again = await logIn({ username: deleted.username, password: deleted.password });
    expect(again).toMatchObject({ status: 401, json: { error: 'credentials_invalid' } });
  });

  test('somebody who is not there takes as long as somebody who is', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => makePerson(api, world, 'viewer')));
    // Of the processor, which nothing else on the machine makes longer.
    const timeOf = async (username: string) => {
      const before = process.cpuUsage();
      expect((await logIn({ username, password: 'not the right one' })).status).toBe(401);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const times: { there: number; nobody: number }[] = [];
    for (const { username } of people) {
      times.push({ there: await timeOf(username), nobody: await timeOf(`${username}-not`) });
    }
    const median = (of: 'there' | 'nobody') => times.map((time) => time[of]).sort((a, b) => a - b)[3] as number;
    expect(median('nobody')).toBeGreaterThan(median('there') / 2);
    expect(median('nobody')).toBeLessThan(median('there') * 2);
  });

  test('a name of several tenants logs in to the one whose password it is, or that is named, by id or by name', async () => {
    const other = await makeWorld(api.database);
    await api.database.db.updateTable('tenant').set({ name: 'The other' }).where('id', '=', other.tenantId).execute();
    const password = 'the password at the other';
    await makePerson(api, other, 'admin', { username: 'kim', password });
    for (const tenant of [undefined, 'The other', other.tenantId, other.tenantId.toUpperCase()]) {
      const { json } = await logIn({ username: 'kim', password, tenant });
      const me = await api.call('GET', '/api/v1/auth/me', { key: json.data.access_token });
      expect(me.json.data).toMatchObject({ role: 'admin', tenant: { id: other.tenantId } });
    }
    expect((await logIn({ username: 'kim', password: kim.password, tenant: 'The other' })).status).toBe(401);
    const own = await api.call('GET', '/api/v1/auth/me', { key: (await enter(api, kim)).access });
    expect(own.json.data.tenant.id).toBe(world.tenantId);
    const hash = await hashPassword(kim.password);
    const theirs = api.database.db.updateTable('app_user').where('tenant_id', '=', other.tenantId);
    await theirs.set({ password_argon2id: hash }).execute();
    expect((await logIn({ username: 'kim', password: kim.password })).status).toBe(401);
    expect((await logIn({ username: 'kim', password: kim.password, tenant: 'The other' })).status).toBe(200);
    await theirs.set({ password_argon2id: null }).execute();
  });

  test.each([
    {},
    { username: 'kim' },
    { password: 'x' },
    { username: 'kim', password: '' },
    { username: 'kim', email: 'kim@betacit.com', password: 'x' },
    { username: ['kim'], password: { $ne: '' } },
    { username: 'kim', password: 'x', admin: true },
    { username: 'k\u0000m', password: 'x' },
    { username: '\ud800', password: 'x' },
    { username: 'k'.repeat(200), password: 'x' },
    { username: 'kim', password: 'x'.repeat(100_000) },
    [],
    'kim',
    null,
  ])('%j is 400 and costs no check of a password', async (body) => {
    const reply = await api.call('POST', path, { body });
    expect(reply).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
  });

  test("'; drop table app_user; -- and its like are names of nobody", async () => {
    for (const username of ["'; drop table app_user; --", "' or '1'='1", '%', 'kim%', '../kim', '__proto__', 'ｋｉｍ'])
      expect((await logIn({ username, password: kim.password })).status).toBe(401);
    expect((await logIn({ username: 'kim', password: kim.password })).status).toBe(200);
  });
});

test('ten wrong passwords a minute for one account from one address, and neither is heard there, not even with the right one', async () => {
  const own = await startTestApi();
  const tenant = await makeWorld(own.database);
  const [noor, lee] = [await makePerson(own, tenant, 'viewer'), await makePerson(own, tenant, 'viewer')];
  const tryFrom = (remoteAddress: string, { username }: Person, password: string) =>
    own.app.inject({ method: 'POST', url: path, remoteAddress, payload: { username, password } });
  for (let guess = 0; guess < 11; guess += 1) {
    expect((await tryFrom('192.0.2.1', noor, `guess ${guess}`)).statusCode).toBe(401);
  }
  const banned = await tryFrom('192.0.2.1', noor, noor.password);
  expect([banned.statusCode, banned.json().error, banned.headers['retry-after']]).toEqual([
    429,
    'too_many_requests',
    '300',
  ]);
  expect((await tryFrom('192.0.2.1', lee, lee.password)).statusCode).toBe(200);
  expect((await tryFrom('192.0.2.2', noor, noor.password)).statusCode).toBe(200);
  // One address that tries one password with very many accounts.
  for (let guess = 0; guess < 52; guess += 1) await tryFrom('192.0.2.3', { ...lee, username: `nobody-${guess}` }, 'x');
  expect((await tryFrom('192.0.2.3', lee, lee.password)).statusCode).toBe(429);
  expect((await tryFrom('192.0.2.2', lee, lee.password)).statusCode).toBe(200);
  await own.close();
});

describe('an access token', () => {
  test('says who it is for, for a quarter of an hour, and others verify it by the keys at /.well-known/jwks.json', async () => {
    const { access } = await enter(api, kim);
    const { json, headers } = await api.call('GET', '/.well-known/jwks.json');
    expect(headers['cache-control']).toBe('public, max-age=300');
    expect(JSON.stringify(json)).not.toMatch(/"d":/);
    const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(access, keys, { currentDate: now, audience: 'faultline' });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: json.keys[0].kid });
    const [iat, exp] = [now.getTime() / 1000, now.getTime() / 1000 + 900];
    const { tenantId: tenant } = world;
    expect(payload).toMatchObject({
      iss: 'http://127.0.0.1:3000',
      sub: kim.id,
      tenant,
      role: 'technician',
      sites: null,
      iat,
      exp,
    });
  });

  test('has expired after 900 seconds, and not before', async () => {
    const { access } = await enter(api, kim);
    const loggedInAt = now;
    now = new Date(loggedInAt.getTime() + 899_000);
    expect((await ask(access)).status).toBe(200);
    now = new Date(loggedInAt.getTime() + 900_000);
    const reply = await ask(access);
    expect(reply).toMatchObject({ status: 401, json: { error: 'access_token_expired' } });
    expect(reply.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('that was made up, changed, or signed by nobody or somebody else is refused', async () => {
    const { access } = await enter(api, kim);
    const [head = '', body = '', signature = ''] = access.split('.');
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = decodeJwt(access);
    const { kid = '' } = decodeProtectedHeader(access);
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const sign = (header: object) =>
      new SignJWT({ ...claims, role: 'admin' }).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey);
    const forged = [
      `${head}.${encode({ ...claims, role: 'admin' })}.${signature}`,
      `${head}.${encode({ ...claims, exp: 4_000_000_000 })}.${signature}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${body}.x`,
      `${encode({ alg: 'HS256', kid })}.${body}.${signature}`,
      `${head}.${body}.${signature.slice(0, -2)}AA`,
      `${head}.${body}.AAAA`,
      `${encode({ alg: 'ES256', kid: '../../etc/passwd' })}.${body}.${signature}`,
      `${encode({ alg: 'ES256', kid: "' or 1=1" })}.${body}.${signature}`,
      await sign({ kid }),
      await sign({}),
      await sign({ kid, jwk: await exportJWK(publicKey) }),
      await sign({ kid, jku: 'http://127.0.0.1:1/jwks.json' }),
      'eyJ.e.y',
    ];
    for (const key of forged) {
      expect([key, (await ask(key)).json.error]).toEqual([key, 'access_token_invalid']);
    }
    expect((await ask(access)).status).toBe(200);
  });

  test('is good at another process; one with another SECRET signs with a key of its own, and both are good at both', async () => {
    const first = (await enter(api, kim)).access;
    const another = await api.restart({ secret: 'another secret, with which nothing is opened' });
    expect((await another.call('GET', '/api/v1/auth/me', { key: first })).status).toBe(200);
    const second = (await enter(another, kim)).access;
    expect(decodeProtectedHeader(second).kid).not.toBe(decodeProtectedHeader(first).kid);
    for (const key of [first, second])
      for (const one of [api, another]) expect((await one.call('GET', '/api/v1/auth/me', { key })).status).toBe(200);
    const { keys } = (await api.call('GET', '/.well-known/jwks.json')).json;
    expect(keys.map(({ kid }: { kid: string }) => kid)).toEqual(
      [second, first].map((token) => decodeProtectedHeader(token).kid),
    );
    await another.app.close();
  });

  test('is signed by another key after 90 days; the one before is good for an hour more, and then it is not', async () => {
    const own = await startTestApi({ now: () => now });
    const tenant = await makeWorld(own.database);
    const person = await makePerson(own, tenant, 'viewer');
    const kidOf = async () => decodeProtectedHeader((await enter(own, person)).access).kid;
    const kids = async () =>
      (await own.call('GET', '/.well-known/jwks.json')).json.keys.map(({ kid }: { kid: string }) => kid);
    const first = await kidOf();
    const day = 86_400_000;
    now = new Date(now.getTime() + 90 * day - 1);
    expect(await kidOf()).toBe(first);
    now = new Date(now.getTime() + 1);
    const second = await kidOf();
    expect([second === first, await kids()]).toEqual([false, [second, first]]);
    now = new Date(now.getTime() + 3_599_999);
    expect(await kids()).toEqual([second, first]);
    now = new Date(now.getTime() + 1);
    expect(await kids()).toEqual([second]);
    await own.close();
  });
});
