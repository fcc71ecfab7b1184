/** Streams of rows over real sockets: long ones, slow ones, hostile ones. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { eventually } from './support/program.ts';

let api: TestApi;
let world: World;
let port: number;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  port = (api.app.server.address() as AddressInfo).port;
});
afterAll(() => api.close());

let second = 0;
const row = (more: object = {}) =>
  JSON.stringify({
    point_id: world.pointId,
    time: Date.UTC(2025, 0, 1) + ++second * 1_000,
    value: second % 50,
    ...more,
  });

function open(headers: Record<string, string> = {}): ClientRequest {
  return request({
    ...{ port, host: '127.0.0.1', method: 'POST', path: '/api/v1/telemetry' },
    headers: { authorization: `Bearer ${world.key}`, 'content-type': 'application/x-ndjson', ...headers },
  });
}
const answerOf = async (client: ClientRequest) => (await once(client, 'response'))[0] as IncomingMessage;
const countReadings = async () => {
  const { rows } = await api.database.pool.query<{ n: number }>('select count(*)::int as n from reading');
  return rows[0]?.n ?? 0;
};
/** Writes text, waiting where the connection takes no more. */
async function write(client: ClientRequest, text: string | Buffer): Promise<void> {
  if (!client.write(text)) await once(client, 'drain');
}

test('a row is answered as soon as it is committed, while the stream stays open', async () => {
  const client = open();
  await write(client, `${row()}\n`);
  const answer = await answerOf(client);
  expect(answer.statusCode).toBe(200);
  const lines = createInterface({ input: answer })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('{"row":0,"verdict":"stored"}');
  const before = await countReadings();
  await write(client, `${row()}\n`);
  expect((await lines.next()).value).toBe('{"row":1,"verdict":"stored"}');
  expect(await countReadings()).toBe(before + 1);
  client.end();
  expect(JSON.parse((await lines.next()).value ?? '')).toMatchObject({ summary: { received: 2, stored: 2 } });
  expect((await lines.next()).done).toBe(true);
});

test('a client that reads nothing before it has sent everything is answered all the same', async () => {
  const client = open();
  const rows = 60_000;
  const answered = answerOf(client).then((answer) => {
    answer.pause();
    return answer;
  });
  for (let sent = 0; sent < rows; sent += 1_000) {
    await write(client, `${Array.from({ length: 1_000 }, () => row()).join('\n')}\n`);
  }
  client.end();
  await eventually('all of it to be stored', async () => ((await countReadings()) >= rows ? true : undefined), 60_000);
  const answer = await answered;
  let next = 0;
  let summary: unknown;
  for await (const line of createInterface({ input: answer })) {
    const given = JSON.parse(line);
    if (given.summary) summary = given.summary;
    else if (given.row !== next++ || given.verdict !== 'stored') throw new Error(`row ${next - 1}: ${line}`);
  }
  expect(summary).toEqual({ received: rows, stored: rows, duplicates: 0, conflicts: 0, refused: 0 });
});

test('of a stream that is cut, what has come whole is stored, and the server lives', async () => {
  const before = await countReadings();
  const socket = connect(port, '127.0.0.1');
  const text = `${row()}\n${row()}\n{"point_`;
  socket.write(
    `POST /api/v1/telemetry HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.key}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n${text}`,
  );
  await eventually('the rows before the cut', async () => ((await countReadings()) === before + 2 ? true : undefined));
  socket.destroy();
  const reply = await api.call('POST', '/api/v1/telemetry', { key: world.key, body: JSON.parse(row()) });
  expect(reply.json.data.stored).toBe(1);
});

test('a body without a line end is given up early, whatever its length, in bounded memory', async () => {
  const client = open();
  client.on('error', () => {}); // The server has stopped listening to it.
  const answered = answerOf(client);
  const chunk = Buffer.alloc(1_048_576, 0x61);
  let isAnswered = false;
  void answered.then(() => (isAnswered = true));
  const heapBefore = process.memoryUsage().rss;
  for (let sent = 0; sent < 1_024 && !isAnswered; sent++) {
    if (!client.write(chunk)) await Promise.race([once(client, 'drain'), answered]);
  }
  const answer = await answered;
  expect(answer.statusCode).toBe(413);
  client.destroy();
  expect(process.memoryUsage().rss - heapBefore).toBeLessThan(200 * 1_048_576);
});

test('what ends a stream after its first verdicts is told in a last line, and the answer has no end', async () => {
  const client = open();
  client.on('error', () => {}); // As above.
  await write(client, `${row()}\n`);
  const answer = await answerOf(client);
  const lines: string[] = [];
  const input = createInterface({ input: answer }).on('line', (line) => lines.push(line));
  input.on('error', () => {}); // The cut itself, looked at below.
  const cut = once(answer, 'error');
  void write(client, Buffer.alloc(6 * 1_048_576, 0x61)).catch(() => {}); // As above.
  await cut;
  expect(answer.complete).toBe(false);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { row: 0, verdict: 'stored' },
    { error: 'body_too_large', detail: expect.stringContaining('16384') },
  ]);
});

test('slow clients of a tenant keep out nobody but their own', async () => {
  const clients = Array.from({ length: 8 }, () => open());
  for (const client of clients) client.on('error', () => {});
  await Promise.all(clients.map((client) => write(client, `${row()}\n`)));
  await Promise.all(clients.map(answerOf));
  const ninth = open();
  ninth.end(`${row()}\n`);
  const refused = await answerOf(ninth);
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
  refused.resume();
  const other = await makeWorld(api.database);
  const body = { point_id: other.pointId, value: 1 };
  expect((await api.call('POST', '/api/v1/telemetry', { key: other.key, body })).json.data.stored).toBe(1);
  for (const client of clients) client.destroy();
  await eventually('their places to be free', async () => {
    const reply = await api.call('POST', '/api/v1/telemetry', { key: world.key, body: JSON.parse(row()) });
    return reply.status === 200 ? true : undefined;
  });
});
