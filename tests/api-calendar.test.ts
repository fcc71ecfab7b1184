import ICAL from 'ical.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let world: World;
// 23:30 in London on the last day of summer time but one, 05:00 of the next day in Kolkata.
const start = new Date('2026-10-23T22:30:00.000Z');
let now = start;
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database, { timeZone: 'Europe/London' });
});
afterAll(() => api.close());

const path = '/api/v1/calendar.ics';
const orders = '/api/v1/work-orders';
const withKey = (key: string, query = '') => `${path}?key=${encodeURIComponent(key)}${query}`;
const create = async (body: object, key = world.key) => {
  const reply = await api.call('POST', orders, { key, body: { title: 'x', ...body } });
  expect([reply.status, reply.text]).toEqual([201, expect.any(String)]);
  return reply.json.data;
};
const change = (id: string, body: object, key = world.key) => api.call('PATCH', `${orders}/${id}`, { key, body });

async function eventsOf(url: string, headers = {}): Promise<ICAL.Component[]> {
  const { status, text } = await api.call('GET', url, { headers });
  expect([status, text]).toEqual([200, expect.stringContaining('END:VCALENDAR\r\n')]);
  return new ICAL.Component(ICAL.parse(text)).getAllSubcomponents('vevent');
}
const valuesOf = async (url: string, name = 'summary') =>
  (await eventsOf(url)).map((event) => String(event.getFirstPropertyValue(name)));
/** A tenant of its own, so that what others made is not in its feed. */
const ownWorld = (timeZone = 'Europe/London') => makeWorld(api.database, { timeZone });

describe('the key', () => {
  test('R18: in the query, without a header, it is enough', async () => {
    const { status, headers } = await api.call('GET', withKey(world.key));
    expect([status, headers['content-type']]).toEqual([200, 'text/calendar; charset=utf-8']);
    expect(headers).toMatchObject({ 'cache-control': 'private, no-cache', 'referrer-policy': 'no-referrer' });
  });

  test('HEAD is GET without the body', async () => {
    const [get, head] = [await api.call('GET', withKey(world.key)), await api.call('HEAD', withKey(world.key))];
    expect([head.status, head.text, head.headers.etag]).toEqual([200, '', get.headers.etag]);
  });

  test.each([
    [path, 'unauthenticated'],
    [`${path}?key=`, 'api_key_invalid'],
    [`${path}?key=flt_live_nobody`, 'api_key_invalid'],
    [`${path}?key=a&key=b`, 'unauthenticated'],
    [`${path}?Key=a`, 'unauthenticated'],
  ])('R19: %s is 401 %s', async (url, error) => {
    expect(await api.call('GET', url)).toMatchObject({ status: 401, json: { error } });
  });

  test('R19: one that has expired, was revoked, or is on Free, is refused as everywhere', async () => {
    const expired = await world.makeKey({ expiresAt: new Date(0) });
    expect((await api.call('GET', withKey(expired))).json.error).toBe('api_key_expired');
    const free = await makeWorld(api.database, { plan: 'free' });
    expect((await api.call('GET', withKey(free.key))).json.error).toBe('api_key_disabled_by_plan');
    const weak = await world.makeKey({ scopes: ['work-orders:read'] });
    expect((await api.call('GET', withKey(weak))).json.error).toBe('scope_missing');
  });

  test('the header counts where both are given', async () => {
    const reply = await api.call('GET', withKey(world.key), { key: 'flt_live_nobody' });
    expect(reply).toMatchObject({ status: 401, json: { error: 'api_key_invalid' } });
  });

  test('a query opens no other path, with any key', async () => {
    const { paths } = api.app.swagger() as { paths: Record<string, Record<string, unknown>> };
    const urls = Object.entries(paths).filter(
      ([url, item]) => 'get' in item && url.startsWith('/api/v1/') && url !== path,
    );
    expect(urls.length).toBeGreaterThan(20);
    for (const [url] of urls) {
      const asked = url.replace('{slug}', 'ucl-east-campus').replaceAll(/\{\w+\}/g, newId());
      const { status } = await api.call('GET', `${asked}?key=${world.key}`);
      expect([url, status]).toEqual([url, 401]);
    }
    expect((await api.call('POST', `${orders}?key=${world.key}`, { body: { title: 'x' } })).status).toBe(401);
  });

  test('a key for the calendar alone opens nothing else', async () => {
    const reply = await api.call('POST', '/api/v1/api-keys', {
      key: world.key,
      body: { name: "Alex's phone", scopes: ['calendar:read'] },
    });
    const { secret } = reply.json.data;
    expect((await api.call('GET', withKey(secret))).status).toBe(200);
    for (const url of [orders, '/api/v1/assets', '/api/v1/api-keys', '/api/v1/sites/plant/work-orders/', '/metrics']) {
      expect(await api.call('GET', url, { key: secret })).toMatchObject({
        status: 403,
        json: { error: 'scope_missing' },
      });
    }
    expect((await api.call('POST', orders, { key: secret, body: { title: 'x' } })).status).toBe(403);
  });

  test('R1: in the header a key is as good, and an access token, which is good in no query', async () => {
    expect((await api.call('GET', path, { key: world.key })).status).toBe(200);
    const { access } = await enter(api, await makePerson(api, world, 'viewer'));
    expect((await api.call('GET', path, { key: access })).status).toBe(200);
    expect(await api.call('GET', withKey(access))).toMatchObject({ status: 401, json: { error: 'api_key_invalid' } });
  });
});

