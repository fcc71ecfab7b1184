/** Insights as the API has them: lists, what people find themselves, change and decide; tests/insight-decisions.test.ts has their rules. */
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

type Given = { body?: object; status?: number; key?: string; headers?: Record<string, string> };

const ask = async (method: string, path: string, { body, status = 200, key = world.key, headers }: Given = {}) => {
  const reply = await api.call(method, `/api/v1/${path}`, { key, ...(body && { body }), ...(headers && { headers }) });
  expect([path, reply.status, reply.json?.message]).toEqual([path, status, reply.json?.message]);
  return reply.json?.data ?? reply.json;
};
const raise = (body: object, status = 201) =>
  ask('POST', 'insights', { body: { title: 'It rattles', ...body }, status });

test('a decision with If-Match is about the version that was seen', async () => {
  const { id } = await raise({});
  const { headers } = await api.call('GET', `/api/v1/insights/${id}`, { key: world.key });
  const given = { headers: { 'if-match': String(headers.etag) } };
  await ask('POST', `insights/${id}/acknowledge`, given);
  await ask('POST', `insights/${id}/dismiss`, { ...given, body: { reason: 'x' }, status: 412 });
  expect((await ask('GET', `insights/${id}`)).status).toBe('open');
});

test('an event of a change names what changed as the API does, with the values that it shows', async () => {
  const { id } = await raise({});
  const change = {
    title: 'It hums',
    estimated_cost_per_day: 7,
    confidence: 0.5,
    assignee: world.alexId,
    external_id: 'x',
  };
  await ask('PATCH', `insights/${id}`, { body: change });
  const { changes, data } = (await ask('GET', `events?subject_id=${id}&limit=1`))[0];
  const told = Object.fromEntries(changes.map(({ field, to }: { field: string; to: unknown }) => [field, to]));
  expect(told).toEqual(change);
  expect(data).toMatchObject({ estimated_cost_per_day: 7 });
});

describe('what people find themselves', () => {
  test('has the form of every insight, at the site of its equipment, open and theirs', async () => {
    const body = {
      body: 'In the **morning**.',
      severity: 'info',
      category: 'maintenance',
      asset_id: world.chillerId,
      occurred_at: '2026-03-15T10:40:00Z',
      estimated_cost_per_day: 12.7,
      confidence: 0.8,
      assignee: world.alexId,
      external_id: 'FM-1',
      metadata: { floor: 3 },
      actions: ['Listen'],
    };
    const made = await raise(body);
    expect(made).toMatchObject({
      source: 'person',
      source_id: null,
      rule_id: null,
      rule_version: null,
      status: 'open',
      site: 'plant',
      equipment_uri: `${world.base}#Chiller-01`,
      message: body.body,
      body: body.body,
      first_seen: body.occurred_at,
      started_at: body.occurred_at,
      last_seen: body.occurred_at,
      occurrences: 1,
      episodes: 1,
      estimated_cost_per_day: 12.7,
      confidence: 0.8,
      assignee: world.alexId,
      assignee_detail: { id: world.alexId, username: 'alex' },
      created_by: world.alexId,
      external_id: 'FM-1',
      metadata: { floor: 3 },
      actions: ['Listen'],
      work_order_ids: [],
      comment_count: 0,
    });
    expect(await ask('GET', `insights/${made.id}`)).toEqual(made);
    expect(await ask('GET', `insights/${made.id}/evidence`)).toMatchObject({
      rule_id: null,
      recorded: false,
      series: [],
    });
  });

  test('is at the default site where it names no equipment of ours, and may be about that of an external graph', async () => {
    expect(await raise({})).toMatchObject({
      site: 'ucl-east-campus',
      asset_id: null,
      equipment_uri: '',
      severity: 'warning',
    });
    const equipment_uri = 'http://elsewhere/graph#Pump';
    expect(await raise({ equipment_uri })).toMatchObject({ asset_id: null, equipment_uri });
    const order = await ask('POST', 'work-orders', {
      body: { title: 'x', insight: (await raise({ equipment_uri })).id },
      status: 201,
    });
    expect(order).toMatchObject({ asset_id: null, equipment_uri, site: 'ucl-east-campus' });
  });

  test.each<[string, () => object, string]>([
    ['equipment that is unknown', () => ({ asset_id: randomUUID() }), '/asset_id'],
    ['equipment of another tenant', () => ({ asset_id: other.ahuId }), '/asset_id'],
    ['an assignee who is inactive', () => ({ assignee: world.retiredId }), '/assignee'],
    ['an assignee of another tenant', () => ({ assignee: other.alexId }), '/assignee'],
    ['two texts', () => ({ body: 'a', message: 'b' }), '/message'],
    ['no title', () => ({ title: ' ' }), '/title'],
    ['a confidence above one', () => ({ confidence: 1.1 }), '/confidence'],
  ])('is refused with %s', async (_what, body, pointer) => {
    expect(await raise(body(), 400)).toMatchObject({ error: 'validation_failed', errors: [{ pointer }] });
  });

  test('below a site, equipment of another site is refused', async () => {
    const body = { title: 'x', asset_id: world.chillerId };
    const refused = await ask('POST', 'sites/ucl-east-campus/insights/', { body, status: 400 });
    expect(refused).toMatchObject({ errors: [{ pointer: '/asset_id', code: 'other_site' }] });
  });
});

