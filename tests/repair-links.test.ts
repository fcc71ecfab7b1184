/** Late readings of one asset that rules of another read: what they change there, and that nothing else is evaluated again. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let station: PointRef;
let pump: PointRef;
let startMs: number;

beforeAll(async () => {
  plant = await openRulePlant();
  ({ upstream: station, downstream: pump } = await plant.makePumps());
});
afterAll(() => plant?.close());
beforeEach(async () => {
  const { db } = plant.database;
  await sql`truncate asset_relation, work_order, insight, rule_machine, reading, rule_shard_version, rule_deployment cascade`.execute(
    db,
  );
  await sql`update rule_shard set tick_at = null, snapshot = null, rule_set_hash = null`.execute(db);
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

function rulesOf(from: string): RuleSet {
  const text = `
rule: hot-and-shaking
version: 1
title: Vibration while it is hot
applies_to: { class: brick:Pump }
inputs:
  v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s }
  t: { class: faultline:Bearing_Temperature_Sensor, unit: degC, from: ${from} }
when: v > 5 && t > 80
severity: warning
category: fault
`;
  const { rules, errors } = buildRuleSet([{ file: 'hot.yaml', text }]);
  expect(errors).toEqual([]);
  return rules;
}

async function send(point: PointRef, value: number, from: number, through: number, rank = 0): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++)
    rows.push({ point, timeMs: startMs + minute * minuteMs - 50_000 + rank * 10_000, value, quality: 'good' as const });
  await plant.append(rows);
}

async function advance(ruleSet: RuleSet): Promise<void> {
  const runner = plant.openRunner(ruleSet);
  while ((await runner.advance(plant.site.shard)).isBehind);
}

async function link(): Promise<void> {
  const ends = { from_asset_id: station.assetId, kind: 'feeds', to_asset_id: pump.assetId };
  await plant.database.db
    .insertInto('asset_relation')
    .values({ tenant_id: plant.site.tenantId, ...ends })
    .execute();
}

async function told(): Promise<string[]> {
  const found = await plant.listTold([station.assetId, pump.assetId]);
  return found.map(({ openedAt, resolvedAt }) =>
    [openedAt, resolvedAt].map((ms) => (ms === null ? '…' : (ms - startMs) / minuteMs)).join('-'),
  );
}

test.each(['site', 'upstream'])('a late reading of an asset reaches the rules that read it from %s', async (from) => {
  if (from === 'upstream') await link();
  const rules = rulesOf(from);
  await send(station, 60, 0, 119);
  await send(pump, 9, 0, 119);
  await advance(rules);
  expect(await told()).toEqual([]);
  await send(station, 90, 30, 39, 1);
  await advance(rules);
  expect(await told()).toEqual(['30-40']);
  await send(station, 60, 30, 34, 2);
  await advance(rules);
  expect(await told()).toEqual(['35-40']);
});

test('a repair of linked assets finds the points of the site as a live tick does: two that would do are none', async () => {
  await link();
  await plant.makePumps();
  const rules = rulesOf('site');
  await send(station, 90, 0, 119);
  await advance(rules);
  await send(pump, 9, 30, 39);
  await advance(rules);
  expect(await told()).toEqual([]);
});

test('an asset that late readings do not touch stays as it is recorded', async () => {
  const { downstream: other } = await plant.makePumps();
  const rules = rulesOf('self, optional: true, default: 90');
  await send(other, 9, 10, 119);
  await send(pump, 2, 0, 119);
  await advance(rules);
  const recorded = () =>
    plant.database.db.selectFrom('insight').selectAll().where('asset_id', '=', other.assetId).execute();
  const before = await recorded();
  expect(before.map(({ opened_at }) => (opened_at.getTime() - startMs) / minuteMs)).toEqual([10]);
  await send(pump, 9, 60, 69, 1);
  await advance(rules);
  expect(await told()).toEqual(['60-70']);
  expect(await recorded()).toEqual(before);
});
