/**
 * Readings in any order of arrival, cut into any batches, some of them twice, with evaluations and restarts in between:
 * when all have come, the recorded insights are those of one back-test over the same readings.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { newId } from '../src/platform/id.ts';
import { createRandom, replay } from '../src/rules/kernel/replay.ts';
import { buildRuleSet, readRuleTexts } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import { getShardModel } from '../src/rules/live/store.ts';
import { minuteMs, openRulePlant, type RulePlant, type Told } from './support/rule-plant.ts';

let plant: RulePlant;
let ruleSet: RuleSet;
beforeAll(async () => {
  plant = await openRulePlant();
  const texts = await readRuleTexts('tests/fixtures/rules');
  const { rules, errors } = buildRuleSet([...texts, { file: 'on-average.yaml', text: onAverage }]);
  expect(errors).toEqual([]);
  ruleSet = rules;
});
afterAll(() => plant?.close());

/** Windows, extremes, a hold-off and a point of another asset: all that an evaluation remembers of its inputs. */
const onAverage = `
rule: on-average
version: 1
title: Vibration above the limit on average
applies_to: { class: brick:Pump }
inputs:
  v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s }
  t: { class: faultline:Bearing_Temperature_Sensor, unit: degC, from: upstream }
let: { hot: t > 70.0 }
when: avg(v, '10m') > 5.5 && highest(v, '4m') > 6.5
clear: avg(v, '10m') < 5.0
hold_off: { after_change_of: [hot], for: 6m }
for: 2m
clear_for: 2m
min_cover: 0.5
no_data_after: 20m
reopen_within: 30m
severity: info
category: fault
message: "on average {{ avg(v, '10m') | 2 mm/s }}, hot {{ t | 0 degC }}"
`;

/** Switches a rule off, puts it on trial or pauses it, from one minute to another; none at all for an empty span. */
const overrides = fc.record({
  rule: fc.constantFrom('on-average', 'too-high', 'running-hot', '*'),
  enabled: fc.constantFrom('false', 'shadow', 'paused'),
  from: fc.nat(60),
  minutes: fc.constantFrom(0, 0, 5, 30),
});

type Sample = { minute: number; value: number };

/** Values on both sides of every limit of a rule, with runs that are long enough to fire and to clear. */
const series = (...values: number[]) =>
  fc
    .array(
      fc.record({
        gap: fc.constantFrom(0, 1, 1, 2, 20),
        value: fc.constantFrom(...values),
        count: fc.constantFrom(1, 2, 4, 14),
      }),
      { minLength: 3, maxLength: 12 },
    )
    .map((runs) => {
      let minute = 0;
      return runs.flatMap(({ gap, value, count }) => {
        minute += gap;
        return Array.from({ length: count }, (): Sample => ({ minute: minute++, value }));
      });
    });

/** Two pumps, the first feeding the second: heat of the first explains the vibration of the second. */
const plants = fc.record({ temperature: series(60, 75, 90), vibration: series(2, 5, 6, 7, 9) });

/** The seed of the order of arrival, how many come in a batch, and what else happens on the way. */
const arrivals = fc.record({
  seed: fc.nat(),
  batch: fc.integer({ min: 3, max: 25 }),
  twice: fc.boolean(),
  runners: fc.constantFrom(1, 1, 2),
  restarts: fc.boolean(),
});

