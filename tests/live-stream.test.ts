import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { urlOf } from './support/database.ts';
import { isHypertable, needsTimescale } from './support/engine.ts';
import { codecOf, type LiveStage, openLiveStage, positionOf, valuesOf } from './support/live-stage.ts';

let stage: LiveStage;
beforeAll(async () => {
  stage = await openLiveStage();
});
afterEach(() => stage.endStreams());
afterAll(() => stage.close());

test('a reading, an insight that work begins on and a work order come as they are committed', async () => {
  const stream = await stage.follow();
  expect([stream.status, stream.headers['content-type'], stream.headers['cache-control']]).toEqual([
    200,
    'text/event-stream',
    'no-store',
  ]);
  expect(stream.headers).toMatchObject({ 'x-request-id': expect.any(String), 'content-version': '1.0.0' });
  const at = new Date();
  await stage.post(21.5, at);
  const [reading] = await stream.wait('reading');
  expect(reading?.data).toEqual({
    point_id: stage.world.pointId,
    asset_id: stage.world.ahuId,
    site: 'ucl-east-campus',
    time: at.toISOString().replace('.000Z', 'Z'),
    value: 21.5,
    quality: 'good',
  });
  const insight = await stage.world.makeInsight();
  const made = await stage.api.call('POST', '/api/v1/work-orders', {
    key: stage.world.key,
    body: { title: 'x', insight },
  });
  const [created] = await stream.wait('work_order.created');
  expect(created?.data).toMatchObject({
    id: expect.stringMatching(/^\d+$/),
    type: 'work_order.created',
    site: 'ucl-east-campus',
    asset_id: stage.world.ahuId,
    subject: { kind: 'work_order', id: made.json.data.id },
    actor: { kind: 'key', user_id: stage.world.alexId },
    changes: [],
    data: { title: 'x', status: 'open', insight },
  });
  const [begun] = await stream.wait('insight.updated');
  expect(begun?.data).toMatchObject({
    subject: { kind: 'insight', id: insight },
    actor: { kind: 'key', user_id: stage.world.alexId },
    changes: [{ field: 'status', from: 'open', to: 'in_progress' }],
  });
});

test('each change of a work order is told once, by what changed, from which value to which', async () => {
  const stream = await stage.follow('?type=work_order.*');
  const { json } = await stage.createOrder('a');
  const one = `/api/v1/work-orders/${json.data.id}`;
  const change = (body: object) => stage.api.call('PATCH', one, { key: stage.world.key, body });
  await change({ assigned_to: stage.world.alexId, priority: 'high' });
  await change({ status: 'in_progress' });
  await change({ status: 'completed' });
  await change({ title: 'a' });
  await change({});
  await stage.api.call('DELETE', one, { key: stage.world.key });
  await stream.wait('work_order.deleted');
  const told = stream.events.map(({ type, data }) => [type, data.changes.map(({ field }: { field: string }) => field)]);
  expect(told).toEqual([
    ['work_order.created', []],
    ['work_order.updated', ['priority']],
    ['work_order.assigned', ['assigned_to']],
    ['work_order.status_changed', ['status', 'responded_at', 'started_at']],
    ['work_order.status_changed', ['status']],
    ['work_order.completed', ['completed_at']],
    ['work_order.deleted', []],
  ]);
});

