import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { eventually } from './support/program.ts';
import { hasRedis, needsRedis, startRedis } from './support/redis.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi({ rateLimits: { addressPerMinute: 120, ingestPerMinute: 200 }, trustProxy: ['127.0.0.1'] });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());
afterEach(() => {
  vi.useRealTimers();
});

const path = '/api/v1/work-orders?limit=1';
let addresses = 0;

/** An address that nobody has come from yet. */
function newAddress(): string {
  addresses += 1;
  return `192.0.2.${addresses}`;
}

type Given = { key?: string; address?: string; url?: string; method?: string; body?: unknown };

function send({ key, address = newAddress(), url = path, method = 'GET', body }: Given) {
  const headers = { 'x-forwarded-for': address };
  return api.call(method, url, { headers, ...(key !== undefined && { key }), ...(body !== undefined && { body }) });
}

async function sendMany(count: number, given: Given) {
  const replies = [];
  for (let i = 0; i < count; i++) replies.push(await send(given));
  return replies;
}

const limitsOf = ({ headers }: Awaited<ReturnType<typeof send>>) => [
  headers['x-ratelimit-limit'],
  headers['x-ratelimit-remaining'],
  headers['x-ratelimit-reset'],
];

describe('a key', () => {
  test('O13: may send 60 requests a minute unless it was made otherwise, from wherever they come; then 429 until the minute is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-04-11T18:00:00.500Z') });
    const key = await world.makeKey({ rateLimitPerMinute: 60 });
    const replies = await sendMany(60, { key });
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(limitsOf(replies[0] as never)).toEqual(['60', '59', '60']);
    expect(limitsOf(replies[59] as never)).toEqual(['60', '0', '60']);
    vi.setSystemTime(new Date('2026-04-11T18:00:20.750Z'));
    const refused = await send({ key });
    expect(refused).toMatchObject({ status: 429, json: { error: 'rate_limited', statusCode: 429 } });
    expect(limitsOf(refused)).toEqual(['60', '0', '40']);
    vi.setSystemTime(new Date('2026-04-11T18:01:00.499Z'));
    expect((await send({ key })).status).toBe(429);
    vi.setSystemTime(new Date('2026-04-11T18:01:00.500Z'));
    expect(limitsOf(await send({ key }))).toEqual(['60', '59', '60']);
  });

  test('N7 T14: 429 says when to come again in seconds and in milliseconds, and every answer what is left, also a refusal', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-04-11T18:00:00Z') });
    const key = await world.makeKey({ rateLimitPerMinute: 2 });
    const address = newAddress();
    const missing = await send({ key, address, url: '/api/v1/work-orders/b2c3d4e5-6789-0abc-def1-234567890abc' });
    expect([missing.status, ...limitsOf(missing)]).toEqual([404, '2', '1', '60']);
    expect(missing.headers['ratelimit-policy']).toBe('"key";q=2;w=60, "address";q=120;w=60');
    expect(missing.headers.ratelimit).toBe('"key";r=1;t=60, "address";r=119;t=60');
    await send({ key, address });
    vi.setSystemTime(new Date('2026-04-11T18:00:10.250Z'));
    const { status, headers, json } = await send({ key, address });
    expect([status, headers['retry-after'], headers['retry-after-ms']]).toEqual([429, '50', '49750']);
    expect(headers.ratelimit).toBe('"key";r=0;t=50, "address";r=117;t=50');
    expect(json).toMatchObject({ title: expect.any(String), message: expect.stringContaining('50 s') });
    expect(missing.headers['retry-after']).toBeUndefined();
  });

  test('R22: may have no limit, and is then counted nowhere', async () => {
    const key = await world.makeKey({ rateLimitPerMinute: null });
    const address = newAddress();
    const replies = await sendMany(130, { key, address });
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(limitsOf(replies[0] as never)).toEqual([undefined, undefined, undefined]);
    const other = await world.makeKey({ rateLimitPerMinute: 60 });
    expect((await send({ key: other, address })).headers.ratelimit).toContain('"address";r=119');
  });

  test('that may send more than an address is held by its own limit alone', async () => {
    const key = await world.makeKey({ rateLimitPerMinute: 125 });
    const address = newAddress();
    const replies = await sendMany(126, { key, address });
    expect(replies.map(({ status }) => status)).toEqual([...Array.from({ length: 125 }, () => 200), 429]);
    expect(replies[0]?.headers.ratelimit).toMatch(/^"key";r=124;t=\d+$/);
  });

  test('its requests count before what they ask for is looked at: for what it may not, and what is not valid', async () => {
    const key = await world.makeKey({ rateLimitPerMinute: 2, scopes: ['assets:read'] });
    expect((await send({ key })).status).toBe(403);
    expect((await send({ key, url: '/api/v1/assets?limit=none' })).status).toBe(400);
    expect((await send({ key, url: '/api/v1/assets' })).status).toBe(429);
  });
});

