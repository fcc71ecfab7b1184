import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let world: World;
let admin: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  admin = (await enter(api, await makePerson(api, world, 'admin'))).access;
});
afterAll(() => api.close());

const path = '/api/v1/tenant';
const patch = (body: unknown, key = admin) => api.call('PATCH', path, { key, body });

describe('the tenant', () => {
  test('is that of whoever asks', async () => {
    const { json } = await api.call('GET', path, { key: world.key });
    expect(json.data).toMatchObject({
      id: world.tenantId,
      plan: 'pro',
      livemode: true,
      time_zone: 'UTC',
      locale: 'en',
      default_site: 'ucl-east-campus',
    });
    const other = await makeWorld(api.database);
    expect((await api.call('GET', path, { key: other.key })).json.data.id).toBe(other.tenantId);
  });

  test('N4: is changed in what is given alone, and has another version then', async () => {
    const before = await api.call('GET', path, { key: admin });
    expect(before.json.data.currency).toBeNull();
    const changed = await patch({ name: 'Betacit', locale: 'de-AT', currency: 'EUR', default_site: null });
    expect(changed.json.data).toMatchObject({
      name: 'Betacit',
      locale: 'de-AT',
      currency: 'EUR',
      default_site: null,
      time_zone: 'UTC',
      plan: 'pro',
    });
    expect(changed.headers.etag).not.toBe(before.headers.etag);
    const stale = await api.call('PATCH', path, {
      key: admin,
      body: { name: 'x' },
      headers: { 'if-match': String(before.headers.etag) },
    });
    expect(stale.status).toBe(412);
    expect((await patch({ default_site: 'plant' })).json.data).toMatchObject({
      default_site: 'plant',
      name: 'Betacit',
    });
    expect((await patch({ default_site: 'ucl-east-campus', currency: '' })).json.data.currency).toBeNull();
  });

  test('R16: with another time zone the day begins when it does there', async () => {
    const zoned = await startTestApi({ now: () => new Date('2026-04-11T23:30:00Z') });
    const own = await makeWorld(zoned.database);
    const due = async () =>
      (await zoned.call('POST', '/api/v1/work-orders', { key: own.key, body: { title: 'x' } })).json.data.due_date;
    expect(await due()).toBe('2026-04-11');
    await zoned.call('PATCH', path, { key: own.key, body: { time_zone: 'Europe/Berlin' } });
    expect(await due()).toBe('2026-04-12');
    await zoned.close();
  });

  test('R3: on the plan Free its keys stop at once, the one that asked as well; people and an upgrade bring them back', async () => {
    const own = await makeWorld(api.database);
    const person = (await enter(api, await makePerson(api, own, 'admin'))).access;
    expect((await patch({ plan: 'free' }, own.key)).json.data.plan).toBe('free');
    const get = () => api.call('GET', path, { key: own.key });
    expect(await get()).toMatchObject({ status: 403, json: { error: 'api_key_disabled_by_plan' } });
    expect(await patch({ plan: 'pro' }, own.key)).toMatchObject({
      status: 403,
      json: { error: 'api_key_disabled_by_plan' },
    });
    expect((await patch({ plan: 'pro' }, person)).status).toBe(200);
    expect((await get()).status).toBe(200);
  });

  test.each([
    { plan: 'enterprise' },
    { plan: null },
    { name: '' },
    { name: null },
    { name: 'a\u0000b' },
    { time_zone: 'Mars/Olympus' },
    { time_zone: '' },
    { locale: 'de_AT' },
    { currency: 'eur' },
    { currency: 'EURO' },
    { default_site: 'nowhere' },
    { default_site: '../plant' },
    { livemode: false },
    { id: 'b2c3d4e5-6789-0abc-def1-234567890abc' },
    { live_tenant_id: null },
    [],
    null,
  ])('is not changed to %j', async (body) => {
    expect(await patch(body)).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
  });

  test('has no site of another tenant as its default', async () => {
    const other = await makeWorld(api.database);
    await api.database.db.updateTable('site').set({ slug: 'theirs' }).where('id', '=', other.plantId).execute();
    expect(await patch({ default_site: 'theirs' })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/default_site' }] },
    });
  });
});

