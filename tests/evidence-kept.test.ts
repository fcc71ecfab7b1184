/** The law of kept evidence: whatever retention drops, and in whatever order, the evidence of an insight stays as it was. */
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evidenceReadings } from '../src/api/evidence-readings.ts';
import type { Evidence } from '../src/insights/evidence/evidence.ts';
import { keepEvidence } from '../src/insights/evidence/evidence-keep-store.ts';
import { readEvidence } from '../src/insights/evidence/read-evidence.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const originMs = Math.floor(Date.now() / dayMs) * dayMs - 40 * dayMs;

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  const engine = await prepareStorage(api.database.pool, createLog('silent'));
  await engine.ensureSpan('reading', originMs - dayMs, originMs + 5 * dayMs);
});
afterAll(() => api.close());

type Given = {
  /** Hours after the origin, with the microseconds by which the reading is later. */
  readings: { hour: number; us: number; value: number | null; quality: number }[];
  episodes: { start: number; hours: number }[];
  beforeH: number;
  afterH: number;
  /** The days that go, in this order, all series or the two of the insight by themselves. */
  drops: { day: number; days: number; bySeries: boolean }[];
};

const hour = fc.constantFrom(0, 1, 23, 23.999, 24, 24.001, 25, 47, 48, 49, 71.5, 72, 73, 95);
const given: fc.Arbitrary<Given> = fc.record({
  readings: fc.array(
    fc.record({
      hour,
      us: fc.constantFrom(0, 1, 999, 1_000, 60_000_000),
      value: fc.option(fc.constantFrom(-1, 0, 20.5, 1e300), { freq: 5 }),
      quality: fc.constantFrom(0, 0, 0, 1, 2),
    }),
    { minLength: 1, maxLength: 40 },
  ),
  episodes: fc.array(fc.record({ start: fc.integer({ min: 1, max: 90 }), hours: fc.integer({ min: 0, max: 30 }) }), {
    minLength: 1,
    maxLength: 3,
  }),
  beforeH: fc.constantFrom(0, 1, 24),
  afterH: fc.constantFrom(0, 0.5, 24),
  drops: fc.array(
    fc.record({ day: fc.integer({ min: -1, max: 4 }), days: fc.integer({ min: 1, max: 6 }), bySeries: fc.boolean() }),
    { minLength: 1, maxLength: 5 },
  ),
});

/** An insight with these episodes, one shown point that has these readings. */
async function make({ readings, episodes, beforeH, afterH }: Given): Promise<{ id: string; seriesId: number }> {
  const { db } = api.database;
  const id = await world.makeInsight();
  const point = { id: newId(), tenant_id: world.tenantId, asset_id: world.ahuId, name: id, unit: 'degC' };
  const { series_id } = await db.insertInto('point').values(point).returning('series_id').executeTakeFirstOrThrow();
  await db.deleteFrom('insight_episode').where('insight_id', '=', id).execute();
  for (const { start, hours } of new Map(episodes.map((one) => [one.start, one])).values()) {
    const startedAt = new Date(originMs + start * hourMs);
    await db
      .insertInto('insight_episode')
      .values({
        insight_id: id,
        opened_at: startedAt,
        started_at: startedAt,
        ended_at: new Date(originMs + (start + hours) * hourMs),
        rule_version: 1,
        before_ms: beforeH * hourMs,
        after_ms: afterH * hourMs,
      })
      .execute();
  }
  const input = { insight_id: id, name: 'x', since_at: new Date(originMs), place: 0, is_shown: true, kind: 'point' };
  await db
    .insertInto('insight_input')
    .values({ ...input, type: 'number', unit: 'degC', point_id: point.id, series_id })
    .execute();
  const rows = readings.map(({ hour: at, us, value, quality }) => {
    const seconds = (originMs + Math.round(at * hourMs)) / 1_000;
    return sql`(${series_id}::integer, to_timestamp(${seconds}::float8) + make_interval(secs => ${us / 1e6}), ${value}::float8, ${quality}::smallint)`;
  });
  await sql`insert into reading (series_id, time, value, quality) values ${sql.join(rows)} on conflict do nothing`.execute(
    db,
  );
  return { id, seriesId: series_id };
}

async function evidenceOf(id: string): Promise<Evidence> {
  const { db } = api.database;
  const at = new Date(originMs).toISOString();
  const insight = {
    id,
    asset_id: world.ahuId,
    rule_id: 'r',
    rule_version: 1,
    started_at: at,
    opened_at: at,
    resolved_at: at,
  };
  return readEvidence(db, { insight, samples: 10_000, nowMs: Date.now(), readings: evidenceReadings });
}

test('evidence is as it was, whichever days are dropped first, of one series or of all, and again', async () => {
  const { db } = api.database;
  const property = fc.asyncProperty(given, async (one) => {
    const { id, seriesId } = await make(one);
    const before = await evidenceOf(id);
    for (const { day, days, bySeries } of one.drops) {
      const span = { fromMs: originMs + day * dayMs, throughMs: originMs + (day + days) * dayMs };
      await db.transaction().execute(async (trx) => {
        await keepEvidence(trx, { ...span, seriesIds: bySeries ? [seriesId] : undefined });
        await sql`delete from reading where series_id = ${seriesId} and time >= to_timestamp(${span.fromMs / 1_000})
          and time < to_timestamp(${span.throughMs / 1_000})`.execute(trx);
      });
    }
    const after = await evidenceOf(id);
    const comparable = ({ series, ...rest }: Evidence) => ({ ...rest, series: series.map(({ kept, ...own }) => own) });
    expect(comparable(after)).toEqual(comparable(before));
  });
  await fc.assert(property, { numRuns: 40 });
});
