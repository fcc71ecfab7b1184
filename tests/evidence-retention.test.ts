/** What retention must leave for the sake of insights, and what it keeps of what it drops. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { keepEvidence, keptPerDayMax, listHolds } from '../src/insights/evidence/evidence-keep-store.ts';
import { newId } from '../src/platform/id.ts';
import { type EvidenceStage, openEvidenceStage } from './support/evidence-stage.ts';
import { minuteMs } from './support/rule-plant.ts';

const dayMs = 86_400_000;

let stage: EvidenceStage;
beforeAll(async () => {
  stage = await openEvidenceStage();
});
afterAll(() => stage?.plant.close());
beforeEach(() => stage.reset());

/** Drops readings as retention does, in one transaction with keeping what evidence needs. */
async function drop(fromMs: number, throughMs: number, seriesIds?: number[]): Promise<number> {
  return stage.plant.database.db.transaction().execute(async (trx) => {
    const kept = await keepEvidence(trx, { fromMs, throughMs, seriesIds });
    const only = seriesIds === undefined ? sql`true` : sql`series_id = any(${seriesIds}::int4[])`;
    await sql`delete from reading where time >= to_timestamp(${fromMs}::float8 / 1000) and time < to_timestamp(${throughMs}::float8 / 1000) and ${only}`.execute(
      trx,
    );
    return kept;
  });
}

test('evidence is the same after retention has dropped its readings, day by day or by series', async () => {
  stage.startMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs - 60 * minuteMs;
  await stage.send({ value: 2, from: 0, through: 49 });
  await stage.send({ value: 9, from: 50, through: 80 });
  await stage.send({ value: 4, from: 60, through: 62, quality: 'good' });
  await stage.send({ value: 3, from: 81, through: 95, quality: 'bad' });
  await stage.send({ value: 3, from: 96, through: 150 });
  await stage.advance();
  const id = await stage.getInsight();
  const before = await stage.evidenceOf(id);
  expect(before.series[0]?.qualities).toContain('bad');
  expect(before.series[0]?.values.length).toBeGreaterThan(60);
  const midnight = stage.startMs + 60 * minuteMs;
  expect(await drop(midnight - dayMs, midnight)).toBe(1);
  const half = await stage.evidenceOf(id);
  expect(half).toEqual({ ...before, series: before.series.map((one) => ({ ...one, kept: true })) });
  expect(await drop(midnight, midnight + dayMs, [stage.pump.seriesId])).toBe(1);
  expect(await stage.evidenceOf(id)).toEqual(half);
  expect(await drop(midnight, midnight + dayMs)).toBe(0);
  expect(await stage.evidenceOf(id)).toEqual(half);
});

test('a reading that comes late to a day that was dropped does not take the place of what is kept of it', async () => {
  stage.startMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
  await stage.send({ value: 9, from: 10, through: 20 });
  await stage.send({ value: 2, from: 21, through: 60 });
  await stage.advance();
  const id = await stage.getInsight();
  expect(await drop(stage.startMs, stage.startMs + dayMs, [stage.pump.seriesId])).toBe(1);
  const kept = await stage.evidenceOf(id);
  expect(kept.series[0]?.values.length).toBeGreaterThan(20);
  // Of the same millisecond as the first that is kept.
  await sql`insert into reading (series_id, time, value) values (${stage.pump.seriesId},
    ${kept.series[0]?.times[0]}::timestamptz + interval '200 microseconds', 1)`.execute(stage.plant.database.db);
  await drop(stage.startMs, stage.startMs + dayMs);
  expect(await stage.evidenceOf(id)).toEqual(kept);
});

