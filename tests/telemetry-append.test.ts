/** What the table of readings promises to whoever appends and to whoever reads. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { type Quality, qualities } from '../src/assets/quality.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createAppender } from '../src/telemetry/append-store.ts';
import type { Arrival } from '../src/telemetry/arrival.ts';
import { readHistory, readShardReadings } from '../src/telemetry/history-store.ts';
import { listLatest } from '../src/telemetry/latest-store.ts';
import { listSeries } from '../src/telemetry/query/query-series-store.ts';
import { type ReadingSpan, readReadings } from '../src/telemetry/query/query-store.ts';
import { prepareStorage, type StorageEngine } from '../src/telemetry/storage/engine-store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const log = createLog('silent');
const longGraceMs = 3_600_000 * 2;
const tenantId = randomUUID();
const shard = 11;

let own: TestDatabase;
let database: Database;
let engine: StorageEngine;
let point: PointRef;

beforeEach(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 8, log });
  engine = await prepareStorage(database.pool, log);
  point = await addPoint('sat');
});
afterEach(async () => {
  await database.close();
  await own.drop();
});

async function addPoint(name: string): Promise<PointRef> {
  const { rows } = await database.pool.query<PointRef>(
    `with t as (insert into tenant (id, name) values ($1, 't') on conflict do nothing),
       s as (insert into site (id, tenant_id, slug, name, shard) values ($1, $1, 's', 's', $3) on conflict do nothing),
       a as (insert into asset (id, tenant_id, site_id, name, uri, shard)
         values (gen_random_uuid(), $1, $1, $2 || '-asset', 'urn:' || $2, $3) returning id),
       p as (insert into point (id, tenant_id, asset_id, name) select gen_random_uuid(), $1, a.id, $2 from a returning *)
     select p.id as "pointId", p.series_id as "seriesId", p.asset_id as "assetId", $3::integer as shard, null as states from p`,
    [tenantId, name, shard],
  );
  return rows[0] as PointRef;
}

function arrival(timeMs: number, value: number | null = 1, quality: Quality = 'good', of = point): Arrival {
  return { point: of, timeMs, value, quality };
}

/** The point's readings, as the queries of a tenant read them. */
async function stored({ tenant = tenantId, ...asked }: Partial<ReadingSpan> & { tenant?: string } = {}) {
  const names = [{ pointId: point.pointId }];
  const [series] = await listSeries(database.db, { tenantId: tenant, siteId: null, names });
  if (!series) return [];
  const all = { fromMs: 0, isAfter: false, endMs: Date.now() + 60_000, qualities, order: 'asc', limit: 10 } as const;
  const found = await readReadings(database.db, { seriesId: series.seriesId, ...all, ...asked });
  const shown = (value: number) => (Number.isNaN(value) ? null : value);
  return found.values.map((value, i) => [shown(value), qualities[found.qualities[i] as number]]);
}

async function batches(): Promise<{ assets: string[]; times: number[]; shards: number[] }[]> {
  const { rows } = await database.pool.query('select asset_ids, least_times, shards from ingest_batch order by id');
  return rows.map(({ asset_ids, least_times, shards }) => ({
    assets: asset_ids,
    times: least_times.map((time: Date) => time.getTime()),
    shards,
  }));
}

describe('appending', () => {
  test('what was stored, what was there already, and what was there with another value is told apart; the first value stays', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: longGraceMs });
    const now = Date.now();
    const first = [arrival(now - 3_000, 1), arrival(now - 2_000, null, 'bad'), arrival(now - 1_000, 3, 'uncertain')];
    expect(await appender.append(first)).toEqual({ stored: 3, duplicates: 0, conflicts: 0 });
    const second = [
      arrival(now - 3_000, 1),
      arrival(now - 2_000, null, 'bad'),
      arrival(now - 1_000, 4, 'uncertain'),
      arrival(now, 5),
      arrival(now, 5),
      arrival(now, 6),
    ];
    expect(await appender.append(second)).toEqual({ stored: 1, duplicates: 3, conflicts: 2 });
    expect(await stored()).toEqual([
      [1, 'good'],
      [null, 'bad'],
      [3, 'uncertain'],
      [5, 'good'],
    ]);
  });

  test('microseconds, extremes and times far back come out as they went in', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: longGraceMs });
    const times = [
      Date.parse('1985-06-01T00:00:00Z'),
      Date.parse('1999-12-31T23:59:59.999Z') + 0.5,
      1_763_712_000_123.456,
    ];
    const values = [-1.7976931348623157e308, 5e-324, 0.1];
    await appender.append(times.map((timeMs, i) => arrival(timeMs, values[i])));
    const history = await readHistory(database.db, { seriesIds: [point.seriesId], afterMs: 0, throughMs: Date.now() });
    expect(history.values).toEqual(values);
    history.timesMs.forEach((timeMs, i) => {
      expect(timeMs).toBeCloseTo(times[i] as number, 3);
    });
  });

  test('what is written alongside is there with the readings or not at all', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: longGraceMs });
    const failing = appender.append([arrival(Date.now())], async (client) => {
      await client.query('select 1 / 0');
    });
    await expect(failing).rejects.toThrow('division by zero');
    expect(await stored()).toEqual([]);
  });
});

