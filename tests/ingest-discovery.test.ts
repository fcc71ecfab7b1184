/** Discovery: what a name tells is in the rules' own vocabulary, and two programs that discover the same make it once. */
import { expect, test } from 'vitest';
import { discoverPoints } from '../src/assets/discovery.ts';
import { nameAsset, namePoint } from '../src/assets/naming.ts';
import { listNamedPoints, listSites, type SiteRef } from '../src/assets/point-store.ts';
import { isKnownClass } from '../src/rules/brick-classes.ts';
import { findUnit } from '../src/rules/units.ts';
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
});
