/** The rules of the fixtures on a real database, without doors and without waiting: readings are appended, shards advanced. */
import { insertTenant } from '../../src/access/tenant-store.ts';
import { discoverPoints } from '../../src/assets/discovery.ts';
import { listNamedPoints, listSites, type PointRef } from '../../src/assets/point-store.ts';
import { applyEffects } from '../../src/insights/apply.ts';
import { listStanding } from '../../src/insights/apply-store.ts';
import { rebindEvidence } from '../../src/insights/evidence/record-evidence.ts';
import { replaceEpisodes } from '../../src/insights/replace.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { loadRules } from '../../src/rules/language/load-rules.ts';
import type { RuleSet } from '../../src/rules/language/rule.ts';
import { createShardRunner } from '../../src/rules/live/advance.ts';
import { deployRuleSet, findDeployedHash } from '../../src/rules/live/rule-set-store.ts';
import { createAppender } from '../../src/telemetry/append-store.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import { noteOnWorkOrders } from '../../src/work-orders/note-store.ts';
import { noteReturn } from '../../src/work-orders/notes/return-note-store.ts';
import { openForInsight } from '../../src/work-orders/open-for-insight.ts';
import { createTestDatabase } from './database.ts';

export const minuteMs = 60_000;
const graceMs = 1_000;

/** An insight as it is recorded; instants are epoch milliseconds. */
export type Told = {
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

export type RulePlant = Awaited<ReturnType<typeof openRulePlant>>;

/** A tenant with one site, in a database of its own or in one that is open already, which stays so. */
export async function openRulePlant(given?: { readonly database: Database }) {
  const testDatabase = given === undefined ? await createTestDatabase() : undefined;
  const log = createLog('warn');
  const database = given?.database ?? openDatabase(testDatabase?.url ?? '', { connectionsMax: 4, log });
  const engine = await prepareStorage(database.pool, log);
  const made = { name: 'T', siteSlug: 'main', siteName: 'Main', timeZone: 'UTC', discovery: true };
  const tenant = await database.db.transaction().execute((trx) => insertTenant(trx, made));
  const [site] = await listSites(database.db, { tenantId: tenant.id, slugs: ['main'] });
  if (!site) throw new Error('the site was not made');
  await database.db.insertInto('rule_shard').values({ shard: site.shard }).execute();
  const { rules } = await loadRules('tests/fixtures/rules');
  const known = new Map<string, RuleSet>();
  let count = 0;
  return {
    database,
    site,
    ruleSet: rules,
    append: createAppender(database.pool, { engine, graceMs }).append,
    /** Evaluates rules as a process does that has just started; where it is given, as if it were that late, in ms since 1970. */
    openRunner: (ruleSet: RuleSet = rules, nowMs?: () => number) => openRunner(database, ruleSet, { known, nowMs }),
    makePumps: () => makePumps(database, site, ++count),
    listTold: (assetIds: string[]) => listTold(database, assetIds),
    close: async () => {
      if (testDatabase === undefined) return;
      await database.close();
      await testDatabase.drop();
    },
  };
}

const workOrderSteps = { openWorkOrder: openForInsight, noteOnWorkOrders, noteReturn };

type Running = { readonly known: Map<string, RuleSet>; readonly nowMs: (() => number) | undefined };

function openRunner(database: Database, ruleSet: RuleSet, { known, nowMs }: Running) {
  known.set(ruleSet.hash, ruleSet);
  return createShardRunner({
    database,
    tickMs: minuteMs / ruleSet.timeScale,
    get graceMs() {
      // The database's clock has been read a moment before.
      return nowMs === undefined ? graceMs : Date.now() - nowMs() - minuteMs / 2;
    },
    ruleSets: {
      getDeployed: async (trx) => {
        const { hash, timeScale } = ruleSet;
        if ((await findDeployedHash(trx)) !== hash)
          await deployRuleSet(trx, { hash, timeScale, texts: [], errors: [] });
        return ruleSet;
      },
      get: async (_trx, hash) => known.get(hash) as RuleSet,
    },
    onRepairFailed: (error) => {
      throw error;
    },
    sink: {
      apply: (trx, effects, owners, ran) => applyEffects(trx, effects, { owners, ...workOrderSteps, ranAt: () => ran }),
      replace: (trx, repaired, owners) => replaceEpisodes(trx, repaired, { owners, ...workOrderSteps }),
      rebind: rebindEvidence,
      listStanding,
    },
  });
}

type Site = Awaited<ReturnType<typeof listSites>>[number];

/** Two pumps, the first feeding the second; the temperature of the first's bearing, and the vibration of the second. */
async function makePumps(
  database: Database,
  site: Site,
  count: number,
): Promise<{ upstream: PointRef; downstream: PointRef }> {
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
  const relation = { from_asset_id: upstream.assetId, kind: 'feeds', to_asset_id: downstream.assetId };
  await database.db
    .insertInto('asset_relation')
    .values({ tenant_id: site.tenantId, ...relation })
    .execute();
  return { upstream, downstream };
}

/** The insights of some assets that have not been withdrawn. */
async function listTold({ db }: Database, assetIds: string[]): Promise<Told[]> {
  const rows = await db
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
  return rows.map((row) => {
    const due = row.resolved_at ? 'resolved' : Number(row.orders) > 0 ? 'in_progress' : 'open';
    if (row.status !== due) throw new Error(`insight ${row.id} is ${row.status} and should be ${due}`);
    return {
      rule: row.rule_id ?? '',
      openedAt: row.opened_at.getTime(),
      startedAt: row.started_at.getTime(),
      resolvedAt: row.resolved_at?.getTime() ?? null,
      episodes: row.episodes,
      suppressedBy: row.suppressed_by,
      isStale: row.data_stale,
      message: row.message,
      workOrders: Number(row.orders),
    };
  });
}
