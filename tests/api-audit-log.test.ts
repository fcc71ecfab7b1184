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

const path = '/api/v1/audit-log';
const ask = (method: string, url: string, body?: unknown, key = world.key) =>
  api.call(method, `/api/v1${url}`, { key, ...(body !== undefined && { body }) });

/** What is recorded of one thing, the newest first. */
async function entriesOf(subjectId: string, query = '') {
  const { json } = await api.call('GET', `${path}?subject_id=${subjectId}${query}`, { key: world.key });
  return json.data as {
    action: string;
    actor: object;
    before: object;
    after: object;
    address: string;
    request_id: string;
  }[];
}

describe('the audit log', () => {
  test('says of a change of a person who made it, from where, in which request, and what differs before and after', async () => {
    const admin = await makePerson(api, world, 'admin', { username: 'the-admin' });
    const { access } = await enter(api, admin);
    const { id } = (await ask('POST', '/users', { email: 'kim@betacit.com' }, access)).json.data;
    const headers = { 'x-request-id': 'change-of-role' };
    await api.call('PATCH', `/api/v1/users/${id}`, {
      key: access,
      body: { role: 'viewer', site_ids: [world.plantId] },
      headers,
    });
    const [changed, created] = await entriesOf(id);
    expect(changed).toMatchObject({
      action: 'user.changed',
      actor: { kind: 'user', id: admin.id, name: 'the-admin' },
      subject: { kind: 'user', id, name: 'kim' },
      before: { role: 'technician', site_ids: null },
      after: { role: 'viewer', site_ids: [world.plantId] },
      address: '127.0.0.1',
      request_id: 'change-of-role',
    });
    expect(Object.keys(changed?.after ?? {}).sort()).toEqual(['role', 'site_ids']);
    expect(created).toMatchObject({
      action: 'user.created',
      before: null,
      after: { email: 'kim@betacit.com', role: 'technician' },
    });
  });

  test('has every change of access: of people, keys, the tenant, and the credentials of devices', async () => {
    const { id } = (await ask('POST', '/users/invite', { email: 'noor@betacit.com' })).json.data;
    await ask('PATCH', `/users/${id}`, { role: 'manager' });
    await ask('PATCH', `/users/${id}`, { role: 'manager' });
    await ask('POST', `/users/${id}/deactivate`);
    await ask('POST', `/users/${id}/deactivate`);
    await ask('POST', `/users/${id}/activate`);
    await ask('DELETE', `/users/${id}`);
    const actions = async (subject: string) => (await entriesOf(subject)).map(({ action }) => action).reverse();
    const ofUser = ['created', 'invited', 'changed', 'deactivated', 'activated', 'deleted'].map(
      (verb) => `user.${verb}`,
    );
    expect(await actions(id)).toEqual(ofUser);

    const key = (await ask('POST', '/api-keys', { name: 'x', scopes: ['read'] })).json.data;
    await ask('PATCH', `/api-keys/${key.id}`, { scopes: ['write'] });
    await ask('POST', `/api-keys/${key.id}/rotate`, {});
    await ask('DELETE', `/api-keys/${key.id}`);
    expect(await actions(key.id)).toEqual(
      ['created', 'changed', 'rotated', 'revoked'].map((verb) => `api_key.${verb}`),
    );

    await ask('PATCH', '/tenant', { name: 'Another name' });
    expect((await entriesOf(world.tenantId))[0]).toMatchObject({
      action: 'tenant.changed',
      before: { name: 'A tenant' },
      after: { name: 'Another name' },
    });

    const device = (await ask('POST', '/devices', { name: 'PLC 7' })).json.data;
    await ask('PATCH', `/devices/${device.id}`, { publish_grants: ['telemetry/#'] });
    await ask('POST', `/devices/${device.id}/rotate-credentials`, {});
    await ask('POST', `/devices/${device.id}/revoke`);
    await ask('DELETE', `/devices/${device.id}`);
    const ofDevice = ['created', 'changed', 'rotated', 'revoked', 'deleted'].map((verb) => `device.${verb}`);
    expect(await actions(device.id)).toEqual(ofDevice);

    const token = (await ask('POST', '/device-tokens', { name: 'Line 3' })).json.data;
    const provisioned = await api.call('POST', '/api/v1/devices/provision', {
      body: { token: token.token, external_id: 'S7-1' },
    });
    await ask('DELETE', `/device-tokens/${token.id}`);
    expect(await actions(token.id)).toEqual(['device_token.created', 'device_token.revoked']);
    expect(await entriesOf(provisioned.json.data.device_id)).toMatchObject([
      { action: 'device_token.used', actor: { kind: 'device_token', id: token.id, name: 'Line 3' } },
    ]);
    const { rows } = await api.database.pool.query('select row_to_json(e)::text as entry from audit_entry e');
    for (const secret of [key.secret, device.password, token.token, provisioned.json.data.password])
      expect(rows.some(({ entry }) => entry.includes(secret))).toBe(false);
  });

  test('tells of changes at once in the order in which they were made, each from where the one before led', async () => {
    const { id } = (await ask('POST', '/devices', { name: 'PLC 0' })).json.data;
    const names = ['PLC 1', 'PLC 2', 'PLC 3', 'PLC 4', 'PLC 5', 'PLC 6'];
    await Promise.all(names.map((name) => ask('PATCH', `/devices/${id}`, { name })));
    const changes = (await entriesOf(id, '&action=device.changed')) as {
      before: { name: string };
      after: { name: string };
    }[];
    const next = new Map(changes.map(({ before, after }) => [before.name, after.name]));
    const told = ['PLC 0'];
    for (let name = next.get('PLC 0'); name !== undefined; name = next.get(name)) told.push(name);
    expect(told.toSorted()).toEqual(['PLC 0', ...names]);

    const token = (await ask('POST', '/device-tokens', { name: 'Line 3' })).json.data;
    await Promise.all([1, 2, 3, 4].map(() => ask('DELETE', `/device-tokens/${token.id}`)));
    expect(await entriesOf(token.id, '&action=device_token.revoked')).toHaveLength(1);
  });

  test('has log-ins, those that were refused and why they ended', async () => {
    const lee = await makePerson(api, world, 'viewer');
    const { refresh: token } = await enter(api, lee);
    await expect(enter(api, { ...lee, password: 'not the right one' })).rejects.toThrow('401');
    await refresh(api, token);
    await refresh(api, token);
    const { refresh: another } = await enter(api, lee);
    await api.call('POST', '/api/v1/auth/logout', { body: { refresh_token: another } });
    const wanted = ['session.opened', 'session.refused', 'session.token_reused', 'session.opened', 'session.ended'];
    const actions = async () => (await entriesOf(lee.id)).map(({ action }) => action).sort();
    await expect.poll(actions).toEqual(wanted.toSorted());
    const [refused] = await entriesOf(lee.id, '&action=session.refused');
    expect(refused).toMatchObject({ actor: { kind: 'anonymous', id: null }, address: '127.0.0.1' });
  });

  test('keeps nothing of a change that was rolled back or refused', async () => {
    const before = (await api.call('GET', path, { key: world.key })).json.total;
    await ask('POST', '/users', { email: 'alex@betacit.com', username: 'new' });
    await ask('PATCH', `/users/${world.alexId}`, { email: 'sam@betacit.com' });
    await ask('PATCH', '/tenant', { default_site: 'nowhere' });
    expect((await api.call('GET', path, { key: world.key })).json.total).toBe(before);
  });

  test('is only ever added to: the database itself refuses a change and a deletion', async () => {
    const run = (sql: string) => api.database.pool.query(sql);
    await expect(run(`update audit_entry set action = 'user.changed'`)).rejects.toThrow('only ever added to');
    await expect(run(`delete from audit_entry where action <> 'session.refused'`)).rejects.toThrow(
      'only ever added to',
    );
    expect((await run(`delete from audit_entry where action = 'session.refused'`)).rowCount).toBeGreaterThan(0);
  });

  test('is searched by action, by who did it and by time, a page at a time, and one entry is got by itself', async () => {
    const { json } = await api.call('GET', `${path}?action=user.created,user.deleted&limit=1`, { key: world.key });
    expect(json).toMatchObject({ limit: 1, total: expect.any(Number), nextCursor: expect.any(String) });
    const [entry] = json.data;
    expect((await api.call('GET', `${path}/${entry.id}`, { key: world.key })).json.data).toEqual(entry);
    const by = await api.call('GET', `${path}?actor_id=${entry.actor.id}&at[gte]=${entry.at}`, { key: world.key });
    expect(by.json.data.map(({ id }: { id: string }) => id)).toContain(entry.id);
    const none = await api.call('GET', `${path}?at[lt]=2020-01-01`, { key: world.key });
    expect(none.json).toMatchObject({ data: [], total: 0 });
    expect((await api.call('GET', `${path}?action=user.hired`, { key: world.key })).status).toBe(400);
  });

  test('of one tenant is not there for another', async () => {
    const other = await makeWorld(api.database);
    const [entry] = (await api.call('GET', path, { key: world.key })).json.data;
    expect(await api.call('GET', `${path}/${entry.id}`, { key: other.key })).toMatchObject({
      status: 404,
      json: { error: 'audit_entry_not_found' },
    });
    expect((await api.call('GET', path, { key: other.key })).json).toMatchObject({ data: [], total: 0 });
  });
});
