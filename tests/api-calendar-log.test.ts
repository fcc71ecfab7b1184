import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let log = '';
let isBroken = false;
beforeAll(async () => {
  api = await startTestApi({
    log: createLog('trace', { write: (line) => (log += line) }),
    now: () => {
      if (isBroken) throw new Error('the clock of /api/v1/calendar.ics?key=flt_live_in-an-error has stopped');
      return new Date();
    },
  });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

test('the key of a query is in no line of the log, and in no answer, whatever becomes of the request', async () => {
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.app.server.address() as { port: number };
  const secret = 'flt_live_in-the-query';
  const path = '/api/v1/calendar.ics';
  const targets = [
    `${path}?key=${world.key}`,
    `${path}?key=${secret}`,
    `${path}?%6Bey=${secret}`,
    `${path}?key=${world.key}&unknown=1`,
    `${path}?key=${world.key}&site=nowhere`,
    `${path}/nothing?key=${secret}`,
    `/api/v1/work-orders?key=${secret}`,
    `/api/v1/%zz?key=${secret}`,
    `/nothing?key=${secret}`,
  ];
  const replies = [];
  for (const target of targets) replies.push(await raw(port, target));
  replies.push(await raw(port, `${path}?key=${world.key}`, 'POST'));
  isBroken = true;
  replies.push(await raw(port, `${path}?key=${world.key}`));
  isBroken = false;
  const statuses = replies.map((reply) => Number(reply.split(' ')[1]));
  expect(statuses).toEqual([200, 401, 401, 400, 400, 404, 401, 400, 404, 405, 500]);
  // Each request has its line, which names the path.
  expect(log.split('\n').filter((line) => line.includes('"msg":"request"')).length).toBeGreaterThan(8);
  expect(log).toContain('has stopped');
  for (const hidden of [world.key, secret, 'in-an-error']) {
    expect(log).not.toContain(hidden);
    for (const reply of replies) expect(reply).not.toContain(hidden);
  }
});

/** What a server answers to a request line as it is, which no client would mend. */
function raw(port: number, target: string, method = 'GET'): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`),
    );
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.on('end', () => resolve(text)).on('error', reject);
  });
}
