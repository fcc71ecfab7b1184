import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';

let api: TestApi;
let world: World;
let orderId: string;
beforeAll(async () => {
  api = await startTestApi();
  await prepareStorage(api.database.pool, createLog('silent'));
  world = await makeWorld(api.database);
  const made = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
  orderId = made.json.data.id;
  await deployLibrary(api);
});
afterAll(() => api.close());

const headers = { 'content-type': 'application/json' };
const path = '/api/v1/work-orders';
const send = (payload: string | Buffer, method = 'POST', url = path) =>
  api.call(method, url, { key: world.key, payload, headers });

test.each([
  ['not JSON', '{"title": x}'],
  ['cut off', '{"title": "x"'],
  ['__proto__', '{"title": "x", "__proto__": {"admin": true}}'],
  ['__proto__ within metadata', '{"title": "x", "metadata": {"__proto__": 1}}'],
  ['a constructor with a prototype', '{"title": "x", "metadata": {"constructor": {"prototype": 1}}}'],
  ['a NUL in the title', '{"title": "a\\u0000b"}'],
  ['a NUL in a key of metadata', '{"title": "x", "metadata": {"a\\u0000": 1}}'],
  ['a NUL deep in metadata', '{"title": "x", "metadata": {"a": [{"b": "\\u0000"}]}}'],
  ['half a surrogate pair', '{"title": "\\ud800"}'],
  ['half a surrogate pair in metadata', '{"title": "x", "metadata": {"a": "\\udc00"}}'],
  ['a number beyond a double', '{"title": "x", "metadata": {"a": 1e999}}'],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x7b, 0x22, 0x74, 0x69, 0x74, 0x6c, 0x65, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]),
  ],
  ['an overlong encoding', Buffer.concat([Buffer.from('{"title":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')])],
  ['deep nesting', `{"title": "x", "metadata": {"a": ${'['.repeat(50_000)}${']'.repeat(50_000)}}}`],
  ['very deep nesting', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
  ['an array', '[{"title": "x"}]'],
  ['null', 'null'],
  ['a number', '1'],
  ['nothing', ''],
  ['a title that is an object', '{"title": {"toString": "x"}}'],
  ['a title of a million letters', JSON.stringify({ title: 'x'.repeat(1_000_000) })],
  [
    'too many keys of metadata',
    JSON.stringify({
      title: 'x',
      metadata: Object.fromEntries(Array.from({ length: 51 }, (_, key) => [`k${key}`, 1])),
    }),
  ],
  ['metadata that is too large', JSON.stringify({ title: 'x', metadata: { a: 'x'.repeat(20_000) } })],
  ['an e-mail address that is none', '{"title": "x", "requester_email": "a b"}'],
  ['an id that is none', '{"title": "x", "assigned_to": "1; drop table work_order"}'],
  ['a date of the year 0', '{"title": "x", "due_date": "0000-01-01"}'],
  ['completed_at without being completed', '{"title": "x", "completed_at": "2026-01-01T00:00:00Z"}'],
])('a body with %s is 400, for POST and PATCH alike', async (_, payload) => {
  for (const [method, url] of [
    ['POST', path],
    ['PATCH', `${path}/${orderId}`],
  ] as const) {
    const reply = await send(payload, method, url);
    if (method === 'PATCH' && reply.status === 200) throw new Error(`PATCH took ${reply.text}`);
    expect([method, reply.status]).toEqual([method, 400]);
  }
});

test('text that looks like SQL, HTML or a template is kept as text', async () => {
  for (const title of [
    `'; drop table work_order; --`,
    '<script>alert(1)</script>',
    '\u0024{process.env.SECRET}',
    '😀'.repeat(100),
    '\u202eabc',
  ]) {
    expect((await api.call('POST', path, { key: world.key, body: { title } })).json.data.title).toBe(title);
  }
});

test('a byte order mark before the body is overlooked', async () => {
  expect((await send('\ufeff{"title": "x"}')).status).toBe(201);
});

test('a DELETE that names a media type and has no body is taken', async () => {
  const { json } = await api.call('POST', path, { key: world.key, body: { title: 'x' } });
  expect((await api.call('DELETE', `${path}/${json.data.id}`, { key: world.key, headers })).status).toBe(204);
});

const values = [
  '',
  ' ',
  '0',
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '+5',
  'abc',
  'null',
  'true',
  '%00',
  '%ED%A0%80',
  '%FF',
  '9'.repeat(10),
  '9'.repeat(400),
  "'",
  '%27%20or%201=1--',
  '../..',
  '{}',
  '[]',
  '%F0%9F%98%80',
  'NaN',
  'Infinity',
  '2026-13-45T99:99:99Z',
  '2026-01-01T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  'x'.repeat(3000),
  'open',
  'asc',
  'eyJhIjoxfQ.AAAAAAAAAAAAAAAAAAAAAA',
];