test('whatever the order of arrival, the recorded insights are those of a back-test', async () => {
  await fc.assert(
    fc.asyncProperty(
      plants,
      arrivals,
      overrides,
      async ({ temperature, vibration }, { seed, batch, twice, runners, restarts }, override) => {
        const { upstream, downstream } = await plant.makePumps();
        const startMs = Math.floor(Date.now() / minuteMs - 400) * minuteMs;
        const sinceMs = startMs + override.from * minuteMs;
        const span = { sinceMs, untilMs: sinceMs + override.minutes * minuteMs };
        await insertPast(downstream.assetId, { ...override, ...span });
        const rowsOf = (point: PointRef, samples: Sample[]) =>
          samples.map(({ minute, value }) => ({
            point,
            timeMs: startMs + minute * minuteMs,
            value,
            quality: 'good' as const,
          }));
        const rows = [...rowsOf(upstream, temperature), ...rowsOf(downstream, vibration)].sort(
          (one, other) => one.timeMs - other.timeMs,
        );
        const random = createRandom(seed);
        const order = rows
          .map((row, i) => ({ row, key: i + 4 * Math.floor(7 * random()) }))
          .sort((one, other) => one.key - other.key)
          .map(({ row }) => row);
        const sent = twice ? [...order, ...order.slice(0, 5)] : order;
        const running = Array.from({ length: runners }, () => plant.openRunner(ruleSet));
        for (let i = 0; i < sent.length; i += batch) {
          const next = (i / batch) % runners;
          if (restarts) running[next] = plant.openRunner(ruleSet);
          await plant.append(sent.slice(i, i + batch));
          await running[next]?.advance(plant.site.shard);
        }
        const assetIds = [upstream.assetId, downstream.assetId];
        const [found, wanted] = [await plant.listTold(assetIds), await expected(assetIds, rows)];
        expect(found.map(({ workOrders, ...insight }) => insight)).toEqual(
          wanted.map(({ workOrders, ...insight }) => insight),
        );
        // One that was opened before late readings explained its fault stands.
        for (const [i, { workOrders }] of wanted.entries()) expect([1, workOrders]).toContain(found[i]?.workOrders);
      },
    ),
    { numRuns: 40 },
  );
});

/** An override of one asset as if it had been made in the past. */
async function insertPast(
  assetId: string,
  { rule, enabled, sinceMs, untilMs }: { rule: string; enabled: string; sinceMs: number; untilMs: number },
): Promise<void> {
  const held = { since_at: new Date(sinceMs), until_at: new Date(untilMs), reason: 'a test', author: 'a test' };
  await plant.database.db
    .insertInto('rule_override')
    .values({ id: newId(), tenant_id: plant.site.tenantId, asset_id: assetId, rule_id: rule, enabled, ...held })
    .execute();
}

/** What one run from the first reading to the shard's present tick finds. */
async function expected(
  assetIds: string[],
  rows: { point: PointRef; timeMs: number; value: number }[],
): Promise<Told[]> {
  const model = await getShardModel(plant.database.db, plant.site.shard);
  const assets = model.assets.filter((one) => assetIds.includes(one.asset.id));
  const clock = await plant.database.db
    .selectFrom('rule_shard')
    .select('tick_at')
    .where('shard', '=', plant.site.shard)
    .executeTakeFirstOrThrow();
  const readings = rows.map(({ point, timeMs, value }) => ({
    point: point.pointId,
    at: timeMs,
    value,
    quality: 0 as const,
  }));
  const effects = replay({
    ruleSet,
    overrides: model.overrides,
    assets: assets.map(({ asset, points }) => ({ asset, points: [...points] })),
    readings,
    fromMs: readings[0]?.at ?? 0,
    toMs: clock.tick_at?.getTime() ?? 0,
  });
  const told = new Map<string, Told>();
  for (const effect of effects) {
    if (!('openedAt' in effect)) continue;
    const key = `${effect.ruleId} ${effect.openedAt}`;
    const before = told.get(key);
    if (effect.kind === 'opened') {
      const { ruleId: rule, openedAt, startedAt, suppressedBy, message } = effect;
      told.set(key, {
        rule,
        openedAt,
        startedAt,
        suppressedBy,
        message,
        resolvedAt: null,
        episodes: 1,
        isStale: false,
        workOrders: 0,
      });
    } else if (before) {
      if (effect.kind === 'resolved') Object.assign(before, { resolvedAt: effect.clearedAt, isStale: false });
      if (effect.kind === 'reopened')
        Object.assign(before, { resolvedAt: null, episodes: effect.episodes, message: effect.message });
      if (effect.kind === 'evidence-changed') Object.assign(before, { message: effect.message });
      if (effect.kind === 'flagged')
        Object.assign(before, { isStale: effect.stale, suppressedBy: effect.suppressedBy });
      if (effect.kind === 'work-order-due') before.workOrders = 1;
    }
  }
  return [...told.values()].sort((one, other) => one.rule.localeCompare(other.rule) || one.openedAt - other.openedAt);
}
