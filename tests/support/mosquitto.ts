/** Debian's mosquitto as the external broker of a test, on a free port, with its files in a folder of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { findLowPort } from './low-port.ts';

const passwordTool = '/usr/bin/mosquitto_passwd';
const path = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'].find((file) =>
  existsSync(file),
);

/** Tests that need the broker are skipped without it; their name says so, and how to get it. */
export const isMosquittoMissing = path === undefined;
export const needsMosquitto = isMosquittoMissing ? ' (skipped: apt-get install mosquitto mosquitto-clients)' : '';

/** User name and password of whoever connects: the program, and the devices behind the broker. */
export const account = { username: 'plant', password: 'a password, with @ and /' } as const;

export type Mosquitto = {
  readonly port: number;
  readonly folder: string;
  /** The value of MQTT_URL, by the scheme of its listener. */
  url(scheme?: string): string;
  /** Another user name with the same password, which it knows after a restart. */
  addAccount(username: string): void;
  /** A device behind the broker. */
  connect(options?: mqtt.IClientOptions): Promise<MqttClient>;
  start(): Promise<void>;
  /** Ends it; what it keeps is on its disk. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  remove(): Promise<void>;
};

/** Starts one with a listener of MQTT; `lines` are added to its settings, and may add listeners. */
export async function startMosquitto(lines: (folder: string) => string[] = () => []): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-mosquitto-'));
  const port = await findLowPort();
  const passwords = join(folder, 'passwords');
  await writeFile(passwords, '');
  const addAccount = (username: string) => {
    execFileSync(passwordTool, ['-b', passwords, username, account.password], { stdio: 'ignore' });
  };
  addAccount(account.username);
  const settings = [
    'user root',
    'allow_anonymous false',
    `password_file ${passwords}`,
    'persistence true',
    `persistence_location ${folder}/`,
    'max_queued_messages 0',
    'log_type none',
    ...lines(folder),
    `listener ${port} 127.0.0.1`,
  ];
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, `${settings.join('\n')}\n`);
  let child: ChildProcess | undefined;

  const start = async () => {
    child = spawn(path as string, ['-c', file], { stdio: 'ignore' });
    for (const endMs = Date.now() + 60_000; !(await isListening(port)); await sleep(20)) {
      if (child.exitCode !== null || Date.now() > endMs) throw new Error(`mosquitto does not listen on ${port}`);
    }
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    port,
    folder,
    addAccount,
    url: (scheme = 'mqtt') => {
      const password = encodeURIComponent(account.password);
      return `${scheme}://${account.username}:${password}@127.0.0.1:${port}`;
    },
    connect: (options = {}) => mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { ...account, ...options }),
    start,
    stop,
    remove: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false; // Nobody is there yet.
  } finally {
    socket.destroy();
  }
}
