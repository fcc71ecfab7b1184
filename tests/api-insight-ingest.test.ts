/** Where other detectors send what they find (T17); tests/insight-locks.test.ts has many at once. */
import { randomUUID } from 'node:crypto';
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

const path = '/api/v1/sites/ucl-east-campus/insights/ingest/';
const finding = (more: object = {}) => ({
  source: 'efficiency-monitor',
  source_id: randomUUID(),
  title: 'Chiller efficiency below threshold',
  severity: 'warning',
  category: 'energy',
  ...more,
});

type More = { key?: string; at?: string; headers?: Record<string, string> };

const send = (body: object, { key = world.key, at = path, headers = {} }: More = {}) =>
  api.call('POST', at, { key, body, headers });
const get = async (id: string) => (await api.call('GET', `/api/v1/insights/${id}`, { key: world.key })).json.data;
const decide = (id: string, name: string, body = {}) =>
  api.call('POST', `/api/v1/insights/${id}/${name}`, { key: world.key, body });

test('T17: every property is kept, and 201 says where the insight is', async () => {
  const body = finding({
    body: 'COP has been **2.9**.',
    equipment_uri: `${world.base}#AHU-01`,
    timeseries_ids: [world.pointId, 'http://fuseki:3030/series#9'],
    analysis: { cop: 2.9, expected: [4, 4.2] },
    occurred_at: '2026-03-15T10:40:00Z',
    estimated_cost_per_day: 40,
    confidence: 0.9,
  });
  const { status, json, headers } = await send(body);
  expect(status).toBe(201);
  const { occurred_at, ...said } = body as typeof body & { occurred_at: string };
  expect(json).toMatchObject({
    ...said,
    message: 'COP has been **2.9**.',
    site: 'ucl-east-campus',
    asset_id: world.ahuId,
    status: 'open',
    rule_id: null,
    first_seen: occurred_at,
    last_seen: occurred_at,
    occurrences: 1,
    created_by: world.alexId,
  });
  const found = await api.call('GET', String(headers.location).replace('http://127.0.0.1:3000', ''), {
    key: world.key,
  });
  expect([found.status, found.headers.etag, found.json]).toEqual([200, headers.etag, json]);
});

test('T17: the points among its series are its evidence', async () => {
  await send(finding());
  const body = finding({ timeseries_ids: [world.pointId, randomUUID(), 'other'], occurred_at: '2026-03-15T10:40:00Z' });
  const { id } = (await send(body)).json;
  const evidence = async () => (await api.call('GET', `/api/v1/insights/${id}/evidence`, { key: world.key })).json.data;
  expect(await evidence()).toMatchObject({
    recorded: true,
    complete: false,
    from: '2026-03-15T09:40:00Z',
    series: [{ input: 'AHU-01/sat', point_id: world.pointId, unit: 'degC', source: 'point' }],
  });
  await decide(id, 'resolve');
  expect((await evidence()).episodes).toMatchObject([{ ended_at: (await get(id)).resolved_at }]);
});

test('T17: the same source and source_id is the same insight: 200, counted, with what was said last', async () => {
  const body = finding({ occurred_at: '2026-03-15T10:00:00Z' });
  const first = await send(body);
  const second = await send({ ...body, title: 'Worse', severity: 'critical', occurred_at: '2026-03-15T11:00:00Z' });
  expect([first.status, second.status, second.json.id]).toEqual([201, 200, first.json.id]);
  expect(second.json).toMatchObject({
    title: 'Worse',
    severity: 'critical',
    occurrences: 2,
    episodes: 1,
    first_seen: '2026-03-15T10:00:00Z',
    last_seen: '2026-03-15T11:00:00Z',
  });
  const late = await send({ ...body, title: 'Older', occurred_at: '2026-03-15T10:30:00Z' });
  expect(late.json).toMatchObject({ title: 'Worse', occurrences: 3, last_seen: '2026-03-15T11:00:00Z' });
});

test('T17: another source, another source_id and another site are other insights', async () => {
  const body = finding();
  const at = '/api/v1/sites/plant/insights/ingest/';
  const replies = [
    await send(body),
    await send({ ...body, source: 'another' }),
    await send({ ...body, source_id: 'another' }),
    await send(body, { at }),
    await send(body, { key: other.key }),
  ];
  expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
  expect(new Set(replies.map(({ json }) => json.id)).size).toBe(5);
});

