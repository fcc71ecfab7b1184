import { once } from 'node:events';
import { createServer } from 'node:net';

/** A TCP port that nobody listens on at `host` now; 0 asks the system for any, another number is tried and then those above it. */
export async function findFreePort(host: string, from = 0): Promise<number> {
  for (let port = from; port <= 65_535; port++) {
    const found = await tryPort(host, port);
    if (found !== undefined) return found;
  }
  throw new Error(`no port from ${from} up is free on ${host}`);
}

async function tryPort(host: string, port: number): Promise<number | undefined> {
  const probe = createServer().listen(port, host);
  try {
    await once(probe, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  const { port: found } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return found;
}
