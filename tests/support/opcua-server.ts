/**
 * An OPC-UA server in a process of its own, so that it can be frozen, killed and started again while a test watches.
 *
 *   Numbers/n0 … nN   at tick n each of them has the value n, with the source time start + n / hz
 *   Kinds, Structures, Analog, Writable   one of each kind: see opcua-server-nodes.ts
 *
 * Whatever number was made is written to a file before any client can see it: `madeNumbers` answers whatever became of the
 * process. A number whose time passed while the process was frozen or dead is never made.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLowPort } from './low-port.ts';
import { createOpcuaCertificate } from './opcua-certificates.ts';

export { nodeKey, numberName, numbersNamespace } from './opcua-names.ts';

export type OpcuaServerOptions = {
  /** 0 or absent: a free one, which it keeps over restarts. */
  readonly port?: number;
  readonly items?: number;
  /** Ticks a second; 0 makes no numbers at all. */
  readonly hz?: number;
  readonly history?: boolean;
  /** Whether what was historized is there after a restart; true unless said otherwise. */
  readonly keepsHistory?: boolean;
  /** Values of one node in one answer at most; the rest comes with a continuation point. */
  readonly historyValuesMax?: number;
  readonly queueMax?: number;
  readonly monitoredItemsPerCallMax?: number;
  readonly monitoredItemsPerSubscriptionMax?: number;
  readonly nodesPerReadMax?: number;
  readonly nodesPerBrowseMax?: number;
  readonly nodesPerHistoryReadMax?: number;
  readonly sessionsMax?: number;
  readonly subscriptionsMax?: number;
  /** `unsupported`: CreateSubscription is answered with BadServiceUnsupported. */
  readonly subscriptions?: 'unsupported';
  readonly securityModes?: readonly ('none' | 'sign' | 'sign_and_encrypt')[];
  readonly securityPolicies?: readonly ('none' | 'basic256sha256' | 'aes128_sha256_rsaoaep' | 'aes256_sha256_rsapss')[];
  readonly anonymous?: boolean;
  /** Passwords by user name. */
  readonly users?: Readonly<Record<string, string>>;
  /** In PEM; users who show another are refused. */
  readonly userCertificates?: readonly string[];
  /** Days that the server's own certificate is still valid; negative: it has expired. */
  readonly certificateDays?: number;
  /** False: the application certificates of clients are refused. */
  readonly trustsClients?: boolean;
  /** So many namespaces come before that of the numbers, whose index they move. */
  readonly namespacesBefore?: number;
};

export type NodeOptions = {
  readonly dataType?: string;
  readonly value?: unknown;
  readonly isWritable?: boolean;
  /** The folder that it is put into; `Added` unless said otherwise. */
  readonly folder?: string;
};

export type OpcuaServer = {
  readonly endpointUrl: string;
  readonly port: number;
  readonly pid: number;
  /** In DER, as it shows it to clients. */
  readonly certificate: Buffer;
  /** Numbers made so far, in their order, also of the processes before a restart. */
  madeNumbers(): Promise<number[]>;
  lastNumber(): Promise<number>;
  /** The source time of a number, in milliseconds since 1970. */
  timeOf(number: number): number;
  /** Makes no more numbers, until `resume`; those made stay. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Kills the process and starts another on the same port; with another certificate if `certificateDays` is said. */
  restart(changed?: OpcuaServerOptions): Promise<void>;
  /** Ends it, and removes its folder. */
  stop(): Promise<void>;
  setValue(name: string, value: unknown, options?: { status?: string; timeMs?: number }): Promise<void>;
  readValue(name: string): Promise<unknown>;
  addNode(name: string, options?: NodeOptions): Promise<void>;
  deleteNode(name: string): Promise<void>;
  changeType(name: string, dataType: string, value: unknown): Promise<void>;
  /** Ends all subscriptions, or sessions, from the server's side. */
  dropSubscriptions(): Promise<void>;
  dropSessions(): Promise<void>;
  /** The name of a ServerState, such as Running or Suspended. */
  setServerState(state: string): Promise<void>;
  counts(): Promise<{ sessions: number; subscriptions: number; monitoredItems: number }>;
};

