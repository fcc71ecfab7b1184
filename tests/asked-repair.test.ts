/** Repairs that somebody asks for, of readings older than rules go back by themselves. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { forgetRuleHistory } from '../src/rules/live/live.ts';
import { requestRepair } from '../src/rules/live/repair-request-store.ts';
import { saveShardVersion } from '../src/rules/live/rule-set-store.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let point: PointRef;
let dayMs: number;

beforeAll(async () => {
  plant = await openRulePlant();
});
afterAll(() => plant?.close());
beforeEach(async () => {
  point = (await plant.makePumps()).downstream;
  dayMs = Math.floor(Date.now() / minuteMs - 60 * 24 * 60) * minuteMs;
});

/** Sends one value for each minute of that day, as in repair.test.ts. */
async function send(value: number, from: number, through: number, rank = 0): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++)
    rows.push({ point, timeMs: dayMs + minute * minuteMs - 50_000 + rank * 10_000, value, quality: 'good' as const });
  await plant.append(rows);
}

async function advance(runner = plant.openRunner()): Promise<void> {
  while ((await runner.advance(plant.site.shard)).isBehind);
}

async function ask(fromMinute: number): Promise<void> {
  const { tenantId, siteId } = plant.site;
  const fromMs = dayMs + fromMinute * minuteMs;
  await requestRepair(plant.database.db, { tenantId, siteId, assetId: point.assetId, fromMs });
  await advance();
}

async function told(): Promise<string[]> {
  const minute = (ms: number | null) => (ms === null ? '…' : String((ms - dayMs) / minuteMs));
  const found = await plant.listTold([point.assetId]);
  return found.map(({ rule, openedAt, resolvedAt, workOrders }) =>
    [
      `${rule} ${minute(openedAt)}-${minute(resolvedAt)}`,
      ...(workOrders > 0 ? [`${workOrders} work orders`] : []),
    ].join(),
  );
}

test('readings of sixty days ago change nothing by themselves, and what was then once it is asked for', async () => {
  await advance();
  await send(9, 0, 20);
  await send(2, 21, 60);
  await advance();
  expect(await told()).toEqual([]);
  await ask(0);
  expect(await told()).toEqual(['too-high 2-31']);
  await ask(0);
  expect(await told()).toEqual(['too-high 2-31']);
  await send(2, 10, 20, 1);
  await advance();
  expect(await told()).toEqual(['too-high 2-31']);
  await ask(-60);
  expect(await told()).toEqual(['too-high 2-20']);
});

test('an insight that stood at the instant from which it is asked for goes on, after its machine has been forgotten', async () => {
  await advance();
  await send(9, 0, 20);
  await send(2, 21, 60);
  await ask(-10);
  await forgetRuleHistory(plant.database.db);
  await send(9, 21, 25, 1);
  await ask(15);
  expect(await told()).toEqual(['too-high 2-36']);
});

test('an insight that was not there is withdrawn, and one that ended before stays', async () => {
  await advance();
  await send(9, 0, 10);
  await send(2, 11, 99);
  await send(9, 4000, 4010);
  await send(2, 4011, 4100);
  await ask(0);
  expect(await told()).toEqual(['too-high 2-21', 'too-high 4002-4021']);
  await forgetRuleHistory(plant.database.db);
  await send(2, 3990, 4010, 1);
  await ask(50);
  expect(await told()).toEqual(['too-high 2-21']);
});

test('one about missing data that stood then goes on as well', async () => {
  const { db } = plant.database;
  const expected = { expected_interval_ms: minuteMs, expected_since: new Date(dayMs - minuteMs) };
  await db.updateTable('point').set(expected).where('id', '=', point.pointId).execute();
  await advance();
  await send(2, 0, 10);
  await send(2, 5000, 7000);
  await ask(0);
  const [first = '', last] = await told();
  expect([first, last]).toEqual([expect.stringMatching(/^data-missing \d+-500\d$/), expect.stringMatching(/-…$/)]);
  await forgetRuleHistory(db);
  await send(2, 2500, 4999);
  await ask(2000);
  expect(await told()).toEqual([expect.stringMatching(`^${first.replace(/-500\d$/, '')}-250\\d$`), last]);
});

test('each tick is evaluated by the version that ran then, which housekeeping leaves on record', async () => {
  const { db } = plant.database;
  const without = { ...plant.ruleSet, hash: `${plant.ruleSet.hash}-without`, rules: [] };
  await advance(plant.openRunner(without));
  const { shard } = plant.site;
  await saveShardVersion(db, { shard, tickMs: dayMs - 86_400_000, hash: plant.ruleSet.hash });
  await saveShardVersion(db, { shard, tickMs: dayMs + 15 * minuteMs, hash: without.hash });
  await advance();
  await forgetRuleHistory(db);
  await send(9, 0, 60);
  await ask(0);
  expect(await told()).toEqual(['too-high 2-15']);
});
