import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventType } from '../src/events/event.ts';
import { eventCatalogue } from '../src/events/event-types.ts';
import type { Insight } from '../src/insights/insight.ts';
import { settleInsights } from '../src/insights/status-store.ts';
import { migrate } from '../src/platform/migrate.ts';
import { parseDueDate } from '../src/work-orders/due-date.ts';
import { startTestApi, type TestApi } from './support/api.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { generateSchema, schemaFile } from './support/schema.ts';

type Named = { readonly name: string };

const migrations = join(import.meta.dirname, '../migrations');

describe('a new database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test('the types of the database are those of the migrated schema (npm run schema writes them)', async () => {
    expect(await readFile(schemaFile, 'utf8')).toBe(await generateSchema(database.url));
  });
});

/** Rows as the program wrote them before people logged in (0032); the last digits tell those of one table apart. */
const firstSince = '0032';
const uuid = (table: string, n: number) => `${table.padStart(8, '0')}-0000-7000-8000-00000000000${n}`;
const [tenant, site, admin, alex] = [uuid('1', 1), uuid('2', 1), uuid('4', 1), uuid('4', 2)];
const [ahu, valve, merged, roof] = [uuid('3', 1), uuid('3', 2), uuid('3', 3), uuid('6', 1)];
const insightOf = (n: number) => uuid('b', n);
const secret = 'flt_live_of_before';
const secretSha256 = createHash('sha256').update(secret).digest('hex');
const base = 'http://example.com/b';

