/**
 * Devices send while everything under them breaks, again and again: the program is killed, PostgreSQL is killed, shut down
 * or frozen for a while, connections are cut in the middle of a packet, readings are sent twice. At the end there is peace,
 * everything is acknowledged, and the table is compared with what was promised.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, ingestMetric, type Program, startProgram } from '../support/program.ts';
import { createRandom, type Random } from '../support/random.ts';
import { type ChaosDevice, startChaosDevice } from './device.ts';
import { type ChaosServer, startChaosServer } from './server.ts';
import { judge, type Verdict } from './verdict.ts';

export type ChaosOptions = {
  readonly seconds: number;
  readonly seed: number;
  /** How long PostgreSQL is stopped each time. */
  readonly stoppedSeconds: number;
  readonly say: (line: string) => void;
};

export type ChaosReport = {
  /** By quality of service. */
  readonly verdicts: readonly [Verdict, Verdict, Verdict];
  readonly events: ReadonlyMap<Event, number>;
  /** Readings that were sent once more when all was calm, and how many of them the program counted as duplicates. */
  readonly repeatedAtLast: number;
  readonly countedAtLast: number;
  /** Times that devices were told to come back later. */
  readonly refused: number;
  /** QoS 0 that the program said it dropped, while it lived. */
  readonly dropped: number;
};

const events = [
  'program killed',
  'PostgreSQL killed',
  'PostgreSQL shut down',
  'PostgreSQL frozen',
  'connections cut',
] as const;
export type Event = (typeof events)[number];

const devicesOf = [4, 12, 8] as const;
const perSecond = 100;
const window = 50;
const peaceMsMax = 120_000;

/** Runs for so many seconds, and then until all is acknowledged. Throws when it never is, or when the program ends by itself. */
export async function runChaos({ seconds, seed, stoppedSeconds, say }: ChaosOptions): Promise<ChaosReport> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-chaos-'));
  const random = createRandom(seed);
  const firstMs = Date.now() - 3_600_000;
  let server: ChaosServer | undefined;
  let scene: Scene | undefined;
  try {
    server = await startChaosServer(folder);
    scene = await openScene({ server, folder, random, firstMs, stoppedSeconds, say });
    const counted = await upset(scene, seconds);
    return { events: counted, ...(await conclude(scene, firstMs)) };
  } finally {
    for (const device of scene?.devices ?? []) device.end();
    await server?.thaw();
    await scene?.program().kill('SIGTERM');
    await server?.end('SIGINT');
    await rm(folder, { recursive: true, force: true });
  }
}

type Scene = {
  readonly server: ChaosServer;
  readonly devices: readonly ChaosDevice[];
  readonly random: Random;
  readonly stoppedSeconds: number;
  readonly say: (text: string) => void;
  readonly restart: () => Promise<void>;
  readonly program: () => Program;
  /** What programs that were killed had said they dropped. */
  dropped: number;
};

type Opening = Pick<Scene, 'server' | 'random' | 'stoppedSeconds' | 'say'> & { folder: string; firstMs: number };

async function openScene({ server, folder, random, firstMs, stoppedSeconds, say }: Opening): Promise<Scene> {
  const start = () =>
    startProgram({
      dataDir: join(folder, 'program'),
      // Devices that wait are closed within an outage, and not only after the longest.
      env: { DATABASE_URL: server.url, SHED_AFTER: `${Math.max(2, Math.round(stoppedSeconds / 2))}s` },
    });
  let program = await start();
  const devices = devicesOf.flatMap((count, qos) =>
    Array.from({ length: count }, (_, i) => {
      const port = () => program.mqttPort;
      return startChaosDevice({
        asset: `qos${qos}-${i}`,
        qos: qos as 0 | 1 | 2,
        firstMs,
        perSecond,
        window,
        port,
        random,
      });
    }),
  );
  const restart = async () => {
    program = await start();
  };
  return { server, devices, random, stoppedSeconds, say, restart, program: () => program, dropped: 0 };
}

/** One event after the other until the time is over; each of them once before any comes again. */
async function upset(scene: Scene, seconds: number): Promise<Map<Event, number>> {
  const { random, say } = scene;
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1_000;
  const counted = new Map<Event, number>();
  let round: Event[] = [];
  await sleep(2_000);
  while (elapsed() < seconds) {
    if (round.length === 0) round = shuffled(events, random);
    const event = round.pop() as Event;
    counted.set(event, (counted.get(event) ?? 0) + 1);
    const acknowledged = total(scene, (device) => device.acknowledged.size);
    say(
      `${elapsed().toFixed(1).padStart(6)} s  ${event.padEnd(21)} ${acknowledged.toLocaleString('en').padStart(9)} acknowledged so far`,
    );
    await happen(event, scene);
    await sleep(1_000 + random() * 3_000);
  }
  return counted;
}

async function happen(event: Event, scene: Scene): Promise<void> {
  const { server, random, stoppedSeconds, devices } = scene;
  switch (event) {
    case 'program killed':
      scene.dropped += await ingestMetric(scene.program(), 'messages_dropped_total');
      await scene.program().kill('SIGKILL');
      return scene.restart();
    case 'PostgreSQL killed':
      await server.end('SIGKILL');
      await sleep(random() * 2_000);
      return server.start();
    case 'PostgreSQL shut down':
      await server.end('SIGINT');
      await sleep(stoppedSeconds * 1_000);
      return server.start();
    case 'PostgreSQL frozen':
      await server.freeze();
      await sleep(stoppedSeconds * 1_000);
      return server.thaw();
    case 'connections cut':
      for (const device of devices) if (random() < 0.5) device.cut();
  }
}

async function conclude(scene: Scene, firstMs: number): Promise<Omit<ChaosReport, 'events'>> {
  const { devices, server, say } = scene;
  say('          peace: nothing new is sent, and all that is under way must be acknowledged');
  for (const device of devices) device.finish();
  await calm(scene);
  const before = await ingestMetric(scene.program(), 'readings_duplicate_total');
  const repeatedAtLast = total(scene, (device) => device.repeat(20));
  await calm(scene);
  const countedAtLast = (await ingestMetric(scene.program(), 'readings_duplicate_total')) - before;
  const dropped = scene.dropped + (await ingestMetric(scene.program(), 'messages_dropped_total'));
  const verdicts = await judge(devices, { databaseUrl: server.url, firstMs });
  return { verdicts, repeatedAtLast, countedAtLast, dropped, refused: total(scene, (device) => device.refused()) };
}

/** Waits until nothing is under way anywhere: devices, memory, spool. */
async function calm(scene: Scene): Promise<void> {
  const isCalm = async () => {
    const waiting = total(scene, (device) => device.inFlight());
    const spooled = await ingestMetric(scene.program(), 'spool_messages');
    return waiting === 0 && spooled === 0 ? true : undefined;
  };
  await eventually('all is acknowledged, and the spool is empty', isCalm, peaceMsMax);
}

function total({ devices }: Scene, count: (device: ChaosDevice) => number): number {
  return devices.reduce((sum, device) => sum + count(device), 0);
}

function shuffled(list: readonly Event[], random: Random): Event[] {
  const keyed = list.map((item) => ({ item, key: random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}
