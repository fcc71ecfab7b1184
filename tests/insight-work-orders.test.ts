/** Insights and work orders, both ways, with real ticks and real requests. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { type InsightStage, openInsightStage } from './support/insight-stage.ts';

let stage: InsightStage;
beforeAll(async () => {
  stage = await openInsightStage();
});
afterAll(() => stage?.close());
beforeEach(() => stage.begin());

const complete = (id: string) => stage.ask('PATCH', `work-orders/${id}`, { body: { status: 'completed' } });
const cameBack = /Note: The fault has come back on (\S+), episode (\d+); its insight has been opened again\./g;

test('a rule fires, its work order is completed, the fault clears, and comes back: the same insight, a note, no second order', async () => {
  await stage.send(9, 1, 20);
  await stage.send(2, 21, 40);
  await stage.send(9, 41, 60);
  await stage.runTo(10);
  const opened = await stage.insight();
  const [order] = await stage.workOrders();
  expect(opened).toMatchObject({ status: 'in_progress', work_order_ids: [order.id], episodes: 1 });

  await complete(order.id);
  expect(await stage.insight()).toMatchObject({ status: 'in_progress', ended_at: null });

  await stage.runTo(35);
  expect(await stage.insight()).toMatchObject({ status: 'resolved', resolved_because: 'cleared', occurrences: 1 });

  await stage.runTo(50);
  const back = await stage.insight();
  expect(back).toMatchObject({ id: opened.id, status: 'open', episodes: 2, occurrences: 2, resolved_at: null });
  const orders = await stage.workOrders();
  expect(orders.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([
    [order.id, 'completed'],
  ]);
  expect([...orders[0].description.matchAll(cameBack)].map(([, at, episode]) => [at, episode])).toEqual([
    [stage.instantOf(43), '2'],
  ]);
  expect(await stage.told(order.id)).toEqual([
    'work_order.created',
    'work_order.status_changed',
    'work_order.completed',
    'work_order.updated',
  ]);
  expect(await stage.told(opened.id)).toEqual(['insight.opened', 'insight.resolved', 'insight.reopened']);

  const again = await stage.ask('POST', 'work-orders', { body: { title: 'Again', insight: opened.id }, status: 201 });
  expect(await stage.insight()).toMatchObject({ status: 'in_progress', work_order_ids: [order.id, again.id] });
});

test('however often a fault comes back, its work order says so once, of the last time', async () => {
  for (const start of [1, 31, 61]) {
    await stage.send(9, start, start + 9);
    await stage.send(2, start + 10, start + 29);
  }
  await stage.runTo(50);
  await stage.runTo(90);
  const [{ description }] = await stage.workOrders();
  expect([...description.matchAll(cameBack)].map(([, at, episode]) => [at, episode])).toEqual([
    [stage.instantOf(63), '3'],
  ]);
});

test('a repair that goes through the returns again notes nothing anew', async () => {
  await stage.send(9, 1, 10);
  await stage.send(2, 11, 30);
  await stage.send(9, 31, 60);
  await stage.runTo(50);
  const [before] = await stage.workOrders();
  expect(before.description).toMatch(cameBack);
  await stage.send(2, 12, 20, 1);
  await stage.runTo(51);
  expect(await stage.workOrders()).toEqual([before]);
});

test('one that people dismissed says nothing of it', async () => {
  await stage.send(9, 1, 10);
  await stage.send(2, 11, 30);
  await stage.send(9, 31, 60);
  await stage.runTo(10);
  const { id } = await stage.insight();
  await stage.ask('POST', `insights/${id}/dismiss`, { body: { reason: 'A test run.' } });
  await stage.runTo(50);
  const [{ description }] = await stage.workOrders();
  expect(description).not.toMatch(cameBack);
});

describe('work that ends', () => {
  test.each(['cancelled', 'skipped'])('without being done (%s): the insight is open again', async (status) => {
    await stage.send(9, 1, 40);
    await stage.runTo(10);
    const [order] = await stage.workOrders();
    await stage.ask('PATCH', `work-orders/${order.id}`, { body: { status } });
    expect(await stage.insight()).toMatchObject({ status: 'open' });
    await stage.ask('PATCH', `work-orders/${order.id}`, { body: { status: 'open' } });
    expect(await stage.insight()).toMatchObject({ status: 'in_progress' });
    await stage.send(9, 2, 5, 1);
    await stage.runTo(20);
    expect([(await stage.insight()).status, (await stage.workOrders()).length]).toEqual(['in_progress', 1]);
  });

  test('by being deleted: the insight is open again', async () => {
    await stage.send(9, 1, 40);
    await stage.runTo(10);
    const [order] = await stage.workOrders();
    await stage.ask('DELETE', `work-orders/${order.id}`, { status: 204 });
    expect(await stage.insight()).toMatchObject({ status: 'open', work_order_ids: [] });
  });

  test('while another stands: the insight waits for the last one', async () => {
    await stage.send(9, 1, 10);
    await stage.send(2, 11, 60);
    await stage.runTo(9);
    const { id: insight } = await stage.insight();
    const [first] = await stage.workOrders();
    const second = await stage.ask('POST', 'work-orders', { body: { title: 'Another', insight }, status: 201 });
    await stage.runTo(40);
    await stage.ask('POST', `insights/${insight}/reopen`);
    await complete(first.id);
    expect(await stage.insight()).toMatchObject({ status: 'in_progress' });
    await complete(second.id);
    expect(await stage.insight()).toMatchObject({
      status: 'resolved',
      resolved_because: 'work_order_completed',
      resolved_by: stage.alexId,
    });
  });

  test('of what no rule watches: it is resolved at once, and open again when the detector finds it again', async () => {
    const body = { source: 'monitor', source_id: stage.pump.assetId, title: 'x', severity: 'info', category: 'energy' };
    const found = await stage.ask('POST', 'sites/main/insights/ingest/', { body, status: 201 });
    const order = await stage.ask('POST', 'work-orders', { body: { title: 'Look', insight: found.id }, status: 201 });
    await complete(order.id);
    const path = `insights/${found.id}`;
    expect(await stage.ask('GET', path)).toMatchObject({
      status: 'resolved',
      resolved_because: 'work_order_completed',
    });
    await stage.ask('POST', 'sites/main/insights/ingest/', { body });
    expect(await stage.ask('GET', path)).toMatchObject({ status: 'open', occurrences: 2, episodes: 2 });
    const { description } = await stage.ask('GET', `work-orders/${order.id}`);
    expect(description).toMatch(/The fault has come back on \S+, occurrence 2; its insight has been opened again\./);
  });
});

describe('work on what another detector has found', () => {
  const found = async () => {
    const body = { source: 'monitor', source_id: newId(), title: 'x', severity: 'info', category: 'energy' };
    const { id } = await stage.ask('POST', 'sites/main/insights/ingest/', { body, status: 201 });
    return { id, again: () => stage.ask('POST', 'sites/main/insights/ingest/', { body }) };
  };
  const order = async (insight: string, more = {}): Promise<string> =>
    (await stage.ask('POST', 'work-orders', { body: { title: 'Look', insight, ...more }, status: 201 })).id;
  const move = (id: string, status: string) => stage.ask('PATCH', `work-orders/${id}`, { body: { status } });
  const statusOf = async (id: string) => (await stage.ask('GET', `insights/${id}`)).status;

  test('that was completed by mistake: while it stands again, so does the insight', async () => {
    const { id } = await found();
    const work = await order(id);
    const seen = [];
    for (const status of ['completed', 'open', 'completed', 'cancelled', 'completed']) {
      await move(work, status);
      seen.push(await statusOf(id));
    }
    expect(seen).toEqual(['resolved', 'in_progress', 'resolved', 'open', 'resolved']);
  });

  test('that was done and is deleted, or is about something else now, leaves it resolved', async () => {
    const { id } = await found();
    const [one, other] = [await order(id), await order(id)];
    for (const work of [one, other]) await move(work, 'completed');
    await stage.ask('PATCH', `work-orders/${one}`, { body: { insight: null } });
    await stage.ask('DELETE', `work-orders/${other}`, { status: 204 });
    expect(await statusOf(id)).toBe('resolved');
  });

  test('that was done when it was found before is none on what has come back', async () => {
    const { id, again } = await found();
    const first = await order(id);
    await move(first, 'completed');
    await again();
    const second = await order(id);
    expect(await statusOf(id)).toBe('in_progress');
    await move(second, 'cancelled');
    expect(await statusOf(id)).toBe('open');
    await move(first, 'in_progress');
    expect(await statusOf(id)).toBe('in_progress');
    await move(first, 'completed');
    expect(await statusOf(id)).toBe('resolved');
  });

  test('that people found too little, when they open it again, does not end it again by other work given up', async () => {
    const { id } = await found();
    await move(await order(id), 'completed');
    await stage.ask('POST', `insights/${id}/reopen`);
    await move(await order(id), 'skipped');
    expect(await statusOf(id)).toBe('open');
  });

  test('that people resolved stays resolved, whatever becomes of its work orders', async () => {
    const { id } = await found();
    const [one, other] = [await order(id), await order(id)];
    await stage.ask('POST', `insights/${id}/resolve`);
    for (const status of ['completed', 'open', 'cancelled']) await move(one, status);
    await move(other, 'completed');
    expect(await stage.ask('GET', `insights/${id}`)).toMatchObject({ status: 'resolved', resolved_because: 'person' });
  });

  test.each([
    ['completed', 'resolved'],
    ['cancelled', 'open'],
  ])('that is noted down as %s from the start: it is %s', async (status, expected) => {
    const { id } = await found();
    await order(id, { status });
    expect(await statusOf(id)).toBe(expected);
  });
});

test('an insight names its work orders, and has another ETag with each that comes and goes', async () => {
  await stage.send(9, 1, 40);
  await stage.runTo(10);
  const { id: insight } = await stage.insight();
  const etags: unknown[] = [];
  const look = async () => {
    const { headers } = await stage.api.call('GET', `/api/v1/insights/${insight}`, { key: stage.key });
    etags.push(headers.etag);
  };
  await look();
  const { id } = await stage.ask('POST', 'work-orders', { body: { title: 'Another', insight }, status: 201 });
  await look();
  for (const of of [null, insight]) {
    await stage.ask('PATCH', `work-orders/${id}`, { body: { insight: of } });
    await look();
  }
  await stage.ask('DELETE', `work-orders/${id}`, { status: 204 });
  await look();
  expect(new Set(etags).size).toBe(5);
  const { equipment_uri } = await stage.insight();
  expect(await stage.ask('GET', `events?subject_id=${insight}`)).toMatchObject([
    { type: 'insight.opened', data: { equipment_uri } },
  ]);
});

test('work on a fault that its rule sees again counts for this time alone', async () => {
  await stage.send(9, 1, 10);
  await stage.send(2, 11, 30);
  await stage.send(9, 31, 60);
  await stage.runTo(10);
  const { id: insight } = await stage.insight();
  await complete((await stage.workOrders())[0].id);
  await stage.runTo(50);
  const { id } = await stage.ask('POST', 'work-orders', { body: { title: 'Again', insight }, status: 201 });
  expect(await stage.insight()).toMatchObject({ status: 'in_progress', episodes: 2 });
  await stage.ask('PATCH', `work-orders/${id}`, { body: { status: 'cancelled' } });
  expect(await stage.insight()).toMatchObject({ status: 'open' });
  await stage.ask('PATCH', `work-orders/${id}`, { body: { status: 'completed' } });
  expect(await stage.insight()).toMatchObject({ status: 'in_progress', ended_at: null });
});

describe('creating a work order with an insight', () => {
  test.each([
    ['acknowledge', {}, 'in_progress'],
    ['snooze', { until: new Date(Date.now() + 3_600_000).toISOString() }, 'snoozed'],
    ['dismiss', { reason: 'x' }, 'dismissed'],
    ['resolve', { reason: 'x' }, 'resolved'],
  ])('T10: after %s', async (name, body, status) => {
    await stage.send(9, 1, 40);
    await stage.runTo(3);
    const { id: insight } = await stage.insight();
    await stage.ask('POST', `insights/${insight}/${name}`, { ...(Object.keys(body).length > 0 && { body }) });
    await stage.ask('POST', 'work-orders', { body: { title: 'x', insight }, status: 201 });
    expect(await stage.insight()).toMatchObject({ status });
  });

  test('T10: its work order by rule comes beside it, and both are work on it', async () => {
    await stage.send(9, 1, 40);
    await stage.runTo(3);
    const { id: insight } = await stage.insight();
    await stage.ask('POST', 'work-orders', { body: { title: 'x', insight }, status: 201 });
    await stage.runTo(10);
    expect((await stage.workOrders()).map(({ source }: { source: string }) => source).sort()).toEqual(['api', 'rule']);
  });
});
