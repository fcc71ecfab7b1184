/** What the log tells of insights, work orders and devices; tests/live-stream.test.ts has what streams make of it. */
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createDevice } from '../src/access/device.ts';
import { createPresenceRecorder } from '../src/access/presence.ts';
import { deadMs, endDeadProcesses } from '../src/access/presence-store.ts';
import type { PointRef } from '../src/assets/point-store.ts';
import { appendPresenceEvents } from '../src/events/device-events.ts';
import { type Change, eventTypes, type NewEvent } from '../src/events/event.ts';
import { appendEvents, deleteOldEvents } from '../src/events/store.ts';
import { createLog } from '../src/platform/log.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let upstream: PointRef;
let downstream: PointRef;
let startMs: number;
beforeAll(async () => {
  plant = await openRulePlant();
});
afterAll(() => plant.close());
beforeEach(async () => {
  ({ upstream, downstream } = await plant.makePumps());
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

async function send(point: PointRef, value: number, from: number, through: number, rank = 0): Promise<void> {
  const minutes = Array.from({ length: through - from + 1 }, (_, i) => from + i);
  const timeOf = (minute: number) => startMs + minute * minuteMs - 50_000 + rank * 10_000;
  await plant.append(minutes.map((minute) => ({ point, timeMs: timeOf(minute), value, quality: 'good' as const })));
}

async function advance(runner = plant.openRunner()): Promise<void> {
  while ((await runner.advance(plant.site.shard)).isBehind);
}

type Row = { type: string; subject_id: string; actor: object; changes: Change[]; data: Record<string, unknown> };

async function eventsOf(kind: string): Promise<Row[]> {
  const { rows } = await sql<Row>`select * from event
    where subject_kind = ${kind} and asset_id = any(${[upstream.assetId, downstream.assetId]}::uuid[]) order by id`.execute(
    plant.database.db,
  );
  return rows;
}

/** The events of each thing lead from one state to the next, and end at what is recorded of it. */
async function checkChains(): Promise<void> {
  const insights = await plant.database.db.selectFrom('insight').selectAll().execute();
  const byInsight = Map.groupBy(await eventsOf('insight'), (event) => event.subject_id);
  for (const [id, events] of byInsight) {
    let state: Record<string, unknown> | undefined;
    for (const { type, changes, data } of events) {
      expect([id, type === 'insight.opened']).toEqual([id, state === undefined]);
      for (const { field, from, to } of changes) {
        if (state && field in data) expect([id, type, field, from]).toEqual([id, type, field, state[field]]);
        if (field in data) expect(data[field]).toEqual(to);
      }
      if (type !== 'insight.opened') expect(changes).not.toEqual([]);
      state = data;
    }
    const row = insights.find((one) => one.id === id);
    expect(state).toMatchObject({
      status: row?.status,
      episodes: row?.episodes,
      suppressed_by: row?.suppressed_by,
      opened_at: row?.opened_at.toISOString().replace('.000Z', 'Z'),
    });
  }
}

const told = async (kind = 'insight') => (await eventsOf(kind)).map(({ type }) => type.replace(/^.*\./, ''));

test('an episode is opened and resolved, its work order created, and each says that its rule did it', async () => {
  await send(downstream, 9, 0, 20);
  await send(downstream, 2, 21, 60);
  await advance();
  expect(await told()).toEqual(['opened', 'resolved']);
  const [opened, resolved] = await eventsOf('insight');
  expect(opened).toMatchObject({ actor: { kind: 'rule', id: 'too-high' }, changes: [], data: { rule_id: 'too-high' } });
  expect(resolved?.changes.map(({ field }) => field)).toEqual(expect.arrayContaining(['status', 'resolved_at']));
  const [order] = await eventsOf('work_order');
  expect(order).toMatchObject({ type: 'work_order.created', actor: { kind: 'rule', id: 'too-high' } });
  expect(order?.data).toMatchObject({ source: 'rule', insight: opened?.subject_id });
  await checkChains();
});

test('who follows the log hears of an insight before the work order that it led to', async () => {
  await send(downstream, 9, 0, 120);
  await advance();
  const { rows } = await sql<Pick<Row, 'type'>>`select type from event
    where asset_id = ${downstream.assetId} and subject_kind <> 'asset' order by id`.execute(plant.database.db);
  expect(rows.map(({ type }) => type)).toEqual(['insight.opened', 'work_order.created']);
});

test('a repair that finds what is recorded is no event; one that finds something else tells what became of it', async () => {
  await send(downstream, 9, 0, 20);
  await send(downstream, 2, 21, 60);
  await advance();
  const before = await told();
  await send(downstream, 2, 30, 40, 1);
  await advance();
  expect(await told()).toEqual(before);
  await send(downstream, 2, 0, 20, 1);
  await advance();
  expect(await told()).toEqual([...before, 'updated']);
  const withdrawn = (await eventsOf('insight')).at(-1);
  expect(withdrawn?.changes).toContainEqual(expect.objectContaining({ field: 'ended_because', to: 'withdrawn' }));
  expect((await eventsOf('work_order')).at(-1)).toMatchObject({
    type: 'work_order.updated',
    actor: { kind: 'rule', id: 'too-high' },
    changes: [{ field: 'description', to: expect.stringContaining('has been withdrawn') }],
  });
  await send(downstream, 9, 0, 20, 2);
  await advance();
  const found = (await eventsOf('insight')).at(-1);
  expect(found?.type).toBe('insight.updated');
  expect(found?.changes).toContainEqual({ field: 'ended_because', from: 'withdrawn', to: 'cleared' });
  await send(downstream, 9, 21, 118, 2);
  await advance();
  expect((await told()).at(-1)).toBe('reopened');
  await checkChains();
});

test('a cause that is found late, and goes, is told of its symptom', async () => {
  await send(upstream, 60, 0, 60);
  await send(downstream, 9, 10, 60);
  await advance();
  await send(upstream, 90, 5, 60, 1);
  await advance();
  await send(upstream, 60, 5, 60, 2);
  await advance();
  const symptom = (await eventsOf('insight')).filter(({ data }) => data.rule_id === 'too-high');
  const explained = symptom.flatMap(({ changes }) => changes.filter(({ field }) => field === 'suppressed_by'));
  expect(explained.map(({ from, to }) => [from, to])).toEqual([
    [null, 'running-hot'],
    ['running-hot', null],
  ]);
  await checkChains();
});

test('a device that comes online, goes offline, or is lost with its process, is told in the order in which it happened', async () => {
  const { db } = plant.database;
  const { tenantId, siteId } = plant.site;
  const device = await createDevice(db, {
    tenantId,
    name: 'gateway',
    username: randomUUID(),
    password: 'pw',
    grants: [],
  });
  if (!device) throw new Error('no device');
  await db.updateTable('device').set({ site_id: siteId }).where('id', '=', device.id).execute();
  const recorder = createPresenceRecorder({
    db,
    log: createLog('silent'),
    tell: appendPresenceEvents,
    flushMs: 5,
    beatMs: 200,
  });
  const typesTold = async () => {
    const { rows } = await sql<
      Row & { site_id: string }
    >`select * from event where subject_id = ${device.id} order by id`.execute(db);
    expect(rows.every((row) => row.site_id === siteId && row.data.name === 'gateway')).toBe(true);
    return rows.map(({ type, data, actor }) => [type, data.reason, (actor as { kind: string }).kind]);
  };
  const event = { device, clientId: 'c', at: 1_700_000_000_000 };
  recorder.record({ ...event, isOnline: true, reason: 'connected' });
  recorder.record({ ...event, isOnline: true, reason: 'connected', clientId: 'second' });
  recorder.record({ ...event, isOnline: false, reason: 'disconnected', clientId: 'second' });
  recorder.record({ ...event, isOnline: false, reason: 'keep_alive' });
  const expected = [
    ['device.online', 'connected', 'device'],
    ['device.offline', 'keep_alive', 'device'],
  ];
  await vi.waitFor(async () => expect(await typesTold()).toEqual(expected), { timeout: 60_000 });
  await recorder.close();
  await sql`with process as (
    insert into device_process (id, beat_at) values (gen_random_uuid(), now() - make_interval(secs => ${deadMs / 500})) returning id)
    insert into device_session (process_id, device_id, sessions) select id, ${device.id}, 1 from process`.execute(db);
  await endDeadProcesses(db, appendPresenceEvents);
  expect(await typesTold()).toEqual([...expected, ['device.offline', 'process_lost', 'system']]);
});

test('events are kept ninety days', async () => {
  const { db } = plant.database;
  const tenantId = randomUUID();
  const event: NewEvent = {
    tenantId,
    siteId: null,
    type: 'insight.opened',
    subject: { kind: 'insight', id: 'x' },
    assetId: null,
    actor: { kind: 'system' },
    changes: [],
    data: {},
  };
  await appendEvents(db, [event, event, event]);
  const ids = (await db.selectFrom('event').select('id').where('tenant_id', '=', tenantId).orderBy('id').execute()).map(
    ({ id }) => id,
  );
  for (const [i, days] of [91, 89].entries())
    await sql`update event set at = now() - make_interval(days => ${days}) where id = ${ids[i]}`.execute(db);
  await deleteOldEvents(db);
  const kept = await db.selectFrom('event').select('id').where('tenant_id', '=', tenantId).orderBy('id').execute();
  expect(kept.map(({ id }) => id)).toEqual(ids.slice(1));
});

test.each(eventTypes)('the type %s is noun.verb_past, as the table asks', async (type) => {
  expect(type).toMatch(/^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$/);
});
