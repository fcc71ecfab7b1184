/**
 * A PostgreSQL on a fixed port that can be killed, stopped, frozen and started again, from outside of the program that
 * uses it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres, urlOf } from '../../src/platform/embedded-postgres.ts';
import { createLog } from '../../src/platform/log.ts';
import { ownerOf } from '../../src/platform/postgres-owner.ts';
import { findLowPort } from '../support/low-port.ts';

export type ChaosServer = {
  readonly url: string;
  /** Sends the postmaster a signal, SIGKILL or SIGINT (a fast shutdown), and resolves once it has ended. */
  end(signal: 'SIGKILL' | 'SIGINT'): Promise<void>;
  /** Starts it; resolves once it answers. */
  start(): Promise<void>;
  /** Stops all its processes where they are, or lets them go on: to its clients it is a machine that has vanished. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
};

const startMsMax = 60_000;

/** Makes a cluster in `folder` and starts it. */
export async function startChaosServer(folder: string): Promise<ChaosServer> {
  const made = await startEmbeddedPostgres(folder, createLog('silent'));
  const password = new URL(made.url).password;
  await made.stop();
  const port = await findLowPort();
  const url = urlOf({ port, password });
  let child: ChildProcess | undefined;

  const start = async () => {
    const deadline = Date.now() + startMsMax;
    // A server that was killed leaves processes behind for a moment, and no new one starts meanwhile.
    for (;;) {
      child ??= await spawnServer(join(folder, 'postgres'), port);
      if (await answers(url)) return;
      if (child.exitCode !== null || child.signalCode !== null) child = undefined;
      if (Date.now() > deadline) throw new Error('PostgreSQL does not start');
      await sleep(100);
    }
  };
  const signalAll = async (signal: NodeJS.Signals) => {
    const postmaster = child?.pid;
    if (postmaster === undefined) return;
    for (const pid of [postmaster, ...(await childrenOf(postmaster))]) signalIfThere(pid, signal);
  };
  await start();
  return {
    url,
    start,
    end: async (signal) => {
      if (!child) return;
      const ended = child;
      child = undefined;
      const exited = once(ended, 'exit');
      ended.kill(signal);
      await exited;
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
  };
}

async function spawnServer(folder: string, port: number): Promise<ChildProcess> {
  const { postgres } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as { postgres: string };
  const owner = await ownerOf(folder, postgres);
  const [command, ...prefix] = owner.command(postgres);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_wal_size=2GB'];
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const child = spawn(command, [...prefix, '-D', folder, '-p', String(port), ...flags], {
    ...owner.spawn,
    stdio: 'ignore',
  });
  await once(child, 'spawn');
  return child;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // The query rejects with it.
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false; // It is starting, or has ended: the caller looks again.
  } finally {
    await client.end().catch(() => undefined); // One that never connected has nothing to end.
  }
}

/** The fourth field of /proc/pid/stat is the parent; the second, in brackets, may hold anything. */
async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''); // It has ended meanwhile.
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent ? [pid] : [];
    }),
  );
  return found.flat();
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