describe('the teams of a tenant', () => {
  const teams = '/api/v1/teams';
  const send = async (method: string, url: string, body?: object, status = 200) => {
    const reply = await api.call(method, url, { key: admin, ...(body && { body }) });
    expect([reply.status, reply.text]).toEqual([status, reply.text]);
    return reply.json?.data ?? reply.json;
  };
  const make = (body: object, status = 201) => send('POST', teams, body, status);
  const order = (body: object, status = 201) => send('POST', '/api/v1/work-orders', { title: 'x', ...body }, status);

  test('have people, are found by them, and change with their events', async () => {
    const made = await make({ name: 'hvac-east', members: [world.alexId], external_id: 'T-1' });
    expect(made).toMatchObject({ name: 'hvac-east', description: '', members: [world.alexId], metadata: {} });
    await make({ name: 'roofs' });
    expect((await send('GET', `${teams}?member=${world.alexId}`)).map(({ id }: { id: string }) => id)).toEqual([
      made.id,
    ]);
    const etag = (await api.call('GET', `${teams}/${made.id}`, { key: admin })).headers.etag;
    const kim = await makePerson(api, world, 'technician');
    const changed = await send('PATCH', `${teams}/${made.id}`, { members: [world.alexId, kim.id], description: 'air' });
    expect(changed).toMatchObject({ name: 'hvac-east', members: [world.alexId, kim.id], description: 'air' });
    const stale = { key: admin, body: {}, headers: { 'if-match': String(etag) } };
    expect((await api.call('PATCH', `${teams}/${made.id}`, stale)).status).toBe(412);
    const present = (await api.call('GET', `${teams}/${made.id}`, { key: admin })).headers.etag;
    await send('DELETE', `/api/v1/users/${kim.id}`, undefined, 204);
    const known = { key: admin, headers: { 'if-none-match': String(present) } };
    expect((await api.call('GET', `${teams}/${made.id}`, known)).json.data.members).toEqual([world.alexId]);
    await send('DELETE', `${teams}/${made.id}`, undefined, 204);
    await send('GET', `${teams}/${made.id}`, undefined, 404);
    const told = await send('GET', `/api/v1/events?subject_kind=team&subject_id=${made.id}`);
    expect(told.map(({ type }: { type: string }) => type)).toEqual(['team.deleted', 'team.updated', 'team.created']);
    expect(told[1].changes.map(({ field }: { field: string }) => field)).toEqual(['description', 'members']);
  });

  test('have a name of their own, and people who are there', async () => {
    const { id } = await make({ name: 'Boilers' });
    expect(await make({ name: 'boilers' }, 409)).toMatchObject({
      error: 'team_exists',
      errors: [{ pointer: '/name' }],
    });
    const { id: second } = await make({ name: 'Pumps' });
    expect(await send('PATCH', `${teams}/${second}`, { name: 'BOILERS' }, 409)).toMatchObject({ error: 'team_exists' });
    await send('PATCH', `${teams}/${id}`, { name: 'BOILERS' });
    const other = await makeWorld(api.database);
    for (const member of [world.retiredId, other.alexId]) {
      const refused = await make({ name: 'x', members: [world.alexId, member] }, 400);
      expect(refused.errors).toMatchObject([{ pointer: '/members/1', code: 'not_found' }]);
    }
    const at = await Promise.all(
      Array.from({ length: 6 }, () => api.call('POST', teams, { key: admin, body: { name: 'one' } })),
    );
    expect(at.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test('are made by who may change people of the whole tenant alone', async () => {
    for (const [more, status] of [
      [{ scopes: ['read', 'write'] }, 403],
      [{ scopes: ['users:write'], siteIds: [world.campusId] }, 403],
      [{ scopes: ['users:write'] }, 201],
    ] as const) {
      const key = await world.makeKey(more as object);
      expect((await api.call('POST', teams, { key, body: { name: `team-${status}` } })).status).toBe(status);
    }
  });

  test('and people who are gone keep the work that they have, as does equipment of another URI, said again or not', async () => {
    const { id: team_id } = await make({ name: 'Fans' });
    const [kim, sam] = [await makePerson(api, world, 'technician'), await makePerson(api, world, 'technician')];
    const asset = await send('POST', '/api/v1/assets', { name: 'FAN-7', site: 'plant' }, 201);
    const given = { team_id, assigned_to: kim.id, assignees: [sam.id], asset_id: asset.id };
    const made = await order(given);
    const insight = await send('POST', '/api/v1/insights', { title: 'x', assignee: kim.id }, 201);
    for (const { id } of [kim, sam]) await send('POST', `/api/v1/users/${id}/deactivate`);
    await send('DELETE', `${teams}/${team_id}`, undefined, 204);
    await send('PATCH', `/api/v1/assets/${asset.id}`, { uri: 'urn:fan' });
    const { assigned_team, equipment_uri } = made;
    const shown = { ...given, assigned_team, equipment_uri };
    const change = (body: object, status = 200) => send('PATCH', `/api/v1/work-orders/${made.id}`, body, status);
    for (const [name, value] of Object.entries(shown)) expect(await change({ [name]: value })).toMatchObject(shown);
    expect(await change({ ...shown, title: 'y' })).toMatchObject({ ...shown, title: 'y' });
    const about = `/api/v1/insights/${insight.id}`;
    expect(await send('PATCH', about, { assignee: kim.id })).toMatchObject({ assignee: kim.id });
    await send('PATCH', about, { assignee: sam.id }, 400);
    const { id: other } = await order({});
    for (const body of [{ team_id }, { assigned_to: kim.id }, { assignees: [sam.id] }]) {
      await send('PATCH', `/api/v1/work-orders/${other}`, body, 400);
      const many = { action: 'change', ids: [made.id, other], with: body };
      await send('POST', '/api/v1/work-orders/bulk', many, 400);
    }
    expect(await change({ asset_id: asset.id, equipment_uri: 'urn:fan' })).toMatchObject({ equipment_uri: 'urn:fan' });
  });

  test('are given work by id or by name, each of which fills in the other', async () => {
    const { id, name } = await make({ name: 'Chillers' });
    expect(await order({ team_id: id })).toMatchObject({ team_id: id, assigned_team: name });
    const given = await order({ assigned_team: 'chillers' });
    expect(given).toMatchObject({ team_id: id, assigned_team: 'chillers' });
    expect(await order({ assigned_team: 'a role' })).toMatchObject({ team_id: null, assigned_team: 'a role' });
    expect(await order({ team_id: world.alexId }, 400)).toMatchObject({ errors: [{ pointer: '/team_id' }] });
    expect(await order({ team_id: id, assigned_team: 'what it was called' })).toMatchObject({ assigned_team: name });
    const change = (body: object) => send('PATCH', `/api/v1/work-orders/${given.id}`, body);
    expect(await change({ assigned_team: 'a role' })).toMatchObject({ team_id: null, assigned_team: 'a role' });
    expect(await send('POST', `/api/v1/work-orders/${given.id}/assign`, { team_id: id })).toMatchObject({
      ...{ team_id: id, assigned_team: name },
    });
    expect(await change({ title: 'y' })).toMatchObject({ team_id: id, assigned_team: name });
    expect((await send('GET', `/api/v1/work-orders?team_id=${id}`)).length).toBe(3);
    expect(await change({ team_id: null })).toMatchObject({ team_id: null, assigned_team: null });
    await change({ team_id: id });
    await send('DELETE', `${teams}/${id}`, undefined, 204);
    expect(await send('GET', `/api/v1/work-orders/${given.id}`)).toMatchObject({ team_id: id, assigned_team: name });
    expect(await order({ assigned_team: name })).toMatchObject({ team_id: null });
  });
});