test('weird values of every query parameter of every list are 200 or 400, and nothing else', async () => {
  const { paths } = api.app.swagger() as unknown as {
    paths: Record<string, { get?: { parameters?: { in: string; name: string }[] } }>;
  };
  const requests = Object.entries(paths).flatMap(([path, { get }]) => {
    const names = (get?.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name);
    const ids: Record<string, string> = { points: world.pointId, assets: world.ahuId, rules: 'sat-warm' };
    const collection = /([\w-]+)\/\{id\}/.exec(path)?.[1] ?? '';
    const url = path.replace('{slug}', 'ucl-east-campus').replace('{id}', ids[collection] ?? '');
    // Below a site the parameters are those of the other mount again, so a part of the values is enough, another one for each.
    const isOther =
      (path.includes('/{slug}/') && path.replace('/sites/{slug}', '').replace(/\/$/, '') in paths) ||
      // As are those of what other lists show of one piece of equipment.
      /\/assets\/\{id\}\/(children|points|insights|work-orders)$/.test(path);
    return names.flatMap((name, place) => {
      // So are those of a range, of which one has been sent all of them.
      const isAgain = isOther || /\[(gt|lte|lt)\]$/.test(name);
      const given = values
        .filter((_, index) => !isAgain || (index + place) % 8 === 0)
        .map((value) => `${name}=${value}`);
      const queries = [...given, name, `${name}=1&${name}=2`, `${name}[a]=1`, `${name}[]=1`];
      return (isAgain ? queries.slice(0, -3) : queries).map((query) => [url, query] as const);
    });
  });
  for (let from = 0; from < requests.length; from += atOnce) {
    const sent = requests.slice(from, from + atOnce);
    const replies = await Promise.all(
      sent.map(([url, query]) => api.call('GET', `${url}?${query}`, { key: world.key })),
    );
    expect(sent.map(([url, query], index) => [url, query, replies[index]?.status])).toEqual(
      sent.map(([url, query]) => [url, query, expect.toBeOneOf([200, 400])]),
    );
  }
  expect(requests.length).toBeGreaterThan(5_000);
});

const atOnce = 16;

test('a query parameter that is given twice, or that does not exist, is 400', async () => {
  for (const query of [
    'status=open&status=on_hold',
    'limit=1&limit=2',
    'stauts=open',
    '__proto__=1',
    'constructor=1',
    'toString=',
  ]) {
    const reply = await api.call('GET', `${path}?${query}`, { key: world.key });
    expect([query, reply.status]).toEqual([query, 400]);
  }
});

test('weird ids and slugs are 400, 404 or 414, and nothing else', async () => {
  for (const value of values.filter((value) => value.trim() !== '' && value !== '../..')) {
    for (const url of [
      `${path}/${value}`,
      `/api/v1/sites/${value}/work-orders/`,
      `/api/v1/sites/${value}`,
      `/api/v1/points/${value}/readings`,
    ]) {
      const reply = await api.call('GET', url, { key: world.key });
      expect([url, reply.status]).toEqual([url, expect.toBeOneOf([400, 404, 414])]);
    }
  }
});

test('weird header values are no error of ours', async () => {
  for (const value of ['', '""', '*', 'W/', '"', ',,,', 'a'.repeat(4000), '\u00ff']) {
    for (const name of [
      'if-match',
      'if-none-match',
      'accept',
      'accept-version',
      'x-request-id',
      'content-type',
      'authorization',
    ]) {
      const reply = await api.call('GET', `${path}/${orderId}`, { key: world.key, headers: { [name]: value } });
      expect([name, value, reply.status < 500]).toEqual([name, value, true]);
    }
  }
});

test.each(['gzip', 'x-unknown'])('a body in the coding %s is 415, whatever its bytes are', async (coding) => {
  const headers = { 'content-type': 'application/json', 'content-encoding': coding };
  for (const payload of [gzipSync('{"title":"x"}'), '{"title":"x"}']) {
    const reply = await api.call('POST', path, { key: world.key, payload, headers });
    expect([reply.status, reply.json.error, reply.headers['accept-encoding']]).toEqual([
      415,
      'media_type_unsupported',
      'identity',
    ]);
  }
  const identity = { ...headers, 'content-encoding': 'identity' };
  expect((await api.call('POST', path, { key: world.key, payload: '{"title":"x"}', headers: identity })).status).toBe(
    201,
  );
});

test('a request on an open connection is answered also while the server closes', async () => {
  const { app } = await api.restart();
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    answer += piece;
  });
  const head = `host: a\r\nauthorization: Bearer ${world.key}\r\n`;
  const body = '{"title": "to the end"}';
  const type = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  socket.write(`GET ${path}?limit=1 HTTP/1.1\r\n${head}\r\n`);
  await expect.poll(() => answer).toContain('HTTP/1.1 200');
  socket.write(`POST ${path} HTTP/1.1\r\n${head}${type}\r\n${body.slice(0, 5)}`);
  await sleep(100);
  const closed = Promise.all([once(socket, 'close'), app.close()]);
  await sleep(100);
  socket.write(`${body.slice(5)}GET ${path}?limit=1 HTTP/1.1\r\n${head}\r\n`);
  await closed;
  expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 201', 'HTTP/1.1 200']);
});
