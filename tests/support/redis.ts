import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { findLowPort } from './low-port.ts';

/** Whether this machine has a Redis; tests that need it are skipped without it, and their name says so. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
export const needsRedis = hasRedis ? '' : ' (skipped: no redis-server; apt-get install redis-server)';

/** A Redis of the caller's own, which keeps nothing on the disk. */
export async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await findLowPort();
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  );
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
