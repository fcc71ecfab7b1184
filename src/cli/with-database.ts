import { join } from 'node:path';
import { type Config, readConfig } from '../platform/config.ts';
import { type Database, isConnectionLoss, openDatabase } from '../platform/database.ts';
import { openEmbeddedPostgres } from '../platform/find-postgres.ts';
import { requireMigrated } from '../platform/migrate.ts';
import { createCommandLog } from './command-log.ts';

const migrations = join(import.meta.dirname, '../../migrations');
const connectionsMax = 4;
const statementMsMax = 600_000;

/**
 * Does work on the database of an installation: the one of DATABASE_URL, else that of a program that runs in DATA_DIR, else
 * the one that lies there, started for as long as the work takes. Throws, naming the setting, where there is none, where it
 * does not answer, and where it is of another version than this program.
 */
export async function withDatabase<T>(work: (database: Database, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig(process.env);
  const log = createCommandLog();
  const server = config.DATABASE_URL === undefined ? await openEmbeddedPostgres(config.DATA_DIR, log) : undefined;
  const url = config.DATABASE_URL ?? (server?.url as string);
  try {
    await requireReady(url, config);
    const database = openDatabase(url, { connectionsMax, log, statementMsMax });
    try {
      return await work(database, config);
    } finally {
      await database.close();
    }
  } finally {
    await server?.close();
  }
}

async function requireReady(url: string, { DATABASE_URL, DATA_DIR }: Config): Promise<void> {
  const setting = DATABASE_URL === undefined ? `DATA_DIR ${DATA_DIR}` : 'DATABASE_URL';
  try {
    await requireMigrated(url, migrations);
  } catch (cause) {
    const { message, code } = cause as { message: string; code?: string };
    const isAway = isConnectionLoss(cause) || code === 'ENOTFOUND' || code === 'EAI_AGAIN';
    const reason = isAway ? 'the database does not answer' : message;
    throw new Error(`${setting} cannot be used: ${reason}`, { cause });
  }
}
