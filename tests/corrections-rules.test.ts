/** Rules evaluate again what a correction changes, and what a merging brings. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Area } from '../src/access/api-key.ts';
import { createApiKey } from '../src/access/store.ts';
import { mergePoint } from '../src/assets/merge/merge-points.ts';
import type { HeldPoint } from '../src/assets/point.ts';
import { listNamedPoints, type PointRef } from '../src/assets/point-store.ts';
import { correct } from '../src/telemetry/corrections/correct.ts';
import type { CorrectionBody } from '../src/telemetry/corrections/correction.ts';
import { seriesMover } from '../src/telemetry/corrections/series-mover.ts';
import { minuteMs, openRulePlant, type RulePlant } from './support/rule-plant.ts';

let plant: RulePlant;
let pump: PointRef;
let startMs: number;

beforeAll(async () => {
  plant = await openRulePlant();
});
afterAll(() => plant?.close());
beforeEach(async () => {
  pump = (await plant.makePumps()).downstream;
  startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
});

const at = (minutes: number) => startMs + minutes * minuteMs;

async function send(point: PointRef, value: number, from: number, through: number): Promise<void> {
  const rows = [];
  for (let minute = from; minute <= through; minute++)
    rows.push({ point, timeMs: at(minute) - 50_000, value, quality: 'good' as const });
  await plant.append(rows);
}

async function advance(): Promise<void> {
  const runner = plant.openRunner();
  while ((await runner.advance(plant.site.shard)).isBehind);
}

async function told(): Promise<string[]> {
  const minute = (ms: number | null) => (ms === null ? '…' : String((ms - startMs) / minuteMs));
  const found = await plant.listTold([pump.assetId]);
  return found.map(({ rule, openedAt, resolvedAt }) => `${rule} ${minute(openedAt)}-${minute(resolvedAt)}`);
}

function fix(body: Omit<CorrectionBody, 'reason'>) {
  const point: HeldPoint = { ...pump, ...plant.site };
  const given = { body: { reason: 'a test', ...body }, author: 'alex', at: new Date() };
  return plant.database.db.transaction().execute((trx) => correct(trx, point, given));
}

const span = (from: number, through: number) => ({
  start: new Date(at(from) - minuteMs).toISOString(),
  end: new Date(at(through)).toISOString(),
});

test.each([
  ['set to what is normal', { set: 2 }],
  ['scaled down', { scale: 0.1 }],
])('a fault that was none goes when its readings are %s', async (_, change) => {
  await send(pump, 9, 0, 60);
  await advance();
  expect(await told()).toEqual(['too-high 2-…']);
  await fix({ ...span(0, 60), ...change });
  await advance();
  expect(await told()).toEqual([]);
});

test('a fault that the sensor hid is found once its readings are right', async () => {
  await send(pump, 2, 0, 60);
  await advance();
  expect(await told()).toEqual([]);
  await fix({ ...span(10, 30), offset: 7 });
  await advance();
  expect(await told()).toEqual(['too-high 12-41']);
});

test('a point that was merged counts with all its readings, and the other asset has them no more', async () => {
  const other = (await plant.makePumps()).downstream;
  await send(pump, 2, 0, 9);
  await send(other, 9, 10, 60);
  await advance();
  expect(await told()).toEqual([]);
  const { db } = plant.database;
  const { tenantId } = plant.site;
  const { id: keyId } = await createApiKey(db, { tenantId, name: 'x', scopes: ['write'] });
  const asking = { tenantId, timeZone: 'UTC', livemode: true, keyId, sessionId: null, userId: null, role: null };
  const caller = { ...asking, scopes: ['write'], siteIds: null, rateLimitPerMinute: null };
  const area: Area = { caller, site: null };
  const asked = { id: other.pointId, target: pump.pointId, mover: seriesMover };
  await db.transaction().execute((trx) => mergePoint(trx, area, asked));
  await advance();
  expect(await told()).toEqual(['too-high 12-…']);
  expect((await plant.listTold([other.assetId])).filter(({ resolvedAt }) => resolvedAt === null)).toEqual([]);
  const { rows } = await sql<{ name: string; asset: string }>`select p.name, a.name as asset from point p
    join asset a on a.id = p.asset_id where p.id = ${other.pointId}`.execute(db);
  const [named] = await listNamedPoints(db, {
    site: plant.site,
    names: [{ asset: rows[0]?.asset ?? '', point: rows[0]?.name ?? '' }],
  });
  expect(named?.ref.pointId).toBe(pump.pointId);
});
