import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import type { Database } from '../../src/platform/database.ts';

/** The name of the migrated database that every test's own database is copied from. */
export const templateName = 'faultline_template';

/** The same server as `url`, another database of it. */
export function databaseUrl(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** The URL of a database that is open. */
export function urlOf({ pool }: Pick<Database, 'pool'>): string {
  return (pool as unknown as { options: { connectionString: string } }).options.connectionString;
}

export type TestDatabase = { readonly url: string; drop(): Promise<void> };

/** Files are copied in a third of the time, on a server whose checkpoints do not wait for the disk (global-setup.ts). */
const copying = process.env.TIMESCALE_URL ? 'wal_log' : 'file_copy';

/**
 * A fresh, migrated database of the caller's own on the run's real server, or, of `template0`, one in which there is nothing; `drop` ends
 * its connections and removes it.
 */
export async function createTestDatabase(
  template: 'template0' | typeof templateName = templateName,
): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `faultline_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name} template ${template} strategy ${copying}`);
  return {
    url: databaseUrl(serverUrl, name),
    drop: () => onServer(serverUrl, `drop database ${name} with (force)`),
  };
}

/** Runs one statement on a connection of its own. */
export async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
