/**
 * What clients that behave notice of others that send poison (tests/support/poison.ts): the rate at which their messages are
 * acknowledged, beside the rate without any, and how much memory the program takes, wave after wave. Ends with 1 when less
 * than 0.8 of the rate is left, when a message is missing, or when the last wave leaves more in memory than the one before.
 *
 *   node bench/poison.ts [--pieces 100000] [--seed 1] [--rate 500]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { createPoison } from '../tests/support/poison.ts';
import { type Door, publishAll, sendPackets } from '../tests/support/poison-clients.ts';
import { startBehaved } from './poison-behaved.ts';
import { startBenchProgram } from './program.ts';
import { residentMb } from './resident.ts';

const { values: flags } = parseArgs({
  options: {
    pieces: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '500' },
  },
});
const pieces = Number(flags.pieces);
const seed = Number(flags.seed);
const rate = Number(flags.rate);
const goodClients = 10;
const leastRatio = 0.8;
const waves = 4;
/** Of the last wave: the first ones fill what is kept for reuse, and give the heap the size that it needs. */
const residentGrowthMbMax = 40;
const aloneMs = 10_000;

const program = await startBenchProgram();
try {
  await run();
} finally {
  await program.stop();
}

async function run(): Promise<void> {
  const { port, username, password } = new URL(program.mqttUrl);
  const door: Door = { port: Number(port), username, password: decodeURIComponent(password) };
  await prepare();
  const behaved = await startBehaved(door, { clients: goodClients, rate });
  await sleep(3_000);
  const alone = await behaved.measure(async () => sleep(aloneMs));
  const table: Record<string, object> = { alone: row(alone) };
  const ratios: number[] = [];
  const residents: number[] = [];
  for (let wave = 1; wave <= waves; wave++) {
    const beside = await behaved.measure(() => sendPoison(door, wave));
    ratios.push(beside.perSecond / alone.perSecond);
    table[`wave ${wave}`] = row(beside);
    residents.push(residentMb(program.pid));
  }
  const missing = await behaved.stop();
  console.table(table);
  const leastSeen = Math.min(...ratios);
  const growthMb = (residents.at(-1) ?? 0) - (residents.at(-2) ?? 0);
  console.log(
    `seed ${seed}, ${pieces} pieces; least ratio ${leastSeen.toFixed(2)}, missing ${missing}, growth of the last wave ${growthMb} MB`,
  );
  if (leastSeen < leastRatio || missing > 0 || growthMb > residentGrowthMbMax) process.exitCode = 1;
}

function row({ perSecond, p99Ms, ms }: { perSecond: number; p99Ms: number; ms: number }) {
  return {
    seconds: Math.round(ms / 1_000),
    perSecond: Math.round(perSecond),
    p99Ms,
    residentMb: residentMb(program.pid),
  };
}

/** The sites that poison names, and a device that may publish anywhere. */
async function prepare(): Promise<void> {
  const client = new pg.Client({ connectionString: program.databaseUrl });
  await client.connect();
  await client.query(`update device set publish_grants = '{#}' where username = 'bench'`);
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

/** A share of the pieces as payloads that are published, and the others as packets, all at once. */
async function sendPoison(door: Door, wave: number): Promise<void> {
  const poison = createPoison(seed + wave * 10);
  let messages = Math.floor((pieces / waves) * 0.7);
  let packets = pieces / waves - messages;
  const next = () => (messages-- > 0 ? { topic: poison.topic(), payload: poison.payload() } : undefined);
  const publishers = Array.from({ length: 4 }, (_, n) =>
    publishAll(door, { clientId: `poison-${wave}-${n}`, window: 100, next }),
  );
  const attackers = Array.from({ length: 4 }, async (_, n) => {
    const own = createPoison(seed + wave * 10 + 1 + n);
    for (let session = 0; packets > 0; session++)
      packets -= await sendPackets(door, own, `attack-${wave}-${n}-${session}`);
  });
  await Promise.all([...publishers, ...attackers]);
}
