/** Who may change whom: nobody gives or takes what he does not have himself. And how those who are invited come in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson, refresh } from './support/people.ts';

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

describe('an invitation', () => {
  let key: string;
  beforeAll(() => {
    key = world.key;
  });
  const make = (body: object) => api.call('POST', path, { key, body });
  /** How many connections wait for what another one holds. */
  const waiting = async () => {
    const { rows } = await api.database.pool.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return rows.length;
  };
  const accept = (token: string, password = 'a password that I chose') =>
    api.call('POST', '/api/v1/auth/accept-invite', { body: { token, password } });
  const invite = (id: string) => api.call('POST', `${path}/${id}/invite`, { key });

  test('makes somebody who chooses a password, once, and is logged in by that', async () => {
    const invited = await api.call('POST', `${path}/invite`, { key, body: { email: newEmail(), role: 'manager' } });
    const { id, log_in, username, invite: given } = invited.json.data;
    expect(invited).toMatchObject({ status: 201, headers: { location: `http://127.0.0.1:3000${path}/${id}` } });
    expect([log_in, given.token]).toEqual(['invited', expect.stringMatching(/^fui_[\w-]{43}$/)]);
    expect((await accept(given.token, 'too short')).status).toBe(400);
    const accepted = await accept(given.token);
    expect(accepted).toMatchObject({ status: 200, json: { data: { user: { id, log_in: 'password' } } } });
    expect((await api.call('GET', '/api/v1/auth/me', { key: accepted.json.data.access_token })).json.data.role).toBe(
      'manager',
    );
    await enter(api, { username, password: 'a password that I chose' });
    expect(await accept(given.token)).toMatchObject({ status: 401, json: { error: 'invite_invalid' } });
    const { rows } = await api.database.pool.query('select row_to_json(i)::text as row from user_invite i');
    expect(rows.some(({ row }) => row.includes(given.token.slice(4)))).toBe(false);
  });

  test('is of no use once another was given, once the person is not active, and after a week', async () => {
    const { id } = (await make({ email: newEmail() })).json.data;
    const [first, second] = [(await invite(id)).json.data.invite.token, (await invite(id)).json.data.invite.token];
    expect((await accept(first)).status).toBe(401);
    await api.call('POST', `${path}/${id}/deactivate`, { key });
    expect((await accept(second)).status).toBe(401);
    expect(await invite(id)).toMatchObject({ status: 409, json: { error: 'user_inactive' } });
    await api.call('POST', `${path}/${id}/activate`, { key });
    expect((await accept(second)).status).toBe(401);
    const { token, expires_at } = (await invite(id)).json.data.invite;
    expect(new Date(expires_at).getTime() - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    await api.database.pool.query(
      `update user_invite set expires_at = now() - interval '1 s' where used_at is null and revoked_at is null`,
    );
    expect((await accept(token)).status).toBe(401);
  });

  test('is of no use to somebody who comes while it is taken back', async () => {
    const { id } = (await make({ email: newEmail() })).json.data;
    const { token } = (await invite(id)).json.data.invite;
    const accepting = await api.database.db.transaction().execute(async (trx) => {
      await trx.selectFrom('app_user').select('id').where('id', '=', id).forNoKeyUpdate().execute();
      const asked = accept(token);
      await expect.poll(waiting).toBe(1);
      await trx.updateTable('user_invite').set({ revoked_at: new Date() }).where('user_id', '=', id).execute();
      return { asked };
    });
    expect(await accepting.asked).toMatchObject({ status: 401, json: { error: 'invite_invalid' } });
  });

  test('of two that accept it at once lets one choose', async () => {
    const { id } = (await make({ email: newEmail() })).json.data;
    const { token } = (await invite(id)).json.data.invite;
    const replies = await Promise.all(['the first password', 'the other password'].map((one) => accept(token, one)));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 401]);
  });

  test('gives somebody who has forgotten a password another one, and ends what was logged in', async () => {
    const person = await makePerson(api, world, 'viewer');
    const { access } = await enter(api, person);
    const { token } = (await invite(person.id)).json.data.invite;
    expect((await api.call('GET', '/api/v1/auth/me', { key: access })).status).toBe(200);
    expect((await accept(token)).status).toBe(200);
    expect((await api.call('GET', '/api/v1/auth/me', { key: access })).status).toBe(401);
    await expect(enter(api, person)).rejects.toThrow('401');
  });

  test('is shown again to who repeats the request with its Idempotency-Key, and kept sealed meanwhile', async () => {
    const headers = { 'idempotency-key': 'invite-once' };
    const ask = () => api.call('POST', `${path}/invite`, { key, body: { email: 'sealed@betacit.com' }, headers });
    const [first, second] = [await ask(), await ask()];
    expect(second.json).toEqual(first.json);
    const { rows } = await api.database.pool.query('select body from idempotency_key');
    expect(rows.some(({ body }) => body?.includes(first.json.data.invite.token))).toBe(false);
  });

  test('is shown again to the same person with the next access token, and to the same key with its next secret, to nobody else', async () => {
    const ask = (as: string, email: string) =>
      api.call('POST', `${path}/invite`, {
        key: as,
        body: { email },
        headers: { 'idempotency-key': `invite ${email}` },
      });
    const replayed = async (as: string, { json }: { json: object }, email: string) => {
      const again = await ask(as, email);
      expect([again.status, again.headers['idempotent-replayed'], again.json]).toEqual([201, 'true', json]);
    };
    const [ann, bob] = [await makePerson(api, world, 'admin'), await makePerson(api, world, 'admin')];
    const { access, refresh: token } = await enter(api, ann);
    const byPerson = await ask(access, 'by-person@betacit.com');
    await replayed((await refresh(api, token)).json.data.access_token, byPerson, 'by-person@betacit.com');
    await replayed((await enter(api, ann)).access, byPerson, 'by-person@betacit.com');

    const body = { name: 'x', scopes: ['read', 'write', 'admin'] };
    const [own, other] = [await api.call('POST', '/api/v1/api-keys', { key, body }), await world.makeKey(body)];
    const byKey = await ask(own.json.data.secret, 'by-key@betacit.com');
    const rotated = await api.call('POST', `/api/v1/api-keys/${own.json.data.id}/rotate`, { key, body: {} });
    await replayed(rotated.json.data.secret, byKey, 'by-key@betacit.com');
    for (const [as, email] of [
      [(await enter(api, bob)).access, 'by-person@betacit.com'],
      [other, 'by-key@betacit.com'],
    ] as const) {
      const foreign = await ask(as, email);
      expect(foreign).toMatchObject({ status: 422, json: { error: 'idempotency_key_reused' } });
      expect([foreign.headers.location, foreign.headers['idempotent-replayed']]).toEqual([undefined, undefined]);
    }
  });
});
