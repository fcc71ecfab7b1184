import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary } from './support/api-rules.ts';

let api: TestApi;
let world: World;
let other: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  other = await makeWorld(api.database);
  await classifyEquipment(api, world);
  await classifyEquipment(api, other);
  await deployLibrary(api);
});
afterAll(() => api.close());

const reason = 'The unit is being commissioned.';
const post = (path: string, body: object, { key = world.key, headers = {} } = {}) =>
  api.call('POST', `/api/v1${path}`, { key, body, headers });
const get = (path: string, key = world.key) => api.call('GET', `/api/v1${path}`, { key });
const effective = async (key = world.key, at = '') => {
  const { json } = await get(`${at}/rules/sat-warm`, key);
  return (json.data ?? json).effective;
};
const endAll = async () => {
  const { json } = await get('/rule-overrides?active=true&limit=200');
  for (const { id } of json.data) await api.call('DELETE', `/api/v1/rule-overrides/${id}`, { key: world.key });
};

describe('switches', () => {
  test.each([
    ['disable', false],
    ['shadow', 'shadow'],
    ['pause', 'paused'],
    ['enable', true],
  ])(
    'POST /rules/{id}/%s makes an override with the reason and the author, and lies among the overrides',
    async (verb, enabled) => {
      const made = await post(`/rules/sat-warm/${verb}`, { reason });
      expect([made.status, made.json.data]).toMatchObject([
        201,
        { rule_id: 'sat-warm', enabled, reason, author: 'alex', site: null, asset_id: null, until: null, params: {} },
      ]);
      expect(made.headers.location).toBe(`http://127.0.0.1:3000/api/v1/rule-overrides/${made.json.data.id}`);
      expect((await get(new URL(String(made.headers.location)).pathname.replace('/api/v1', ''))).json.data).toEqual(
        made.json.data,
      );
      expect((await effective()).enabled).toBe(enabled);
      await endAll();
    },
  );

  test('one of a site holds there alone; the last one made wins', async () => {
    await post('/rules/sat-warm/disable', { reason, site: 'plant' });
    expect([(await effective()).enabled, (await effective(world.key, '/sites/plant')).enabled]).toEqual([true, false]);
    await post('/sites/plant/rules/sat-warm/shadow/', { reason });
    expect((await effective(world.key, '/sites/plant')).enabled).toBe('shadow');
    await endAll();
    expect((await effective(world.key, '/sites/plant')).enabled).toBe(true);
  });

  test('one of an asset is told by its bindings, and not by the rule', async () => {
    const { json } = await post('/rules/sat-warm/disable', { reason, asset_id: world.ahuId });
    expect(json.data).toMatchObject({ asset_id: world.ahuId, asset: 'AHU-01', site: 'ucl-east-campus' });
    expect((await effective()).enabled).toBe(true);
    expect((await get('/rules/sat-warm/bindings')).json.data[0].status).toBe('disabled');
    await endAll();
    expect((await get('/rules/sat-warm/bindings')).json.data[0].status).toBe('running');
  });

  test('a paused asset is one with an override of every rule, and its bindings say so', async () => {
    const body = { rule_id: '*', asset_id: world.ahuId, enabled: 'paused', reason };
    expect((await post('/rule-overrides', body)).json.data).toMatchObject({ rule_id: '*', enabled: 'paused' });
    expect((await effective()).enabled).toBe(true);
    const { json } = await get('/rules/sat-warm/bindings?status=paused');
    expect(json.data.map((one: { asset: string }) => one.asset)).toEqual(['AHU-01']);
    expect((await get(`/assets/${world.ahuId}/rules?status=running`)).json.data).toEqual([]);
    await endAll();
    expect((await get('/rules/sat-warm/bindings?status=paused')).json.data).toEqual([]);
  });

  test('a rule that is off in its file can be switched on', async () => {
    await post('/rules/pump-hot/enable', { reason });
    expect((await get('/rules/pump-hot')).json.data).toMatchObject({ enabled: false, effective: { enabled: true } });
    await endAll();
  });

  test('the same Idempotency-Key switches once', async () => {
    const headers = { 'idempotency-key': 'switch' };
    const first = await post('/rules/sat-warm/disable', { reason }, { headers });
    const again = await post('/rules/sat-warm/disable', { reason }, { headers });
    expect([again.text, again.headers.location, again.headers['idempotent-replayed']]).toEqual([
      first.text,
      first.headers.location,
      'true',
    ]);
    expect((await get('/rule-overrides?active=true')).json.total).toBe(1);
    await endAll();
  });
});

