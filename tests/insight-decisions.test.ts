/**
 * What people decide about an insight stands while its rule goes on beneath it: fires on, clears, fires again, or turns out to
 * have been otherwise since readings came late. Every tick is a real one.
 */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { wakeInsights } from '../src/insights/wake.ts';
import { createLog } from '../src/platform/log.ts';
import { openForInsight } from '../src/work-orders/open-for-insight.ts';
import { type InsightStage, openInsightStage } from './support/insight-stage.ts';

let stage: InsightStage;
beforeAll(async () => {
  stage = await openInsightStage();
});
afterAll(() => stage?.close());
beforeEach(() => stage.begin());

const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();

const bodies: Record<string, () => object | undefined> = {
  dismiss: () => ({ reason: 'It is a test run.' }),
  resolve: () => ({ reason: 'Tightened.' }),
  snooze: () => ({ until: tomorrow() }),
  acknowledge: () => undefined,
  reopen: () => undefined,
};

async function decide(name: string, status = 200): Promise<{ id: string; status: string }> {
  const { id } = await stage.insight();
  const body = bodies[name]?.();
  return stage.ask('POST', `insights/${id}/${name}`, { status, ...(body && { body }) });
}

/** Its time of being put aside is over. */
async function wake(): Promise<void> {
  const { db } = stage;
  await sql`update insight set snoozed_until = now() - interval '1 second' where snoozed_until is not null`.execute(db);
  const closing = new AbortController().signal;
  await wakeInsights(db, { openWorkOrder: openForInsight, log: createLog('silent'), closing });
}

const shownOf = async () => {
  const { status, episodes, ended_at, resolved_because } = await stage.insight();
  return { status, episodes, isSeen: ended_at === null, because: resolved_because };
};

/** The pump vibrates from minute 1 to 20 and from 41 to 60; its rule fires from 3, clears at 31, fires from 43, clears at 71. */
async function sendTwoEpisodes(): Promise<void> {
  await stage.send(9, 1, 20);
  await stage.send(2, 21, 40);
  await stage.send(9, 41, 60);
  await stage.send(2, 61, 80);
}

describe('while the rule fires on, clears, fires again and clears', () => {
  // Decided at minute 10, when the insight is open and its work order has been opened.
  test.each([
    ['acknowledge', ['in_progress', 'in_progress', 'resolved', 'in_progress', 'resolved']],
    ['dismiss', ['dismissed', 'dismissed', 'dismissed', 'dismissed', 'dismissed']],
    ['resolve', ['resolved', 'resolved', 'resolved', 'in_progress', 'resolved']],
    ['snooze', ['snoozed', 'snoozed', 'resolved', 'snoozed', 'resolved']],
  ])('%s at minute 10: %j', async (name, statuses) => {
    await sendTwoEpisodes();
    await stage.runTo(10);
    const seen = [(await decide(name)).status];
    for (const minute of [20, 35, 50, 75]) {
      await stage.runTo(minute);
      seen.push((await stage.insight()).status);
    }
    expect(seen).toEqual(statuses);
    expect(await shownOf()).toMatchObject({ episodes: 2, isSeen: false });
    expect(await stage.workOrders()).toHaveLength(1);
  });

  test('what people resolved says who and why, and when the fault is back it says so no more', async () => {
    await sendTwoEpisodes();
    await stage.runTo(10);
    await decide('resolve');
    const { resolved_because, resolved_by, resolved_reason } = await stage.insight();
    expect([resolved_because, resolved_by, resolved_reason]).toEqual(['person', stage.alexId, 'Tightened.']);
    await stage.runTo(50);
    expect(await stage.insight()).toMatchObject({ resolved_because: null, resolved_by: null, resolved_at: null });
    await stage.runTo(75);
    expect(await shownOf()).toMatchObject({ status: 'resolved', because: 'cleared' });
    const { id } = await stage.insight();
    expect(await stage.told(id)).toEqual([
      'insight.opened',
      'insight.resolved',
      'insight.reopened',
      'insight.resolved',
    ]);
  });
});

