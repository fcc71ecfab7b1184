/** Row-level security by itself: what the role of requests sees when the statements do not name the tenant. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, type KyselyPlugin, type RootOperationNode, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTenant } from '../src/platform/row-security.ts';
import type { DB } from '../src/platform/schema.ts';
import { makeWorld, openTenantDatabase, startTestApi, type TestApi, type World } from './support/api.ts';
import { urlOf } from './support/database.ts';

let api: TestApi;
let mine: World;
let theirs: World;
let held: ReturnType<typeof openTenantDatabase>;
beforeAll(async () => {
  api = await startTestApi();
  mine = await makeWorld(api.database);
  theirs = await makeWorld(api.database);
  held = openTenantDatabase(urlOf(api.database));
});
afterAll(async () => {
  await held.close();
  await api.close();
});

/** What is no tenant's, or is reached by way of something that is. */
const ofNoTenant = [
  // Deployed rules, of which tenants have overrides; how far each shard of equipment is evaluated.
  ...['rule_set', 'rule_deployment', 'rule_shard', 'rule_shard_model', 'rule_shard_version', 'ingest_batch'],
  // Readings are of series, and a series is of a point; TimescaleDB has no policies on compressed hypertables.
  ...[
    'reading',
    'rollup_1m',
    'rollup_15m',
    'rollup_1h',
    'rollup_1d',
    'rollup_dirty',
    'rollup_progress',
    'rollup_touched',
  ],
  ...['retention_horizon', 'retention_wait', 'storage_engine', 'storage_move', 'storage_piece'],
  // Of the program itself.
  ...['migration', 'device_process', 'opcua_application', 'upstream_subscription', 'signing_key'],
];

type Held = { name: string; has_tenant: boolean; is_held: boolean; policies: string | null };

test('every table that has a tenant is held to it, and every other one is known to have none', async () => {
  const { rows } = await sql<Held>`
    select c.relname as name, c.relrowsecurity as is_held,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant,
      (select string_agg(p.policyname || ' ' || p.cmd || ' ' || p.roles::text, ',') from pg_policies p
        where p.schemaname = 'public' and p.tablename = c.relname) as policies
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`.execute(
    api.database.db,
  );
  expect(rows.length).toBeGreaterThan(50);
  const unheld = rows.filter(({ is_held, policies }) => !is_held || policies !== 'of_tenant ALL {faultline_api}');
  expect(unheld.map(({ name }) => name).filter((name) => !ofNoTenant.includes(name))).toEqual([]);
  expect(rows.filter(({ name, has_tenant }) => has_tenant && ofNoTenant.includes(name))).toEqual([]);
});

describe('the role of requests', () => {
  test('sees nothing on a connection that is set to no tenant, and gets none on behalf of nobody', async () => {
    await expect(held.pool.connect()).rejects.toThrow('on behalf of no tenant');
    await expect(held.db.selectFrom('site').selectAll().execute()).rejects.toThrow('on behalf of no tenant');
    const client = await api.database.pool.connect();
    await client.query('set role faultline_api');
    for (const table of ['tenant', 'site', 'asset', 'app_user', 'api_key', 'point'])
      expect((await client.query(`select * from ${table}`)).rows).toEqual([]);
    client.release(true);
  });

  test('sees one tenant, whatever the statement says, and on one connection each in turn', async () => {
    const sitesOf = (tenantId: string) =>
      inTenant(tenantId, () => held.db.selectFrom('site').select('tenant_id').distinct().execute());
    for (const { tenantId } of [mine, theirs, mine, mine, theirs])
      expect(await sitesOf(tenantId)).toEqual([{ tenant_id: tenantId }]);
    expect(held.pool.totalCount).toBe(1);
    const many = await Promise.all(
      Array.from({ length: 60 }, (_, i) => sitesOf([mine, theirs][i % 2]?.tenantId ?? '')),
    );
    expect(many.map(([row]) => row?.tenant_id)).toEqual(many.map((_, i) => [mine, theirs][i % 2]?.tenantId));
    const named = held.db.selectFrom('site').selectAll().where('tenant_id', '=', theirs.tenantId);
    expect(await inTenant(mine.tenantId, () => named.execute())).toEqual([]);
    expect(await inTenant(mine.tenantId, () => held.db.selectFrom('tenant').select('id').execute())).toEqual([
      { id: mine.tenantId },
    ]);
  });

  test('keeps its tenant when a transaction is rolled back', async () => {
    for (const { tenantId } of [theirs, mine]) {
      const failing = () => held.db.transaction().execute((trx) => sql`select 1 / 0`.execute(trx));
      await expect(inTenant(tenantId, failing)).rejects.toThrow('division by zero');
    }
    expect(await inTenant(mine.tenantId, () => held.db.selectFrom('tenant').select('id').execute())).toEqual([
      { id: mine.tenantId },
    ]);
  });

  test("writes nothing of another tenant's, and gives nothing away to one", async () => {
    await inTenant(mine.tenantId, async () => {
      const { db } = held;
      const site = { id: mine.ahuId, tenant_id: theirs.tenantId, slug: 'x', name: 'x', shard: 0 };
      await expect(db.insertInto('site').values(site).execute()).rejects.toMatchObject({ code: '42501' });
      const away = db.updateTable('site').set({ tenant_id: theirs.tenantId }).where('id', '=', mine.plantId);
      await expect(away.execute()).rejects.toMatchObject({ code: '42501' });
      const changed = db.updateTable('site').set({ name: 'stolen' }).where('id', '=', theirs.plantId);
      expect((await changed.executeTakeFirst()).numUpdatedRows).toBe(0n);
      expect((await db.deleteFrom('point').where('id', '=', theirs.pointId).executeTakeFirst()).numDeletedRows).toBe(
        0n,
      );
      await expect(sql`truncate site cascade`.execute(db)).rejects.toMatchObject({ code: '42501' });
      await expect(sql`alter table site disable row level security`.execute(db)).rejects.toMatchObject({
        code: '42501',
      });
      for (const table of ['migration', 'signing_key', 'upstream_subscription'])
        await expect(sql.raw(`select from ${table}`).execute(db)).rejects.toMatchObject({ code: '42501' });
    });
  });

  test('sees parts of things with the things that they are of, and no others', async () => {
    const insightId = await theirs.makeInsight();
    const opened = { insight_id: insightId, opened_at: new Date(), started_at: new Date(), rule_version: 1 };
    await api.database.db
      .insertInto('insight_episode')
      .values({ ...opened, before_ms: 0, after_ms: 0 })
      .execute();
    const episodesOf = (tenantId: string) =>
      inTenant(tenantId, () => held.db.selectFrom('insight_episode').select('insight_id').execute());
    expect(await episodesOf(mine.tenantId)).toEqual([]);
    expect(await episodesOf(theirs.tenantId)).toEqual([{ insight_id: insightId }]);
  });
});

