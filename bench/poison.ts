/**
 * What clients that behave notice of others that send poison (tests/support/poison.ts): the rate at which their messages are
 * acknowledged, beside the rate without any, of clients that send evenly and of clients whose window is always full; and how
 * much memory the program takes, wave after wave: what is in use of its heap once that is collected, and what is resident.
 * Ends with 1 when less than 0.8 of a rate is left, when a message is missing, or when memory is not where it was.
 *
 *   node bench/poison.ts [--pieces 100000] [--seed 1] [--rate 500] [--window 20]
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import type { Door } from '../tests/support/poison-clients.ts';
import { type Behaved, startBehaved } from './poison-behaved.ts';
import { freePort, openHeap } from './poison-heap.ts';
import type { Wave } from './poison-wave.ts';
import { startBenchProgram } from './program.ts';
import { residentMb } from './resident.ts';

const { values: flags } = parseArgs({
  options: {
    pieces: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '500' },
    window: { type: 'string', default: '20' },
  },
});
const pieces = Number(flags.pieces);
const seed = Number(flags.seed);
const rate = Number(flags.rate);
const window = Number(flags.window);
const goodClients = 10;
const leastRatio = 0.8;
const waves = 4;
const heapGrowthMbMax = 24;
/** The first wave gives the heap the size that it needs, which it keeps, and fills what is kept for reuse. */
const residentGrowthMbMax = 40;
const warmMs = 3_000;
const aloneMs = 10_000;

const inspectorPort = await freePort();
const program = await startBenchProgram({ NODE_OPTIONS: `--inspect=127.0.0.1:${inspectorPort}` });
const heap = await openHeap(inspectorPort);
try {
  await run();
} finally {
  heap.close();
  await program.stop();
}

async function run(): Promise<void> {
  const { port, username, password } = new URL(program.mqttUrl);
  const door: Door = { port: Number(port), username, password: decodeURIComponent(password) };
  await prepare();
  const ways = [
    { name: 'even', behaved: await startBehaved(door, { name: 'even', clients: goodClients, perSecond: rate }) },
    { name: 'full', behaved: await startBehaved(door, { name: 'full', clients: goodClients, window }) },
  ];
  await sleep(warmMs);
  const table: Record<string, object> = {};
  const memory: Memory[] = [];
  const ratios: number[] = [];
  let alone: Measured[] = [];
  const measure = async (name: string, during: Promise<void>) => {
    const measured = await Promise.all(ways.map(({ behaved }) => behaved.measure(async () => during)));
    memory.push({ heapMb: await heap.collect(), residentMb: residentMb(program.pid) });
    table[name] = row(ways, measured, memory.at(-1) as Memory);
    return measured;
  };
  const others = { ...door, username: 'poison' };
  alone = await measure('alone', sleep(aloneMs));
  await measure('well-formed', sendWave(others, 0));
  memory.length = 1;
  for (let wave = 1; wave <= waves; wave++) {
    const measured = await measure(`wave ${wave}`, sendWave(others, wave));
    ratios.push(...measured.map(({ perSecond }, i) => perSecond / (alone[i]?.perSecond ?? 0)));
  }
  const missing = (await Promise.all(ways.map(({ behaved }) => behaved.stop()))).reduce((sum, one) => sum + one, 0);
  console.table(table);
  conclude({ leastSeen: Math.min(...ratios), missing, memory });
}

type Way = { readonly name: string; readonly behaved: Behaved };
type Measured = Awaited<ReturnType<Behaved['measure']>>;
type Memory = { readonly heapMb: number; readonly residentMb: number };

function conclude({ leastSeen, missing, memory }: { leastSeen: number; missing: number; memory: Memory[] }): void {
  const [before, first] = memory as [Memory, Memory];
  const last = memory.at(-1) as Memory;
  const heapMb = last.heapMb - before.heapMb;
  const growthMb = last.residentMb - first.residentMb;
  console.log(
    `seed ${seed}, ${pieces} pieces; least ratio ${leastSeen.toFixed(2)} (at least ${leastRatio}), missing ${missing}`,
  );
  console.log(
    `heap in use ${heapMb} MB more than before (at most ${heapGrowthMbMax}), resident ${growthMb} MB more than after the first wave (at most ${residentGrowthMbMax})`,
  );
  const isWorse = leastSeen < leastRatio || heapMb > heapGrowthMbMax || growthMb > residentGrowthMbMax;
  if (isWorse || missing > 0) process.exitCode = 1;
}

function row(ways: readonly Way[], measured: readonly Measured[], memory: Memory) {
  const rates = ways.flatMap(({ name }, i) => [
    [`${name}/s`, Math.round(measured[i]?.perSecond ?? 0)],
    [`${name} p99 ms`, measured[i]?.p99Ms],
  ]);
  return { seconds: Math.round((measured[0]?.ms ?? 0) / 1_000), ...Object.fromEntries(rates), ...memory };
}

/** The sites that poison names, and devices that may publish anywhere: one behaves, and one, of the same password, does not. */
async function prepare(): Promise<void> {
  const client = new pg.Client({ connectionString: program.databaseUrl });
  await client.connect();
  await client.query(`update device set publish_grants = '{#}' where username = 'bench'`);
  await client.query(`
    insert into device (id, tenant_id, name, username, password_argon2id, publish_grants)
    select gen_random_uuid(), tenant_id, 'poison', 'poison', password_argon2id, publish_grants
    from device where username = 'bench'`);
  for (const [slug, discovery] of [
    ['north', true],
    ['quiet', false],
  ]) {
    await client.query(
      `insert into site (id, tenant_id, slug, name, discovery, shard) select gen_random_uuid(), id, $1, $1, $2, 1 from tenant
       on conflict do nothing`,
      [slug, discovery],
    );
  }
  await client.end();
}

/**
 * From a process of its own: to make poison takes time, which is not that of the clients that behave. Wave 0 is well formed: what as
 * many messages cost the others that any device may send.
 */
async function sendWave(door: Door, wave: number): Promise<void> {
  const isWellFormed = wave === 0;
  const asked: Wave = { door, pieces: pieces / waves, seed: seed + wave * 10, name: String(wave), isWellFormed };
  const file = join(import.meta.dirname, 'poison-wave.ts');
  await promisify(execFile)(process.execPath, [file, JSON.stringify(asked)]);
}