describe('an address', () => {
  test('N6: may send 120 requests a minute with all its keys together, each of which is counted by itself', async () => {
    const keys = [await world.makeKey({ rateLimitPerMinute: 100 }), await world.makeKey({ rateLimitPerMinute: 100 })];
    const address = newAddress();
    for (const key of keys) {
      const replies = await sendMany(60, { key, address });
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    }
    const refused = await send({ key: keys[0] as string, address });
    expect([refused.status, ...limitsOf(refused).slice(0, 2)]).toEqual([429, '120', '0']);
    const elsewhere = await send({ key: keys[0] as string });
    expect(elsewhere).toMatchObject({ status: 200, headers: { 'x-ratelimit-remaining': '38' } });
  });

  test('has its requests without a valid key counted too, so that keys cannot be guessed without end', async () => {
    const address = newAddress();
    const guess = { key: 'flt_live_guessed', address };
    const replies = [...(await sendMany(119, guess)), ...(await sendMany(2, { ...guess, url: '/metrics' }))];
    expect(replies.map(({ status }) => status)).toEqual([...Array.from({ length: 120 }, () => 401), 429]);
    const key = await world.makeKey({ rateLimitPerMinute: null });
    expect((await send({ key, address })).status).toBe(200);
  });

  test('has its requests counted that ask for no version there is, no route or no method of it', async () => {
    const address = newAddress();
    const at = { 'x-forwarded-for': address };
    const replies = [
      await api.call('GET', path, { headers: { ...at, 'accept-version': '9.9.9' } }),
      await api.call('GET', '/people', { headers: at }),
      await send({ address, url: '/api/v1/nothing' }),
      await send({ address, url: path, method: 'PUT' }),
    ];
    const told = replies.map(({ status, headers }) => [status, headers['x-ratelimit-remaining']]);
    expect(told).toEqual([
      [400, '119'],
      [400, '118'],
      [404, '117'],
      [405, '116'],
    ]);
    expect((await send({ address, url: '/nothing' })).headers).not.toHaveProperty('x-ratelimit-remaining');
  });

  test('of IPv6 is a /64, of which one host has as many as it likes', async () => {
    const key = await world.makeKey({ rateLimitPerMinute: 60 });
    await send({ key, address: '2001:db8:0:1::1' });
    expect((await send({ key, address: '2001:db8:0:1:ffff::2' })).headers.ratelimit).toContain('"address";r=118');
    expect((await send({ key, address: '2001:db8:0:2::1' })).headers.ratelimit).toContain('"address";r=119');
  });

  test('is what a proxy says that is trusted, and nobody else', async () => {
    const strict = await startTestApi({ rateLimits: { addressPerMinute: 2 } });
    const { key } = await makeWorld(strict.database);
    const own = { headers: { 'x-forwarded-for': newAddress() } };
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await strict.call('GET', path, own)).status);
    expect(statuses).toEqual([401, 401, 429]);
    expect((await strict.call('GET', path, { ...own, key })).status).toBe(200);
    await strict.close();
  });
});

test('measurements count apart, and for nothing else', async () => {
  const key = await world.makeKey({ rateLimitPerMinute: 1, scopes: ['read', 'write'] });
  const row = { point_id: world.pointId, value: 1, time: '2026-01-01T00:00:00Z' };
  const posted = await sendMany(200, { key, url: '/api/v1/telemetry', method: 'POST', body: row });
  expect(new Set(posted.map(({ status }) => status))).toEqual(new Set([200]));
  expect(posted[0]?.headers.ratelimit).toMatch(/^"ingest";r=199;t=\d+$/);
  expect((await send({ key, url: '/api/v1/telemetry', method: 'POST', body: row })).status).toBe(429);
  expect(await send({ key })).toMatchObject({ status: 200, headers: { 'x-ratelimit-limit': '1' } });
});

test.runIf(hasRedis)(
  `with Redis all processes count together, and while it is away nobody is held up${needsRedis}`,
  async () => {
    const redis = await startRedis();
    const given = { rateLimits: { addressPerMinute: 120, redisUrl: redis.url } };
    const processes = [await api.restart(given), await api.restart(given)] as const;
    const leftOf = async (one: TestApi, key: string) =>
      (await one.call('GET', path, { key })).headers['x-ratelimit-remaining'];
    for (const one of processes) {
      const known = await world.makeKey({ rateLimitPerMinute: 1_000 });
      await eventually('Redis counts', async () => (await leftOf(one, known)) === '999' || undefined);
    }
    const key = await world.makeKey({ rateLimitPerMinute: 5 });
    const left: unknown[] = [];
    for (const i of [0, 1, 0, 1, 0]) left.push(await leftOf(processes[i] as TestApi, key));
    expect(left).toEqual(['4', '3', '2', '1', '0']);
    expect((await processes[1].call('GET', path, { key })).status).toBe(429);
    await redis.stop();
    const startedMs = performance.now();
    expect((await processes[1].call('GET', path, { key })).status).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    for (const one of processes) await one.app.close();
  },
);

test('what people and machines ask of the program itself is not counted', async () => {
  const address = newAddress();
  for (const url of ['/healthz', '/readyz', '/openapi.json', '/problems']) {
    const { headers } = await send({ url, address });
    expect(headers).not.toHaveProperty('x-ratelimit-limit');
  }
});
