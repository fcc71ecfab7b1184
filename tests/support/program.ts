/**
 * The whole program as a child process, started as a person starts it: for tests that kill it, or the database under it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopLeftPostgres } from '../../src/platform/embedded-postgres.ts';
import { createLog } from '../../src/platform/log.ts';

const root = join(import.meta.dirname, '../..');
const startWaitMsMax = 240_000;

/** The credentials that every program of the tests is started with. */
export const credentials = {
  apiKey: 'flt_test_0123456789abcdef0123456789abcdef',
  username: 'gateway',
  password: 'a password for tests',
} as const;

export type Program = {
  readonly apiUrl: string;
  readonly mqttPort: number;
  readonly dataDir: string;
  /** Everything that it has printed so far, both streams. */
  output(): string;
  /** Process id of the embedded PostgreSQL's postmaster. */
  postgresPid(): Promise<number>;
  /** Sends a signal and resolves with the exit code once it has ended (null when the signal killed it). */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  get(path: string): Promise<{ status: number; body: unknown }>;
};

type Options = { readonly dataDir: string; readonly env?: Record<string, string> };

/** Starts the program on free ports with its data in `dataDir`; resolves when it says that it is ready. */
export async function startProgram({ dataDir, env = {} }: Options): Promise<Program> {
  const child = spawn(process.execPath, ['src/cli/faultline.ts', 'start'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HTTP_PORT: '0',
      MQTT_PORT: '0',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      BOOTSTRAP_API_KEY: credentials.apiKey,
      BOOTSTRAP_MQTT_USERNAME: credentials.username,
      BOOTSTRAP_MQTT_PASSWORD: credentials.password,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const apiUrl = await printed(
    child,
    () => /^API +(http:\S+)$/m.exec(output)?.[1],
    () => output,
  );
  const mqttPort = await printed(
    child,
    () => /^MQTT +mqtt:\S+:(\d+)$/m.exec(output)?.[1],
    () => output,
  );
  return {
    apiUrl,
    mqttPort: Number(mqttPort),
    dataDir,
    output: () => output,
    postgresPid: async () => Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]),
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exited = once(child, 'exit');
      child.kill(signal);
      const [code] = (await exited) as [number | null];
      return code;
    },
    get: async (path) => {
      const response = await fetch(new URL(path, apiUrl), {
        headers: { authorization: `Bearer ${credentials.apiKey}` },
      });
      return { status: response.status, body: await response.json() };
    },
  };
}

export type DataDir = { readonly path: string; remove(): Promise<void> };

/** A data folder of the test's own; `remove` also stops a PostgreSQL that a killed program left running in it. */
export async function makeDataDir(): Promise<DataDir> {
  const path = await mkdtemp(join(tmpdir(), 'faultline-program-'));
  return {
    path,
    remove: async () => {
      await stopLeftPostgres(path, createLog('silent'));
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Waits until `find` returns something, as long as `msMax`; throws with what was awaited and how it stands. */
export async function eventually<T>(what: string, find: () => Promise<T | undefined>, msMax = 120_000): Promise<T> {
  const deadline = Date.now() + msMax;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not within ${msMax} ms: ${what}`);
    await sleep(50);
  }
}

/** The sum of a metric of a program's ingest over its labels. */
export async function ingestMetric({ apiUrl }: Pick<Program, 'apiUrl'>, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', apiUrl))).text();
  const lines = text.match(new RegExp(`^faultline_ingest_${name}[ {].*$`, 'gm')) ?? [];
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function printed(child: ChildProcess, find: () => string | undefined, output: () => string): Promise<string> {
  const deadline = Date.now() + startWaitMsMax;
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the program ended:\n${output()}`);
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the program is not ready after ${startWaitMsMax} ms:\n${output()}`);
    }
    await sleep(20);
  }
}
