import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPositionCodec } from '../src/events/stream/ask.ts';
import { type FeedLimits, readSince } from '../src/events/stream/feed.ts';
import { createMarks } from '../src/events/stream/marks.ts';
import type { Position } from '../src/events/stream/snapshot.ts';
import { lookingAt } from '../src/events/stream/stream-store.ts';
import { streamTypes } from '../src/events/stream/wanted.ts';
import { createPaging } from '../src/platform/paging.ts';
import { findFreshReadings } from '../src/telemetry/fresh-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { urlOf } from './support/database.ts';

const writersMax = 4;
let api: TestApi;
let world: World;
let writers: pg.Client[];
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  writers = Array.from({ length: writersMax }, () => new pg.Client({ connectionString: urlOf(api.database) }));
  for (const writer of writers) await writer.connect();
  // Partitions of today and of the days of the late readings, which go on from thirty hours ago over any midnight.
  for (const hours of [0, 10, 20, 30]) {
    const time = new Date(Date.now() - hours * 3_600_000).toISOString();
    await api.call('POST', `/api/v1/points/${world.pointId}/readings`, { key: world.key, body: [{ value: -1, time }] });
  }
});
afterAll(async () => {
  for (const writer of writers) await writer.end();
  await api.close();
});

/** Follows everything of the tenant, look by look, its position written down as an id in between. */
function createFollower() {
  const marks = createMarks();
  const codec = createPositionCodec(createPaging('a secret that is long enough for it'), world.tenantId);
  const wanted = {
    tenantId: world.tenantId,
    siteIds: null,
    assetIds: null,
    pointIds: null,
    types: new Set(streamTypes),
  };
  const told: string[] = [];
  let id: string | undefined;
  const look = () =>
    lookingAt(api.database.db, async (trx, seen) => {
      const now: Position = { ...seen, begunMs: marks.begunAt(seen) };
      const since = codec.read(id);
      if (!since) {
        id = codec.write(now);
        return true;
      }
      const read = { wanted: [wanted], since, now, findFresh: findFreshReadings, limits };
      const { entries, gaps, position, isWhole } = await readSince(trx, read);
      expect(gaps).toEqual([]);
      id = codec.write(position);
      if (!isWhole) pieces += 1;
      for (const { text } of entries) {
        const { value, data } = JSON.parse(text.slice(text.indexOf('data: ') + 6));
        told.push(value === undefined ? `event ${data.number}` : `reading ${value}`);
      }
      return isWhole;
    });
  return { told, look };
}

let numbers = 0;
let pieces = 0;
const limits: FeedLimits = { pieceMax: 5, readingsMax: 1_000, eventsMax: 1_000 };

/** An event and a reading; a late one says so, as whoever writes readings does. */
async function write(writer: pg.Client, isLate: boolean): Promise<string[]> {
  const number = ++numbers;
  const time = new Date(Date.now() - (isLate ? 30 * 3_600_000 - number * 60_000 : 20_000 - number));
  await writer.query('insert into reading (series_id, time, value, quality) values ($1, $2, $3, 0)', [
    world.seriesId,
    time,
    number,
  ]);
  if (isLate) {
    const minute = Math.floor(time.getTime() / 60_000);
    await writer.query(
      `insert into rollup_touched (series_ids, from_minutes, through_minutes, least_minute, greatest_minute)
       values (array[$1::int4], array[$2::int4], array[$2::int4], $2, $2)`,
      [world.seriesId, minute],
    );
  }
  await writer.query(
    `insert into event (tenant_id, type, subject_kind, subject_id, actor, data)
     values ($1, 'insight.updated', 'insight', 'x', '{"kind": "system"}', jsonb_build_object('number', $2::int))`,
    [world.tenantId, number],
  );
  return [`event ${number}`, `reading ${number}`];
}

test('whatever commits in whatever order between looks is told once, and what is rolled back never', async () => {
  const writer = fc.nat({ max: writersMax - 1 });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), writer, isLate: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), writer }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('rollback' as const), writer }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
  );
  let heldOverLooks = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (steps) => {
      const follower = createFollower();
      await follower.look();
      const open = new Map<pg.Client, string[]>();
      const committed: string[] = [];
      const end = async (client: pg.Client, how: 'commit' | 'rollback') => {
        await client.query(how);
        if (how === 'commit') committed.push(...(open.get(client) ?? []));
        open.delete(client);
      };
      for (const one of steps) {
        if (one.do === 'look') {
          heldOverLooks += open.size;
          await follower.look();
          continue;
        }
        const client = writers[one.writer] as pg.Client;
        if (one.do !== 'write') await end(client, one.do);
        else {
          if (!open.has(client)) await client.query('begin');
          open.set(client, [...(open.get(client) ?? []), ...(await write(client, one.isLate))]);
        }
      }
      for (const client of [...open.keys()]) await end(client, 'commit');
      while (!(await follower.look()));
      expect(follower.told.toSorted()).toEqual(committed.toSorted());
    }),
    { numRuns: 40 },
  );
  // Or the test has shown little.
  expect(heldOverLooks).toBeGreaterThan(20);
  expect(pieces).toBeGreaterThan(20);
});
