/**
 * `faultline demo`: the whole program with a simulated plant, sixty times faster than life, and its story as it happens.
 *
 *   start ─▶ plant speaks ─▶ fault injected ─▶ pending ─▶ firing ─▶ insight ─▶ work order ─▶ until Ctrl-C
 *
 * The plant publishes over MQTT, or with `--opcua` is an OPC-UA server that the program is told of. It runs in a data folder of
 * its own that is made anew every time, so that the story always begins at the beginning.
 */
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Faultline, startFaultline } from '../main.ts';
import { type Config, readConfig } from '../platform/config.ts';
import { stopLeftPostgres } from '../platform/embedded-postgres.ts';
import { findFreePort } from '../platform/free-port.ts';
import type { Log } from '../platform/log.ts';
import { createCommandLog } from './command-log.ts';
import { type PlantStart, startMqttPlant } from './demo-plant.ts';
import { waitForSignal } from './signal.ts';
import { createStory, type Story } from './story.ts';

const timeScale = 60;
const faultAfterMs = 8_000;
const waitMsMax = 120_000;

/** Runs until Ctrl-C, or with `--until work-order` until a work order is open: 0, or 1 after two minutes without. */
export async function runDemo(argv: string[]): Promise<number> {
  const options = { until: { type: 'string' }, opcua: { type: 'boolean', default: false } } as const;
  const { values } = parseArgs({ args: argv, options });
  if (values.until !== undefined && values.until !== 'work-order') {
    throw new Error(`--until knows 'work-order' and not '${values.until}'`);
  }
  const signal = waitForSignal();
  const log = createCommandLog();
  const config = await demoConfig(log);
  const story = createStory();
  try {
    story.tell('starting, with a database of its own; the first time takes a few seconds');
    const faultline = await startFaultline(config, { log, onAdvanced: story.onAdvanced });
    try {
      const start = values.opcua ? (await import('./demo-opcua.ts')).startOpcuaPlant : startMqttPlant;
      return await play(faultline, story, { start, signal, untilWorkOrder: values.until !== undefined });
    } finally {
      await faultline.stop();
    }
  } finally {
    await rm(config.DATA_DIR, { recursive: true, force: true });
  }
}

type Play = { readonly start: PlantStart; readonly signal: Promise<unknown>; readonly untilWorkOrder: boolean };

async function play(faultline: Faultline, story: Story, { start, signal, untilWorkOrder }: Play): Promise<number> {
  const { apiUrl, mqttUrls, made } = faultline;
  const apiKey = made.apiKey ?? '';
  story.tell(`API ${apiUrl}, its documentation ${apiUrl}/documentation/, MQTT ${mqttUrls[0]}`);
  story.tell(`try: curl -H 'Authorization: Bearer ${apiKey}' ${apiUrl}/api/v1/work-orders`);
  const plant = await start({ faultline, tell: story.tell, timeScale });
  const watching = story.watch({ apiUrl, apiKey, acknowledged: plant.acknowledged });
  const injecting = setTimeout(() => story.tell(`fault injected: ${plant.inject()}`), faultAfterMs);
  try {
    if (!untilWorkOrder) {
      await signal;
      return 0;
    }
    const timeUp = new AbortController();
    const late = once(AbortSignal.any([AbortSignal.timeout(waitMsMax), timeUp.signal]), 'abort');
    const outcome = await Promise.race([watching.workOrder.then(() => 0), signal.then(() => 130), late.then(() => 1)]);
    timeUp.abort();
    if (outcome === 1) story.tell(`no work order within ${waitMsMax / 1_000} s`);
    return outcome;
  } finally {
    clearTimeout(injecting);
    await watching.stop();
    await plant.close();
  }
}

/** The settings of the environment, with those of the demonstration; ports that are taken are left to their owners. */
async function demoConfig(log: Log): Promise<Config> {
  const config = readConfig(process.env);
  const folder = join(config.DATA_DIR, `demo-${process.pid}`);
  await removeOldDemos(config.DATA_DIR, log);
  await mkdir(folder, { recursive: true });
  return {
    ...config,
    DATABASE_URL: undefined,
    REDIS_URL: undefined,
    MQTT_URL: undefined,
    BOOTSTRAP_API_KEY: undefined,
    BOOTSTRAP_MQTT_PASSWORD: undefined,
    DATA_DIR: folder,
    TIME_SCALE: timeScale,
    // Time for the broker and the database to commit a sample; rule time is scaled, the machine is not.
    GRACE: 1_000,
    ROLES: ['ingest', 'rules', 'api', 'jobs'],
    HTTP_PORT: await announcedPort('HTTP_PORT', config.HTTP_PORT, config.HOST),
    MQTT_PORT: await announcedPort('MQTT_PORT', config.MQTT_PORT ?? 0, config.HOST),
  };
}

async function announcedPort(name: string, wanted: number, host: string): Promise<number> {
  const port = await findFreePort(host, wanted);
  if (wanted !== 0 && port !== wanted) console.log(`${name} ${wanted} is taken; using ${port}`);
  return port;
}

/** What demonstrations that were killed have left: their servers and their folders. */
async function removeOldDemos(dataDir: string, log: Log): Promise<void> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const pid = Number(/^demo-(\d+)$/.exec(name)?.[1]);
    if (!pid || (pid !== process.pid && isAlive(pid))) continue; // A container gives the same id to every one.
    await stopLeftPostgres(join(dataDir, name), log);
    await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
