/** The log of events as the API has it; tests/events.test.ts has what is written, tests/live-stream.test.ts what streams make of it. */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventTypes } from '../src/events/event.ts';
import { eventCatalogue } from '../src/events/event-types.ts';
import { deleteOldEvents } from '../src/events/store.ts';
import { newId } from '../src/platform/id.ts';
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

type Event = { id: string; type: string; at: string; site: string | null; subject: { kind: string; id: string } };

const list = async (query: string, key = world.key): Promise<Event[]> =>
  (await api.call('GET', `/api/v1/events?${query}`, { key })).json.data;
const create = async (body: object, key = world.key) =>
  (await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', ...body } })).json.data;
const typesOf = (events: Event[]) => events.map(({ type }) => type);

describe('the log', () => {
  test('tells what happened to one thing, newest first or oldest first, from which value to which and by whom', async () => {
    const { id } = await create({ priority: 'low' });
    const path = `/api/v1/work-orders/${id}`;
    await api.call('PATCH', path, { key: world.key, body: { priority: 'high' } });
    await api.call('PATCH', path, { key: world.key, body: { assigned_to: world.alexId } });
    const told = await list(`subject_kind=work_order&subject_id=${id}`);
    expect(typesOf(told)).toEqual(['work_order.assigned', 'work_order.updated', 'work_order.created']);
    expect(told[1]).toMatchObject({
      site: 'ucl-east-campus',
      subject: { kind: 'work_order', id },
      actor: { kind: 'key', user_id: world.alexId },
      changes: [{ field: 'priority', from: 'low', to: 'high' }],
      data: { id, priority: 'high' },
    });
    expect(await list(`subject_id=${id}&order=asc`)).toEqual(told.reverse());
    const [first] = told;
    expect((await api.call('GET', `/api/v1/events/${first?.id}`, { key: world.key })).json.data).toEqual(first);
    const { json } = await api.call('GET', `/api/v1/sites/ucl-east-campus/events/${first?.id}/`, { key: world.key });
    expect(json).toEqual(first);
  });

  test('comes in pieces, each once, whatever is added meanwhile; a cursor opens no other list', async () => {
    const { id } = await create({});
    for (let i = 0; i < 4; i++)
      await api.call('PATCH', `/api/v1/work-orders/${id}`, { key: world.key, body: { title: `${i}` } });
    const of = `subject_id=${id}`;
    const all = (await list(of)).map((event) => event.id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = `${of}&limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const { json } = await api.call('GET', `/api/v1/events?${query}`, { key: world.key });
      seen.push(...json.data.map((event: Event) => event.id));
      if (cursor === '')
        await api.call('PATCH', `/api/v1/work-orders/${id}`, { key: world.key, body: { title: 'meanwhile' } });
      cursor = json.nextCursor;
    }
    expect(seen).toEqual(all);
    const { json } = await api.call('GET', `/api/v1/events?${of}&limit=2`, { key: world.key });
    const elsewhere = `/api/v1/events?limit=2&cursor=${encodeURIComponent(json.nextCursor)}`;
    const refused = await api.call('GET', elsewhere, { key: world.key });
    expect([refused.status, refused.json.error]).toEqual([400, 'cursor_invalid']);
  });

  test.each([
    ['type=insight.*', ['insight.opened']],
    ['type=work_order.created,insight.opened', ['insight.opened', 'work_order.created']],
    ['type=*', ['insight.opened', 'work_order.created']],
    ['type=work_order.completed', []],
    ['site=ucl-east-campus', []],
    ['site=plant', ['insight.opened', 'work_order.created']],
  ])('?%s', async (query, types) => {
    const uri = `urn:${newId()}`;
    const base = await list('limit=1');
    const asset_id = newId();
    const asset = { id: asset_id, tenant_id: world.tenantId, site_id: world.plantId, name: uri, uri, shard: 0 };
    await api.database.db.insertInto('asset').values(asset).execute();
    await create({ asset_id });
    await api.call('POST', '/api/v1/insights', { key: world.key, body: { title: 'x', asset_id } });
    const found = await list(`asset_id=${asset_id}&${query}`);
    expect([...typesOf(found)].sort()).toEqual(types);
    expect(found.every(({ id }) => Number(id) > Number(base[0]?.id ?? 0))).toBe(true);
  });

  test('since is included and until is not; without a zone both are read in that of the site', async () => {
    const { id } = await create({});
    const at = '2026-07-01T12:00:00Z';
    await sql`update event set at = ${at} where subject_id = ${id}`.execute(api.database.db);
    const below = async (query: string) => {
      const url = `/api/v1/sites/ucl-east-campus/events/?subject_id=${id}&${query}`;
      return (await api.call('GET', url, { key: world.key })).json.length;
    };
    expect(await below(`since=${at}`)).toBe(1);
    expect(await below(`until=${at}`)).toBe(0);
    expect(await below('since=2026-07-01T13:00&until=2026-07-01T13:00:01')).toBe(1);
    expect(await below('since=2026-07-01T12:00&until=2026-07-01T13:00')).toBe(0);
  });

  test.each([
    'type=insight.gone',
    'type=insight',
    'since=yesterday',
    'site=nowhere',
    'order=up',
    'limit=201',
    'colour=red',
  ])('?%s is refused', async (query) => {
    expect((await api.call('GET', `/api/v1/events?${query}`, { key: world.key })).status).toBe(400);
  });

  test('forgets after ninety days, and then there is no such event', async () => {
    const { id } = await create({});
    const [event] = await list(`subject_id=${id}`);
    await sql`update event set at = now() - interval '91 days' where id = ${event?.id}::bigint`.execute(
      api.database.db,
    );
    await deleteOldEvents(api.database.db);
    const gone = await api.call('GET', `/api/v1/events/${event?.id}`, { key: world.key });
    expect([gone.status, gone.json.error]).toEqual([404, 'event_not_found']);
  });
});

describe('who is told', () => {
  test("another tenant's events are in no list, and not found by their numbers", async () => {
    const { id } = await create({}, other.key);
    expect(await list(`subject_id=${id}`)).toEqual([]);
    const [foreign] = await list(`subject_id=${id}`, other.key);
    expect((await api.call('GET', `/api/v1/events/${foreign?.id}`, { key: world.key })).status).toBe(404);
    for (const path of ['0', '999999999999999999']) {
      expect((await api.call('GET', `/api/v1/events/${path}`, { key: world.key })).status).toBe(404);
    }
    expect((await api.call('GET', '/api/v1/events/x', { key: world.key })).status).toBe(400);
  });

  test('a key of one site is told of that alone', async () => {
    const ofPlant = await world.makeKey({ siteIds: [world.plantId] });
    const here = await create({ asset_id: world.chillerId });
    const there = await create({});
    const ids = new Set((await list('limit=200', ofPlant)).map(({ subject }) => subject.id));
    expect([ids.has(here.id), ids.has(there.id)]).toEqual([true, false]);
    const [event] = await list(`subject_id=${there.id}`);
    expect((await api.call('GET', `/api/v1/events/${event?.id}`, { key: ofPlant })).status).toBe(403);
    expect((await api.call('GET', '/api/v1/events?site=ucl-east-campus', { key: ofPlant })).status).toBe(403);
    const below = `/api/v1/sites/plant/events/${event?.id}/`;
    expect((await api.call('GET', below, { key: world.key })).status).toBe(404);
  });

  test('a key is told of what it may read, and of nothing else', async () => {
    const narrow = await world.makeKey({ scopes: ['events:read', 'insights:read'] });
    const { id } = await create({});
    const { json } = await api.call('POST', '/api/v1/insights', { key: world.key, body: { title: 'x' } });
    expect(await list(`subject_id=${id}`, narrow)).toEqual([]);
    expect(typesOf(await list(`subject_id=${json.data.id}`, narrow))).toEqual(['insight.opened']);
    expect(await list(`subject_id=${id}&type=*`, narrow)).toEqual([]);
    expect((await api.call('GET', '/api/v1/events?type=work_order.*', { key: narrow })).status).toBe(403);
    const [event] = await list(`subject_id=${id}`);
    expect((await api.call('GET', `/api/v1/events/${event?.id}`, { key: narrow })).status).toBe(403);
    const without = await world.makeKey({ scopes: ['insights:read'] });
    expect((await api.call('GET', '/api/v1/events', { key: without })).status).toBe(403);
  });
});

describe('the types', () => {
  test('are all there, each with its words and a schema', async () => {
    const { json } = await api.call('GET', '/api/v1/event-types', { key: world.key });
    expect(json.data.map(({ type }: { type: string }) => type)).toEqual([...eventTypes]);
    for (const { description, schema } of json.data) {
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(schema).toMatchObject({ type: 'object', properties: { data: { type: 'object' } } });
    }
  });

  test('tell the truth: every event of these tests is of the schema of its type', async () => {
    const { rows } = await sql<{ type: (typeof eventTypes)[number]; data: unknown }>`
      select type, data from event`.execute(api.database.db);
    expect(rows.length).toBeGreaterThan(20);
    for (const { type, data } of rows)
      expect([type, eventCatalogue[type].data.safeParse(data).error]).toEqual([type, undefined]);
  });
});