test('who follows a point, or its equipment, is told of what it was merged into', async () => {
  const { db } = stage.api.database;
  const { tenantId: tenant_id, campusId: site_id, ahuId, pointId, key } = stage.world;
  const asset = { id: newId(), name: 'AHU-1 (old)', uri: 'urn:old' };
  await db
    .insertInto('asset')
    .values({ ...asset, tenant_id, site_id, shard: 0 })
    .execute();
  const point = { id: newId(), tenant_id, asset_id: asset.id, name: 'sat' };
  await db.insertInto('point').values(point).execute();
  const ofPoint = `?point_id=${point.id}`;
  const ofAsset = `?asset_id=${asset.id}&type=reading,work_order.*`;
  const before = [await stage.follow(ofPoint), await stage.follow(ofAsset)];
  const merged = await stage.api.call('POST', `/api/v1/assets/${asset.id}/merge-into`, {
    key,
    body: { target: ahuId },
  });
  expect(merged.json.data?.merges).toMatchObject([{ source_point_id: point.id, target_point_id: pointId }]);
  const after = [await stage.follow(ofPoint), await stage.follow(ofAsset)];
  await stage.post(2);
  const insight = await stage.world.makeInsight();
  await stage.api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', insight } });
  for (const stream of [...before, ...after]) {
    expect((await stream.wait('reading')).map(({ data }) => [data.point_id, data.asset_id, data.value])).toEqual([
      [pointId, ahuId, 2],
    ]);
  }
  for (const stream of [before[1], after[1]]) {
    const [created] = (await stream?.wait('work_order.created')) ?? [];
    expect(created?.data.asset_id).toBe(ahuId);
  }
});

test('what a stream tells is what the log has', async () => {
  const stream = await stage.follow('?type=insight.*,work_order.*');
  const { key } = stage.world;
  const insight = await stage.world.makeInsight();
  await stage.api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', insight } });
  await stage.api.call('POST', `/api/v1/insights/${insight}/dismiss`, { key, body: { reason: 'x' } });
  await stream.wait('insight.dismissed');
  expect(stream.events.map(({ type }) => type)).toEqual(['insight.updated', 'work_order.created', 'insight.dismissed']);
  for (const { data } of stream.events) {
    expect((await stage.api.call('GET', `/api/v1/events/${data.id}`, { key })).json.data).toEqual(data);
  }
});

test('nothing is told of what was rolled back', async () => {
  const stream = await stage.follow();
  await stage.api.database.db
    .transaction()
    .execute(async (trx) => {
      await trx
        .insertInto('event')
        .values({
          tenant_id: stage.world.tenantId,
          type: 'work_order.created',
          subject_kind: 'work_order',
          subject_id: 'never',
          actor: '{"kind":"system"}',
        })
        .execute();
      throw new Error('back');
    })
    .catch(() => undefined);
  await stage.untilNow(stream);
  expect(JSON.stringify(stream.events)).not.toContain('never');
});

test('what a transaction wrote that stays open over many looks comes when it commits, once, though much came before', async () => {
  const stream = await stage.follow();
  const client = new pg.Client({ connectionString: urlOf(stage.api.database) });
  await client.connect();
  const base = Date.now();
  await client.query('begin');
  await client.query('insert into reading (series_id, time, value, quality) values ($1, $2, 1001, 0)', [
    stage.world.seriesId,
    new Date(base - 2_000),
  ]);
  await client.query(
    `insert into event (tenant_id, type, subject_kind, subject_id, actor, data)
     values ($1, 'work_order.updated', 'work_order', 'held', '{"kind": "system"}', '{"title": "held"}')`,
    [stage.world.tenantId],
  );
  for (const value of [1, 2, 3]) {
    await stage.post(value, new Date(base + value));
    await stage.untilNow(stream);
  }
  expect(valuesOf(stream)).toEqual([1, 2, 3]);
  await client.query('commit');
  await client.end();
  await vi.waitFor(() => expect(valuesOf(stream)).toContain(1001), 60_000);
  await stage.untilNow(stream);
  await stage.untilNow(stream);
  expect(valuesOf(stream)).toEqual([1, 2, 3, 1001]);
  expect(stream.events.filter(({ data }) => data.data?.title === 'held')).toHaveLength(1);
});

test.each([
  ['two hours', 2],
  ['forty days', 960],
])('a reading of %s ago comes as well, once', async (_, hours) => {
  const stream = await stage.follow(`?type=reading,work_order.created`);
  const at = new Date(Date.now() - hours * 3_600_000);
  await stage.post(hours, at);
  await vi.waitFor(() => expect(valuesOf(stream)).toEqual([hours]), 60_000);
  await stage.untilNow(stream);
  await stage.untilNow(stream);
  expect(valuesOf(stream)).toEqual([hours]);
  expect(stream.events.find(({ type }) => type === 'reading')?.data.time).toBe(at.toISOString().replace('.000Z', 'Z'));
});

