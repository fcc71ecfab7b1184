/**
 * How much memory the program takes when clients do what they like: its resident memory each second, phase after phase,
 * beside the bound and its parts. Ends with 1 when it is exceeded.
 *
 *   npm run bench:memory -- [--seconds 60] [--idle 5000]
 *
 * PostgreSQL is stopped where it stands (SIGSTOP) during the flood, so that nothing can be committed and nothing fails.
 * Program and benchmark each need a file for each connection: a hard limit (`ulimit -Hn`) of 8,192 is enough for 5,000.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { type Broker, connectFrozen, connectHuge, connectIdle, connectOne, flood } from './memory-load.ts';
import { startBenchProgram } from './program.ts';
import { type ResidentSampler, sampleResident, sparkline } from './resident.ts';

const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, idle: { type: 'string', default: '5000' } },
});
const seconds = Number(flags.seconds);
const idleCount = Number(flags.idle);
const floodClients = 100;
const hugeBytes = 200 * 1_024 * 1_024;

/** What may be in memory at once, in MB, and in the end more of it than it needs: nothing is given back at once. */
const bound = {
  'the program at rest, with what its start has left': 256,
  'messages: 96 MB in the intake, and as much for what Node keeps them in': 192,
  'the batch under way, as readings and as columns': 64,
  'the pages of the spool that are in memory': 8,
  'delivery to one subscriber, and retained messages': 64,
  'strangers before their CONNECT': 32,
  [`connections: 24 kB each of ${idleCount + floodClients}`]: Math.ceil(((idleCount + floodClients) * 24) / 1_024),
  'garbage that is not collected yet': 256,
};
const boundMb = Object.values(bound).reduce((sum, mb) => sum + mb, 0);

const program = await startBenchProgram({ LOG_LEVEL: 'error', SPOOL_BYTES_MAX: '200MB' });
const { port, username, password } = new URL(program.mqttUrl);
const broker: Broker = { port: Number(port), username, password: decodeURIComponent(password) };
const sampler = sampleResident(program.pid);
try {
  await run(sampler);
} finally {
  sampler.stop();
  await signalDatabase('SIGCONT');
  await program.stop();
}
report(sampler);

async function run({ enter }: ResidentSampler): Promise<void> {
  await grantSubscriptions();
  enter('at rest');
  await sleep(5_000);
  enter(`${idleCount} idle`);
  const idle = await connectIdle(broker, idleCount);
  await sleep(10_000);

  const senders = await Promise.all(Array.from({ length: floodClients }, (_, i) => connectOne(broker, `flood-${i}`)));
  enter('database stopped');
  await signalDatabase('SIGSTOP');
  const flooding = flood(senders, { topicOf: (client) => `telemetry/main/flood-${client}/p` });
  await sleep(seconds * 1_000);
  flooding.stop();
  for (const sender of senders) sender.destroy();
  console.log(`${flooding.sent().toLocaleString('en')} messages of QoS 0 were sent in ${seconds} s`);
  enter('and back');
  await signalDatabase('SIGCONT');
  await sleep(20_000);

  enter('200 MB CONNECT');
  const taken = await Promise.all(Array.from({ length: 10 }, () => connectHuge(broker, hugeBytes)));
  console.log(`of ten CONNECTs of 200 MB the network took ${Math.max(...taken).toLocaleString('en')} bytes at most`);
  await sleep(5_000);

  enter('frozen subscriber');
  const frozen = await connectFrozen(broker, 'telemetry/#');
  const publishers = await Promise.all(Array.from({ length: 10 }, (_, i) => connectOne(broker, `publisher-${i}`)));
  const publishing = flood(publishers, { topicOf: (client) => `telemetry/main/publisher-${client}/p` });
  await sleep(30_000);
  publishing.stop();
  console.log(`idle connections still open: ${idle.filter((socket) => !socket.destroyed).length}`);
  for (const socket of [...publishers, frozen, ...idle]) socket.destroy();
}

function report({ phases }: ResidentSampler): void {
  console.log('\nMB resident, a column a second or several');
  let isExceeded = false;
  for (const { name, samplesMb } of phases()) {
    const peak = Math.max(...samplesMb);
    isExceeded ||= peak > boundMb;
    const curve = sparkline(samplesMb, { highest: boundMb, widthMax: 60 });
    console.log(`${name.padEnd(20)} peak ${String(peak).padStart(5)} of ${boundMb}  ${curve}`);
  }
  console.log('\nthe bound');
  for (const [part, mb] of Object.entries(bound)) console.log(`${String(mb).padStart(6)} MB  ${part}`);
  console.log(`${String(boundMb).padStart(6)} MB  in all${isExceeded ? ': EXCEEDED' : ''}`);
  process.exitCode = isExceeded ? 1 : 0;
}

/** The first device may read what it sends, for the subscriber. */
async function grantSubscriptions(): Promise<void> {
  const client = new pg.Client({ connectionString: program.databaseUrl });
  await client.connect();
  await client.query(`update device set subscribe_grants = '{telemetry/#}' where username = $1`, [username]);
  await client.end();
}

/** Signals the postmaster of the program's own database and all its children. */
async function signalDatabase(signal: NodeJS.Signals): Promise<void> {
  const pidFile = await readFile(join(program.dataDir, 'postgres/postmaster.pid'), 'utf8').catch(() => '');
  const postmaster = Number(pidFile.split('\n')[0]);
  if (!(postmaster > 1)) return;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''); // It has ended meanwhile.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (pid === postmaster || parent === postmaster) process.kill(pid, signal);
  }
}