describe('when readings come late', () => {
  test.each([
    ['dismiss', 'dismissed'],
    ['resolve', 'resolved'],
    ['snooze', 'snoozed'],
  ])('%s stands, though the fault turns out to have begun earlier, and to have gone on', async (name, status) => {
    await stage.send(2, 1, 4);
    await stage.send(9, 10, 20);
    await stage.send(2, 21, 40);
    await stage.runTo(15);
    const { id } = await decide(name);
    await stage.runTo(35);
    await stage.send(9, 5, 9, 1);
    await stage.send(9, 21, 40, 1);
    await stage.runTo(40);
    expect(await stage.insight()).toMatchObject({ id, status, opened_at: stage.instantOf(7), ended_at: null });
    expect(await stage.workOrders()).toHaveLength(1);
  });

  test.each([
    ['dismiss', 'dismissed', 'dismissed'],
    ['resolve', 'resolved', 'resolved'],
    ['snooze', 'resolved', 'snoozed'],
  ])('%s: never was, so it is %s; and was there after all: %s', async (name, withdrawn, found) => {
    await stage.send(9, 1, 20);
    await stage.runTo(10);
    const { id } = await decide(name);
    await stage.runTo(20);
    await stage.send(2, 1, 20, 1);
    await stage.runTo(21);
    expect(await stage.insight()).toMatchObject({ id, status: withdrawn, ended_because: 'withdrawn' });
    await stage.send(9, 1, 20, 2);
    await stage.runTo(22);
    expect(await stage.insight()).toMatchObject({ id, status: found, ended_because: null });
  });

  test('a return that never was takes back what it did to a decision, and leaves the decision', async () => {
    await sendTwoEpisodes();
    await stage.runTo(10);
    await decide('resolve');
    await stage.runTo(50);
    expect(await shownOf()).toMatchObject({ status: 'in_progress', episodes: 2 });
    await stage.send(2, 41, 50, 1);
    await stage.runTo(51);
    expect(await shownOf()).toEqual({ status: 'resolved', episodes: 1, isSeen: false, because: 'person' });
  });

  test('what they decided of a return that never was is nothing about the next one', async () => {
    await stage.send(9, 1, 20);
    await stage.send(2, 21, 40);
    await stage.send(9, 41, 50);
    await stage.runTo(50);
    await decide('resolve');
    await stage.send(2, 41, 50, 1);
    await stage.runTo(51);
    expect(await shownOf()).toMatchObject({ status: 'resolved', episodes: 1 });
    await stage.send(9, 52, 60);
    await stage.runTo(56);
    expect(await shownOf()).toMatchObject({ status: 'in_progress', episodes: 2, isSeen: true });
  });

  test('a repair that finds what is recorded changes nothing of what people decided', async () => {
    await stage.send(9, 1, 40);
    await stage.runTo(10);
    const { id } = await decide('dismiss');
    const before = await stage.told(id);
    await stage.send(9, 5, 20, 1);
    await stage.runTo(30);
    expect(await stage.told(id)).toEqual(before);
    expect(await stage.insight()).toMatchObject({ id, status: 'dismissed', dismissed_by: stage.alexId });
  });

  test('what was withdrawn cannot be reopened', async () => {
    await stage.send(9, 1, 20);
    await stage.runTo(10);
    await stage.send(2, 1, 20, 1);
    await stage.runTo(20);
    await decide('reopen', 409);
  });
});

