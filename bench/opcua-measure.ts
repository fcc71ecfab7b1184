/** One number of items: the program, or the bare client, at what it takes at most and at an even rate. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Load, loadNamespace, startBare } from './opcua-others.ts';
import { connectProgram } from './opcua-program.ts';
import { databaseMs, processorMs } from './processor-time.ts';
import type { OwnProgram } from './program.ts';

export type Means = {
  readonly load: Load;
  readonly items: number;
  readonly folder: string;
  readonly seconds: number;
  readonly ratePerSecond: number;
};

export type Measured = {
  /** Values a second when the server always has some: committed rows, or what the bare client was given. */
  readonly perSecond: number;
  /** The even rate that came about, and the processor time of each value at it, in microseconds. */
  readonly evenPerSecond: number;
  readonly ownUsPerValue: number;
  readonly databaseUsPerValue: number;
  readonly serverUsPerValue: number;
  readonly failures: readonly string[];
};

/** What both ask of the server. */
const publishingIntervalMs = 100;
const queueSize = 1_000;
const warmMs = 2_000;
const settleMsMax = 60_000;
const lookEveryMs = 200;
/** The database may stand still for a while on a machine that has something else to do. */
const calmMsMin = 5_000;

/** Connects the program to the server by its API, and counts rows of its table: what was sent has to be there in the end. */
export async function measureProgram(program: OwnProgram, means: Means): Promise<Measured> {
  const { load, items } = means;
  const client = new pg.Client({ connectionString: program.databaseUrl });
  await client.connect();
  const count = async () => {
    const { rows } = await client.query<{ count: number }>('select count(*)::float8 as count from reading');
    return rows[0]?.count ?? 0;
  };
  try {
    await connectProgram(program, { ...means, publishingIntervalMs });
    await monitored(load, items);
    await settled(count);
    const times = () => ({ own: processorMs(program.pid), database: databaseMs(program.dataDir) });
    return await measure(means, { count, times });
  } finally {
    await client.end();
  }
}

export async function measureBare({ folder, ...means }: Means): Promise<Measured> {
  const { load, items } = means;
  const bare = await startBare({
    endpointUrl: load.endpointUrl,
    namespace: loadNamespace,
    items,
    publishingIntervalMs,
    queueSize,
    folder: join(folder, 'bare'),
  });
  try {
    await monitored(load, items);
    const count = async () => (await bare.state()).received;
    await settled(count);
    return await measure({ ...means, folder }, { count, times: () => ({ own: processorMs(bare.pid), database: 0 }) });
  } finally {
    bare.stop();
  }
}

type Subject = {
  count(): Promise<number>;
  times(): { own: number; database: number };
};

async function measure(means: Means, subject: Subject): Promise<Measured> {
  const full = await run(means, subject, { run: 'full' });
  const even = await run(means, subject, { run: 'even', perSecond: means.ratePerSecond / means.items });
  const usPerValue = (ms: number) => (ms * 1_000) / even.produced;
  return {
    perSecond: full.perSecond,
    evenPerSecond: even.madePerSecond,
    ownUsPerValue: usPerValue(even.own),
    databaseUsPerValue: usPerValue(even.database),
    serverUsPerValue: usPerValue(even.server),
    failures: [...full.failures, ...even.failures],
  };
}

/** From the first value that is made to the moment at which all that were made have arrived. */
async function run({ load, seconds }: Means, { count, times }: Subject, command: Parameters<Load['tell']>[0]) {
  if (command.run === 'full') {
    await load.tell(command);
    await sleep(warmMs);
    await load.tell({ run: 'stop' });
    await settled(count);
  }
  const [before, made, spent, server] = [await count(), (await load.state()).produced, times(), processorMs(load.pid)];
  const startedAt = performance.now();
  await load.tell(command);
  await sleep(seconds * 1_000);
  const produced = (await load.tell({ run: 'stop' })).produced - made;
  const stoppedAt = performance.now();
  const last = await settled(count);
  const [now, serverNow] = [times(), processorMs(load.pid)];
  const missing = produced - (last.count - before);
  return {
    produced,
    madePerSecond: produced / ((stoppedAt - startedAt) / 1_000),
    perSecond: produced / ((last.at - startedAt) / 1_000),
    own: now.own - spent.own,
    database: now.database - spent.database,
    server: serverNow - server,
    failures: missing > 0 ? [`${produced} values were sent and ${missing} of them are missing`] : [],
  };
}

async function monitored(load: Load, items: number): Promise<void> {
  const deadline = performance.now() + settleMsMax;
  for (;;) {
    const { monitoredItems } = await load.state();
    if (monitoredItems === items) return;
    if (performance.now() > deadline) throw new Error(`the server has ${monitoredItems} monitored items, not ${items}`);
    await sleep(200);
  }
}

/** When no more come; `at` is when the last were seen first. */
async function settled(count: () => Promise<number>): Promise<{ count: number; at: number }> {
  let last = { count: await count(), at: performance.now() };
  for (let calmMs = 0; calmMs < calmMsMin; ) {
    await sleep(lookEveryMs);
    const now = await count();
    calmMs = now === last.count ? calmMs + lookEveryMs : 0;
    if (calmMs === 0) last = { count: now, at: performance.now() };
  }
  return last;
}