describe('a change', () => {
  test('sets what is given, and null or an empty text unsets it', async () => {
    const { id } = await raise({ assignee: world.alexId, external_id: 'a', estimated_cost_per_day: 3 });
    const path = `insights/${id}`;
    expect(await ask('PATCH', path, { body: { title: 'Other', message: 'Said' } })).toMatchObject({
      title: 'Other',
      body: 'Said',
      assignee: world.alexId,
    });
    const unset = { assignee: null, external_id: '', estimated_cost_per_day: null, body: '' };
    expect(await ask('PATCH', path, { body: unset })).toMatchObject({
      ...{ assignee: null, assignee_detail: null, external_id: null, estimated_cost_per_day: null, message: '' },
    });
  });

  test('of what a rule says is refused, and what people add to it is not', async () => {
    const id = await world.makeInsight();
    for (const body of [{ title: 'x' }, { severity: 'info' }, { body: 'x' }, { confidence: 1 }]) {
      const refused = await ask('PATCH', `insights/${id}`, { body, status: 400 });
      expect(refused.errors).toEqual([
        expect.objectContaining({ pointer: `/${Object.keys(body)[0]}`, code: 'conflict' }),
      ]);
    }
    const body = { assignee: world.alexId, metadata: { ticket: 1 } };
    expect(await ask('PATCH', `insights/${id}`, { body })).toMatchObject(body);
    expect(await typesOf(id)).toEqual(['insight.assigned']);
  });

  test('of two with one ETag the second is refused', async () => {
    const id = await world.makeInsight();
    const { headers } = await api.call('GET', `/api/v1/insights/${id}`, { key: world.key });
    const condition = { 'if-match': String(headers.etag) };
    await ask('PATCH', `insights/${id}`, { body: { metadata: { a: 1 } }, headers: condition });
    await ask('PATCH', `insights/${id}`, { body: { metadata: { a: 2 } }, headers: condition, status: 412 });
  });
});

async function typesOf(id: string): Promise<string[]> {
  const { data } = (await api.call('GET', `/api/v1/events?subject_id=${id}&order=asc`, { key: world.key })).json;
  return data.map(({ type }: { type: string }) => type);
}

