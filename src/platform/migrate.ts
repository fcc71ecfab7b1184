import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { advisoryLocks } from './advisory-locks.ts';

/**
 * Brings the database at `url` to the newest schema: runs, in the order of their names, the `*.sql` files of `folder`
 * that it has not seen, each in a transaction of its own, under one advisory lock. Forward only. Throws when a file that
 * was applied has changed or is gone since. Returns the names that were applied now.
 */
export async function migrate(url: string, folder: string): Promise<string[]> {
  const files = await readMigrations(folder);
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [advisoryLocks.migration]);
    await client.query(
      'create table if not exists migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())',
    );
    const { rows } = await client.query<{ name: string; sha256: string }>('select name, sha256 from migration');
    refuseChanged(files, rows);
    const known = new Set(rows.map((row) => row.name));
    const fresh = files.filter((file) => !known.has(file.name));
    for (const file of fresh) await apply(client, file);
    return fresh.map((file) => file.name);
  } finally {
    await client.end();
  }
}

/**
 * Looks whether the database at `url` has the newest schema, and changes nothing. Throws a sentence that says what to do
 * where it has an older one, a newer one, or none.
 */
export async function requireMigrated(url: string, folder: string): Promise<void> {
  const files = await readMigrations(folder);
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows: tables } = await client.query(`select to_regclass('migration') as name`);
    const known =
      tables[0]?.name === null ? [] : (await client.query<{ name: string }>('select name from migration')).rows;
    const applied = new Set(known.map(({ name }) => name));
    const missing = files.filter(({ name }) => !applied.has(name));
    if (applied.size === 0) throw new Error('no Faultline has used this database yet; start the program on it first');
    if (missing.length > 0)
      throw new Error('its schema is of an older version; start the program once to bring it up to date');
    const newer = known.find(({ name }) => !files.some((file) => file.name === name));
    if (newer) throw new Error(`its schema is of a newer version (${newer.name}); use that version of the program`);
  } finally {
    await client.end();
  }
}

type Migration = { readonly name: string; readonly sql: string; readonly sha256: string };

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

function refuseChanged(files: Migration[], applied: { name: string; sha256: string }[]): void {
  for (const { name, sha256 } of applied) {
    const file = files.find((candidate) => candidate.name === name);
    if (!file)
      throw new Error(`migration ${name} was applied to this database and is not among the program's migrations`);
    if (file.sha256 !== sha256)
      throw new Error(`migration ${name} has changed since it was applied; add a new one instead`);
  }
}

async function apply(client: pg.Client, { name, sql, sha256 }: Migration): Promise<void> {
  try {
    await client.query('begin');
    await client.query(sql);
    await client.query('insert into migration (name, sha256) values ($1, $2)', [name, sha256]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new Error(`migration ${name} failed: ${(error as Error).message}`, { cause: error });
  }
}
