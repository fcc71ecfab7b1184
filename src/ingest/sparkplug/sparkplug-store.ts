import { sql } from 'kysely';
import type pg from 'pg';
import type { Db } from '../../platform/database.ts';
import type { EdgeNodeId } from './topic.ts';

/** An edge node and its tenant. */
export type NodeKey = EdgeNodeId & { readonly tenantId: string };

export type BirthState = 'named' | 'live' | 'void' | 'dead';

/** What is kept of a birth of an edge node, whose `device` is '', or of one of its devices. Times in ms since the epoch. */
export type BirthRow = NodeKey & {
  readonly device: string;
  readonly siteId: string;
  readonly siteSlug: string;
  readonly asset: string;
  readonly state: BirthState;
  readonly bdSeq: number | null;
  readonly bornMs: number | null;
  readonly diedMs: number | null;
  /** A digest of what its points were last described with. */
  readonly described: string;
  /** Name, datatype, and the alias as text where there is one. */
  readonly metrics: readonly (readonly [string, number, string | null])[];
};

/** What a birth or a death changes; `metrics` is null where they stay. */
export type BirthChange = Omit<BirthRow, 'siteId' | 'siteSlug' | 'asset' | 'metrics'> & {
  readonly metrics: BirthRow['metrics'] | null;
};

/** What is known of an edge node and its devices; nothing where it was never heard of. */
export async function listBirths(db: Db, { tenantId, group, edge }: NodeKey): Promise<BirthRow[]> {
  const { rows } = await sql<BirthRow>`
    select b.tenant_id as "tenantId", b.group_id as "group", b.edge_node_id as edge, b.device_id as device,
      b.site_id as "siteId", s.slug as "siteSlug", b.asset_name as asset, b.state, b.bd_seq as "bdSeq",
      (extract(epoch from b.born_at) * 1000)::float8 as "bornMs", (extract(epoch from b.died_at) * 1000)::float8 as "diedMs",
      b.described, b.metrics
    from sparkplug_birth b join site s on s.id = b.site_id and s.tenant_id = b.tenant_id
    where b.tenant_id = ${tenantId} and b.group_id = ${group} and b.edge_node_id = ${edge}`.execute(db);
  return rows;
}

/** Writes what births and deaths have changed, on the connection, and so in the transaction, that the caller has open. */
export async function saveBirths(client: pg.ClientBase, rows: readonly BirthChange[]): Promise<void> {
  // In one order everywhere, so that two processes cannot lock each other out.
  const sorted = rows.toSorted((a, b) => (birthKey(a) < birthKey(b) ? -1 : 1));
  await client.query({
    name: 'save-sparkplug-births',
    text: `
      update sparkplug_birth b
      set state = given.state, bd_seq = given.bd_seq, born_at = to_timestamp(given.born_ms / 1000),
        died_at = to_timestamp(given.died_ms / 1000), described = given.described,
        metrics = coalesce(given.metrics, b.metrics)
      from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::float8[], $8::float8[], $9::text[], $10::jsonb[])
        as given (tenant_id, group_id, edge_node_id, device_id, state, bd_seq, born_ms, died_ms, described, metrics)
      where (b.tenant_id, b.group_id, b.edge_node_id, b.device_id)
        = (given.tenant_id, given.group_id, given.edge_node_id, given.device_id)`,
    values: [
      sorted.map(({ tenantId }) => tenantId),
      sorted.map(({ group }) => group),
      sorted.map(({ edge }) => edge),
      sorted.map(({ device }) => device),
      sorted.map(({ state }) => state),
      sorted.map(({ bdSeq }) => bdSeq),
      sorted.map(({ bornMs }) => bornMs),
      sorted.map(({ diedMs }) => diedMs),
      sorted.map(({ described }) => described),
      sorted.map(({ metrics }) => metrics && JSON.stringify(metrics)),
    ],
  });
}

type Claim = NodeKey & {
  readonly device: string;
  readonly siteId: string;
  /** Names that the asset may get, the best first. */
  readonly names: readonly string[];
};

const birthsMax = 20_000;

/**
 * The name of the asset that a node or a device is: the one that it has in that site already, else the first of `names`
 * that no other has. Undefined when all are taken, or the tenant has 20,000 nodes and devices.
 */
export async function claimAsset(
  db: Db,
  { tenantId, group, edge, device, siteId, names }: Claim,
): Promise<string | undefined> {
  const known = await findClaim(db, { tenantId, group, edge, device });
  if (known?.siteId === siteId) return known.asset;
  if (!known && (await countBirths(db, tenantId)) >= birthsMax) return undefined;
  for (const name of names) {
    const claimed = await tryClaim(db, { tenantId, group, edge, device, siteId, name });
    if (claimed) return name;
  }
  return undefined;
}

async function tryClaim(
  db: Db,
  { tenantId, group, edge, device, siteId, name }: Omit<Claim, 'names'> & { name: string },
): Promise<boolean> {
  try {
    const { rows } = await sql`
      insert into sparkplug_birth (tenant_id, group_id, edge_node_id, device_id, site_id, asset_name)
      select ${tenantId}, ${group}, ${edge}, ${device}, ${siteId}, ${name}
      where not exists (select 1 from sparkplug_birth where site_id = ${siteId} and asset_name = ${name})
      on conflict (tenant_id, group_id, edge_node_id, device_id)
        do update set site_id = excluded.site_id, asset_name = excluded.asset_name
      returning 1`.execute(db);
    return rows.length > 0;
  } catch (error) {
    // Another process has claimed the name between the question and the insert.
    if ((error as { code?: string }).code === '23505') return false;
    throw error;
  }
}

async function findClaim(
  db: Db,
  { tenantId, group, edge, device }: NodeKey & { device: string },
): Promise<{ siteId: string; asset: string } | undefined> {
  return db
    .selectFrom('sparkplug_birth')
    .select(['site_id as siteId', 'asset_name as asset'])
    .where('tenant_id', '=', tenantId)
    .where('group_id', '=', group)
    .where('edge_node_id', '=', edge)
    .where('device_id', '=', device)
    .executeTakeFirst();
}

async function countBirths(db: Db, tenantId: string): Promise<number> {
  const row = await db
    .selectFrom('sparkplug_birth')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** For so long an edge node that died keeps its place, and its assets their names. */
const deadKeptDays = 400;

/** Forgets edge nodes that died long ago and were not born again, with their devices. */
export async function deleteDeadEdgeNodes(db: Db): Promise<void> {
  await sql`
    delete from sparkplug_birth b using sparkplug_birth n
    where (b.tenant_id, b.group_id, b.edge_node_id) = (n.tenant_id, n.group_id, n.edge_node_id)
      and n.device_id = '' and n.state = 'dead'
      and n.died_at < now() - make_interval(days => ${deadKeptDays})`.execute(db);
}

/** The tenants that have edge nodes: a device whose grants name Sparkplug's topics, or births of one that is granted everything. */
export async function listSparkplugTenantIds(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from tenant
    where exists (select from sparkplug_birth where tenant_id = tenant.id)
      or exists (
        select from device, unnest(publish_grants || subscribe_grants) as granted
        where tenant_id = tenant.id and revoked_at is null and granted like 'spBv1.0/%')`.execute(db);
  return rows.map(({ id }) => id);
}

/** An edge node among all. */
export function nodeName({ tenantId, group, edge }: NodeKey): string {
  return [tenantId, group, edge].join('/');
}

/** One node, or one device of it, among all. */
export function birthKey({ tenantId, group, edge, device }: NodeKey & { readonly device: string }): string {
  return [tenantId, group, edge, device].join('/');
}