const rowsOfBefore = `
  insert into tenant (id, name) values ('${tenant}', 'A tenant');
  insert into site (id, tenant_id, slug, name, time_zone, shard) values ('${site}', '${tenant}', 'main', 'Main', 'Europe/Berlin', 1);
  update tenant set default_site_id = '${site}';
  insert into app_user (id, tenant_id, username, email, role, created_at) values
    ('${admin}', '${tenant}', 'admin', 'admin@localhost', 'admin', '2026-01-01'),
    ('${alex}', '${tenant}', 'Alex', 'alex@betacit.com', 'technician', '2026-02-01');
  insert into api_key (id, tenant_id, name, prefix, secret_sha256, scopes, created_by) values
    ('${uuid('5', 1)}', '${tenant}', 'bootstrap', 'flt_live_of', '\\x${secretSha256}', '{read,write}', '${admin}');
  insert into location (id, tenant_id, site_id, name, class, source, external_id) values
    ('${roof}', '${tenant}', '${site}', 'Roof', 'brick:Roof', 'brick', '${base}#Roof');
  insert into asset (id, tenant_id, site_id, shard, name, uri, parent_id, location_id, params, tags, source, external_id) values
    ('${ahu}', '${tenant}', '${site}', 1, 'AHU-01', '${base}#AHU-01', null, '${roof}', '{"min_oa": 0.2}', '{critical}', 'brick', '${base}#AHU-01'),
    ('${valve}', '${tenant}', '${site}', 1, 'Valve', 'urn:faultline:main:Valve', '${ahu}', null, '{}', '{}', null, null);
  insert into asset (id, tenant_id, site_id, shard, name, uri, status, merged_into) values
    ('${merged}', '${tenant}', '${site}', 1, 'AHU1', 'urn:faultline:main:AHU1', 'retired', '${ahu}');
  insert into asset_relation (tenant_id, from_asset_id, kind, to_asset_id) values ('${tenant}', '${valve}', 'isPartOf', '${ahu}');
  insert into insight (id, tenant_id, site_id, asset_id, rule_id, rule_version, title, message, severity, category, started_at,
    opened_at, cost_per_hour, episodes, status, resolved_at, ended_because, withdrawn_at)
  select id::uuid, '${tenant}', '${site}', '${ahu}', 'leak', 1, 'Leaks', 'It leaks.', 'warning', 'fault', opened_at - interval '1 hour',
    opened_at, 0.1, episodes, status, ended_at, because, case because when 'withdrawn' then ended_at end
  from (values
    ('${insightOf(1)}', 'open', 1, timestamptz '2026-03-01Z', null::timestamptz, null),
    ('${insightOf(2)}', 'in_progress', 1, '2026-03-02Z', null, null),
    ('${insightOf(3)}', 'in_progress', 2, '2026-03-03Z', null, null),
    ('${insightOf(4)}', 'resolved', 3, '2026-03-04Z', '2026-04-04Z', 'cleared'),
    ('${insightOf(5)}', 'resolved', 1, '2026-03-05Z', '2026-04-05Z', 'withdrawn'),
    ('${insightOf(6)}', 'dismissed', 1, '2026-03-06Z', null, null),
    ('${insightOf(7)}', 'dismissed', 2, '2026-03-07Z', '2026-04-07Z', 'rule_disabled'),
    ('${insightOf(8)}', 'snoozed', 1, '2026-03-08Z', null, null)
  ) as one (id, status, episodes, opened_at, ended_at, because);
  insert into work_order_counter values ('${tenant}', 8);
  insert into work_order (id, tenant_id, site_id, number, title, status, priority, type, asset_id, equipment_uri, created_by,
    assigned_to, due_date, due_at, insight_id, source, started_at, completed_at, deleted_at)
  select id::uuid, '${tenant}', '${site}', n, 'Work ' || n, status, 'high', 'corrective', '${ahu}', '${base}#AHU-01', '${admin}', '${alex}',
    due_date, due_at, insight_id::uuid, source, case when status = 'in_progress' then timestamptz '2026-03-02Z' end,
    case when status = 'completed' then timestamptz '2026-04-01Z' end, case when n = 8 then now() end
  from (values
    (1, '${uuid('c', 1)}', 'open', '2026-03-28', timestamptz '2026-03-29 00:00 Europe/Berlin', null, 'api'),
    (2, '${uuid('c', 2)}', 'in_progress', '2026-03-17T17:00:00Z', '2026-03-17 17:00Z', '${insightOf(2)}', 'rule'),
    (3, '${uuid('c', 3)}', 'on_hold', null, null, '${insightOf(3)}', 'api'),
    (4, '${uuid('c', 4)}', 'completed', '2026-03-29', '2026-03-30 00:00 Europe/Berlin', '${insightOf(4)}', 'rule'),
    (5, '${uuid('c', 5)}', 'skipped', null, null, null, 'api'),
    (6, '${uuid('c', 6)}', 'cancelled', null, null, null, 'api'),
    (7, '${uuid('c', 7)}', 'open', null, null, null, 'api'),
    (8, '${uuid('c', 8)}', 'open', null, null, null, 'api')
  ) as one (n, id, status, due_date, due_at, insight_id, source);
  insert into event (tenant_id, site_id, type, subject_kind, subject_id, asset_id, actor, data)
  select tenant_id, site_id, 'insight.' || case when status = 'resolved' then status else 'opened' end, 'insight', id, asset_id,
    '{"kind": "rule", "id": "leak"}', jsonb_build_object('id', id, 'rule_id', rule_id, 'category', category, 'asset_id', asset_id,
      'status', status, 'severity', severity, 'title', title, 'message', message, 'rule_version', rule_version, 'suppressed_by', null,
      'episodes', episodes, 'started_at', to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'opened_at', to_char(opened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'resolved_at', to_char(resolved_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'ended_because', ended_because)
  from insight;
`;

