/**
 * Readings in any order of arrival, cut into any batches, some of them twice, with evaluations and restarts in between:
 * when all have come, the recorded insights are those of one back-test over the same readings.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertTenant } from '../src/access/tenant-store.ts';
import { discoverPoints } from '../src/assets/discovery.ts';
import { listNamedPoints, listSites } from '../src/assets/point-store.ts';
import { applyEffects } from '../src/insights/apply.ts';
import { replaceEpisodes } from '../src/insights/replace.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createShardRunner, type ShardRunner } from '../src/rules/advance.ts';
import { backTest } from '../src/rules/back-test.ts';
import { loadRules } from '../src/rules/load-rules.ts';
import type { RuleSet } from '../src/rules/rule.ts';
import { getShardModel } from '../src/rules/store.ts';
import { type Appender, createAppender } from '../src/telemetry/append-store.ts';
import { prepareStorage } from '../src/telemetry/engine-store.ts';
import { noteOnWorkOrders } from '../src/work-orders/note-store.ts';
import { openForInsight } from '../src/work-orders/open-for-insight.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const minuteMs = 60_000;
const graceMs = 1_000;
let testDatabase: TestDatabase;
let database: Database;
let appender: Appender;
let ruleSet: RuleSet;
let site: Awaited<ReturnType<typeof listSites>>[number];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const log = createLog('warn');
  database = openDatabase(testDatabase.url, { connectionsMax: 4, log });
  const engine = await prepareStorage(database.pool, log);
  appender = createAppender(database.pool, { engine, graceMs });
  const tenant = await database.db
    .transaction()
    .execute((trx) =>
      insertTenant(trx, { name: 'T', siteSlug: 'main', siteName: 'Main', timeZone: 'UTC', discovery: true }),
    );
  [site] = (await listSites(database.db, { tenantId: tenant.id, slugs: ['main'] })) as [typeof site];
  ruleSet = (await loadRules('tests/fixtures/rules')).rules;
  await database.db.insertInto('rule_shard').values({ shard: site.shard }).execute();
});

afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});

/** As after a restart: nothing is kept in memory. */
function openRunner(): ShardRunner {
  return createShardRunner({
    database,
    tickMs: minuteMs,
    graceMs,
    ruleSet: () => ruleSet,
    sink: {
      apply: (trx, effects, owners) => applyEffects(trx, effects, { owners, openWorkOrder: openForInsight }),
      replace: (trx, repaired, owners) =>
        replaceEpisodes(trx, repaired, { owners, openWorkOrder: openForInsight, noteOnWorkOrders }),
    },
  });
}

type Sample = { minute: number; value: number };

/** Values on both sides of every limit of the rule, with runs that are long enough to fire and to clear. */
const samples = fc
  .array(
    fc.record({
      gap: fc.constantFrom(1, 1, 1, 2, 20),
      value: fc.constantFrom(2, 5, 6, 7, 9),
      count: fc.constantFrom(1, 2, 4, 14),
    }),
    {
      minLength: 3,
      maxLength: 12,
    },
  )
  .map((runs) => {
    let minute = 0;
    return runs.flatMap(({ gap, value, count }) => {
      minute += gap;
      return Array.from({ length: count }, (): Sample => ({ minute: minute++, value }));
    });
  });

/** The order of arrival, as one sort key a sample, and how many come in a batch. */
const arrival = fc.record({
  keys: fc.infiniteStream(fc.nat(6)),
  batch: fc.integer({ min: 3, max: 25 }),
  twice: fc.boolean(),
  restarts: fc.boolean(),
});

let assetCount = 0;

test('whatever the order of arrival, the recorded insights are those of a back-test', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(samples, arrival, async (given, { keys, batch, twice, restarts }) => {
      const name = `pump-${++assetCount}`;
      await discoverPoints(database.db, { site, names: [{ asset: name, point: 'vibration' }] });
      const [point] = await listNamedPoints(database.db, { site, names: [{ asset: name, point: 'vibration' }] });
      if (!point) throw new Error('the point was not made');
      const startMs = Math.floor(Date.now() / minuteMs - 400) * minuteMs;
      const rows = given.map(({ minute, value }) => ({
        point: point.ref,
        timeMs: startMs + minute * minuteMs,
        value,
        quality: 'good' as const,
      }));
      const order = rows
        .map((row, i) => ({ row, key: i + 4 * (keys.next().value as number) }))
        .sort((one, other) => one.key - other.key)
        .map(({ row }) => row);
      const sent = twice ? [...order, ...order.slice(0, 5)] : order;
      let runner = openRunner();
      for (let i = 0; i < sent.length; i += batch) {
        if (restarts) runner = openRunner();
        await appender.append(sent.slice(i, i + batch));
        await runner.advance(site.shard);
      }
      expect(await recorded(point.ref.assetId)).toEqual(await expected(point.ref.assetId, rows));
    }),
    { numRuns: 25 },
  );
});

async function recorded(assetId: string) {
  const rows = await database.db
    .selectFrom('insight')
    .select(['opened_at', 'started_at', 'resolved_at', 'episodes', 'id'])
    .select((of) =>
      of
        .selectFrom('work_order')
        .whereRef('insight_id', '=', 'insight.id')
        .select(of.fn.countAll().as('n'))
        .as('orders'),
    )
    .where('asset_id', '=', assetId)
    .where('withdrawn_at', 'is', null)
    .orderBy('opened_at')
    .execute();
  return rows.map((row) => ({
    openedAt: row.opened_at.getTime(),
    startedAt: row.started_at.getTime(),
    resolvedAt: row.resolved_at?.getTime() ?? null,
    workOrders: Number(row.orders),
  }));
}

/** What a back-test from the first reading to the shard's present tick finds. */
async function expected(assetId: string, rows: { timeMs: number; value: number }[]) {
  const model = await getShardModel(database.db, site.shard);
  const asset = model.assets.find((one) => one.asset.id === assetId);
  const clock = await database.db
    .selectFrom('rule_shard')
    .select('tick_at')
    .where('shard', '=', site.shard)
    .executeTakeFirstOrThrow();
  if (!asset || !clock.tick_at) throw new Error('the shard does not know the asset');
  const pointId = asset.points[0]?.id ?? '';
  const readings = [...rows]
    .sort((one, other) => one.timeMs - other.timeMs)
    .map(({ timeMs, value }) => ({ point: pointId, at: timeMs, value, quality: 0 as const }));
  const fromMs = readings[0]?.at ?? 0;
  const found = backTest(
    {
      ruleSet,
      assets: [{ asset: asset.asset, points: [...asset.points] }],
      readings,
      fromMs,
      toMs: clock.tick_at.getTime(),
    },
    { split: 'none', zone: 'UTC' },
  );
  return found.map(({ openedAt, since, clearedAt, workOrder }) => ({
    openedAt,
    startedAt: since,
    resolvedAt: clearedAt,
    workOrders: Number(workOrder),
  }));
}
