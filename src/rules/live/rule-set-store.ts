import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import type { RuleText } from '../language/load-rules.ts';
import type { RuleError } from '../language/rule-error.ts';

/** The files of a version, by their names relative to the folder of the rules; whoever has the texts can build the rules. */
export type StoredRuleSet = { readonly hash: string; readonly texts: readonly RuleText[]; readonly timeScale: number };

/** The version that shards are to run, and what is wrong with the files as they lie on disk now. */
export type DeployedRuleSet = StoredRuleSet & { readonly errors: readonly RuleError[]; readonly deployedAt: Date };

/** One version that was deployed, and how many shards run it. */
export type RuleSetVersion = {
  readonly hash: string;
  readonly fileCount: number;
  readonly timeScale: number;
  readonly deployedAt: Date;
  /** Whether it is the last deployment; a version may have been deployed before, too. */
  readonly isDeployed: boolean;
  readonly errorCount: number;
  readonly shards: number[];
};

/** The deployed version with its texts; undefined before the first one. */
export async function findDeployedRuleSet(db: Db): Promise<DeployedRuleSet | undefined> {
  const row = await db
    .selectFrom('rule_deployment')
    .innerJoin('rule_set', 'rule_set.hash', 'rule_deployment.hash')
    .select(['rule_set.hash', 'rule_set.texts', 'rule_set.time_scale', 'errors', 'deployed_at'])
    .orderBy('rule_deployment.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { ...toStored(row), errors: row.errors as RuleError[], deployedAt: row.deployed_at };
}

/** The hash of the deployed version alone: what a shard compares with its own at every tick. */
export async function findDeployedHash(db: Db): Promise<string | undefined> {
  const row = await db.selectFrom('rule_deployment').select('hash').orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row?.hash;
}

/** A version by its hash, whether deployed at present or not. */
export async function findRuleSet(db: Db, hash: string): Promise<StoredRuleSet | undefined> {
  const row = await db.selectFrom('rule_set').selectAll().where('hash', '=', hash).executeTakeFirst();
  return row && toStored(row);
}

function toStored(row: { hash: string; texts: unknown; time_scale: number }): StoredRuleSet {
  return { hash: row.hash, texts: row.texts as RuleText[], timeScale: row.time_scale };
}

/** Stores a version, unless it is there, and makes it the deployed one, with what is wrong with the files on disk. */
export async function deployRuleSet(
  db: Db,
  { hash, texts, timeScale, errors }: StoredRuleSet & { readonly errors: readonly RuleError[] },
): Promise<void> {
  await sql`with stored as (
      insert into rule_set (hash, time_scale, texts) values (${hash}, ${timeScale}, ${toJson(texts)}::jsonb)
      on conflict do nothing
    )
    insert into rule_deployment (hash, errors) values (${hash}, ${toJson(errors)}::jsonb)`.execute(db);
}

/** Notes what is wrong with the files on disk now, where the version that they make is still the deployed one. */
export async function noteFileErrors(db: Db, hash: string, errors: readonly RuleError[]): Promise<void> {
  await sql`update rule_deployment set errors = ${toJson(errors)}::jsonb
    where id = (select max(id) from rule_deployment) and hash = ${hash} and errors <> ${toJson(errors)}::jsonb`.execute(
    db,
  );
}

// PostgreSQL's jsonb cannot hold NUL, which a file may; no rule with one is sound.
function toJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('\\u0000', '\\ufffd');
}

/** The deployments of versions, newest first; `shards` lists those that run the version at present. */
export async function listRuleSets(db: Db, page: ListRequest): Promise<Rows<RuleSetVersion>> {
  const all = db.selectFrom(
    db
      .selectFrom('rule_deployment')
      .innerJoin('rule_set', 'rule_set.hash', 'rule_deployment.hash')
      .select(['rule_set.hash', 'time_scale', 'deployed_at'])
      // Positions of pages are UUIDs; a deployment's number stands at the end of one.
      .select([
        sql<string>`lpad(to_hex(rule_deployment.id), 32, '0')::uuid`.as('id'),
        sql<boolean>`rule_deployment.id = (select max(id) from rule_deployment)`.as('is_deployed'),
        sql<number>`jsonb_array_length(texts)`.as('file_count'),
        sql<number>`jsonb_array_length(errors)`.as('error_count'),
        sql<number[]>`array(select shard from rule_shard where rule_set_hash = rule_set.hash order by shard)`.as(
          'shards',
        ),
      ])
      .as('deployment'),
  );
  const deployments = narrowed(all, page);
  const total = await deployments.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const query = inOrder(deployments.selectAll(), page);
  return rowsOf(await query.execute(), total, (row) => ({
    hash: row.hash,
    fileCount: row.file_count,
    timeScale: row.time_scale,
    deployedAt: row.deployed_at,
    isDeployed: row.is_deployed,
    errorCount: row.error_count,
    shards: row.shards,
  }));
}

/** Records that a shard runs a version from a tick on. */
export async function saveShardVersion(
  trx: Db,
  { shard, tickMs, hash }: { shard: number; tickMs: number; hash: string },
): Promise<void> {
  await sql`with changed as (update rule_shard set rule_set_hash = ${hash} where shard = ${shard})
    insert into rule_shard_version (shard, tick_at, hash) values (${shard}, to_timestamp(${tickMs}::float8 / 1000), ${hash})
    on conflict (shard, tick_at) do update set hash = excluded.hash`.execute(trx);
}

/**
 * Forgets which versions evaluated ticks that no repair goes back to, and the versions that nothing needs any more; those of
 * the last deployments are kept for people.
 */
export async function deleteOldVersions(db: Db, ageMsMax: number): Promise<void> {
  await sql`delete from rule_shard_version old using rule_shard_version later
    where later.shard = old.shard and later.tick_at > old.tick_at
      and later.tick_at < now() - make_interval(secs => ${ageMsMax / 1_000})`.execute(db);
  await sql`delete from rule_deployment where id <= (select max(id) from rule_deployment) - ${deploymentsKept}
    and deployed_at < now() - make_interval(secs => ${ageMsMax / 1_000})`.execute(db);
  await sql`delete from rule_set where created_at < now() - make_interval(secs => ${ageMsMax / 1_000})
    and not exists (select from rule_deployment where hash = rule_set.hash)
    and not exists (select from rule_shard_version where hash = rule_set.hash)
    and not exists (select from rule_shard where rule_set_hash = rule_set.hash)`.execute(db);
}

const deploymentsKept = 100;

/** The versions that evaluated a shard's ticks after an instant, in order; the first one may have begun before it. */
export async function listShardVersions(
  trx: Db,
  { shard, afterMs }: { shard: number; afterMs: number },
): Promise<{ tickMs: number; hash: string }[]> {
  const { rows } = await sql<{ tick_ms: number; hash: string }>`
    select (extract(epoch from tick_at) * 1000)::float8 as tick_ms, hash from rule_shard_version
    where shard = ${shard} and tick_at >= coalesce((select max(tick_at) from rule_shard_version
      where shard = ${shard} and tick_at <= to_timestamp(${afterMs}::float8 / 1000)), '-infinity')
    order by tick_at`.execute(trx);
  return rows.map((row) => ({ tickMs: row.tick_ms, hash: row.hash }));
}
