/** What a work order says when its insight ended because its rule did, and not because the fault cleared. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import type { RuleSet } from '../src/rules/language/rule.ts';
import { deployRuleSet } from '../src/rules/live/rule-set-store.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let rule: string;
beforeAll(async () => {
  plant = await openRulePlant();
  rule = (await readFile('tests/fixtures/rules/too-high.yaml', 'utf8')).replace('suppressed_by: [running-hot]', '');
});
afterAll(() => plant?.close());

test.each<[string, (text: string) => string | null, string[]]>([
  ['a rule that was taken out', () => null, ['was taken out']],
  ['a rule that was switched off', (text) => `${text}enabled: false\n`, ['was switched off']],
  ['a fault that cleared', (text) => text, []],
])('%s', async (_what, change, expected) => {
  const { downstream: point } = await plant.makePumps();
  const startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
  const send = async (value: number, from: number, through: number, offsetMs: number) => {
    const minutes = Array.from({ length: through - from + 1 }, (_, i) => startMs + (from + i) * minuteMs - offsetMs);
    await plant.append(minutes.map((timeMs) => ({ point, timeMs, value, quality: 'good' as const })));
  };
  const advance = async (ruleSet: RuleSet) => {
    const runner = plant.openRunner(ruleSet);
    while ((await runner.advance(plant.site.shard)).isBehind);
  };
  const build = (text: string | null) => buildRuleSet(text === null ? [] : [{ file: 'too-high.yaml', text }]).rules;
  const { db } = plant.database;
  await db.deleteFrom('rule_shard_version').execute();
  await db.updateTable('rule_shard').set({ tick_at: null, snapshot: null, rule_set_hash: null }).execute();
  const [before, after] = [build(rule), build(change(rule))];
  await advance(before);
  plant.openRunner(after);
  await deployRuleSet(db, { hash: after.hash, timeScale: 1, texts: [], errors: [] });
  if (after.hash !== before.hash) {
    const tick_at = new Date(startMs + 30 * minuteMs);
    await db.insertInto('rule_shard_version').values({ shard: plant.site.shard, tick_at, hash: after.hash }).execute();
  }
  await send(9, 0, 60, 50_000);
  await send(2, 61, 100, 50_000);
  await advance(after);
  // A repair goes through the same end again, and says nothing twice.
  await send(9, 20, 25, 40_000);
  await advance(after);
  const orders = await db
    .selectFrom('work_order')
    .select('description')
    .where('asset_id', '=', point.assetId)
    .execute();
  expect(orders).toHaveLength(1);
  const notes = orders.flatMap(({ description }) => [...description.matchAll(/Note: .*found this fault ([\w ]+) \(/g)]);
  expect(notes.map(([, ending]) => ending)).toEqual(expected);
});
