/**
 * A way to a TCP server that fails as networks do.
 *
 *   passing ── cut() ──▶ cut: what is open is reset, and so is whoever comes
 *           ── drop() ─▶ dropping: nothing arrives at either end and nothing is closed; whoever comes waits
 *           ◀─ heal() ── whoever waits gets through, as a repeated SYN would; what was open before the drop stays silent for ever
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type CuttingProxy = {
  readonly port: number;
  cut(): void;
  drop(): void;
  heal(): void;
  /** Connections on which bytes pass. */
  connections(): number;
  close(): Promise<void>;
};

/** Opens a way to a port of 127.0.0.1. */
export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  let state: 'passing' | 'cut' | 'dropping' = 'passing';
  const open = new Set<Pair>();
  const waiting = new Set<Socket>();
  const silent = new Set<Socket>();

  function pass(near: Socket): void {
    const far = connect(targetPort, '127.0.0.1');
    const pair = [near, far] as const;
    open.add(pair);
    far.on('error', () => undefined);
    near.pipe(far).pipe(near);
    // An end that is lost without a FIN ends no pipe by itself.
    for (const [lost, other] of [pair, [far, near] as const]) {
      lost.once('close', () => {
        if (silent.has(lost)) return;
        open.delete(pair);
        other.destroy();
      });
    }
  }

  // Paused, so that what a client says before it gets through is kept for the server.
  const server = createServer({ pauseOnConnect: true }, (near) => {
    near.on('error', () => undefined);
    if (state === 'cut') near.resetAndDestroy();
    else if (state === 'dropping') waiting.add(near);
    else pass(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      state = 'cut';
      for (const socket of [...[...open].flat(), ...waiting]) socket.resetAndDestroy();
      open.clear();
      waiting.clear();
    },
    drop: () => {
      state = 'dropping';
      for (const [near, far] of open) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
        silent.add(near).add(far);
      }
      open.clear();
    },
    heal: () => {
      state = 'passing';
      for (const near of waiting) pass(near);
      waiting.clear();
    },
    connections: () => open.size,
    close: async () => {
      for (const socket of [...[...open].flat(), ...waiting, ...silent]) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

type Pair = readonly [near: Socket, far: Socket];