describe('readings that rules may have missed', () => {
  test('a reading older than half the grace leaves its asset, its least time and its shard; a fresh one leaves nothing', async () => {
    const other = await addPoint('rat');
    const appender = createAppender(database.pool, { engine, graceMs: 60_000 });
    const now = Date.now();
    await appender.append([arrival(now)]);
    expect(await batches()).toEqual([]);
    const late = now - 31_000;
    await appender.append([arrival(now + 1), arrival(late, 1, 'good', other), arrival(late + 500, 1, 'good', other)]);
    expect(await batches()).toEqual([{ assets: [other.assetId], times: [late], shards: [shard] }]);
  });

  test('a late reading that was there already leaves its mark again: its first commit may not have been told', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: 1_000 });
    const late = Date.now() - 10_000;
    await appender.append([arrival(late)]);
    await appender.append([arrival(late)]);
    expect(await batches()).toHaveLength(2);
  });

  test('a commit that stalls until the grace is over leaves a mark of its own, before it is reported', async () => {
    const graceMs = 4_000;
    const appender = createAppender(database.pool, { engine, graceMs });
    await appender.append([arrival(Date.now())]);
    const lock = await database.pool.connect();
    await lock.query('begin');
    await lock.query('lock table reading in share mode');
    const time = Date.now();
    const appending = appender.append([arrival(time, 2)]);
    await sleep(graceMs + 200);
    await lock.query('commit');
    lock.release();
    await appending;
    expect(await batches()).toEqual([{ assets: [point.assetId], times: [time], shards: [shard] }]);
    // It is no part of the commit that stalled, or whoever read in between would not find it.
    const { rows } = await database.pool.query(
      'select b.xid::text = r.xmin::text as same from ingest_batch b, reading r where r.value = 2',
    );
    expect(rows).toEqual([{ same: false }]);
  });

  test('what is committed after a shard has been read is not visible in the snapshot of that read', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: 1_000 });
    const late = Date.now() - 10_000;
    await database.pool.query(`update asset set class = 'brick:AHU' where id = $1`, [point.assetId]);
    await appender.append([arrival(late)]);
    const { readings, snapshot } = await readShardReadings(database.db, { shard, afterMs: late - 1, throughMs: late });
    expect(readings).toEqual({ seriesIds: [point.seriesId], timesMs: [late], values: [1], qualities: [0] });
    await appender.append([arrival(late - 5)]);
    const { rows } = await database.pool.query(
      'select pg_visible_in_snapshot(xid, $1::pg_snapshot) as visible from ingest_batch order by id',
      [snapshot],
    );
    expect(rows).toEqual([{ visible: true }, { visible: false }]);
  });

  test('of a shard those points are read that a rule may look at, or that are expected to report', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: longGraceMs });
    const [discovered, modelled, expected] = [point, await addPoint('rat'), await addPoint('mat')];
    await database.pool.query(`update asset set class = 'brick:AHU' where id = $1`, [modelled.assetId]);
    await database.pool.query('update point set expected_interval_ms = 60000 where id = $1', [expected.pointId]);
    const time = Date.now() - 10_000;
    await appender.append([discovered, modelled, expected].map((of) => arrival(time, 1, 'good', of)));
    const { readings } = await readShardReadings(database.db, { shard, afterMs: time - 1, throughMs: time });
    expect(readings.seriesIds.toSorted((a, b) => a - b)).toEqual([modelled.seriesId, expected.seriesId]);
  });
});

describe('reading', () => {
  test('a span is from its start on and before its end, in either order, up to a limit, of the right tenant only', async () => {
    const appender = createAppender(database.pool, { engine, graceMs: longGraceMs });
    const start = Date.now() - 10_000;
    await appender.append([0, 1, 2, 3, 4].map((i) => arrival(start + i, i)));
    const values = async (asked: Parameters<typeof stored>[0]) => (await stored(asked)).map(([value]) => value);
    expect(await values({ fromMs: start + 1, endMs: start + 4 })).toEqual([1, 2, 3]);
    expect(await values({ limit: 2 })).toEqual([0, 1]);
    expect(await values({ limit: 2, order: 'desc' })).toEqual([4, 3]);
    expect(await values({ tenant: randomUUID() })).toEqual([]);
    const latest = await listLatest(database.db, [point.seriesId]);
    expect(latest.get(point.seriesId)).toMatchObject({ value: 4 });
  });
});
