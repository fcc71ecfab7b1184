/** One case: the program, and beside it, one after the other, the bare broker and the usual way. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Case } from './ingest-cases.ts';
import type { LoadOptions, LoadResult } from './mqtt-load.ts';
import type { BenchProgram } from './program.ts';

export type Measured = {
  /** Readings a second; latencies of acknowledgements in milliseconds, NaN for QoS 0. */
  readonly durable: { readonly perSecond: number; readonly ackP50Ms: number; readonly ackP99Ms: number };
  /** The same at half that rate; not for QoS 0, which is not acknowledged. */
  readonly half: LoadResult | undefined;
  readonly barePerSecond: number | undefined;
  readonly usualPerSecond: number | undefined;
  /** What was promised and is not there. */
  readonly failures: readonly string[];
};

export type Means = { readonly site: string; readonly seconds: number; readonly withOthers: boolean };

type Target = Pick<LoadOptions, 'host' | 'port' | 'username' | 'password'>;

const warmSeconds = 2;

/** Measures a case on a program that runs; its table may hold rows of cases before. */
export async function measureCase(program: BenchProgram, asked: Case, means: Means): Promise<Measured> {
  const url = new URL(program.mqttUrl);
  const target = {
    host: url.hostname,
    port: Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  const { site, seconds } = means;
  const options = { ...asked, ...target, site, warmSeconds, seconds };
  const before = await countReadings(program.databaseUrl);
  const load = await runLoad(options);
  const loadEndedAt = performance.now();
  const settled = await settledCount(program.databaseUrl);
  const stored = settled.count - before;
  const failures: string[] = [];
  if (load.lost > 0) failures.push(`${load.lost} messages were never acknowledged`);
  const promised = asked.qos === 0 ? 0 : load.acknowledgedInAll * asked.readings;
  if (stored < promised) failures.push(`${promised} readings were acknowledged and ${stored} are in the table`);
  const messagesPerSecond = load.acknowledged / load.seconds;
  const secondsToLast = load.secondsInAll + Math.max(0, settled.at - loadEndedAt) / 1_000;
  const perSecond = asked.qos === 0 ? stored / secondsToLast : messagesPerSecond * asked.readings;
  const half =
    asked.qos === 0 ? undefined : await runLoad({ ...options, ratePerSecond: Math.max(1, messagesPerSecond / 2) });
  if (half && half.lost > 0) failures.push(`${half.lost} messages at half the rate were never acknowledged`);
  const others = means.withOthers ? await measureOthers(program, asked, options) : {};
  return {
    durable: { perSecond, ackP50Ms: load.ackP50Ms, ackP99Ms: load.ackP99Ms },
    half,
    barePerSecond: undefined,
    usualPerSecond: undefined,
    ...others,
    failures,
  };
}

async function measureOthers(program: BenchProgram, asked: Case, options: LoadOptions) {
  const bare = await besideBroker(['bare'], options);
  const usual = await besideBroker(['usual', program.databaseUrl], options);
  const messages = asked.qos === 0 ? bare.load.sent / bare.seconds : bare.load.acknowledged / bare.load.seconds;
  return { barePerSecond: messages * asked.readings, usualPerSecond: usual.written / usual.seconds };
}

/** The load on a broker of its own; `seconds` end when all that it writes is written. */
async function besideBroker(way: string[], options: LoadOptions) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'other-broker.ts'), ...way], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const target: Target = {
      host: '127.0.0.1',
      port: Number((await lines.next()).value),
      username: 'x',
      password: 'x',
    };
    const load = await runLoad({ ...options, ...target });
    const endedAt = performance.now();
    child.kill('SIGTERM');
    const written = Number((await lines.next()).value);
    return { load, written, seconds: load.secondsInAll + (performance.now() - endedAt) / 1_000 };
  } finally {
    await ended(child);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'mqtt-load.ts'),
    JSON.stringify(options),
  ]);
  return JSON.parse(stdout) as LoadResult;
}

/** Of QoS 0 nobody says when the last is stored: when no more come. */
async function settledCount(databaseUrl: string): Promise<{ count: number; at: number }> {
  let last = { count: await countReadings(databaseUrl), at: performance.now() };
  for (;;) {
    await sleep(200);
    const count = await countReadings(databaseUrl);
    if (count === last.count) return last;
    last = { count, at: performance.now() };
  }
}

async function countReadings(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>('select count(*)::float8 as count from reading');
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}
