import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { makeWorld } from './support/api.ts';
import { codecOf, type LiveStage, openLiveStage, positionOf } from './support/live-stage.ts';

let stage: LiveStage;
beforeAll(async () => {
  stage = await openLiveStage();
});
afterEach(() => stage.endStreams());
afterAll(() => stage.close());

test.each([
  ['made up', 'abc.def', 'as it was given, or the last id of a stream'],
  [
    'of another tenant',
    codecOf('00000000-0000-0000-0000-000000000000').write(positionOf(0.1, 1000)),
    'as it was given, or the last id of a stream',
  ],
  ['too long', 'x'.repeat(9_000), 'last-event-id (header): too big'],
])('an id that is %s is 400', async (_, lastEventId, detail) => {
  const { status, text } = await stage.follow('', { lastEventId });
  expect([status, text]).toEqual([400, expect.stringContaining(detail)]);
});

test.each([
  ['type=insight.*', ['insight.updated']],
  ['type=reading', ['reading']],
  ['site=plant', []],
  ['asset_id={ahu}', ['insight.updated', 'reading', 'work_order.created']],
  ['asset_id={chiller}', []],
  ['point_id={point}', ['reading']],
  ['point_id={point}&type=insight.*', []],
  ['type=insight.updated,reading&site=ucl-east-campus', ['insight.updated', 'reading']],
])('%s: only that', async (query, types) => {
  const ids = { '{ahu}': stage.world.ahuId, '{chiller}': stage.world.chillerId, '{point}': stage.world.pointId };
  const named = query.replace(/\{\w+\}/, (name) => ids[name as keyof typeof ids]);
  const all = await stage.follow();
  const stream = await stage.follow(`?${named}`);
  await stage.post(5);
  const insight = await stage.world.makeInsight();
  await stage.api.call('POST', '/api/v1/work-orders', { key: stage.world.key, body: { title: 'x', insight } });
  await all.wait('reading');
  await all.wait('insight.updated');
  // Two looks later at the latest whatever comes has come.
  await stage.untilNow(all);
  await stage.untilNow(all);
  expect([...new Set(stream.events.map(({ type }) => type))].sort()).toEqual(types);
});

test.each([
  ['type=insight', 'type', 'must be one of reading, insight.opened'],
  ['type=reading,insight.exploded', 'type', 'must be one of reading, insight.opened'],
  ['type=', 'type', 'must be one of reading, insight.opened'],
  ['site=nowhere', 'site', 'there is no site nowhere'],
  ['asset_id=x', 'asset_id', 'invalid'],
  ['asset_id=00000000-0000-0000-0000-000000000000', 'asset_id', 'there is no asset 0000'],
  ['point_id=00000000-0000-0000-0000-000000000000', 'point_id', 'there is no point 0000'],
  [`point_id=${'x,'.repeat(201)}x`.slice(0, 80), 'point_id', 'invalid'],
])('%s is 400, which names %s and says: %s', async (query, parameter, message) => {
  const reply = await stage.api.call('GET', `/api/v1/stream?${query}`, { key: stage.world.key });
  expect(reply.status).toBe(400);
  expect(reply.json.errors[0].pointer).toMatch(new RegExp(`^/${parameter}`));
  expect(reply.json.errors[0].message).toContain(message);
});

test('nothing of another tenant comes, nor of a site out of the key’s reach, and none of them can be named', async () => {
  const other = await makeWorld(stage.api.database);
  const plantKey = await stage.world.makeKey({ siteIds: [stage.world.plantId] });
  const mine = await stage.follow();
  const atPlant = await stage.follow('', { key: plantKey });
  const atMount = await stage.follow('', { path: '/api/v1/sites/plant/stream/' });
  const theirs = await stage.follow('', { key: other.key });
  await stage.post(6);
  await stage.api.call('POST', '/api/v1/work-orders', { key: other.key, body: { title: 'theirs' } });
  await stage.api.call('POST', '/api/v1/sites/plant/work-orders/', {
    key: stage.world.key,
    body: { title: 'at the plant' },
  });
  await theirs.wait('work_order.created');
  await atPlant.wait('work_order.created');
  await atMount.wait('work_order.created');
  await stage.untilNow(mine);
  expect(JSON.stringify(mine.events)).not.toContain('theirs');
  expect(JSON.stringify(theirs.events)).not.toContain(stage.world.tenantId);
  expect(theirs.events.map(({ data }) => data.data?.title)).toEqual(['theirs']);
  for (const stream of [atPlant, atMount])
    expect(stream.events.map(({ data }) => data.data?.title)).toEqual(['at the plant']);
  for (const query of [`asset_id=${other.ahuId}`, `point_id=${other.pointId}`])
    expect((await stage.follow(`?${query}`)).status).toBe(400);
  expect((await stage.follow(`?asset_id=${stage.world.ahuId}`, { key: plantKey })).status).toBe(400);
  expect((await stage.follow('?site=ucl-east-campus', { key: plantKey })).status).toBe(403);
  expect((await stage.follow('', { key: plantKey, path: '/api/v1/sites/ucl-east-campus/stream/' })).status).toBe(403);
});

test('a key hears of what it may read: all of that, or 403 for what it asks beyond', async () => {
  const key = await stage.world.makeKey({ scopes: ['work-orders:read'] });
  const stream = await stage.follow('', { key });
  await stage.post(7);
  await stage.untilNow(stream);
  expect(stream.events.map(({ type }) => type)).toEqual(['work_order.created']);
  expect((await stage.follow('?type=reading', { key })).status).toBe(403);
  expect(
    (await stage.follow('', { key: await stage.world.makeKey({ scopes: ['devices:write', 'rules:read'] }) })).status,
  ).toBe(403);
});

test.each([
  ['revoked', { revoked_at: new Date() }, 'closed', 'api_key_ended'],
  ['past its time', { expires_at: new Date(0) }, 'closed', 'api_key_ended'],
  ['limited to a site', { site_ids: [] as string[] }, 'resume', 'access_changed'],
])('the streams of a key that is %s end, and are told nothing more', async (_, change, type, reason) => {
  const key = await stage.world.makeKey({});
  const stream = await stage.follow('', { key });
  const { id } = await stage.api.database.db
    .selectFrom('api_key')
    .select('id')
    .where('tenant_id', '=', stage.world.tenantId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
  await stage.api.database.db.transaction().execute(async (trx) => {
    await trx.updateTable('api_key').set(change).where('id', '=', id).execute();
    await trx
      .insertInto('event')
      .values({
        tenant_id: stage.world.tenantId,
        type: 'work_order.created',
        subject_kind: 'work_order',
        subject_id: 'after',
        actor: '{"kind":"system"}',
      })
      .execute();
  });
  await stream.untilEnd();
  expect(stream.events.map((event) => [event.type, event.data])).toEqual([[type, { reason }]]);
});

test('a key has so many streams and no more; one that ends makes room', async () => {
  const key = await stage.world.makeKey({});
  const streams = await Promise.all([1, 2, 3, 4].map(() => stage.follow('', { key })));
  const refused = await stage.follow('', { key });
  expect([refused.status, refused.headers['retry-after']]).toEqual([429, '5']);
  await vi.waitFor(() => expect(JSON.parse(refused.text)).toMatchObject({ error: 'too_many_streams' }), 60_000);
  streams[0]?.close();
  await vi.waitFor(async () => expect((await stage.follow('', { key })).status).toBe(200), 60_000);
});