describe('what is in it', () => {
  test('R20: what is open or in progress, and what was cancelled as such; nothing else', async () => {
    const own = await ownWorld();
    const due_date = '2026-11-01';
    for (const status of ['open', 'in_progress', 'on_hold', 'completed', 'skipped', 'cancelled']) {
      await create({ title: status, status, due_date, priority: 'none' }, own.key);
    }
    const deleted = await create({ title: 'deleted', due_date }, own.key);
    await api.call('DELETE', `${orders}/${deleted.id}`, { key: own.key });
    const events = await eventsOf(withKey(own.key));
    const shown = events.map((event) => [
      event.getFirstPropertyValue('summary'),
      event.getFirstPropertyValue('status'),
    ]);
    expect(shown.sort()).toEqual([
      ['cancelled', 'CANCELLED'],
      ['in_progress', 'CONFIRMED'],
      ['open', 'CONFIRMED'],
    ]);
  });

  test.each([
    ['Europe/London', '2026-10-22', false],
    ['Europe/London', '2026-10-23', true],
    ['Europe/London', '2027-01-21', true],
    ['Europe/London', '2027-01-22', false],
    ['Asia/Kolkata', '2026-10-23', false],
    ['Asia/Kolkata', '2026-10-24', true],
    ['Asia/Kolkata', '2027-01-22', true],
    ['Asia/Kolkata', '2027-01-23', false],
    ['Pacific/Kiritimati', '2026-10-24', true],
    ['Pacific/Kiritimati', '2027-01-23', false],
    ['Pacific/Pago_Pago', '2026-10-23', true],
    ['Pacific/Pago_Pago', '2027-01-21', true],
    ['Pacific/Pago_Pago', '2027-01-22', false],
  ])('R20: of a tenant in %s what is due on %s is in it: %s', async (timeZone, due_date, isIn) => {
    now = start;
    const own = await ownWorld(timeZone);
    // A date ends when its day ends at the site, which may be far from the clock of the tenant, and from UTC.
    const { db } = api.database;
    await db.updateTable('site').set({ time_zone: timeZone }).where('id', '=', own.plantId).execute();
    for (const site of ['ucl-east-campus', 'plant']) {
      await api.call('POST', `/api/v1/sites/${site}/work-orders/`, { key: own.key, body: { title: site, due_date } });
    }
    expect((await valuesOf(withKey(own.key))).sort()).toEqual(isIn ? ['plant', 'ucl-east-campus'] : []);
  });

  test.each([
    ['2026-10-23T23:30:00Z', 'Europe/London', '2026-10-24'],
    ['2026-10-24T22:59:59Z', 'Europe/London', '2026-10-24'],
    ['2026-10-25T23:59:59Z', 'Europe/London', '2026-10-25'],
    ['2026-10-26T00:00:00Z', 'Europe/London', '2026-10-26'],
    ['2026-10-23T10:30:00Z', 'Pacific/Kiritimati', '2026-10-24'],
    ['2027-01-22T10:30:00Z', 'Pacific/Pago_Pago', '2027-01-21'],
  ])('R21: what is due at %s is, for a tenant in %s, on %s', async (due_date, timeZone, day) => {
    now = start;
    const own = await ownWorld(timeZone);
    await create({ due_date }, own.key);
    expect(await valuesOf(withKey(own.key), 'dtstart')).toEqual([day]);
  });

  test('R20: what has no date is not in it; R16: what is made without one is due today', async () => {
    const own = await ownWorld();
    await api.call('POST', '/api/v1/sites/plant/work-orders/', { key: own.key, body: { title: 'no date' } });
    await create({ title: 'today', priority: 'low' }, own.key);
    expect(await valuesOf(withKey(own.key))).toEqual(['[Low] today']);
    expect(await valuesOf(withKey(own.key), 'dtstart')).toEqual(['2026-10-23']);
  });

  test('R21: title, equipment, and a link that names the work order', async () => {
    const own = await ownWorld();
    const body = {
      title: 'Bearing, "left"; \\ 検査',
      priority: 'critical',
      asset_id: own.ahuId,
      due_date: '2026-11-02',
    };
    const { id, number } = await create({ ...body, assigned_to: own.alexId }, own.key);
    const [event] = await eventsOf(withKey(own.key));
    const value = (name: string) => event?.getFirstPropertyValue(name);
    expect(value('summary')).toBe('[Critical] Bearing, "left"; \\ 検査 · AHU-01');
    expect(value('url')).toBe(`http://127.0.0.1:3000/work-orders/${id}`);
    expect(value('location')).toBe('AHU-01, Campus');
    expect(String(value('description'))).toContain(`Work order ${number}: open\nPriority: critical\nEquipment: AHU-01`);
    expect(String(value('uid'))).toContain(id);
  });

  test('equipment of an external graph has the name that its URI ends with', async () => {
    const own = await ownWorld();
    await create({ equipment_uri: 'http://fuseki:3030/buildings/ucl-east#AHU-77', priority: 'none' }, own.key);
    await create({ equipment_uri: 'urn:x/pumps/P-1/', priority: 'none' }, own.key);
    expect((await valuesOf(withKey(own.key))).sort()).toEqual(['x · AHU-77', 'x · P-1']);
  });

  test('whatever a title is, the feed is read as a calendar', async () => {
    const own = await ownWorld();
    const titles = [
      'a\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:b',
      '🔧'.repeat(250),
      ';,\\:"',
      '\u0007',
      "' or 1=1 --",
    ];
    for (const title of titles) await create({ title, priority: 'none' }, own.key);
    const { text } = await api.call('GET', withKey(own.key));
    expect(text.split('\r\n').filter((line) => Buffer.byteLength(line) > 75)).toEqual([]);
    expect(new Set(await valuesOf(withKey(own.key)))).toEqual(
      new Set(['a END:VEVENT BEGIN:VEVENT SUMMARY:b', '🔧'.repeat(250), ';,\\:"', '', "' or 1=1 --"]),
    );
  });
});

