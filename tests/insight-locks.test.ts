/** Ticks, repairs, work orders, people and detectors at once on the same insights: nobody waits for ever, and what stands is right. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { countDeadlocks } from './support/deadlocks.ts';
import { type InsightStage, openInsightStage } from './support/insight-stage.ts';

let stage: InsightStage;
beforeAll(async () => {
  stage = await openInsightStage();
});
afterAll(() => stage?.close());
beforeEach(() => stage.begin());

test('a fault that comes and goes while its work orders are completed and reopened, and people decide about it', async () => {
  for (const start of [1, 31, 61]) {
    await stage.send(9, start, start + 9);
    await stage.send(2, start + 10, start + 29);
  }
  await stage.runTo(10);
  const { id: insight } = await stage.insight();
  for (let i = 0; i < 3; i++) await stage.ask('POST', 'work-orders', { body: { title: `${i}`, insight }, status: 201 });
  const ids = (await stage.workOrders()).map(({ id }: { id: string }) => id);
  const { api, key } = stage;
  const statuses = new Set<number>();
  const send = async (method: string, path: string, body?: object) => {
    const { status } = await api.call(method, `/api/v1/${path}`, { key, ...(body && { body }) });
    statuses.add(status);
  };
  let isOver = false;
  const turns = async (work: (i: number) => Promise<void>) => {
    for (let i = 0; !isOver; i++) await work(i);
  };
  const people = [
    turns((i) => send('PATCH', `work-orders/${ids[i % 4]}`, { status: i % 3 === 0 ? 'open' : 'completed' })),
    turns((i) =>
      send('PATCH', `work-orders/${ids[(i + 1) % 4]}`, { status: i % 2 === 0 ? 'in_progress' : 'cancelled' }),
    ),
    turns((i) =>
      send(
        'POST',
        `insights/${insight}/${i % 2 === 0 ? 'dismiss' : 'reopen'}`,
        i % 2 === 0 ? { reason: 'x' } : undefined,
      ),
    ),
    turns((i) => send('POST', 'work-orders', { title: `more ${i}`, insight })),
  ];
  for (let minute = 11; minute <= 85; minute++) {
    if (minute % 20 === 0) await stage.send(2, minute - 15, minute - 14, 1);
    await stage.runTo(minute);
  }
  isOver = true;
  await Promise.all(people);
  expect([...statuses].filter((status) => ![200, 201, 409].includes(status))).toEqual([]);
  expect(await countDeadlocks(stage.api.database)).toBe(0);
  expect((await stage.workOrders()).filter(({ source }: { source: string }) => source === 'rule')).toHaveLength(1);
  const { status, ended_at } = await stage.insight();
  expect([ended_at === null, ['resolved', 'dismissed', 'open', 'in_progress'].includes(status)]).toEqual([false, true]);
});

test('T17: the same finding sent by many at once is one insight, counted once for each', async () => {
  const body = { source: 'monitor', source_id: 'one', title: 'x', severity: 'warning', category: 'energy' };
  const path = '/api/v1/sites/main/insights/ingest/';
  const send = () => stage.api.call('POST', path, { key: stage.key, body });
  const replies = await Promise.all(Array.from({ length: 20 }, send));
  expect(replies.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 19 }, () => 200), 201]);
  expect(new Set(replies.map(({ json }) => json.id)).size).toBe(1);
  const { occurrences, episodes } = await stage.ask('GET', `insights/${replies[0]?.json.id}`);
  expect([occurrences, episodes]).toEqual([20, 1]);
});

test('T17: of many that find at once what was resolved one opens it again', async () => {
  const body = { source: 'monitor', source_id: 'two', title: 'x', severity: 'warning', category: 'energy' };
  const path = '/api/v1/sites/main/insights/ingest/';
  const send = () => stage.api.call('POST', path, { key: stage.key, body });
  const { id } = (await send()).json;
  await stage.ask('POST', `insights/${id}/resolve`, { body: {} });
  await Promise.all(Array.from({ length: 10 }, send));
  expect(await stage.ask('GET', `insights/${id}`)).toMatchObject({ status: 'open', episodes: 2, occurrences: 11 });
  expect((await stage.told(id)).filter((type) => type === 'insight.reopened')).toHaveLength(1);
});

test('of many who decide at once one is told that it is done, and the others that it was', async () => {
  await stage.send(9, 1, 40);
  await stage.runTo(10);
  const { id } = await stage.insight();
  const decide = (name: string) =>
    stage.api.call('POST', `/api/v1/insights/${id}/${name}`, { key: stage.key, body: { reason: 'x' } });
  const replies = await Promise.all(Array.from({ length: 10 }, (_, i) => decide(i % 2 === 0 ? 'dismiss' : 'resolve')));
  expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
});
