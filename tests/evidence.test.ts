/** What is recorded with an insight, so that the series behind it can be told again. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { type EvidenceStage, openEvidenceStage } from './support/evidence-stage.ts';
import { minuteMs } from './support/rule-plant.ts';

let stage: EvidenceStage;
beforeAll(async () => {
  stage = await openEvidenceStage();
});
afterAll(() => stage?.plant.close());
beforeEach(() => stage.reset());

test('evidence reaches from before the start to after the end, in the unit of the rule, with its limits and states', async () => {
  await stage.send({ value: 2, from: 0, through: 49 });
  await stage.send({ value: 9, from: 50, through: 80 });
  await stage.send({ value: 3, from: 81, through: 150 });
  await stage.plant.database.db
    .updateTable('point')
    .set({ unit: 'ft/min' })
    .where('id', '=', stage.pump.pointId)
    .execute();
  await sql`update reading set value = value / 5.08 where series_id = ${stage.pump.seriesId}`.execute(
    stage.plant.database.db,
  );
  await stage.advance();
  const id = await stage.getInsight();
  const evidence = await stage.evidenceOf(id);
  expect([evidence.from, evidence.to].map(stage.minuteOf)).toEqual([30, 101]);
  expect(evidence).toMatchObject({ complete: true, recorded: true, rule_id: 'too-high' });
  expect(evidence.episodes.map((one) => [one.started_at, one.opened_at, one.ended_at].map(stage.minuteOf))).toEqual([
    [50, 52, 91],
  ]);
  expect(evidence.episodes[0]?.limits.map(({ values }) => values)).toEqual([
    [{ name: 'most', value: 7, unit: 'mm/s' }],
  ]);
  expect(evidence.states.map(({ at, state }) => `${stage.minuteOf(at)} ${state}`)).toEqual([
    '50 pending',
    '52 firing',
    '81 clearing',
    '91 normal',
  ]);
  expect(evidence.series).toHaveLength(1);
  const [series] = evidence.series;
  expect(series).toMatchObject({
    input: 'v',
    source: 'point',
    point: 'vibration',
    unit: 'mm/s',
    kept: false,
    step_s: null,
  });
  expect(series?.times[0]).toBe(new Date(stage.startMs + 31 * minuteMs - 50_000).toISOString().replace('.000', ''));
  const expected = Array.from({ length: 71 }, (_, i) => (i + 31 < 50 ? 2 : i + 31 < 81 ? 9 : 3));
  expect(series?.values.map((value) => Math.round(Number(value) * 1e9) / 1e9)).toEqual(expected);
});

test('an insight that opens again has an episode more, and one that late readings move or undo has them anew', async () => {
  await stage.send({ value: 9, from: 10, through: 30 });
  await stage.send({ value: 2, from: 31, through: 59 });
  await stage.send({ value: 9, from: 60, through: 70 });
  await stage.send({ value: 2, from: 71, through: 150 });
  await stage.advance();
  const id = await stage.getInsight();
  const episodes = async () =>
    (await stage.evidenceOf(id)).episodes.map((one) =>
      [one.started_at, one.opened_at, one.ended_at].map(stage.minuteOf),
    );
  expect(await episodes()).toEqual([
    [10, 12, 41],
    [60, 62, 81],
  ]);
  await stage.send({ value: 9, from: 5, through: 9 });
  await stage.advance();
  expect(await episodes()).toEqual([
    [5, 7, 41],
    [60, 62, 81],
  ]);
  expect((await stage.evidenceOf(id)).states.map(({ state }) => state)).toEqual([
    ...['pending', 'firing', 'clearing', 'normal'],
    ...['pending', 'firing', 'clearing', 'normal'],
  ]);
});

test('the point that served an input is known when the model is another: before and after, each with its readings', async () => {
  const { db } = stage.plant.database;
  await stage.send({ value: 9, from: 10, through: 100 });
  await stage.advance();
  const id = await stage.getInsight();
  await db.updateTable('point').set({ class: null }).where('id', '=', stage.pump.pointId).execute();
  const other = await db
    .insertInto('point')
    .values({
      id: newId(),
      tenant_id: stage.plant.site.tenantId,
      asset_id: stage.pump.assetId,
      name: 'vibration_2',
      class: 'faultline:Vibration_Velocity_Sensor',
      unit: 'mm/s',
    })
    .returning(['id', 'series_id'])
    .executeTakeFirstOrThrow();
  // Readings that nobody calls late: those would have the past evaluated again, with the present model.
  await sql`insert into reading (series_id, time, value) select ${other.series_id}, time, 8 from reading where series_id = ${stage.pump.seriesId}`.execute(
    db,
  );
  await stage.advance();
  const { series, episodes } = await stage.evidenceOf(id);
  expect(episodes).toHaveLength(1);
  expect(series.map(({ input, point, values }) => [input, point, values[0]])).toEqual([
    ['v', 'vibration', 9],
    ['v', 'vibration_2', 8],
  ]);
  await db.updateTable('point').set({ class: null }).where('id', '=', other.id).execute();
  await db.updateTable('asset').set({ class: 'brick:Fan' }).where('id', '=', stage.pump.assetId).execute();
  await stage.advance('without rules');
  const after = await stage.evidenceOf(id);
  expect(after.series.map(({ point, values }) => [point, values[0]])).toEqual([
    ['vibration', 9],
    ['vibration_2', 8],
  ]);
  expect(after.episodes[0]?.ended_at).not.toBeNull();
});

test('parameters that an override changes while an insight is open are told with the instant of the change', async () => {
  const { db } = stage.plant.database;
  await stage.send({ value: 9, from: 10, through: 170 });
  await stage.advance();
  const id = await stage.getInsight();
  const since = new Date(Math.floor(Date.now() / minuteMs) * minuteMs - 10 * minuteMs);
  await db
    .insertInto('rule_override')
    .values({
      id: newId(),
      tenant_id: stage.plant.site.tenantId,
      rule_id: 'too-high',
      asset_id: stage.pump.assetId,
      params: JSON.stringify({ most: 8 }),
      since_at: new Date(Date.now() + 3_600_000),
      reason: 'a test',
      author: 'a test',
    })
    .execute();
  await stage.advance();
  const { episodes } = await stage.evidenceOf(id);
  expect(episodes[0]?.limits.map(({ values }) => values.map(({ value }) => value))).toEqual([[7], [8]]);
  expect(Date.parse(episodes[0]?.limits[1]?.since ?? '')).toBeGreaterThan(since.getTime());
});

test('of an episode that has ended no limits are told that would have held later', async () => {
  const { db } = stage.plant.database;
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * minuteMs);
  await db
    .insertInto('rule_override')
    .values({
      id: newId(),
      tenant_id: stage.plant.site.tenantId,
      rule_id: 'too-high',
      asset_id: stage.pump.assetId,
      params: JSON.stringify({ most: 8 }),
      since_at: inMinutes(-300),
      until_at: inMinutes(60),
      reason: 'a test',
      author: 'a test',
    })
    .execute();
  await stage.send({ value: 9, from: 10, through: 80 });
  await stage.send({ value: 3, from: 81, through: 170 });
  await stage.advance();
  const { episodes } = await stage.evidenceOf(await stage.getInsight());
  expect(stage.minuteOf(episodes[0]?.ended_at ?? null)).toBe(91);
  expect(episodes[0]?.limits.map(({ values }) => values.map(({ value }) => value))).toEqual([[8]]);
});
