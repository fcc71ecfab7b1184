/** Discovery: what a name tells is in the rules' own vocabulary, and two programs that discover the same make it once. */
import { expect, test } from 'vitest';
import { isKnownClass } from '../src/assets/brick-classes.ts';
import { describeAsset, discoverPoints } from '../src/assets/discovery.ts';
import { nameAsset, namePoint } from '../src/assets/naming.ts';
import { listNamedPoints, listSites, type SiteRef } from '../src/assets/point-store.ts';
import { findUnit } from '../src/assets/units.ts';
import { startTestIngest } from './support/ingest.ts';

const pointNames = `sat sat_sp oat mat rat fan_status fan_speed oa_damper cooling_valve heating_valve duct_static
  duct_static_sp filter_dp occupied zone_temp vibration bearing_temp current_a current_b current_c speed power run_status
  run_command discharge_pressure`;

test.each(pointNames.split(/\s+/))('a point named %s gets a class, a part and a unit that rules know', (name) => {
  const { class: pointClass, partOf, unit } = namePoint(name);
  expect(pointClass !== null && isKnownClass(pointClass)).toBe(true);
  expect(partOf === null || isKnownClass(partOf)).toBe(true);
  expect(unit !== null && findUnit(unit)).toBeTruthy();
});

test.each(['ahu-1', 'pump-1', 'vav-1', 'chiller-1', 'boiler-1', 'fan-1', 'motor-1'])(
  'an asset named %s gets a class that rules know',
  (name) => {
    expect(isKnownClass(nameAsset(name) ?? '')).toBe(true);
  },
);

test('programs that discover the same names at once, in different orders, make each asset and point once', async () => {
  await using ingest = await startTestIngest();
  const { db, pool } = ingest.database;
  const [site] = await listSites(db, { tenantId: ingest.tenantId, slugs: ['north'] });
  const names = Array.from({ length: 200 }, (_, i) => ({ asset: `ahu-${i % 7}`, point: `point-${i}` }));
  const orders = [names, names.toReversed(), [...names.slice(100), ...names.slice(0, 100)]];
  const made = await Promise.all(orders.map((some) => discoverPoints(db, { site: site as SiteRef, names: some })));
  expect(made).toEqual([true, true, true]);
  const { rows } = await pool.query(
    'select (select count(*)::integer from asset) as assets, (select count(*)::integer from point) as points',
  );
  expect(rows).toEqual([{ assets: 7, points: 200 }]);
  const found = await listNamedPoints(db, { site: site as SiteRef, names });
  expect(new Set(found.map(({ ref }) => ref.seriesId)).size).toBe(200);
  // A person may have given other equipment the URI that a name would get.
  await pool.query(`update asset set uri = 'urn:faultline:north:late' where name = 'ahu-0'`);
  const late = [{ asset: 'late', point: 'sat' }];
  expect(await discoverPoints(db, { site: site as SiteRef, names: late })).toBe(true);
  expect(await listNamedPoints(db, { site: site as SiteRef, names: late })).toHaveLength(1);
});

test('a site that is full takes new points of the assets that it has, and what a device says about those', async () => {
  await using ingest = await startTestIngest();
  const { db, pool } = ingest.database;
  const site = (await listSites(db, { tenantId: ingest.tenantId, slugs: ['north'] }))[0] as SiteRef;
  expect(await discoverPoints(db, { site, names: [{ asset: 'a', point: 'sat' }] })).toBe(true);
  await pool.query(
    `insert into asset (id, tenant_id, site_id, name, uri, shard, state)
     select gen_random_uuid(), $1, $2, 'x' || n, 'urn:x' || n, $3, 'discovered' from generate_series(1, 9999) n`,
    [site.tenantId, site.siteId, site.shard],
  );
  const rat = { asset: 'a', point: 'rat' };
  expect(await discoverPoints(db, { site, names: [rat, { asset: 'one more', point: 'sat' }] })).toBe(false);
  expect((await listNamedPoints(db, { site, names: [rat] })).map(({ point }) => point)).toEqual(['rat']);
  const said = { class: 'brick:RTU', points: { sat: { unit: 'K' }, mat: {} } };
  expect(await describeAsset(db, { site, asset: 'a', said })).toBe(true);
  expect(await describeAsset(db, { site, asset: 'one more', said })).toBe(false);
  await pool.query(
    `insert into point (id, tenant_id, asset_id, name, state)
     select gen_random_uuid(), tenant_id, id, 'p' || n, 'discovered' from asset, generate_series(1, 99997) n where name = 'a'`,
  );
  expect(await describeAsset(db, { site, asset: 'a', said: { points: { sat: { unit: 'degF' } } } })).toBe(true);
  expect(await describeAsset(db, { site, asset: 'a', said: { points: { oat: { unit: 'degF' } } } })).toBe(false);
  expect(await discoverPoints(db, { site, names: [rat] })).toBe(true);
  expect(await discoverPoints(db, { site, names: [rat, { asset: 'a', point: 'oat' }] })).toBe(false);
  const { rows } = await pool.query(
    `select a.class, p.name, p.unit from asset a join point p on p.asset_id = a.id where p.name !~ '^p' order by p.name`,
  );
  expect(rows).toEqual([
    { class: 'brick:RTU', name: 'mat', unit: 'degC' },
    { class: 'brick:RTU', name: 'rat', unit: 'degC' },
    { class: 'brick:RTU', name: 'sat', unit: 'degF' },
  ]);
});
