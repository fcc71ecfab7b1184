/** Work orders in numbers, as a tenant has them after some years: written by SQL, which is not what is measured. */
import type pg from 'pg';

const batch = 50_000;

/** Fills the only tenant of a program up to so many work orders; returns some of their ids, evenly drawn. */
export async function seedWorkOrders(client: pg.Client, count: number): Promise<string[]> {
  await client.query(people);
  await client.query(equipment);
  // Indexes are made from all rows at once in a third of the time.
  const { rows: indexes } = await client.query<{ indexname: string; indexdef: string }>(
    `select indexname, indexdef from pg_indexes where tablename = 'work_order' and indexdef not like '%UNIQUE%'`,
  );
  for (const { indexname } of indexes) await client.query(`drop index ${indexname}`);
  for (let from = 1; from <= count; from += batch) {
    await client.query(orders, [from, Math.min(count, from + batch - 1), count]);
  }
  await client.query(`set maintenance_work_mem = '512MB'`);
  for (const { indexdef } of indexes) await client.query(indexdef);
  await client.query(counter);
  await client.query('vacuum analyze work_order');
  await client.query('vacuum analyze work_order_tally');
  await client.query('analyze');
  await client.query('checkpoint');
  const { rows } = await client.query<{ id: string }>('select id from work_order order by md5(id::text) limit 2000');
  return rows.map(({ id }) => id);
}

const people = `
  insert into app_user (id, tenant_id, username, email, role)
  select uuidv7(), tenant.id, 'technician-' || n, 'technician-' || n || '@plant.example', 'technician'
  from tenant, generate_series(1, 20) n`;

const equipment = `
  insert into asset (id, tenant_id, site_id, name, uri, shard)
  select uuidv7(), site.tenant_id, site.id, 'AHU-' || n, 'urn:bench:AHU-' || n, 0
  from site, generate_series(1, 200) n`;

/** Nine in ten are done; the rest stand. The newest has been made now, and the oldest years ago. */
const orders = `
  insert into work_order (id, tenant_id, site_id, number, title, description, status, priority, type, asset_id, equipment_uri,
    created_by, assigned_to, due_date, due_at, started_at, completed_at, source, created_at, updated_at)
  select uuidv7(at.made - now()), site.tenant_id, site.id, n,
    (array['Replace filter', 'Inspect valve actuator', 'Bearing noise', 'Calibrate sensor', 'Check belt'])[1 + n % 5] || ' of AHU-' || asset.name,
    'Reported by the operator on duty; see the last report of the unit before starting, and note what was found.',
    case when n % 10 < 9 then 'completed' when n % 3 = 0 then 'in_progress' else 'open' end,
    (array['none', 'low', 'medium', 'high', 'critical'])[1 + (n / 10) % 5],
    (array['reactive', 'corrective', 'preventive', 'inspection', 'emergency'])[1 + n % 5],
    asset.id, asset.uri, technician.id, technician.id,
    to_char(at.made + interval '7 days', 'YYYY-MM-DD'), date_trunc('day', at.made) + interval '8 days',
    case when n % 10 < 9 then at.made + interval '1 hour' end,
    case when n % 10 < 9 then at.made + interval '2 hours' end,
    'api', at.made, at.made
  from generate_series($1::integer, $2::integer) n
  cross join lateral (
    select date_trunc('milliseconds', now()) - ($3::integer - n) * interval '2 minutes' as made
  ) at
  join (select *, row_number() over (order by id) - 1 as place from asset where uri like 'urn:bench:%') asset on asset.place = n % 200
  join (select *, row_number() over (order by id) - 1 as place from app_user where username like 'technician-%') technician
    on technician.place = n % 20
  join site on site.id = asset.site_id`;

const counter = `
  insert into work_order_counter (tenant_id, last_number)
  select tenant_id, max(number) from work_order group by 1
  on conflict (tenant_id) do update set last_number = excluded.last_number`;
