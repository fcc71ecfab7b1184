import { findFreePort } from '../../src/platform/free-port.ts';

/** A free port below those that systems give to outgoing connections (32768 up on Linux): it stays free over restarts. */
export function findLowPort(): Promise<number> {
  return findFreePort('127.0.0.1', 10_000 + Math.floor(Math.random() * 20_000));
}
