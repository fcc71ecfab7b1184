/** Native partitions of the tables of telemetry: which there are, and making those that are needed. */
import type pg from 'pg';
import type { Log } from '../../platform/log.ts';
import { inTransaction, lockEngine } from './engine-transaction-store.ts';
import { dateOf, dayOf, findPartition, type Partition, partitionFor } from './partition.ts';
import type { TimeTable } from './time-table.ts';

export type PartitionMaker = {
  /** Makes what these days of a table still need; days that it knows of cost nothing. */
  ensureDays(table: TimeTable, days: Iterable<number>): Promise<void>;
  forgetDays(): void;
};

/** A maker that knows of no partition yet. What it remembers is bounded by the days that readings may have. */
export function createPartitionMaker(pool: pg.Pool, log: Log): PartitionMaker {
  const known = new Map<TimeTable, Set<number>>();
  return {
    ensureDays: async (table, days) => {
      const there = known.get(table) ?? new Set();
      known.set(table, there);
      const missing = [...days].filter((day) => !there.has(day));
      if (missing.length === 0) return;
      await makePartitions(pool, { table, days: missing, log });
      for (const day of missing) there.add(day);
    },
    forgetDays: () => known.clear(),
  };
}

type Wanted = {
  readonly table: TimeTable;
  /** The table that gets them, where it does not have its own name yet. */
  readonly parent?: string;
  readonly days: readonly number[];
  readonly log: Log;
};

/** Makes the partitions that days of a table need and that are not there. */
export async function makePartitions(pool: pg.Pool, { table, parent = table, days, log }: Wanted): Promise<void> {
  const today = dayOf(Date.now());
  const isMade = (existing: ReadonlySet<string>) => (day: number) =>
    findPartition(day, { table, existing }) !== undefined;
  if (days.every(isMade(await partitionNames(pool, parent)))) return;
  await inTransaction(pool, async (client) => {
    await lockEngine(client);
    const existing = await partitionNames(client, parent);
    for (const day of days) {
      if (isMade(existing)(day)) continue;
      const partition = partitionFor(day, { table, today, existing });
      await attach(client, parent, partition);
      existing.add(partition.name);
      log.debug({ partition: partition.name }, 'made a partition');
    }
  });
}

async function partitionNames(db: pg.Pool | pg.ClientBase, parent: string): Promise<Set<string>> {
  const { rows } = await db.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
    [parent],
  );
  return new Set(rows.map((row) => row.name));
}

/** Made apart, attached, and recorded with its time: `create table … partition of` would lock out every reader and writer meanwhile. */
async function attach(client: pg.ClientBase, parent: string, { name, fromDay, toDay }: Partition): Promise<void> {
  await client.query(`create table ${name} (like ${parent} including all)`);
  await client.query(
    `alter table ${parent} attach partition ${name} for values from ('${dateOf(fromDay)}T00:00Z') to ('${dateOf(toDay)}T00:00Z')`,
  );
  await client.query(
    'insert into storage_piece (name) values ($1) on conflict (name) do update set made_at = excluded.made_at',
    [name],
  );
}