describe('a database of before people logged in is brought up to date', () => {
  let folder: string;
  let api: TestApi;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'faultline-migrations-'));
    const names = (await readdir(migrations)).sort();
    const older = names.filter((name) => name < firstSince);
    for (const name of older) await copyFile(join(migrations, name), join(folder, name));
    const own = await createTestDatabase('template0');
    await migrate(own.url, folder);
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    await client.query(rowsOfBefore);
    await client.end();
    expect(await migrate(own.url, migrations)).toEqual(names.slice(older.length));
    api = await startTestApi({}, own);
  });
  afterAll(async () => {
    await api?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const list = async (path: string) => {
    const { status, json } = await api.call('GET', `/api/v1/${path}`, { key: secret });
    expect([path, status]).toEqual([path, 200]);
    return json;
  };

  test('each insight has the status that it had, which follows from its facts', async () => {
    const { data } = await list('insights?sort=opened_at');
    const shown = data.map((one: Insight) => [one.status, one.episodes, one.ended_at, one.resolved_at, one.last_seen]);
    expect(shown).toEqual([
      ['open', 1, null, null, '2026-03-01T00:00:00Z'],
      ['in_progress', 1, null, null, '2026-03-02T00:00:00Z'],
      ['in_progress', 2, null, null, '2026-03-03T00:00:00Z'],
      ['resolved', 3, '2026-04-04T00:00:00Z', '2026-04-04T00:00:00Z', '2026-04-04T00:00:00Z'],
      ['resolved', 1, '2026-04-05T00:00:00Z', '2026-04-05T00:00:00Z', '2026-04-05T00:00:00Z'],
      ['dismissed', 1, null, null, '2026-03-06T00:00:00Z'],
      ['dismissed', 2, '2026-04-07T00:00:00Z', null, '2026-04-07T00:00:00Z'],
      ['snoozed', 1, null, null, '2026-03-08T00:00:00Z'],
    ]);
    expect(data[0]).toMatchObject({ estimated_cost_per_day: 2.4, source: 'rule', occurrences: 1, site: 'main' });
    expect(
      await settleInsights(
        api.database.db,
        data.map(({ id }: Insight) => id),
      ),
    ).toBe(false);
  });

  test('work orders are due when they were, are counted, and have answered when they left the status open', async () => {
    const { data, total } = await list('work-orders?sort=created_at');
    expect([total, data.length]).toEqual([7, 7]);
    expect((await list('work-orders?status=open')).total).toBe(2);
    const { rows } = await sql<{ number: number; due_date: string | null; due_at: Date | null; answered: boolean }>`
      select number, due_date, due_at, responded_at is not null as answered from work_order order by number`.execute(
      api.database.db,
    );
    for (const { due_date: text, due_at } of rows)
      expect(due_at).toEqual(text === null ? null : parseDueDate(text, 'Europe/Berlin')?.at);
    expect(rows.filter(({ answered }) => answered).map(({ number }) => number)).toEqual([2, 3, 4, 5, 6]);
    const done = { body: { status: 'completed' }, key: secret };
    expect((await api.call('PATCH', `/api/v1/work-orders/${uuid('c', 3)}`, done)).status).toBe(200);
    expect((await list('insights?status=in_progress')).total).toBe(2);
  });

  test('equipment, places, people and keys are what they were', async () => {
    const assets = await list('assets?sort=name&expand=site,location,health');
    expect(assets.data.map(({ name, parent_id }: Named & { parent_id: string | null }) => [name, parent_id])).toEqual([
      ['AHU-01', null],
      ['Valve', ahu],
    ]);
    expect(assets.data[0]).toMatchObject({ params: { min_oa: 0.2 }, location: 'Roof', tags: ['critical'], custom: {} });
    expect((await list(`assets/${valve}/relations`)).total).toBe(1);
    expect((await list(`assets/${ahu}/history`)).total).toBe(14);
    expect((await list('locations')).data).toMatchObject([{ name: 'Roof', uri: `${base}#Roof` }]);
    const users = (await list('users?sort=created_at')).data;
    expect(users.map(({ username, number }: { username: string; number: number }) => [number, username])).toEqual([
      [1, 'admin'],
      [2, 'Alex'],
    ]);
    const keys = (await list('api-keys')).data;
    expect(keys).toMatchObject([{ scopes: ['read', 'write', 'admin'], rate_limit_per_minute: null }]);
  });

  test('events tell what their types promise', async () => {
    const { rows } = await sql<{ type: EventType; data: unknown }>`select type, data from event`.execute(
      api.database.db,
    );
    const untrue = rows.filter(({ type, data }) => !eventCatalogue[type].data.safeParse(data).success);
    expect([rows.length > 7, untrue]).toEqual([true, []]);
  });
});