test('open insights hold their shown series from before their start; those that ended long ago hold nothing', async () => {
  await stage.send({ value: 9, from: 10, through: 170 });
  await stage.advance();
  const id = await stage.getInsight();
  const { db } = stage.plant.database;
  const own = async () => (await listHolds(db)).filter(({ insightId }) => insightId === id);
  const [hold, ...others] = await own();
  expect(others).toEqual([]);
  expect(hold).toMatchObject({ seriesId: stage.pump.seriesId, fromMs: stage.startMs - 10 * minuteMs });
  expect(Math.abs((hold?.throughMs ?? 0) - Date.now())).toBeLessThan(60_000);
  const resolved = async (at: Date) => {
    await db.updateTable('insight').set({ ended_at: at, status: 'resolved' }).where('id', '=', id).execute();
    await db.updateTable('insight_episode').set({ ended_at: at }).where('insight_id', '=', id).execute();
  };
  await resolved(new Date(Date.now() - 3_600_000));
  expect(await own()).toHaveLength(1);
  await resolved(new Date(Date.now() - 2 * dayMs));
  expect(await own()).toEqual([]);
  await db.updateTable('insight').set({ ended_at: null, status: 'dismissed' }).where('id', '=', id).execute();
  expect(await own()).toEqual([]);
});

test('evidence follows a point that is merged into another, kept or not', async () => {
  const { db } = stage.plant.database;
  await stage.send({ value: 9, from: 10, through: 100 });
  await stage.send({ value: 2, from: 101, through: 150 });
  await stage.advance();
  const id = await stage.getInsight();
  const before = await stage.evidenceOf(id);
  const target = await db
    .insertInto('point')
    .values({
      id: newId(),
      tenant_id: stage.plant.site.tenantId,
      asset_id: stage.pump.assetId,
      name: 'modelled',
      unit: 'mm/s',
    })
    .returning(['id', 'series_id'])
    .executeTakeFirstOrThrow();
  await sql`update reading set series_id = ${target.series_id} where series_id = ${stage.pump.seriesId}`.execute(db);
  await db.updateTable('point').set({ merged_into: target.id }).where('id', '=', stage.pump.pointId).execute();
  const moved = before.series.map((one) => ({ ...one, point: 'modelled', point_id: target.id }));
  expect((await stage.evidenceOf(id)).series).toEqual(moved);
  await drop(stage.startMs - dayMs, stage.startMs + 2 * dayMs, [target.series_id]);
  expect((await stage.evidenceOf(id)).series).toEqual(moved.map((one) => ({ ...one, kept: true })));
});

test('of more readings a day than are kept the first, the last, the least and the greatest of each step stay', async () => {
  stage.startMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs;
  await stage.send({ value: 9, from: 10, through: 20 });
  await stage.send({ value: 2, from: 21, through: 60 });
  await stage.advance();
  const id = await stage.getInsight();
  const { db } = stage.plant.database;
  await db.updateTable('insight_episode').set({ before_ms: 0, after_ms: dayMs }).where('insight_id', '=', id).execute();
  const count = keptPerDayMax + 5_000;
  await sql`insert into reading (series_id, time, value) select ${stage.pump.seriesId},
      to_timestamp(${stage.startMs + 3_600_000}::float8 / 1000) + make_interval(secs => i * 3), case i when 777 then -50 when 778 then 99 else i % 7 end
    from generate_series(1, ${count}) i on conflict do nothing`.execute(db);
  expect(await drop(stage.startMs, stage.startMs + dayMs, [stage.pump.seriesId])).toBe(1);
  const { rows } = await sql<{ n: number; step: number; least: number; greatest: number }>`
    select cardinality(values) as n, step_ms as step, (select min(v) from unnest(values) v) as least, (select max(v) from unnest(values) v) as greatest
    from insight_reading where insight_id = ${id}`.execute(db);
  expect(rows[0]).toMatchObject({ step: 17_280, least: -50, greatest: 99 });
  expect(rows[0]?.n).toBeLessThanOrEqual(keptPerDayMax + 4);
  const { series } = await stage.evidenceOf(id, 100);
  expect(series[0]?.times.length).toBeLessThanOrEqual(100);
  expect([
    Math.min(...(series[0]?.least ?? []).map(Number)),
    Math.max(...(series[0]?.greatest ?? []).map(Number)),
  ]).toEqual([-50, 99]);
});
