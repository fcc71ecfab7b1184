/**
 * The PostgreSQL of a DATA_DIR as a second program finds it: the commands work on the database of a program that runs, and
 * start its server themselves where none does.
 *
 *   no cluster ──▶ an error that says so      runs ──▶ its port and password      does not ──▶ started, and stopped again
 */
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EmbeddedPostgres, isPostgres, startEmbeddedPostgres, urlOf } from './embedded-postgres.ts';
import type { Log } from './log.ts';

const readyWaitMsMax = 15_000;

/**
 * The server under `dataDir`, running. Throws, naming the folder, where there is no cluster in it, where it may not be read,
 * and where another program holds the folder without its server being ready.
 */
export async function openEmbeddedPostgres(
  dataDir: string,
  log: Log,
): Promise<Pick<EmbeddedPostgres, 'url'> & { close(): Promise<void> }> {
  await requireCluster(dataDir);
  for (let waitedMs = 0; ; waitedMs += 250) {
    const url = await findRunning(dataDir);
    if (url !== undefined) return { url, close: async () => undefined };
    try {
      const server = await startEmbeddedPostgres(dataDir, log);
      return { url: server.url, close: server.stop };
    } catch (cause) {
      // A program that has just taken the folder has not started its server yet.
      if (!/is in use by another/.test((cause as Error).message) || waitedMs >= readyWaitMsMax) throw cause;
      await sleep(250);
    }
  }
}

async function requireCluster(dataDir: string): Promise<void> {
  try {
    await access(join(dataDir, 'postgres', 'PG_VERSION'));
  } catch (cause) {
    const folder = resolve(dataDir);
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(folder, cause);
    const help = 'start the program there once, set DATA_DIR to the folder that it uses, or set DATABASE_URL';
    throw new Error(`DATA_DIR ${folder} holds no database yet: ${help}`, { cause });
  }
}

/** The URL of a server that runs and takes connections: line 1 of its pid file is its process, 4 its port, 8 its status. */
async function findRunning(dataDir: string): Promise<string | undefined> {
  const lines = ((await findText(join(dataDir, 'postgres', 'postmaster.pid'))) ?? '').split('\n');
  const [pid, port, status] = [Number(lines[0]), Number(lines[3]), lines[7]?.trim()];
  if (status !== 'ready' || !(await isPostgres(pid))) return undefined;
  const password = await findText(join(dataDir, 'postgres.password'));
  return password === undefined ? undefined : urlOf({ port, password: password.trim() });
}

async function findText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(file, error);
  }
}

function unreadable(path: string, cause: unknown): Error {
  return new Error(`${path} cannot be read: run as the user who started the program, or set DATABASE_URL`, { cause });
}
