import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limitBodies } from './body-deadline.ts';

let app: FastifyInstance;
beforeEach(async () => {
  app = Fastify();
  limitBodies(app, 100, 'http://x');
  app.post('/whole', async () => 'ok');
  app.post('/stream', { config: { streams: true } }, async () => 'ok');
  await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  app.server.closeAllConnections();
  await app.close();
});

/** Sends a head that promises a body, a part of it, the rest after a while; gives what came back. */
async function send(path: string, waitMs: number): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.on('error', () => {}); // What is cut may be reset.
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 2\r\n\r\na`,
  );
  const timer = setTimeout(() => socket.writable && socket.write('b'), waitMs);
  await once(socket, 'close');
  clearTimeout(timer);
  return text;
}

test.each([
  ['/whole', 0, 200],
  ['/whole', 2_000, 408],
  ['/nothing', 2_000, 408],
  ['/stream', 400, 200],
])('a body for %s whose end comes after %i ms is answered with %i', async (path, waitMs, status) => {
  const text = await send(path, waitMs);
  expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  if (status === 408) expect(text).toContain('"error":"request_timeout"');
});