test.skipIf(!isHypertable)(
  `a reading that comes late into a compressed chunk comes as well${needsTimescale}`,
  async () => {
    const at = new Date(Date.now() - 20 * 86_400_000);
    await stage.post(301, new Date(at.getTime() - 7_200_000));
    const chunks = sql`show_chunks('reading', older_than => interval '15 days')`;
    await sql`select compress_chunk(chunk, true) from ${chunks} chunk`.execute(stage.api.database.db);
    const stream = await stage.follow('?type=reading');
    const sent = await stage.post(302, at);
    expect([sent.status, sent.json.data?.stored ?? sent.text]).toEqual([200, 1]);
    await vi.waitFor(() => expect(valuesOf(stream)).toContain(302), 60_000);
  },
);

test.each(['header', 'query'] as const)(
  'who comes back with the last id in the %s, to any process, gets what came meanwhile',
  async (where) => {
    const first = await stage.follow();
    await stage.post(10);
    await first.wait('reading');
    first.close();
    const { lastId } = first;
    await stage.post(11);
    await stage.post(12, new Date(Date.now() - 5 * 3_600_000));
    await stage.createOrder('meanwhile');
    const other = await stage.api.restart();
    const base = await other.app.listen({ host: '127.0.0.1', port: 0 });
    try {
      const query = where === 'query' ? `?last_event_id=${lastId}` : '';
      const second = await stage.follow(query, { base, ...(where === 'header' && { lastEventId: lastId }) });
      await stage.untilNow(second);
      expect(valuesOf(second).sort()).toEqual([11, 12]);
      expect(second.events.filter(({ data }) => data.data?.title === 'meanwhile')).toHaveLength(1);
      expect(second.lastId).not.toBe(lastId);
    } finally {
      await other.app.close();
    }
  },
);

test('a quiet stream shows that it is there, and moves its position on', async () => {
  const stream = await stage.follow(`?point_id=${stage.world.pointId}`);
  const { lastId } = stream;
  await vi.waitFor(() => expect(stream.comments.length).toBeGreaterThan(3), 60_000);
  expect(stream.lastId).not.toBe(lastId);
  expect(stream.events).toEqual([]);
});

test.each([
  ['too long ago', 'too_old', ['reading'], 2, 10],
  ['of another database', 'other_history', expect.arrayContaining(['reading', 'insight.opened']), 0.1, 1e12],
])(
  'an id that is %s gives a gap, with the time to read from history, and goes on from now',
  async (_, reason, types, hours, xmax) => {
    const position = positionOf(hours, xmax);
    const stream = await stage.follow('', { lastEventId: codecOf(stage.world.tenantId).write(position) });
    const [gap] = await stream.wait('gap');
    const start = new Date(Math.floor(position.atMs)).toISOString().replace('.000Z', 'Z');
    expect(gap?.data).toEqual({ reason, types, start, end: expect.any(String), detail: expect.any(String) });
    await stage.post(99);
    await vi.waitFor(() => expect(valuesOf(stream)).toContain(99), 60_000);
  },
);

test('HEAD tells that it is there, and ends', async () => {
  const head = await stage.follow('', { method: 'HEAD' });
  expect([head.status, head.headers['content-type']]).toEqual([200, 'text/event-stream']);
  await head.untilEnd();
});

test('a server that closes tells its streams to come back', async () => {
  const other = await stage.api.restart();
  const base = await other.app.listen({ host: '127.0.0.1', port: 0 });
  const stream = await stage.follow('', { base });
  await other.app.close();
  await stream.untilEnd();
  expect(stream.events.map((event) => [event.type, event.data])).toEqual([['resume', { reason: 'server_closing' }]]);
});
