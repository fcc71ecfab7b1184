import type { Readable } from 'node:stream';

const lingerMs = 2_000;

/** Reads on for a moment what nobody wants: a connection that is closed at once loses the answer on its way to who still writes. */
export function linger(raw: Readable): void {
  const timer = setTimeout(() => raw.destroy(), lingerMs).unref();
  // An error after this has nobody to hear it, and must not end the process.
  raw.on('error', () => undefined);
  raw.once('close', () => clearTimeout(timer));
  raw.unpipe();
  raw.resume();
}
