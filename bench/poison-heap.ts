/** The heap of another process, through Node's inspector. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export type Heap = {
  /** Collects what nobody needs any more; resolves with what is in use then, in MB. */
  collect(): Promise<number>;
  close(): void;
};

/** Connects to a process that was started with `--inspect=127.0.0.1:port`. */
export async function openHeap(port: number): Promise<Heap> {
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as [Target];
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, 'open');
  const ask = createAsk(socket);
  return {
    collect: async () => {
      await ask('HeapProfiler.enable');
      await ask('HeapProfiler.collectGarbage');
      const { usedSize } = (await ask('Runtime.getHeapUsage')) as { usedSize: number };
      await ask('HeapProfiler.disable');
      return Math.round(usedSize / 1_048_576);
    },
    close: () => socket.close(),
  };
}

type Target = { readonly webSocketDebuggerUrl: string };
type Answer = { readonly id?: number; readonly result?: unknown; readonly error?: { readonly message: string } };

/** Asks one question of the inspector (Chrome DevTools Protocol) at a time. */
function createAsk(socket: WebSocket): (method: string) => Promise<unknown> {
  let id = 0;
  return async (method) => {
    const asked = ++id;
    socket.send(JSON.stringify({ id: asked, method }));
    for (;;) {
      const [{ data }] = (await once(socket, 'message')) as [{ data: string }];
      const { id: of, result, error } = JSON.parse(data) as Answer;
      if (of !== asked) continue;
      if (error) throw new Error(`${method}: ${error.message}`);
      return result;
    }
  };
}

/** A port of this machine that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
