import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { onEnd } from './ended.ts';

/** A program under test, from outside: where its broker and its database are. */
export type BenchProgram = { readonly mqttUrl: string; readonly databaseUrl: string; stop(): Promise<void> };

const startMsMax = 60_000;

/** One of its own, which has an API as well. */
export type OwnProgram = BenchProgram & {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly pid: number;
  readonly dataDir: string;
};

/** Starts the program as `npm start` does, on free ports, with a database of its own in a temporary folder; `env` are settings. */
export async function startBenchProgram(env: Record<string, string> = {}): Promise<OwnProgram> {
  const dataDir = await mkdtemp(join(tmpdir(), 'faultline-bench-'));
  const password = randomBytes(12).toString('hex');
  const apiKey = randomBytes(16).toString('hex');
  const cwd = join(import.meta.dirname, '..');
  const { scripts } = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const child = spawn(process.execPath, scripts.start.split(' ').slice(1), {
    cwd,
    env: {
      ...process.env,
      DATABASE_URL: '',
      HTTP_PORT: '0',
      MQTT_PORT: '0',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      BOOTSTRAP_API_KEY: apiKey,
      BOOTSTRAP_MQTT_USERNAME: 'bench',
      BOOTSTRAP_MQTT_PASSWORD: password,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let isStopping = false;
  child.once('exit', (code, signal) => {
    if (!isStopping) process.stderr.write(`the program ended by itself: ${signal ?? `code ${code}`}\n`);
  });
  const stop = async () => {
    isStopping = true;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
    forget();
  };
  const forget = onEnd(stop);
  const { apiUrl, port } = await announced(child).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const databaseUrl = await embeddedDatabaseUrl(dataDir);
  await grantEverything(databaseUrl);
  const mqttUrl = `mqtt://bench:${password}@127.0.0.1:${port}`;
  return { mqttUrl, apiUrl, apiKey, databaseUrl, stop, pid: child.pid ?? 0, dataDir };
}

async function announced(child: ChildProcess): Promise<{ apiUrl: string; port: string }> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const deadline = performance.now() + startMsMax;
  for (;;) {
    const apiUrl = /^API +(http:\S+)$/m.exec(output)?.[1];
    const port = /^MQTT +mqtt:\S+:(\d+)$/m.exec(output)?.[1];
    if (apiUrl !== undefined && port !== undefined) return { apiUrl, port };
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`the program did not start:\n${output}`);
    await sleep(20);
  }
}

/** The fourth line of PostgreSQL's pid file is its port. */
async function embeddedDatabaseUrl(dataDir: string): Promise<string> {
  const password = (await readFile(join(dataDir, 'postgres.password'), 'utf8')).trim();
  const pidFile = await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8');
  return `postgresql://faultline:${password}@127.0.0.1:${pidFile.split('\n')[3]}/faultline`;
}

/** The first device publishes telemetry only; the benchmark's edge nodes have another root. */
async function grantEverything(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`update device set publish_grants = '{telemetry/#,spBv1.0/#}' where username = 'bench'`);
  await client.end();
}