test('a request keeps its tenant while its body comes in pieces, on a connection that another tenant has used', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = await api.app.listen({ port: 0, host: '127.0.0.1' });
  const post = async ({ key }: World) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const sending = request(`${url}/api/v1/work-orders`, { method: 'POST', agent, headers });
    sending.write('{"title":');
    await sleep(50);
    sending.end('"in pieces"}');
    const [answer] = (await once(sending, 'response')) as [IncomingMessage];
    return { status: answer.statusCode, text: (await answer.toArray()).join('') };
  };
  for (const world of [mine, theirs, mine]) {
    const { status, text } = await post(world);
    expect([status, text]).toEqual([201, expect.stringContaining('in pieces')]);
  }
  agent.destroy();
});

describe('with the tenant taken out of every statement that stores build', () => {
  const lists = ['work-orders', 'assets', 'sites', 'points', 'insights', 'devices', 'locations'];

  async function listAll(stage: TestApi): Promise<string> {
    const texts: string[] = [];
    for (const list of lists) {
      const { status, text } = await stage.call('GET', `/api/v1/${list}?limit=200`, { key: mine.key });
      expect([list, status]).toEqual([list, 200]);
      texts.push(text);
    }
    return texts.join('\n');
  }
  const foreignIds = () => [theirs.ahuId, theirs.chillerId, theirs.pointId, theirs.campusId, theirs.plantId];

  async function withoutTenants<T>(db: Kysely<DB>, ask: (stage: TestApi) => Promise<T>): Promise<T> {
    const stage = await api.restart({ tenantDatabase: { ...held, db: db.withPlugin(forgetTenants) } });
    try {
      return await ask(stage);
    } finally {
      await stage.app.close();
    }
  }

  test('requests still find nothing of another tenant', async () => {
    await theirs.makeInsight();
    await api.call('POST', '/api/v1/work-orders', { key: theirs.key, body: { title: 'of another tenant' } });
    const shown = await withoutTenants(held.db, listAll);
    expect(shown).toContain(mine.ahuId);
    for (const id of [...foreignIds(), theirs.tenantId, 'of another tenant']) expect(shown).not.toContain(id);
    const one = (stage: TestApi) => stage.call('GET', `/api/v1/assets/${theirs.ahuId}`, { key: mine.key });
    expect((await withoutTenants(held.db, one)).status).toBe(404);
  });

  test('and that is owed to row-level security: as the owner of the tables they find it', async () => {
    const shown = await withoutTenants(api.database.db, listAll);
    for (const id of foreignIds().slice(0, 3)) expect(shown).toContain(id);
    expect(shown).toContain('of another tenant');
  });
});

/** Takes `tenant_id = …` out of statements, as somebody may who forgets to write it. */
const forgetTenants: KyselyPlugin = {
  transformQuery: ({ node }) => withoutTenant(node) as RootOperationNode,
  transformResult: async ({ result }) => result,
};

type Node = { readonly kind?: string; readonly [key: string]: unknown };

function withoutTenant(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutTenant);
  if (node === null || typeof node !== 'object' || node instanceof Date || Buffer.isBuffer(node)) return node;
  const { kind, leftOperand, rightOperand } = node as Node & { leftOperand?: Node; rightOperand?: Node };
  const isTenant = kind === 'BinaryOperationNode' && JSON.stringify(leftOperand)?.includes('"tenant_id"');
  if (isTenant && rightOperand?.kind === 'ValueNode') return { kind: 'ValueNode', value: true, immediate: true };
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withoutTenant(value)]));
}
