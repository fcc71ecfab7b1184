/** The processes beside the program: the server that makes the values, and the bare client that does nothing with them. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { BareOptions, BareState } from './opcua-bare.ts';
import type { LoadCommand, LoadState } from './opcua-load.ts';

/** Its nodes are s=n0, s=n1 and so on. */
export const loadNamespace = 'urn:faultline:bench:load';

export type Load = {
  readonly endpointUrl: string;
  readonly pid: number;
  tell(command: LoadCommand): Promise<LoadState>;
  state(): Promise<LoadState>;
  stop(): void;
};

export type Bare = { readonly pid: number; state(): Promise<BareState>; stop(): void };

/** A server with so many items; its certificates lie in the folder. */
export async function startLoad(items: number, folder: string): Promise<Load> {
  const child = start('opcua-load.ts', [items, folder, loadNamespace]);
  const { port } = await answerOf<LoadState>(child);
  const tell = (command: LoadCommand | null) => {
    child.send(command as never);
    return answerOf<LoadState>(child);
  };
  return {
    endpointUrl: `opc.tcp://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    tell,
    state: () => tell(null),
    stop: () => void child.kill('SIGKILL'),
  };
}

/** Resolves when it monitors all of its items. */
export async function startBare(options: BareOptions): Promise<Bare> {
  const child = start('opcua-bare.ts', options);
  await answerOf(child);
  return {
    pid: child.pid ?? 0,
    state: () => {
      child.send({});
      return answerOf<BareState>(child);
    },
    stop: () => void child.kill('SIGKILL'),
  };
}

function start(file: string, argument: unknown): ChildProcess {
  const child = fork(join(import.meta.dirname, file), [JSON.stringify(argument)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const leave = () => void child.kill('SIGKILL');
  process.once('exit', leave);
  child.once('exit', () => process.off('exit', leave));
  return child;
}

async function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  const over = new AbortController();
  const ended = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error('it ended before it answered; see above');
  });
  ended.catch(() => undefined); // It is told to wait no longer.
  try {
    const [message] = await Promise.race([once(child, 'message', { signal: over.signal }), ended]);
    return message as Answer;
  } finally {
    over.abort();
  }
}