describe('the work order that a rule asks for', () => {
  // The insight is open from minute 3, and its work order is due at minute 4.
  test.each(['dismiss', 'snooze', 'resolve'])(
    'waits while people %s its insight, and comes when they reopen it',
    async (name) => {
      await stage.send(9, 1, 40);
      await stage.runTo(3);
      await decide(name);
      await stage.runTo(20);
      expect(await stage.workOrders()).toEqual([]);
      expect((await decide('reopen')).status).toBe('in_progress');
      const [order, ...others] = await stage.workOrders();
      expect(others).toEqual([]);
      expect(order).toMatchObject({ source: 'rule', insight: (await stage.insight()).id });
      const dueInMs = Date.parse(order.due_date) - Date.now();
      expect(dueInMs).toBeGreaterThan(47 * 3_600_000);
      await stage.runTo(40);
      expect(await stage.workOrders()).toHaveLength(1);
    },
  );

  test('comes when the time of being put aside is over', async () => {
    await stage.send(9, 1, 40);
    await stage.runTo(3);
    const { id } = await decide('snooze');
    await stage.runTo(20);
    await wake();
    expect(await stage.insight()).toMatchObject({ id, status: 'in_progress', snoozed_until: null });
    expect(await stage.workOrders()).toHaveLength(1);
    const { rows } = await sql<{ actor: object }>`select actor from event
      where subject_id = ${id} order by id desc limit 1`.execute(stage.db);
    expect(rows).toEqual([{ actor: { kind: 'system' } }]);
  });

  test('does not come while people have dismissed its insight, though the fault ends and comes back', async () => {
    await sendTwoEpisodes();
    await stage.runTo(3);
    await decide('dismiss');
    await stage.runTo(50);
    expect([await shownOf(), await stage.workOrders()]).toMatchObject([{ status: 'dismissed', episodes: 2 }, []]);
  });

  test('does not come for a fault that has ended meanwhile, and comes when it is back', async () => {
    await sendTwoEpisodes();
    await stage.runTo(3);
    await decide('snooze');
    await stage.runTo(35);
    await wake();
    expect([await shownOf(), await stage.workOrders()]).toMatchObject([{ status: 'resolved' }, []]);
    await stage.runTo(50);
    expect(await shownOf()).toMatchObject({ status: 'in_progress', episodes: 2 });
    expect(await stage.workOrders()).toHaveLength(1);
  });
});

describe('of an insight that no rule file states: a point that reports every minute stops at minute 20 and at 50', () => {
  test.each<[string | undefined, string[]]>([
    [undefined, ['open', 'resolved', 'open']],
    ['dismiss', ['dismissed', 'dismissed', 'dismissed']],
    ['resolve', ['resolved', 'resolved', 'open']],
    ['snooze', ['snoozed', 'resolved', 'snoozed']],
  ])('%s at minute 30: %j', async (name, statuses) => {
    const since = new Date(Date.now() - 4 * 3_600_000);
    await sql`update point set expected_interval_ms = 60000, expected_since = ${since}
      where id = ${stage.pump.pointId}`.execute(stage.db);
    await stage.send(1, -9, 20);
    await stage.send(1, 41, 50);
    await stage.runTo(30);
    if (name !== undefined) await decide(name);
    const seen = [(await stage.insight()).status];
    for (const minute of [45, 60]) {
      await stage.runTo(minute);
      seen.push((await stage.insight()).status);
    }
    expect(seen).toEqual(statuses);
    expect(await stage.insight()).toMatchObject({ rule_id: 'data-missing', episodes: 2, work_order_ids: [] });
    // The readings come after all: they had been on their way.
    await stage.send(1, 21, 40, 1);
    await stage.send(1, 51, 60, 1);
    await stage.runTo(61);
    const [insight] = await stage.insights();
    expect(insight?.status ?? 'withdrawn').toBe('withdrawn');
  });
});

describe('people open again', () => {
  test('what has ended: it stands until they end it, and follows its rule when that sees the fault again', async () => {
    await sendTwoEpisodes();
    await stage.runTo(35);
    expect((await decide('reopen')).status).toBe('in_progress');
    await stage.runTo(40);
    expect(await shownOf()).toMatchObject({ status: 'in_progress', isSeen: false, episodes: 1 });
    await stage.runTo(75);
    expect(await shownOf()).toMatchObject({ status: 'resolved', episodes: 2, because: 'cleared' });
  });

  test('what has ended, and a repair of something else leaves it so', async () => {
    await stage.send(9, 1, 20);
    await stage.send(2, 21, 60);
    await stage.runTo(35);
    await decide('reopen');
    await stage.send(2, 22, 30, 1);
    await stage.runTo(40);
    expect(await shownOf()).toMatchObject({ status: 'in_progress', isSeen: false });
  });

  test('what they dismissed: it is open while the rule sees it, and ends with the fault', async () => {
    await stage.send(9, 1, 30);
    await stage.send(2, 31, 60);
    await stage.runTo(3);
    await decide('dismiss');
    await stage.runTo(20);
    await decide('reopen');
    expect(await stage.insight()).toMatchObject({ status: 'in_progress', dismissed_at: null, dismissed_reason: null });
    await stage.runTo(50);
    expect(await shownOf()).toMatchObject({ status: 'resolved', because: 'cleared' });
  });
});
