/**
 * How fast readings become durable: messages of QoS 1, one reading each, from PUBLISH to PUBACK, beside the rate at which
 * one connection inserts the same rows into a table of the same shape on the same server.
 *
 *   npm run bench -- [--clients 100] [--window 100] [--seconds 10] [--json]
 *   npm run bench -- --mqtt mqtt://user:password@host:port --site main --database postgresql://…     a program that runs already
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { measureInsertLimit } from './insert-limit.ts';
import type { LoadOptions, LoadResult } from './mqtt-load.ts';
import { type BenchProgram, startBenchProgram } from './program.ts';

const { values: flags } = parseArgs({
  options: {
    clients: { type: 'string', default: '100' },
    window: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    mqtt: { type: 'string' },
    site: { type: 'string', default: 'main' },
    database: { type: 'string' },
  },
});

const program = flags.mqtt && flags.database ? running(flags.mqtt, flags.database) : await startBenchProgram();
try {
  const clients = Number(flags.clients);
  const window = Number(flags.window);
  const url = new URL(program.mqttUrl);
  const load = await runLoad({
    host: url.hostname,
    port: Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    site: flags.site,
    clients,
    window,
    warmSeconds: 2,
    seconds: Number(flags.seconds),
  });
  const limit = await measureInsertLimit(program.databaseUrl);
  report({
    bench: 'ingest',
    qos: 1,
    clients,
    window,
    readingsPerMessage: 1,
    readingsPerSecond: Math.round(load.acknowledged / load.seconds),
    limitPerSecond: Math.round(limit.rowsPerSecond),
    ratio: Number((load.acknowledged / load.seconds / limit.rowsPerSecond).toFixed(3)),
    ackP50Ms: Number(load.ackP50Ms.toFixed(1)),
    ackP99Ms: Number(load.ackP99Ms.toFixed(1)),
  });
  if (load.lost > 0) throw new Error(`${load.lost} messages were never acknowledged`);
  if (limit.stored < load.acknowledgedInAll) {
    throw new Error(`${load.acknowledgedInAll} readings were acknowledged and ${limit.stored} are in the table`);
  }
} finally {
  await program.stop();
}

type Line = Record<string, string | number>;

function report(line: Line): void {
  if (flags.json) {
    console.log(JSON.stringify(line));
    return;
  }
  const { readingsPerSecond, limitPerSecond, ratio, ackP50Ms, ackP99Ms, clients, window } = line;
  console.log(`${clients} devices, ${window} messages of QoS 1 in flight each, one reading a message`);
  console.log(`durable   ${thousands(readingsPerSecond)} readings/s from PUBLISH to PUBACK`);
  console.log(
    `limit     ${thousands(limitPerSecond)} rows/s, one connection inserting the same rows with on conflict do nothing`,
  );
  console.log(`ratio     ${ratio}`);
  console.log(`ack       p50 ${ackP50Ms} ms, p99 ${ackP99Ms} ms`);
}

async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'mqtt-load.ts'),
    JSON.stringify(options),
  ]);
  return JSON.parse(stdout) as LoadResult;
}

function running(mqttUrl: string, databaseUrl: string): BenchProgram {
  return { mqttUrl, databaseUrl, stop: async () => undefined };
}

function thousands(value: unknown): string {
  return Number(value).toLocaleString('en').padStart(9);
}
