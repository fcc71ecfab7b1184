import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertTenant } from '../src/access/tenant-store.ts';
import { discoverPoints } from '../src/assets/discovery.ts';
import { listNamedPoints, listSites } from '../src/assets/point-store.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { normalMachine } from '../src/rules/kernel/machine.ts';
import {
  deleteOldMachines,
  findModelVersion,
  insertMachines,
  listMachinesAt,
  lockShard,
} from '../src/rules/live/store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let testDatabase: TestDatabase;
let database: Database;
let site: Awaited<ReturnType<typeof listSites>>[number];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { connectionsMax: 4, log: createLog('warn') });
  const given = { name: 'T', siteSlug: 'main', siteName: 'Main', timeZone: 'UTC', discovery: true };
  const tenant = await database.db.transaction().execute((trx) => insertTenant(trx, given));
  [site] = (await listSites(database.db, { tenantId: tenant.id, slugs: ['main'] })) as [typeof site];
});
afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});

async function makePump(name: string): Promise<string> {
  const names = [{ asset: name, point: 'vibration' }];
  await discoverPoints(database.db, { site, names });
  const [found] = await listNamedPoints(database.db, { site, names });
  return found?.ref.assetId ?? '';
}

test('old machines are forgotten, but for the one at which a repair of the oldest late reading begins', async () => {
  const assetId = await makePump('pump-1');
  const dayMs = 86_400_000;
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const daysAgo = [50, 40, 36, 30, 1];
  const rows = daysAgo.map((days) => ({ assetId, ruleId: 'r', tickMs: now - days * dayMs, machine: normalMachine }));
  await insertMachines(database.db, site.shard, rows);
  await deleteOldMachines(database.db, 35 * dayMs);
  const left = await Promise.all(
    daysAgo.map(
      async (days) => (await listMachinesAt(database.db, { assetIds: [assetId], tickMs: now - days * dayMs })).length,
    ),
  );
  expect(left).toEqual([0, 0, 1, 1, 1]);
});

test('a shard that one transaction advances is passed over by every other', async () => {
  await database.db
    .insertInto('rule_shard')
    .values({ shard: 63 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await database.db.transaction().execute(async (trx) => {
    expect(await lockShard(trx, 63)).toMatchObject({ tickMs: null, snapshot: null });
    const other = await database.db.transaction().execute((otherTrx) => lockShard(otherTrx, 63));
    expect(other).toBeUndefined();
  });
});

test('a new asset, a new point and a changed point each change the version of their shard', async () => {
  const versions = [await findModelVersion(database.db, site.shard)];
  const assetId = await makePump('pump-2');
  versions.push(await findModelVersion(database.db, site.shard));
  await discoverPoints(database.db, { site, names: [{ asset: 'pump-2', point: 'speed' }] });
  versions.push(await findModelVersion(database.db, site.shard));
  await database.db.updateTable('point').set({ unit: 'in/s' }).where('asset_id', '=', assetId).execute();
  versions.push(await findModelVersion(database.db, site.shard));
  expect(new Set(versions).size).toBe(versions.length);
});
