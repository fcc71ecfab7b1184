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
    const changed = await patch({ name: 'Betacit', locale: 'de-AT', default_site: null });
    expect(changed.json.data).toMatchObject({
      name: 'Betacit',
      locale: 'de-AT',
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
    await patch({ default_site: 'ucl-east-campus' });
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
