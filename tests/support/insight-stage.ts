/** Rules that see the minutes of a plant go by, one after the other, beside an API over the same database. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import { createApiKey } from '../../src/access/store.ts';
import type { PointRef } from '../../src/assets/point-store.ts';
import { newId } from '../../src/platform/id.ts';
import { startTestApi } from './api.ts';
import { minuteMs, openRulePlant } from './rule-plant.ts';

export type InsightStage = Awaited<ReturnType<typeof openInsightStage>>;

/** A tenant with one site, a key for everything in the name of alex, and a pump for each test. */
export async function openInsightStage() {
  const api = await startTestApi();
  const plant = await openRulePlant({ database: api.database });
  const { db } = api.database;
  const { tenantId, shard } = plant.site;
  const alexId = newId();
  const alex = { id: alexId, tenant_id: tenantId, username: 'alex', email: 'alex@betacit.com', role: 'manager' };
  await db.insertInto('app_user').values(alex).execute();
  const made = { tenantId, name: 'all', scopes: ['read', 'write'], createdBy: alexId, rateLimitPerMinute: null };
  const { secret: key } = await createApiKey(db, made);
  let startMs = 0;
  let pump: PointRef;
  let minute = 0;
  let runner = plant.openRunner(plant.ruleSet, () => startMs + minute * minuteMs);

  /** Asks the tenant's mount, and expects a status. */
  const ask = async (method: string, path: string, { body, status = 200 }: { body?: object; status?: number } = {}) => {
    const reply = await api.call(method, `/api/v1/${path}`, { key, ...(body && { body }) });
    expect([path, reply.status, reply.json?.message]).toEqual([path, status, reply.json?.message]);
    return reply.json?.data ?? reply.json;
  };

  return {
    api,
    plant,
    db,
    key,
    alexId,
    ask,
    get pump() {
      return pump;
    },
    /** A new pump, and the shard at its first minute, two hours ago. */
    begin: async () => {
      // No rules run on what is retired, so that the pumps of earlier tests are at rest.
      await sql`update asset set status = 'retired' where tenant_id = ${tenantId}`.execute(db);
      pump = (await plant.makePumps()).downstream;
      startMs = Math.floor(Date.now() / minuteMs - 120) * minuteMs;
      minute = 0;
      await sql`truncate rule_shard_version, rule_deployment, rule_machine`.execute(db);
      await sql`update rule_shard set tick_at = ${new Date(startMs)}, snapshot = pg_current_snapshot(),
        rule_set_hash = null where shard = ${shard}`.execute(db);
      runner = plant.openRunner(plant.ruleSet, () => startMs + minute * minuteMs);
    },
    /** One value for each minute from one to another; of several for a minute that with the greatest `rank` counts. */
    send: async (value: number, from: number, through: number, rank = 0) => {
      const minutes = Array.from({ length: through - from + 1 }, (_, i) => from + i);
      const timeOf = (at: number) => startMs + at * minuteMs - 50_000 + rank * 10_000;
      const quality = 'good' as const;
      await plant.append(minutes.map((at) => ({ point: pump, timeMs: timeOf(at), value, quality })));
    },
    /** Evaluates every tick up to that minute; what has come late is made good first. */
    runTo: async (to: number) => {
      minute = to;
      while ((await runner.advance(shard)).isBehind);
    },
    instantOf: (at: number) => new Date(startMs + at * minuteMs).toISOString().replace('.000Z', 'Z'),
    /** The insights of the pump that were not withdrawn, as the API shows them, oldest first. */
    insights: async () => {
      const { data } = (await api.call('GET', `/api/v1/insights?asset_id=${pump.assetId}&sort=opened_at`, { key }))
        .json;
      return data.filter((one: { ended_because: string }) => one.ended_because !== 'withdrawn');
    },
    /** The one insight of the pump. */
    insight: async () => {
      const { data } = (await api.call('GET', `/api/v1/insights?asset_id=${pump.assetId}`, { key })).json;
      expect(data).toHaveLength(1);
      return data[0];
    },
    workOrders: async () => {
      const path = `/api/v1/work-orders?asset_id=${pump.assetId}&sort=created_at`;
      return (await api.call('GET', path, { key })).json.data;
    },
    /** The types of the events of one thing, in their order. */
    told: async (id: string) => {
      const { rows } = await sql<{ type: string }>`select type from event where subject_id = ${id} order by id`.execute(
        db,
      );
      return rows.map(({ type }) => type);
    },
    close: async () => {
      await plant.close();
      await api.close();
    },
  };
}