describe('parameters', () => {
  test('an override of a parameter holds until it is ended, and the rule has another ETag each time', async () => {
    const before = (await get('/rules/sat-warm')).headers.etag;
    const { json } = await post('/rule-overrides', {
      rule_id: 'sat-warm',
      params: { limit: 20 },
      severity: 'critical',
      reason,
    });
    const during = await get('/rules/sat-warm');
    expect(during.json.data.effective).toEqual({ enabled: true, severity: 'critical', params: { limit: 20 } });
    expect((await get('/rules/sat-warm/bindings')).json.data[0]).toMatchObject({
      severity: 'critical',
      params: { limit: 20 },
    });
    expect((await api.call('DELETE', `/api/v1/rule-overrides/${json.data.id}`, { key: world.key })).status).toBe(204);
    const after = await get('/rules/sat-warm');
    expect(after.json.data.effective.params).toEqual({ limit: 18 });
    expect(new Set([before, during.headers.etag, after.headers.etag]).size).toBe(3);
    const ended = (await get(`/rule-overrides/${json.data.id}`)).json.data;
    expect([ended.until, ended.ended_at]).toEqual([expect.any(String), expect.any(String)]);
    expect(await api.call('DELETE', `/api/v1/rule-overrides/${json.data.id}`, { key: world.key })).toMatchObject({
      status: 404,
      json: { error: 'rule_override_not_found' },
    });
  });

  test('PATCH changes what it names from now on; what held until then stays on record', async () => {
    const made = await post('/rule-overrides', { rule_id: 'sat-warm', params: { limit: 20 }, reason });
    const url = `/api/v1/rule-overrides/${made.json.data.id}`;
    const stale = await api.call('PATCH', url, {
      key: world.key,
      body: { reason: 'x' },
      headers: { 'if-match': '"x"' },
    });
    expect(stale.status).toBe(412);
    const changed = await api.call('PATCH', url, {
      key: world.key,
      body: { params: { limit: 21 }, until: '2099-01-01T00:00:00Z' },
      headers: { 'if-match': String(made.headers.etag) },
    });
    expect([changed.status, changed.json.data]).toMatchObject([
      200,
      { params: { limit: 21 }, until: '2099-01-01T00:00:00Z', reason },
    ]);
    const { json } = await get('/rule-overrides?rule_id=sat-warm&active=false');
    expect(json.data[0]).toMatchObject({ params: { limit: 20 }, replaced_by: made.json.data.id });
    expect(await api.call('PATCH', url, { key: world.key, body: { params: {} } })).toMatchObject({
      status: 400,
      json: { errors: [{ code: 'empty_override' }] },
    });
    await endAll();
  });

  const wrong: [object, object, string][] = [
    [
      { rule_id: 'sat-warm', params: { limit: 31 } },
      { pointer: '/params/limit', code: 'out_of_bounds', message: 'limit = 31 is outside 10..30' },
      'out of bounds',
    ],
    [
      { rule_id: 'sat-warm', params: { limt: 20 } },
      { pointer: '/params/limt', code: 'unknown_param' },
      'a parameter that the rule lacks',
    ],
    [
      { rule_id: 'sat-wram', enabled: false },
      { pointer: '/rule_id', code: 'unknown_rule', message: "no rule 'sat-wram'; did you mean 'sat-warm'?" },
      'no such rule',
    ],
    [
      { rule_id: '../../etc/passwd', enabled: false },
      { pointer: '/rule_id', code: 'unknown_rule' },
      'no such rule, like a path',
    ],
    [{ rule_id: 'sat-warm' }, { code: 'empty_override' }, 'nothing is changed'],
    [{ rule_id: 'sat-warm', enabled: 'maybe' }, { pointer: '/enabled' }, 'a wrong state'],
    [{ rule_id: 'sat-warm', enabled: false, site: 'nowhere' }, { pointer: '/site', code: 'not_found' }, 'no such site'],
    [
      { rule_id: 'sat-warm', enabled: false, asset_id: '00000000-0000-7000-8000-000000000000' },
      { pointer: '/asset_id', code: 'not_found' },
      'no such asset',
    ],
    [
      { rule_id: 'sat-warm', enabled: false, until: '2020-01-01T00:00:00Z' },
      { pointer: '/until', code: 'in_past' },
      'an end in the past',
    ],
    [
      { rule_id: 'sat-warm', enabled: false, since: '2020-01-01T00:00:00Z' },
      { pointer: '/since', code: 'in_past' },
      'a beginning in the past',
    ],
    [
      { rule_id: 'sat-warm', enabled: false, since: '2099-01-02T00:00:00Z', until: '2099-01-01T00:00:00Z' },
      { pointer: '/until' },
      'an end before its beginning',
    ],
    [{ rule_id: 'sat-warm', enabled: false, reason: ' ' }, { pointer: '/reason' }, 'no reason'],
    [
      { rule_id: 'sat-warm', enabled: false, author: 'somebody' },
      { pointer: '/author', code: 'unknown' },
      'the author is who asks',
    ],
  ];
  test.each(wrong)('%j is refused with %j: %s', async (body, error) => {
    expect(await post('/rule-overrides', { reason, ...body })).toMatchObject({
      status: 400,
      json: { errors: [error] },
    });
  });

  test('a body without a reason is refused', async () => {
    expect(await post('/rules/sat-warm/disable', {})).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/reason', code: 'required' }] },
    });
  });

  test('local times are those of the site', async () => {
    const { json } = await post('/rules/sat-warm/disable', { reason, site: 'plant', until: '2099-01-01T05:30' });
    expect(json.data.until).toBe('2099-01-01T00:00:00Z');
    await endAll();
  });
});