test('T17: with an Idempotency-Key a repetition is answered as the first, and not counted', async () => {
  const body = finding();
  const headers = { 'idempotency-key': randomUUID() };
  const [first, second] = [await send(body, { headers }), await send(body, { headers })];
  expect([second.status, second.headers['idempotent-replayed'], second.json]).toEqual([201, 'true', first.json]);
  expect(await get(first.json.id)).toMatchObject({ occurrences: 1 });
});

describe('what people decided', () => {
  test('T17: what was resolved is open again with the next occurrence, in another episode', async () => {
    const body = finding();
    const { id } = (await send(body)).json;
    await decide(id, 'resolve', { reason: 'Cleaned.' });
    const { status, json } = await send(body);
    expect([status, json.id]).toEqual([200, id]);
    expect(json).toMatchObject({
      status: 'open',
      occurrences: 2,
      episodes: 2,
      resolved_at: null,
      resolved_reason: null,
    });
  });

  test('T17: what occurred before it was resolved does not open it again', async () => {
    const body = finding({ occurred_at: '2026-03-15T10:00:00Z' });
    const { id } = (await send(body)).json;
    await decide(id, 'resolve');
    expect((await send({ ...body, occurred_at: '2026-03-15T11:00:00Z' })).json).toMatchObject({
      ...{ status: 'resolved', occurrences: 2, episodes: 1 },
    });
  });

  test.each([
    ['dismiss', 'dismissed', { reason: 'A test.' }],
    ['snooze', 'snoozed', { until: new Date(Date.now() + 3_600_000).toISOString() }],
  ])('T17: after %s it stays so, and is counted', async (name, status, decision) => {
    const body = finding();
    const { id } = (await send(body)).json;
    await decide(id, name, decision);
    expect((await send(body)).json).toMatchObject({ id, status, occurrences: 2, episodes: 1 });
  });
});

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['no source', { source: undefined }, '/source'],
    ['a source of our own', { source: 'rule' }, '/source'],
    ['no source_id', { source_id: '' }, '/source_id'],
    ['no title', { title: undefined }, '/title'],
    ['a severity of its own', { severity: 'high' }, '/severity'],
    ['a category of its own', { category: 'other' }, '/category'],
    ['an analysis that is no object', { analysis: [1] }, '/analysis'],
    ['no instant', { occurred_at: 'yesterday' }, '/occurred_at'],
    ['a property that there is not', { status: 'resolved' }, '/status'],
  ])('T17: %s', async (_what, more, pointer) => {
    const { status, json } = await send(finding(more));
    expect([status, json.errors.map((one: { pointer: string }) => one.pointer)]).toEqual([400, [pointer]]);
  });

  test('T17: equipment of another site, a key of another site, without the scope, and a site of another tenant', async () => {
    const elsewhere = await send(finding({ equipment_uri: `${world.base}#Chiller-01` }));
    expect([elsewhere.status, elsewhere.json.errors[0].code]).toEqual([400, 'other_site']);
    const ofPlant = await world.makeKey({ siteIds: [world.plantId] });
    expect((await send(finding(), { key: ofPlant })).status).toBe(403);
    const reading = await world.makeKey({ scopes: ['read'] });
    expect((await send(finding(), { key: reading })).status).toBe(403);
    const detector = await world.makeKey({ scopes: ['insights:write'], siteIds: [world.campusId] });
    expect((await send(finding(), { key: detector })).status).toBe(201);
  });

  test("T17: a URI of another tenant's equipment, or of a site beyond the key, is one of an external graph", async () => {
    const detector = await world.makeKey({ scopes: ['insights:write'], siteIds: [world.campusId] });
    const equipment_uri = `${world.base}#Chiller-01`;
    const { status, json } = await send(finding({ equipment_uri }), { key: detector });
    expect([status, json.asset_id, json.equipment_uri]).toEqual([201, null, equipment_uri]);
  });

  test('T17: an instant to come counts as now, so that a wrong clock does not hide what follows', async () => {
    const body = finding({ occurred_at: '2199-01-01T00:00:00Z' });
    const { json } = await send(body);
    expect(Math.abs(Date.parse(json.last_seen) - Date.now())).toBeLessThan(60_000);
    expect((await send({ ...body, occurred_at: undefined, title: 'Next' })).json).toMatchObject({ title: 'Next' });
  });
});