describe('who sees what', () => {
  test('O1: nothing of another tenant, whose names no filter takes', async () => {
    const [mine, theirs] = [await ownWorld(), await ownWorld()];
    await create({ title: 'theirs', assigned_to: theirs.alexId }, theirs.key);
    expect(await valuesOf(withKey(mine.key))).toEqual([]);
    const reply = await api.call('GET', withKey(mine.key, `&assigned_to=${theirs.alexId}`));
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ in: 'query', pointer: '/assigned_to' }] } });
  });

  test('a key of one site has the work of that site', async () => {
    const own = await ownWorld();
    for (const site of ['ucl-east-campus', 'plant']) {
      const body = { title: site, due_date: '2026-11-02' };
      await api.call('POST', `/api/v1/sites/${site}/work-orders/`, { key: own.key, body });
    }
    const key = await own.makeKey({ siteIds: [own.plantId] });
    expect(await valuesOf(withKey(key))).toEqual(['plant']);
    expect(await valuesOf(withKey(own.key, '&site=ucl-east-campus'))).toEqual(['ucl-east-campus']);
    const elsewhere = await api.call('GET', withKey(key, '&site=ucl-east-campus'));
    expect(elsewhere).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    const nowhere = await api.call('GET', withKey(own.key, '&site=nowhere'));
    expect(nowhere).toMatchObject({ status: 400, json: { errors: [{ in: 'query', pointer: '/site' }] } });
  });

  test('assigned_to has the work of one person', async () => {
    const own = await ownWorld();
    await create({ title: 'alex', assigned_to: own.alexId, priority: 'none' }, own.key);
    await create({ title: 'nobody', priority: 'none' }, own.key);
    expect(await valuesOf(withKey(own.key, `&assigned_to=${own.alexId}`))).toEqual(['alex']);
    expect(await valuesOf(withKey(own.key, `&assigned_to=${own.retiredId}`))).toEqual([]);
  });

  test('a test key has the feed of the test tenant, which says so', async () => {
    const own = await ownWorld();
    await create({ title: 'live' }, own.key);
    const body = { name: 'test', scopes: ['read', 'write'], livemode: false };
    const key = (await api.call('POST', '/api/v1/api-keys', { key: own.key, body })).json.data.secret;
    await create({ title: 'test', priority: 'none' }, key);
    expect(await valuesOf(withKey(key))).toEqual(['test']);
    expect((await api.call('GET', withKey(key))).text).toContain('\r\nNAME:Test: Work orders\r\n');
  });
});

