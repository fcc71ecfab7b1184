/** Who may change whom: nobody gives or takes what he does not have himself. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/users';
let count = 0;
const newEmail = () => {
  count += 1;
  return `person-${count}@betacit.com`;
};
const tokenOf = async (role: 'admin' | 'manager' | 'technician' | 'viewer', siteIds: string[] | null = null) =>
  (await enter(api, await makePerson(api, world, role, { siteIds }))).access;

describe('whoever is no administrator', () => {
  test.each(['manager', 'technician', 'viewer'] as const)(
    'R2: as a %s is 403 for everything that gives access, and sees people',
    async (role) => {
      const key = await tokenOf(role);
      const url = `${path}/${world.alexId}`;
      const scope = { status: 403, json: { error: 'scope_missing' } };
      expect(await api.call('POST', path, { key, body: { email: newEmail() } })).toMatchObject(scope);
      expect(await api.call('POST', `${path}/invite`, { key, body: { email: newEmail() } })).toMatchObject(scope);
      expect(await api.call('PATCH', url, { key, body: { role: 'admin' } })).toMatchObject(scope);
      expect(await api.call('DELETE', url, { key })).toMatchObject(scope);
      for (const verb of ['activate', 'deactivate', 'invite'])
        expect(await api.call('POST', `${url}/${verb}`, { key })).toMatchObject(scope);
      expect(await api.call('GET', '/api/v1/api-keys', { key })).toMatchObject(scope);
      expect(await api.call('POST', '/api/v1/api-keys', { key, body: { name: 'x', scopes: ['read'] } })).toMatchObject(
        scope,
      );
      expect(await api.call('PATCH', '/api/v1/tenant', { key, body: { plan: 'free' } })).toMatchObject(scope);
      expect(await api.call('GET', '/api/v1/audit-log', { key })).toMatchObject(scope);
      expect((await api.call('GET', path, { key })).status).toBe(200);
      expect((await api.call('GET', '/api/v1/tenant', { key })).status).toBe(200);
    },
  );

  test('the scopes read and write together do not reach access', async () => {
    const key = await world.makeKey({ scopes: ['read', 'write'] });
    expect((await api.call('POST', path, { key, body: { email: newEmail() } })).status).toBe(403);
    expect((await api.call('GET', '/api/v1/audit-log', { key })).status).toBe(403);
  });
});

describe('nobody gives what he does not have', () => {
  test('a key for users alone makes no administrator, changes none, and invites none', async () => {
    const key = await world.makeKey({ scopes: ['read', 'users:write'] });
    const exceeding = { status: 403, json: { error: 'grant_exceeds_caller' } };
    for (const role of ['admin', 'manager', 'technician']) {
      expect(await api.call('POST', path, { key, body: { email: newEmail(), role } })).toMatchObject(exceeding);
    }
    const made = await api.call('POST', path, { key, body: { email: newEmail(), role: 'viewer' } });
    expect(made.status).toBe(201);
    expect(await api.call('PATCH', `${path}/${made.json.data.id}`, { key, body: { role: 'manager' } })).toMatchObject(
      exceeding,
    );
    const admin = await makePerson(api, world, 'admin');
    expect(await api.call('PATCH', `${path}/${admin.id}`, { key, body: { email: 'mine@evil.example' } })).toMatchObject(
      exceeding,
    );
    expect(await api.call('PATCH', `${path}/${admin.id}`, { key, body: { role: 'viewer' } })).toMatchObject(exceeding);
    for (const verb of ['invite', 'deactivate'])
      expect(await api.call('POST', `${path}/${admin.id}/${verb}`, { key })).toMatchObject(exceeding);
    expect(await api.call('DELETE', `${path}/${admin.id}`, { key })).toMatchObject(exceeding);
    await enter(api, admin);
  });

  test('an administrator of one site gives that one alone, and sees and changes nobody beyond it', async () => {
    const key = await tokenOf('admin', [world.plantId]);
    const make = (body: object) => api.call('POST', path, { key, body: { email: newEmail(), ...body } });
    expect((await make({})).json.data.site_ids).toEqual([world.plantId]);
    const exceeding = { status: 403, json: { error: 'grant_exceeds_caller' } };
    expect(await make({ site_ids: null })).toMatchObject(exceeding);
    expect(await make({ site_ids: [world.campusId] })).toMatchObject(exceeding);
    expect(await make({ site_ids: [world.plantId, world.campusId] })).toMatchObject(exceeding);
    const [ofCampus, ofBoth] = [
      await makePerson(api, world, 'viewer', { siteIds: [world.campusId] }),
      await makePerson(api, world, 'viewer', { siteIds: [world.campusId, world.plantId] }),
    ];
    const forbidden = { status: 403, json: { error: 'site_forbidden' } };
    expect(await api.call('GET', `${path}/${ofCampus.id}`, { key })).toMatchObject(forbidden);
    expect(await api.call('PATCH', `${path}/${ofCampus.id}`, { key, body: { name: 'x' } })).toMatchObject(forbidden);
    expect((await api.call('GET', `${path}/${ofBoth.id}`, { key })).status).toBe(200);
    expect(await api.call('PATCH', `${path}/${ofBoth.id}`, { key, body: { site_ids: [world.plantId] } })).toMatchObject(
      exceeding,
    );
    const { json } = await api.call('GET', `${path}?limit=200`, { key });
    const ids = json.data.map(({ id }: { id: string }) => id);
    expect([ids.includes(ofBoth.id), ids.includes(ofCampus.id), json.total]).toEqual([true, false, ids.length]);
    expect(await api.call('GET', '/api/v1/audit-log', { key })).toMatchObject(forbidden);
    expect(await api.call('PATCH', '/api/v1/tenant', { key, body: { name: 'x' } })).toMatchObject(forbidden);
  });
});

describe('the last administrator of a tenant', () => {
  const last = { status: 409, json: { error: 'last_admin' } };

  test('cannot be taken away, demoted or limited to sites, by nobody', async () => {
    const own = await makeWorld(api.database);
    const admin = await makePerson(api, own, 'admin');
    await makePerson(api, own, 'admin', { siteIds: [own.plantId] });
    await makePerson(api, own, 'admin', { active: false });
    const { key } = own;
    const url = `${path}/${admin.id}`;
    expect(await api.call('POST', `${url}/deactivate`, { key })).toMatchObject(last);
    expect(await api.call('DELETE', url, { key })).toMatchObject(last);
    expect(await api.call('PATCH', url, { key, body: { role: 'manager' } })).toMatchObject(last);
    expect(await api.call('PATCH', url, { key, body: { site_ids: [own.plantId] } })).toMatchObject(last);
    expect((await api.call('PATCH', url, { key, body: { name: 'Still here' } })).status).toBe(200);
    const second = await makePerson(api, own, 'admin');
    expect((await api.call('DELETE', url, { key })).status).toBe(204);
    expect(await api.call('DELETE', `${path}/${second.id}`, { key })).toMatchObject(last);
  });

  test('of ten whom ten requests take away at once stays', async () => {
    const own = await makeWorld(api.database);
    const admins = await Promise.all(Array.from({ length: 10 }, () => makePerson(api, own, 'admin')));
    const replies = await Promise.all(
      admins.map(({ id }, i) =>
        i % 2 === 0
          ? api.call('POST', `${path}/${id}/deactivate`, { key: own.key })
          : api.call('PATCH', `${path}/${id}`, { key: own.key, body: { role: 'viewer' } }),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 9 }, () => 200), 409]);
    const { rows } = await api.database.pool.query(
      `select count(*)::int as n from app_user where tenant_id = $1 and role = 'admin' and active`,
      [own.tenantId],
    );
    expect(rows[0].n).toBe(1);
  });
});