describe('people decide', () => {
  const soon = () => new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z/, 'Z');

  test('acknowledge: whoever did so first stays', async () => {
    const id = await world.makeInsight();
    const first = await ask('POST', `insights/${id}/acknowledge`);
    expect(first).toMatchObject({ status: 'open', acknowledged_by: world.alexId });
    const second = await ask('POST', `insights/${id}/acknowledge`);
    expect(second.acknowledged_at).toBe(first.acknowledged_at);
    expect(await typesOf(id)).toEqual(['insight.acknowledged']);
  });

  test('snooze, dismiss and resolve say until when, who and why; reopen takes that back', async () => {
    const id = await world.makeInsight();
    const until = soon();
    expect(await ask('POST', `insights/${id}/snooze`, { body: { until } })).toMatchObject({
      status: 'snoozed',
      snoozed_until: until,
    });
    expect(await ask('POST', `insights/${id}/dismiss`, { body: { reason: 'Known.' } })).toMatchObject({
      ...{ status: 'dismissed', dismissed_by: world.alexId, dismissed_reason: 'Known.', snoozed_until: null },
    });
    expect(await ask('POST', `insights/${id}/reopen`)).toMatchObject({ status: 'open', dismissed_at: null });
    expect(await ask('POST', `insights/${id}/resolve`)).toMatchObject({
      ...{ status: 'resolved', resolved_because: 'person', resolved_by: world.alexId, resolved_reason: null },
    });
    expect(await ask('POST', `insights/${id}/reopen`)).toMatchObject({ status: 'open', resolved_at: null });
    const types = ['snoozed', 'dismissed', 'reopened', 'resolved', 'reopened'];
    expect(await typesOf(id)).toEqual(types.map((type) => `insight.${type}`));
  });

  test.each([
    ['resolved', 'acknowledge', 'insight_not_open'],
    ['dismissed', 'dismiss', 'insight_not_open'],
    ['resolved', 'resolve', 'insight_not_open'],
    ['dismissed', 'snooze', 'insight_not_open'],
    ['open', 'reopen', 'insight_not_ended'],
    ['in_progress', 'reopen', 'insight_not_ended'],
  ])('one that is %s refuses to %s', async (status, name, error) => {
    const id = await world.makeInsight({ status });
    const bodies: Record<string, object> = { snooze: { until: soon() }, dismiss: { reason: 'x' } };
    const body = bodies[name];
    const refused = await ask('POST', `insights/${id}/${name}`, { status: 409, ...(body && { body }) });
    expect(refused).toMatchObject({ error });
    expect(await ask('GET', `insights/${id}`)).toMatchObject({ status });
  });

  test.each([
    ['the past', '2020-01-01T00:00:00Z'],
    ['more than a year on', '2199-01-01T00:00:00Z'],
  ])('until %s nothing is put aside', async (_what, until) => {
    const id = await world.makeInsight();
    const refused = await ask('POST', `insights/${id}/snooze`, { body: { until }, status: 400 });
    expect(refused).toMatchObject({ errors: [{ pointer: '/until' }] });
  });

  test('it sleeps for so many minutes as well, and not for both', async () => {
    const id = await world.makeInsight();
    const { snoozed_until } = await ask('POST', `insights/${id}/snooze`, { body: { minutes: 90 } });
    expect(Math.abs(Date.parse(snoozed_until) - Date.now() - 5_400_000)).toBeLessThan(60_000);
    for (const body of [{}, { minutes: 0 }, { minutes: 1, until: soon() }])
      await ask('POST', `insights/${id}/snooze`, { body, status: 400 });
  });

  test('a dismissal needs a reason', async () => {
    const id = await world.makeInsight();
    for (const body of [{}, { reason: ' ' }]) await ask('POST', `insights/${id}/dismiss`, { body, status: 400 });
  });

  test('with an Idempotency-Key a decision is answered again as it was the first time', async () => {
    const id = await world.makeInsight();
    const headers = { 'idempotency-key': randomUUID() };
    const decide = () => ask('POST', `insights/${id}/resolve`, { body: {}, headers });
    expect(await decide()).toEqual(await decide());
  });

  test("another tenant's insight is not found, one at a site beyond the key is forbidden, and reading is not writing", async () => {
    const foreign = await other.makeInsight();
    const id = await world.makeInsight();
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    const reading = await world.makeKey({ scopes: ['read'] });
    for (const name of ['acknowledge', 'reopen', 'resolve']) {
      await ask('POST', `insights/${foreign}/${name}`, { status: 404 });
      await ask('POST', `insights/${id}/${name}`, { status: 403, key: elsewhere });
      await ask('POST', `insights/${id}/${name}`, { status: 403, key: reading });
    }
    expect(await ask('GET', `insights/${id}`)).toMatchObject({ status: 'open', acknowledged_at: null });
  });
});

describe('comments', () => {
  test('on an insight are counted, move its ETag, and are told with it as subject', async () => {
    const id = await world.makeInsight();
    const before = await ask('GET', `insights/${id}`);
    await ask('POST', `insights/${id}/comments`, { body: { body: 'Seen it.' }, status: 201 });
    const after = await ask('GET', `insights/${id}`);
    expect([after.comment_count, after.updated_at > before.updated_at]).toEqual([1, true]);
    expect((await ask('GET', `insights/${id}/comments`)).map(({ body }: { body: string }) => body)).toEqual([
      'Seen it.',
    ]);
    expect(await typesOf(id)).toEqual(['insight_comment.created']);
    await ask('POST', `insights/${await other.makeInsight()}/comments`, { body: { body: 'x' }, status: 404 });
  });
});
