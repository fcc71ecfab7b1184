/** The insights that no rule file states, in the database: recorded, kept over restarts, and repaired like all others. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let pump: PointRef;
let startMs: number;

beforeAll(async () => {
  plant = await openRulePlant();
});
afterAll(() => plant?.close());
beforeEach(async () => {
  await sql`truncate rule_shard_version, rule_deployment`.execute(plant.database.db);
  await sql`update rule_shard set tick_at = null, snapshot = null, rule_set_hash = null`.execute(plant.database.db);
  ({ downstream: pump } = await plant.makePumps());
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

function ruleText(id: string, limit: number, more = ''): string {
  return `
rule: ${id}
version: 1
title: Vibration above ${limit}
applies_to: { class: brick:Pump }
inputs: { v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s, stale_after: 5m } }
when: v > ${limit}
no_data_after: 30m
severity: warning
category: fault
work_order: { after: 1m, priority: low }
${more}
`;
}

function rulesOf(texts: string[], timeScale = 1): RuleSet {
  const { rules, errors } = buildRuleSet(
    texts.map((text, i) => ({ file: `${i}.yaml`, text })),
    { timeScale },
  );
  expect(errors).toEqual([]);
  return rules;
}

async function send(value: number, from: number, through: number): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++)
    rows.push({ point: pump, timeMs: startMs + minute * minuteMs, value, quality: 'good' as const });
  await plant.append(rows);
}

async function advance(ruleSet: RuleSet): Promise<void> {
  const runner = plant.openRunner(ruleSet);
  while ((await runner.advance(plant.site.shard)).isBehind);
}

/** Built-in insights: rule, minutes, what they name, work orders. */
async function told(ruleId: string): Promise<string[]> {
  const rows = await plant.database.db
    .selectFrom('insight')
    .selectAll()
    .select(sql<number>`(select count(*)::int from work_order where insight_id = insight.id)`.as('orders'))
    .where('asset_id', '=', pump.assetId)
    .where('rule_id', '=', ruleId)
    .where('withdrawn_at', 'is', null)
    .orderBy('opened_at')
    .execute();
  const minute = (at: Date | null) => (at === null ? '…' : String((at.getTime() - startMs) / minuteMs));
  return rows.map((row) => {
    const named = Object.keys(row.evidence as object).join('+');
    return `${minute(row.started_at)} ${minute(row.opened_at)}-${minute(row.resolved_at)} ${named}, ${row.orders} orders`;
  });
}

test('missing data is told once for all rules that lack it, kept over restarts, and withdrawn when the data come late', async () => {
  const rules = rulesOf([ruleText('high', 5), ruleText('higher', 7)]);
  await send(9, 0, 20);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['26 56-… high+higher, 0 orders']);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['26 56-… high+higher, 0 orders']);
  await send(6, 40, 40);
  await advance(rules);
  expect(await told('higher')).toEqual(['0 0-40 v, 1 orders']);
  expect(await told('data-missing')).toEqual(['46 76-… high, 0 orders']);
  await send(2, 90, 90);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['46 76-90 high, 0 orders']);
  await send(6, 41, 89);
  await advance(rules);
  expect(await told('data-missing')).toEqual([]);
});

test('a rule that throws on an asset stops no other; its insight stays over restarts and ends when it can be evaluated', async () => {
  const { db } = plant.database;
  // Rules with hours of activity ask for the local time of the site; this zone does not exist.
  const active = 'active: { days: mon-sun, from: "00:00", to: "24:00" }';
  const rules = rulesOf([ruleText('by-day', 5, active), ruleText('always', 5)], 600);
  await db.updateTable('site').set({ time_zone: 'Mars/Olympus_Mons' }).where('id', '=', plant.site.siteId).execute();
  let runner = plant.openRunner(rules);
  await runner.advance(plant.site.shard);
  const lastMs = Date.now() + 8_000;
  const rows = Array.from({ length: 100 }, (_, i) => ({ point: pump, timeMs: lastMs - 100 * i, value: 9 }));
  await plant.append(rows.map((row) => ({ ...row, quality: 'good' as const })));
  const ticks = async (ms: number) => {
    for (const endMs = Date.now() + ms; Date.now() < endMs; await sleep(50)) await runner.advance(plant.site.shard);
  };
  await ticks(1_500);
  const [opened, ...others] = await told('rule-error');
  expect([opened, others]).toEqual([expect.stringContaining('… by-day, 0 orders'), []]);
  expect([(await told('always')).length, (await told('by-day')).length]).toEqual([1, 0]);

  runner = plant.openRunner(rules);
  await ticks(500);
  expect(await told('rule-error')).toEqual([opened]);

  await db.updateTable('site').set({ time_zone: 'UTC' }).where('id', '=', plant.site.siteId).execute();
  await ticks(500);
  expect(await told('rule-error')).toEqual([expect.not.stringContaining('…')]);
  expect((await told('by-day')).length).toBe(1);
});

/** Makes a point one that is expected to report every minute, and that has been so since before the first reading. */
async function expectToReport(pointId: string): Promise<void> {
  const { db } = plant.database;
  await db.updateTable('point').set({ expected_interval_ms: minuteMs }).where('id', '=', pointId).execute();
  const since = new Date(startMs - 60 * minuteMs);
  await db.updateTable('point').set({ expected_since: since }).where('id', '=', pointId).execute();
}

test('a point that no rule reads is missed when it stops reporting, over restarts, and not when its readings come late', async () => {
  const rules = rulesOf([]);
  await expectToReport(pump.pointId);
  await send(1, -10, 20);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['21 24-… point vibration, 0 orders']);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['21 24-… point vibration, 0 orders']);
  await send(1, 40, Math.floor((Date.now() - startMs) / minuteMs) + 1);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['21 24-40 point vibration, 0 orders']);
  await send(1, 30, 39);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['21 24-30 point vibration, 0 orders']);
  await send(1, 21, 29);
  await advance(rules);
  expect(await told('data-missing')).toEqual([]);
});

test('of an asset that has no class, and beside a rule that lacks data, points are missed too', async () => {
  const { db } = plant.database;
  const rules = rulesOf([ruleText('high', 5)]);
  await expectToReport(pump.pointId);
  await send(9, -10, 20);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['21 24-… high+point vibration, 0 orders']);
  await db.updateTable('asset').set({ class: null }).where('id', '=', pump.assetId).execute();
  await advance(rules);
  const { rows } = await sql<{ status: string; evidence: object }>`
    select status, evidence from insight where asset_id = ${pump.assetId} and rule_id = 'data-missing'`.execute(db);
  expect(rows.map(({ status }) => status)).toEqual(['open']);
});

test('a point that is expected to report no more is missed no more', async () => {
  const { db } = plant.database;
  const rules = rulesOf([]);
  await expectToReport(pump.pointId);
  await send(1, 0, 20);
  await advance(rules);
  expect(await told('data-missing')).toEqual(['21 24-… point vibration, 0 orders']);
  await db.updateTable('point').set({ expected_interval_ms: null }).where('id', '=', pump.pointId).execute();
  const runner = plant.openRunner(rules);
  for (const endMs = Date.now() + 70_000; Date.now() < endMs; await sleep(500)) {
    await runner.advance(plant.site.shard);
    if ((await told('data-missing'))[0]?.includes('…') === false) return;
  }
  throw new Error('it is still missed');
});
