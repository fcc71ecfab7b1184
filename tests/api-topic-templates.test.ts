/** Forms of topics by API: what is refused with which reason, who sees what, and what a trial says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let other: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/topic-templates';
const post = (body: unknown, headers: Record<string, string> = {}) =>
  api.call('POST', path, { key: world.key, body, headers });
const trial = async (body: unknown) => (await api.call('POST', `${path}/test`, { key: world.key, body })).json.data;
const number = (pattern: string) => ({ pattern, format: 'number' });

describe('a form of topics', () => {
  test('is made, shown, listed, changed and deleted', async () => {
    const made = await post({ ...number('a/{site}/{asset}/{point}'), name: 'A' }, { 'idempotency-key': 'made-once' });
    expect(made).toMatchObject({ status: 201, json: { data: { name: 'A', enabled: true, site: null, pointers: {} } } });
    const again = await post({ ...number('a/{site}/{asset}/{point}'), name: 'A' }, { 'idempotency-key': 'made-once' });
    expect([again.status, again.json]).toEqual([201, made.json]);
    const { id } = made.json.data;
    const member = `${path}/${id}`;
    expect(made.headers.location).toBe(`http://127.0.0.1:3000${member}`);
    const seen = await api.call('GET', member, { key: world.key });
    expect([seen.json, seen.headers.etag]).toEqual([made.json, made.headers.etag]);
    const listed = await api.call('GET', path, { key: world.key });
    expect(listed.json.data.map((one: { id: string }) => one.id)).toContain(id);

    const body = { pattern: 'a/{site}/{asset}', format: 'json', pointers: { values: '' }, enabled: false };
    const changed = await api.call('PATCH', member, {
      key: world.key,
      body,
      headers: { 'if-match': String(seen.headers.etag) },
    });
    expect(changed).toMatchObject({ status: 200, json: { data: { ...body, name: 'A' } } });
    const late = await api.call('PATCH', member, {
      key: world.key,
      body,
      headers: { 'if-match': String(seen.headers.etag) },
    });
    expect(late).toMatchObject({ status: 412, json: { error: 'precondition_failed' } });
    expect((await api.call('DELETE', member, { key: world.key })).status).toBe(204);
    expect(await api.call('DELETE', member, { key: world.key })).toMatchObject({
      status: 404,
      json: { error: 'topic_template_not_found' },
    });
  });

  test.each<[string, object, string, RegExp]>([
    ['no pattern', { format: 'number' }, '/pattern', /required/],
    ['a pattern that is read already', number('telemetry/{site}/{asset}/{point}'), '/pattern', /without a template/],
    ['a pattern that cannot match', number('x/#/{site}'), '/pattern', /last level only/],
    ['a pattern without a site', number('x/{asset}/{point}'), '/pattern', /nothing tells the site/],
    ['a site that there is not', { ...number('x/{asset}/{point}'), site: 'nowhere' }, '/site', /no such site/],
    ['a site of another tenant', { ...number('x/{asset}/{point}'), site: 'their-own' }, '/site', /no such site/],
    [
      'a pointer that is none',
      { pattern: 'x/{site}/{asset}/{point}', pointers: { value: '$.v' } },
      '/pointers/value',
      /begins with a slash/,
    ],
    [
      'a pointer of another name',
      { pattern: 'x/{site}/{asset}/{point}', pointers: { value: '/v', when: '/t' } },
      '/pointers/when',
      /there is no when/,
    ],
    ['another format', { pattern: 'x/{site}/{asset}/{point}', format: 'xml' }, '/format', /expected one of/],
    [
      'a name of a point that is none',
      { pattern: 'x/{site}/{asset}', pointers: { values: { '': '/v' } } },
      '/pointers/values/',
      /^must be the name of a point/,
    ],
    [
      'too many pointers',
      {
        pattern: 'x/{site}/{asset}',
        pointers: { values: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`p${i}`, '/v'])) },
      },
      '/pointers/values',
      /at most 100/,
    ],
  ])('with %s is refused at the property that holds the mistake', async (_name, body, pointer, message) => {
    await api.database.db.updateTable('site').set({ slug: 'their-own' }).where('id', '=', other.plantId).execute();
    const { status, json } = await post(body);
    expect([status, json.error]).toEqual([400, 'validation_failed']);
    expect(json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    expect(json.errors[0].message).toMatch(message);
  });

  test('that matches the same topics as another is refused, whatever its levels are called, also by a change', async () => {
    const first = await post(number('same/{site}/{asset}/{point}/+'));
    const second = await post(number('same/{site}/+/{asset}/{point}'));
    expect(second).toMatchObject({ status: 400, json: { errors: [{ pointer: '/pattern', code: 'conflict' }] } });
    const third = await post(number('other/{site}/{asset}/{point}'));
    const member = `${path}/${third.json.data.id}`;
    const body = { pattern: 'same/+/{site}/{asset}/{point}' };
    expect(await api.call('PATCH', member, { key: world.key, body })).toMatchObject({ status: 400 });
    expect((await api.call('GET', member, { key: world.key })).json).toEqual(third.json);
    // Of another tenant it is no concern, and a template may be changed in place.
    expect(
      (await api.call('POST', path, { key: other.key, body: number('same/{site}/{asset}/{point}/+') })).status,
    ).toBe(201);
    const own = { pattern: 'same/+/{site}/{asset}/{point}' };
    const changed = await api.call('PATCH', `${path}/${first.json.data.id}`, { key: world.key, body: own });
    expect(changed).toMatchObject({ status: 200, json: { data: own } });
  });

  test('is of one tenant, which may have 200, however many are made at once', async () => {
    const fresh = await makeWorld(api.database);
    const make = (n: number) =>
      api.call('POST', path, { key: fresh.key, body: number(`n${n}/{site}/{asset}/{point}`) });
    const first = await Promise.all(Array.from({ length: 195 }, (_, n) => make(n)));
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set([201]));
    const last = await Promise.all(Array.from({ length: 10 }, (_, n) => make(1_000 + n)));
    expect(last.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 400, 400, 400, 400, 400]);
    expect(last.find(({ status }) => status === 400)?.json.errors[0]).toMatchObject({ code: 'too_many' });
    const id = first[0]?.json.data.id;
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      const reply = await api.call(method, `${path}/${id}`, {
        key: world.key,
        ...(method === 'PATCH' && { body: {} }),
      });
      expect([method, reply.status]).toEqual([method, 404]);
    }
  });

  test('needs its scope, and a key for all sites', async () => {
    const reader = await world.makeKey({ scopes: ['topic-templates:read'] });
    expect((await api.call('GET', path, { key: reader })).status).toBe(200);
    expect((await api.call('POST', path, { key: reader, body: number('r/{site}/{asset}/{point}') })).status).toBe(403);
    const local = await world.makeKey({ siteIds: [world.campusId] });
    expect(await api.call('GET', path, { key: local })).toMatchObject({
      status: 403,
      json: { error: 'site_forbidden' },
    });
    expect((await api.call('POST', path, { key: local, body: number('r/{site}/{asset}/{point}') })).status).toBe(403);
  });
});

describe('a trial', () => {
  const topic = 'bms/ucl-east-campus/3/AHU-01/sat';
  const bms = { pattern: 'bms/{site}/+/{asset}/{point}', pointers: { value: '/v', time: '/t', quality: '/q' } };

  test('says what a message would become, with the point that there is, and stores nothing', async () => {
    const payload = '{"v":13.2,"t":"2026-03-01T12:00:00.5Z","q":"BAD"}';
    expect(await trial({ ...bms, topic, payload })).toEqual({
      read_by: 'template',
      template_id: null,
      readings: [
        {
          site: 'ucl-east-campus',
          asset: 'AHU-01',
          point: 'sat',
          point_id: world.pointId,
          time: '2026-03-01T12:00:00.500Z',
          value: 13.2,
          quality: 'bad',
        },
      ],
      total: 1,
      rejections: [],
    });
    const listed = await api.call('GET', path, { key: world.key });
    expect(listed.json.data.map((one: { pattern: string }) => one.pattern)).not.toContain(bms.pattern);
    expect(await trial({ topic, payload })).toMatchObject({ read_by: 'nothing', total: 0 });
  });

  test.each<[string, object, object]>([
    [
      'a topic that does not match',
      { ...bms, topic: 'bms/x', payload: '' },
      { read_by: 'nothing', rejections: [{ reason: 'unknown_topic' }] },
    ],
    [
      'a payload that does not fit',
      { ...bms, topic, payload: '{"w":1}' },
      { read_by: 'template', total: 0, rejections: [{ reason: 'malformed' }] },
    ],
    [
      'a site that there is not',
      { ...bms, topic: 'bms/nowhere/3/a/p', payload: '{"v":1}' },
      { rejections: [{ reason: 'unknown_site' }] },
    ],
    [
      'a point that there is not, with discovery off',
      { ...bms, topic: 'bms/plant/3/a/p', payload: '{"v":1}' },
      { rejections: [{ reason: 'unknown_point' }] },
    ],
    [
      'a topic that needs no template',
      { topic: 'telemetry/ucl-east-campus/AHU-01/sat', payload: '7' },
      { read_by: 'built_in', total: 1 },
    ],
    [
      "a device's own telemetry",
      { topic: 'v1/devices/me/telemetry', payload: '{"sat":1}' },
      { read_by: 'built_in', rejections: [{ reason: 'unknown_point' }] },
    ],
    [
      'bytes',
      { ...bms, topic, payload: Buffer.from('{"v":3}').toString('base64'), encoding: 'base64' },
      { total: 1, readings: [{ value: 3 }] },
    ],
    [
      'a text for a point without states',
      { ...bms, topic, payload: '{"v":"21,5"}' },
      { total: 0, rejections: [{ reason: 'unusable_value' }] },
    ],
  ])('of %s says so', async (_name, body, expected) => {
    expect(await trial(body)).toMatchObject(expected);
  });

  test('of a template that is wrong is refused like the template', async () => {
    const body = { pattern: 'bms/{site}', topic, payload: '1' };
    const reply = await api.call('POST', `${path}/test`, { key: world.key, body });
    expect([reply.status, reply.json.errors.length > 1]).toEqual([400, true]);
  });

  test('without a template goes by those that are stored, the most specific of them', async () => {
    await post({ ...number('t/{site}/+/{point}'), asset: 'wide' });
    const narrow = await post({ ...number('t/{site}/x/{point}'), asset: 'narrow' });
    const off = await post({ ...number('t/{site}/x/p'), asset: 'off', point: 'p', enabled: false });
    expect(off.status).toBe(201);
    await api.database.db.updateTable('site').set({ discovery: true }).where('id', '=', world.campusId).execute();
    const readout = await trial({ topic: 't/ucl-east-campus/x/p', payload: '1' });
    expect(readout).toMatchObject({
      template_id: narrow.json.data.id,
      readings: [{ asset: 'narrow', point_id: null }],
    });
  });
});