/** What a child is started with. */
export type ChildSettings = OpcuaServerOptions & {
  readonly folder: string;
  readonly port: number;
  readonly startMs: number;
};

const startMsMax = 240_000;
const answerMsMax = 60_000;

export async function startOpcuaServer(options: OpcuaServerOptions = {}): Promise<OpcuaServer> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-opcua-'));
  const certify = async (days = 10) => {
    const made = await createOpcuaCertificate('Test server', { days });
    await made.write(folder);
    return made.der;
  };
  let certificate = await certify(options.certificateDays);
  const startMs = Date.now();
  let settings: ChildSettings = { ...options, port: options.port ?? (await findLowPort()), folder, startMs };
  let child = await startChild(settings);
  settings = { ...settings, port: child.port };

  const madeNumbers = async () => {
    const text = await readFile(join(folder, 'numbers'), 'utf8').catch(() => '');
    // A line that was being written when the process was killed has no end.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1)
      .map(Number);
  };
  const call = (command: string, ...args: unknown[]) => ask(child, command, args);
  const done = async (command: string, ...args: unknown[]) => void (await call(command, ...args));
  const kill = () => end(child.process, 'SIGKILL');
  return {
    endpointUrl: `opc.tcp://127.0.0.1:${child.port}`,
    port: child.port,
    get certificate() {
      return certificate;
    },
    get pid() {
      return child.process.pid ?? 0;
    },
    madeNumbers,
    lastNumber: async () => (await madeNumbers()).at(-1) ?? -1,
    timeOf: (number) => startMs + (number * 1_000) / (options.hz ?? 10),
    pause: () => done('pause'),
    resume: () => done('resume'),
    kill,
    freeze: () => void child.process.kill('SIGSTOP'),
    thaw: () => void child.process.kill('SIGCONT'),
    restart: async (changed = {}) => {
      await kill();
      settings = { ...settings, ...changed };
      if (changed.certificateDays !== undefined) certificate = await certify(changed.certificateDays);
      child = await startChild(settings);
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
    setValue: (...args) => done('setValue', ...args),
    readValue: (name) => call('readValue', name),
    addNode: (...args) => done('addNode', ...args),
    deleteNode: (name) => done('deleteNode', name),
    changeType: (...args) => done('changeType', ...args),
    dropSubscriptions: () => done('dropSubscriptions'),
    dropSessions: () => done('dropSessions'),
    setServerState: (state) => done('setServerState', state),
    counts: async () => (await call('counts')) as Awaited<ReturnType<OpcuaServer['counts']>>,
  };
}

type Child = { readonly process: ChildProcess; readonly port: number; errors(): string };
type Answer = { readonly id: number; readonly result?: unknown; readonly error?: string };

async function startChild(settings: ChildSettings): Promise<Child> {
  const child = fork(join(import.meta.dirname, 'opcua-server-child.ts'), [JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const leave = () => void child.kill('SIGKILL');
  process.once('exit', leave);
  child.once('exit', () => process.off('exit', leave));
  const ready = once(child, 'message').then(([message]) => message as { port: number });
  const ended = once(child, 'exit').then(() => undefined);
  const started = await Promise.race([ready, ended, sleep(startMsMax, undefined, { ref: false })]);
  if (started) return { process: child, port: started.port, errors: () => output };
  leave();
  throw new Error(`the OPC-UA server did not start:\n${output}`);
}

let lastId = 0;

async function ask({ process: child, errors }: Child, command: string, args: readonly unknown[]): Promise<unknown> {
  const id = ++lastId;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const timer = setTimeout(() => reject(new Error(`${command}: no answer\n${errors()}`)), answerMsMax);
  const heard = (answer: Answer) => {
    if (answer.id !== id) return;
    if (answer.error === undefined) resolve(answer.result);
    else reject(new Error(`${command}: ${answer.error}`));
  };
  child.on('message', heard);
  child.send({ id, command, args });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off('message', heard);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
