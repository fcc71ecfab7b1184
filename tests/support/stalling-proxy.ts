/** A way to a TCP server that can fall silent, as a machine does that vanishes: nothing is answered, and nothing is closed. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type StallingProxy = {
  /** `target` by way of the proxy. */
  readonly url: string;
  /** From now on nothing passes on the connections that are open; new ones do. */
  stall(): void;
  close(): Promise<void>;
};

/** Opens a way to the host and port of the URL `target`. */
export async function openStallingProxy(target: string): Promise<StallingProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<{ near: Socket; far: Socket }>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const pair = { near, far };
    open.add(pair);
    for (const end of [near, far]) end.on('error', () => undefined); // The end that closes first resets the other.
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    stall: () => {
      for (const { near, far } of open) {
        near.unpipe(far);
        far.unpipe(near);
      }
    },
    close: async () => {
      for (const { near, far } of open) {
        near.destroy();
        far.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