describe('tenants and sites', () => {
  test("one tenant's overrides are nothing to another", async () => {
    const { json } = await post('/rule-overrides', { rule_id: '*', enabled: false, reason });
    expect((await effective()).enabled).toBe(false);
    expect((await effective(other.key)).enabled).toBe(true);
    expect((await get('/rules/sat-warm/bindings', other.key)).json.data[0].status).toBe('running');
    expect((await get('/rule-overrides', other.key)).json.total).toBe(0);
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { reason: 'x' } : undefined;
      const reply = await api.call(method, `/api/v1/rule-overrides/${json.data.id}`, { key: other.key, body });
      expect([method, reply.status]).toEqual([method, 404]);
    }
    expect(await post('/rules/sat-warm/disable', { reason, asset_id: world.ahuId }, { key: other.key })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/asset_id', code: 'not_found' }] },
    });
    await endAll();
  });

  test('a key that is limited to sites sets nothing beyond them, and sees what holds there', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId], createdBy: undefined, name: 'the gateway' } as never);
    for (const where of [{}, { site: 'ucl-east-campus' }, { tag: 'roof' }]) {
      expect((await post('/rules/sat-warm/disable', { reason, ...where }, { key })).status).toBe(403);
    }
    const own = await post('/rules/sat-warm/disable', { reason, site: 'plant' }, { key });
    expect(own.json.data).toMatchObject({ site: 'plant', author: 'API key the gateway' });
    const campus = await post('/rules/sat-warm/disable', { reason, site: 'ucl-east-campus' });
    const everywhere = await post('/rules/sat-warm/disable', { reason });
    const seen = (await get('/rule-overrides?active=true', key)).json.data.map(({ id }: { id: string }) => id);
    expect(seen).toEqual([everywhere.json.data.id, own.json.data.id]);
    expect((await get(`/rule-overrides/${campus.json.data.id}`, key)).status).toBe(403);
    expect((await api.call('DELETE', `/api/v1/rule-overrides/${everywhere.json.data.id}`, { key })).status).toBe(403);
    await endAll();
  });

  test('below a site its overrides are changed, and those of the whole tenant are only read', async () => {
    const tenantWide = (await post('/rules/sat-warm/disable', { reason })).json.data.id;
    const base = '/api/v1/sites/plant/rule-overrides';
    const { json } = await api.call('POST', `${base}/`, {
      key: world.key,
      body: { rule_id: 'sat-warm', enabled: false, reason },
    });
    expect(
      (await api.call('GET', `${base}/?active=true`, { key: world.key })).json.map(({ id }: { id: string }) => id),
    ).toEqual([json.id]);
    expect((await api.call('GET', `${base}/${tenantWide}/`, { key: world.key })).status).toBe(200);
    expect((await api.call('DELETE', `${base}/${tenantWide}/`, { key: world.key })).status).toBe(404);
    expect((await api.call('DELETE', `${base}/${json.id}/`, { key: world.key })).status).toBe(204);
    await endAll();
  });
});