describe('coming again', () => {
  test('the same feed is 304, also a while later; a change is another feed', async () => {
    now = start;
    const own = await ownWorld();
    const { id } = await create({ due_date: '2026-11-02' }, own.key);
    const ask = (etag?: unknown) =>
      api.call('GET', withKey(own.key), { headers: etag === undefined ? {} : { 'if-none-match': String(etag) } });
    const first = await ask();
    now = new Date(start.getTime() + 1_200_000);
    const again = await ask(first.headers.etag);
    expect([again.status, again.text, again.headers.etag]).toEqual([304, '', first.headers.etag]);
    expect((await ask()).text).toBe(first.text);
    await change(id, { description: 'x' }, own.key);
    const changed = await ask(first.headers.etag);
    expect(changed.status).toBe(200);
    const sequence = (text: string) => Number(/SEQUENCE:(\d+)/.exec(text)?.[1]);
    expect([sequence(first.text), sequence(changed.text)]).toEqual([0, 1_200]);
    const uid = (text: string) => /UID:(.+)/.exec(text)?.[1];
    expect(uid(changed.text)).toBe(uid(first.text));
    expect(changed.text).toContain('DTSTAMP:20261023T225000Z');
  });

  test('what has left the feed is gone from it; what was cancelled says so', async () => {
    const own = await ownWorld();
    const { id } = await create({ due_date: '2026-11-02' }, own.key);
    await change(id, { status: 'cancelled' }, own.key);
    expect(await valuesOf(withKey(own.key), 'status')).toEqual(['CANCELLED']);
    await change(id, { status: 'completed' }, own.key);
    expect(await valuesOf(withKey(own.key))).toEqual([]);
  });
});
