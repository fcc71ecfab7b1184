/** The words of the tests about points and assets that turn out to be others. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import { moveMerged } from '../../src/assets/merge/move-merged.ts';
import { moveEndedInsights } from '../../src/insights/move-ended.ts';
import { seriesMover } from '../../src/telemetry/corrections/series-mover.ts';
import { makeWorld, type TestApi } from './api.ts';
import { dropEverything, readingsOf } from './readings.ts';

/** A minute of a day long past. */
export const minute = (n: number) => `2026-03-17T17:${String(n).padStart(2, '0')}:00Z`;

export type MergeWorld = Awaited<ReturnType<typeof makeMergeWorld>>;

/** A tenant whose campus discovers what its devices name; `values` are those of its modelled point. */
export async function makeMergeWorld(api: TestApi) {
  const world = await makeWorld(api.database);
  const { db } = api.database;
  const { key, tenantId, seriesId } = world;
  await db.updateTable('site').set({ discovery: true }).where('id', '=', world.campusId).execute();
  await dropEverything(api.database);

  const send = async (asset: string, point: string, rows: readonly { time: string; value: number | string }[]) => {
    const readings = rows.map((row) => ({ site: 'ucl-east-campus', asset, point, ...row }));
    const reply = await api.call('POST', '/api/v1/telemetry', { key, body: { readings } });
    expect(reply.status).toBe(200);
  };
  const find = (asset: string, point: string) =>
    db
      .selectFrom('point')
      .innerJoin('asset', 'asset.id', 'point.asset_id')
      .select(['point.id', 'point.series_id as seriesId'])
      .where('asset.tenant_id', '=', tenantId)
      .where('asset.name', '=', asset)
      .where('point.name', '=', point)
      .executeTakeFirstOrThrow();
  const valuesOf = async (series: number) => (await readingsOf(api.database, series)).map(({ value }) => value);
  return {
    ...world,
    send,
    find,
    valuesOf,
    values: () => valuesOf(seriesId),
    /** A point that its readings make known; its values, a minute each. */
    discover: async (values: readonly number[], point = 'SupTmp') => {
      const rows = values.map((value, i) => ({ time: minute(i), value }));
      await send('AHU-01', point, rows);
      return find('AHU-01', point);
    },
    merge: (id: string, target: string, by = key) =>
      api.call('POST', `/api/v1/points/${id}/merge-into`, { key: by, body: { target, reason: 'the same sensor' } }),
    moveAll: async (limit = 10_000) => {
      await moveMerged(db, { mover: seriesMover, limit });
      await moveEndedInsights(db);
    },
    setUnit: (id: string, unit: string | null) => sql`update point set unit = ${unit} where id = ${id}`.execute(db),
    /** Mergings linger for ten minutes: an hour passes. */
    letPass: () => sql`update point_merge set created_at = created_at - interval '1 hour'`.execute(db),
  };
}
