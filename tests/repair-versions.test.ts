/** Late readings after the rules have changed many times: what a repair needs of versions long past, which is nothing. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
beforeAll(async () => {
  plant = await openRulePlant();
});
afterAll(() => plant?.close());

test('a repair of the last hour asks for no version that was over before it', async () => {
  const { downstream } = await plant.makePumps();
  const startMs = Math.floor(Date.now() / minuteMs - 60) * minuteMs;
  const send = (value: number, from: number, through: number, offsetMs: number) =>
    plant.append(
      Array.from({ length: through - from + 1 }, (_, i) => {
        const timeMs = startMs + (from + i) * minuteMs - offsetMs;
        return { point: downstream, timeMs, value, quality: 'good' as const };
      }),
    );
  const advance = async () => {
    const runner = plant.openRunner();
    while ((await runner.advance(plant.site.shard)).isBehind);
  };
  await send(9, 0, 20, 50_000);
  await send(2, 21, 50, 50_000);
  await advance();
  // As if the rules had changed each hour of the days before, and none of those versions could be built any more.
  const { db } = plant.database;
  await sql`delete from rule_shard_version`.execute(db);
  const old = Array.from({ length: 50 }, (_, i) => ({
    shard: plant.site.shard,
    tick_at: new Date(startMs - (i + 2) * 60 * minuteMs),
    hash: `long over ${i}`,
  }));
  const rows = [
    ...old,
    { shard: plant.site.shard, tick_at: new Date(startMs - 60 * minuteMs), hash: plant.ruleSet.hash },
  ];
  await sql`insert into rule_set (hash, time_scale, texts) select hash, 1, '[]'::jsonb
    from jsonb_to_recordset(${JSON.stringify(old)}::jsonb) as given (hash text)`.execute(db);
  await db.insertInto('rule_shard_version').values(rows).execute();

  await send(2, 0, 20, 40_000);
  await advance();
  expect(await plant.listTold([downstream.assetId])).toEqual([]);
});
