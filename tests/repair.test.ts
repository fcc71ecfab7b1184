/** What late readings change, case by case; tests/late-readings.test.ts has the law behind them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { loadRules } from '../src/rules/language/load-rules.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let upstream: PointRef;
let downstream: PointRef;
let startMs: number;

beforeAll(async () => {
  plant = await openRulePlant();
});
afterAll(() => plant?.close());
beforeEach(async () => {
  ({ upstream, downstream } = await plant.makePumps());
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

/** Sends one value for each minute from one to another; of several for a minute that with the greatest `rank` counts. */
async function send(point: PointRef, value: number, from: number, through: number, rank = 0): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++) {
    rows.push({ point, timeMs: startMs + minute * minuteMs - 50_000 + rank * 10_000, value, quality: 'good' as const });
  }
  await plant.append(rows);
}

/** Brings the shard to the last closed tick, in as many runs as that takes. */
async function advance(runner = plant.openRunner()): Promise<void> {
  while ((await runner.advance(plant.site.shard)).isBehind);
}

/** Rule, minutes of opening and end, and work orders of what stands. */
async function told(): Promise<string[]> {
  const minute = (ms: number | null) => (ms === null ? '…' : String((ms - startMs) / minuteMs));
  const found = await plant.listTold([upstream.assetId, downstream.assetId]);
  return found.map(
    ({ rule, openedAt, resolvedAt, workOrders, suppressedBy }) =>
      `${rule} ${minute(openedAt)}-${minute(resolvedAt)}, ${workOrders} work orders${suppressedBy ? `, ${suppressedBy}` : ''}`,
  );
}

async function countWorkOrders(): Promise<number> {
  const row = await plant.database.db
    .selectFrom('work_order')
    .select((of) => of.fn.countAll().as('n'))
    .where('asset_id', '=', downstream.assetId)
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

test('an opening that late readings move takes its work order along: there is no second one', async () => {
  await send(downstream, 2, 0, 4);
  await send(downstream, 9, 10, 20);
  await advance();
  expect(await told()).toEqual(['too-high 12-…, 1 work orders']);
  await send(downstream, 9, 5, 9);
  await advance();
  expect(await told()).toEqual(['too-high 7-…, 1 work orders']);
  expect(await countWorkOrders()).toBe(1);
});

test('what was withdrawn and is found again stands again; nothing is moved onto it', async () => {
  await send(downstream, 9, 0, 20);
  await send(downstream, 2, 21, 60);
  await advance();
  expect(await told()).toEqual(['too-high 2-31, 1 work orders']);
  await send(downstream, 2, 0, 20, 1);
  await advance();
  expect(await told()).toEqual([]);
  await send(downstream, 9, 3, 20, 2);
  await advance();
  expect(await told()).toEqual(['too-high 5-31, 1 work orders']);
  await send(downstream, 9, 0, 2, 2);
  await advance();
  expect(await told()).toEqual(['too-high 2-31, 1 work orders']);
});

test('a cause that is found late explains its symptom from then on, and a cause that goes gives it back', async () => {
  await send(upstream, 60, 0, 60);
  await send(downstream, 9, 10, 60);
  await advance();
  expect(await told()).toEqual(['too-high 12-…, 1 work orders']);
  await send(upstream, 90, 5, 60, 1);
  await advance();
  expect(await told()).toEqual(['running-hot 6-…, 0 work orders', 'too-high 12-…, 1 work orders, running-hot']);
  await send(upstream, 60, 5, 60, 2);
  await advance();
  expect(await told()).toEqual(['too-high 12-…, 1 work orders']);
});

test('an evaluation in memory is not trusted once another process has repaired the shard', async () => {
  const { rules } = await loadRules('tests/fixtures/rules', { timeScale: 600 });
  const [one, other] = [plant.openRunner(rules), plant.openRunner(rules)];
  const appendUntil = (value: number, lastMs: number) =>
    plant.append(
      Array.from({ length: 16 }, (_, i) => ({
        point: downstream,
        timeMs: lastMs - 100 * i,
        value,
        quality: 'good' as const,
      })),
    );
  await advance(one);
  await appendUntil(9, Date.now() - 2_000);
  await advance(other);
  expect((await plant.listTold([downstream.assetId])).map(({ resolvedAt }) => resolvedAt)).toEqual([null]);
  await appendUntil(2, Date.now() + 1_700);
  await sleep(3_000);
  await advance(one);
  expect((await plant.listTold([downstream.assetId])).map(({ resolvedAt }) => resolvedAt)).not.toContain(null);
});

test('what a person has dismissed stays dismissed, whatever late readings say', async () => {
  await send(downstream, 9, 0, 20);
  await advance();
  const dismissed = () =>
    plant.database.db
      .selectFrom('insight')
      .select('status')
      .where('asset_id', '=', downstream.assetId)
      .where('rule_id', '=', 'too-high')
      .execute();
  await plant.database.db
    .updateTable('insight')
    .set({ status: 'dismissed', decision: 'dismissed', decided_at: new Date(), decided_episode: 1 })
    .where('asset_id', '=', downstream.assetId)
    .execute();
  await send(downstream, 2, 0, 20, 1);
  await advance();
  expect(await dismissed()).toEqual([{ status: 'dismissed' }]);
  await send(downstream, 9, 0, 20, 2);
  await advance();
  expect(await dismissed()).toEqual([{ status: 'dismissed' }]);
});
