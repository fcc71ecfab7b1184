/**
 * Readings in any order of arrival, cut into any batches, some of them twice, with evaluations and restarts in between:
 * when all have come, the recorded insights are those of one back-test over the same readings.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertTenant } from '../src/access/tenant-store.ts';
import { discoverPoints } from '../src/assets/discovery.ts';
import { listNamedPoints, listSites, type PointRef } from '../src/assets/point-store.ts';
import { applyEffects } from '../src/insights/apply.ts';
import { replaceEpisodes } from '../src/insights/replace.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createShardRunner, type ShardRunner } from '../src/rules/advance.ts';
import { loadRules } from '../src/rules/load-rules.ts';
import { replay } from '../src/rules/replay.ts';
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
    onRepairFailed: (error) => {
      throw error;
    },
    sink: {
      apply: (trx, effects, owners) => applyEffects(trx, effects, { owners, openWorkOrder: openForInsight }),
      replace: (trx, repaired, owners) =>
        replaceEpisodes(trx, repaired, { owners, openWorkOrder: openForInsight, noteOnWorkOrders }),
    },
  });
}

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

/** The order of arrival, as one sort key a sample, how many come in a batch, and what else happens on the way. */
const arrivals = fc.record({
  keys: fc.infiniteStream(fc.nat(6)),
  batch: fc.integer({ min: 3, max: 25 }),
  twice: fc.boolean(),
  runners: fc.constantFrom(1, 1, 2),
  restarts: fc.boolean(),
});

let plantCount = 0;

test('whatever the order of arrival, the recorded insights are those of a back-test', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      plants,
      arrivals,
      async ({ temperature, vibration }, { keys, batch, twice, runners, restarts }) => {
        const { upstream, downstream } = await makePumps(++plantCount);
        const startMs = Math.floor(Date.now() / minuteMs - 400) * minuteMs;
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
        const order = rows
          .map((row, i) => ({ row, key: i + 4 * (keys.next().value as number) }))
          .sort((one, other) => one.key - other.key)
          .map(({ row }) => row);
        const sent = twice ? [...order, ...order.slice(0, 5)] : order;
        const running = Array.from({ length: runners }, openRunner);
        for (let i = 0; i < sent.length; i += batch) {
          const next = (i / batch) % runners;
          if (restarts) running[next] = openRunner();
          await appender.append(sent.slice(i, i + batch));
          await running[next]?.advance(site.shard);
        }
        const assetIds = [upstream.assetId, downstream.assetId];
        const [found, wanted] = [await recorded(assetIds), await expected(assetIds, rows)];
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

async function makePumps(count: number): Promise<{ upstream: PointRef; downstream: PointRef }> {
  const names = [
    { asset: `pump-${count}-a`, point: 'bearing_temp' },
    { asset: `pump-${count}-b`, point: 'vibration' },
  ];
  await discoverPoints(database.db, { site, names });
  const found = await listNamedPoints(database.db, { site, names });
  const get = (point: string) => {
    const one = found.find((candidate) => candidate.point === point);
    if (!one) throw new Error(`${point} was not made`);
    return one.ref;
  };
  const [upstream, downstream] = [get('bearing_temp'), get('vibration')];
  await database.db
    .insertInto('asset_relation')
    .values({
      tenant_id: site.tenantId,
      from_asset_id: upstream.assetId,
      kind: 'feeds',
      to_asset_id: downstream.assetId,
    })
    .execute();
  return { upstream, downstream };
}

type Told = {
  rule: string;
  openedAt: number;
  startedAt: number;
  resolvedAt: number | null;
  episodes: number;
  suppressedBy: string | null;
  isStale: boolean;
  message: string;
  workOrders: number;
};

async function recorded(assetIds: string[]): Promise<Told[]> {
  const rows = await database.db
    .selectFrom('insight')
    .selectAll()
    .select((of) =>
      of
        .selectFrom('work_order')
        .whereRef('insight_id', '=', 'insight.id')
        .select(of.fn.countAll().as('n'))
        .as('orders'),
    )
    .where('asset_id', 'in', assetIds)
    .where('withdrawn_at', 'is', null)
    .orderBy('rule_id')
    .orderBy('opened_at')
    .execute();
  for (const { status, resolved_at, orders } of rows) {
    expect(status).toBe(resolved_at ? 'resolved' : Number(orders) > 0 ? 'in_progress' : 'open');
  }
  return rows.map((row) => ({
    rule: row.rule_id,
    openedAt: row.opened_at.getTime(),
    startedAt: row.started_at.getTime(),
    resolvedAt: row.resolved_at?.getTime() ?? null,
    episodes: row.episodes,
    suppressedBy: row.suppressed_by,
    isStale: row.data_stale,
    message: row.message,
    workOrders: Number(row.orders),
  }));
}

/** What one run from the first reading to the shard's present tick finds. */
async function expected(
  assetIds: string[],
  rows: { point: PointRef; timeMs: number; value: number }[],
): Promise<Told[]> {
  const model = await getShardModel(database.db, site.shard);
  const assets = model.assets.filter((one) => assetIds.includes(one.asset.id));
  const clock = await database.db
    .selectFrom('rule_shard')
    .select('tick_at')
    .where('shard', '=', site.shard)
    .executeTakeFirstOrThrow();
  const readings = rows.map(({ point, timeMs, value }) => ({
    point: point.pointId,
    at: timeMs,
    value,
    quality: 0 as const,
  }));
  const effects = replay({
    ruleSet,
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
      if (effect.kind === 'flagged')
        Object.assign(before, { isStale: effect.stale, suppressedBy: effect.suppressedBy });
      if (effect.kind === 'work-order-due') before.workOrders = 1;
    }
  }
  return [...told.values()].sort((one, other) => one.rule.localeCompare(other.rule) || one.openedAt - other.openedAt);
}
