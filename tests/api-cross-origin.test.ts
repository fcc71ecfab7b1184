import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let closed: TestApi;
let listed: TestApi;
let any: TestApi;
let world: World;
beforeAll(async () => {
  closed = await startTestApi();
  world = await makeWorld(closed.database);
  const over = { database: closed.database };
  listed = await startTestApi({ ...over, corsOrigins: ['https://app.example.com', 'http://localhost:5173'] });
  any = await startTestApi({ ...over, corsOrigins: ['*'] });
});
afterAll(async () => {
  for (const api of [listed, any, closed]) await api.close();
});

const path = '/api/v1/work-orders';
const app = 'https://app.example.com';

function preflight(api: TestApi, origin: string, url = path) {
  const headers = { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'if-match' };
  return api.call('OPTIONS', url, { headers });
}

function corsOf({ headers }: { headers: object }) {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'));
}

describe('pages of other origins', () => {
  test('are let in nowhere unless a setting says so', async () => {
    const asked = await preflight(closed, app);
    expect([asked.status, corsOf(asked)]).toEqual([405, []]);
    const got = await closed.call('GET', path, { key: world.key, headers: { origin: app } });
    expect([got.status, corsOf(got), got.headers.vary]).toEqual([200, [], undefined]);
  });

  test.each([
    [app, 204],
    ['http://localhost:5173', 204],
    ['https://app.example.com.evil.example', 405],
    ['http://app.example.com', 405],
    ['null', 405],
  ])('a preflight of %s is %d where a list says who is let in', async (origin, status) => {
    const asked = await preflight(listed, origin);
    expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([
      status,
      status === 204 ? origin : undefined,
    ]);
    expect(asked.headers.vary).toContain('Origin');
    if (status !== 204) return;
    expect(asked.headers['access-control-allow-methods']).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
    for (const name of ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'Accept-Version'])
      expect(asked.headers['access-control-allow-headers']).toContain(name);
    expect(asked.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  test('may read what the answer says beside its body: versions, pages, limits, the id of the request', async () => {
    const { headers } = await listed.call('GET', path, { key: world.key, headers: { origin: app } });
    expect(headers['access-control-allow-origin']).toBe(app);
    const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(', ');
    const shown = [
      'etag',
      'location',
      'link',
      'x-total-count',
      'x-next-cursor',
      'x-ratelimit-remaining',
      'retry-after',
    ];
    expect(exposed).toEqual(expect.arrayContaining([...shown, 'x-request-id', 'content-version', 'ratelimit']));
  });

  test('may read refusals, so that a page can say what was wrong', async () => {
    for (const [url, status] of [
      [path, 401],
      ['/api/v1/nowhere', 404],
    ] as const) {
      const refused = await listed.call('GET', url, { headers: { origin: app } });
      expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([status, app]);
    }
    const stranger = await listed.call('GET', path, { key: world.key, headers: { origin: 'https://evil.example' } });
    expect([stranger.status, corsOf(stranger), stranger.headers.vary]).toEqual([200, [], 'Origin']);
  });

  test('are all let in by *, without a word on who they are', async () => {
    const asked = await preflight(any, 'https://anywhere.example', '/api/v1/sites/plant/work-orders/');
    expect([asked.status, asked.headers['access-control-allow-origin'], asked.headers.vary]).toEqual([
      204,
      '*',
      undefined,
    ]);
  });

  test('OPTIONS that is no preflight is answered as ever', async () => {
    const reply = await listed.call('OPTIONS', path, { headers: { origin: app } });
    expect([reply.status, reply.headers.allow]).toEqual([405, expect.stringContaining('GET')]);
  });
});

describe('every answer', () => {
  test.each([
    ['a list', path, 200],
    ['a refusal', '/api/v1/nowhere', 404],
    ['the document', '/openapi.json', 200],
  ])(
    '%s says that it is no page, is what it says, goes into no frame and into no shared cache',
    async (_, url, status) => {
      const { status: got, headers } = await closed.call('GET', url, { key: world.key });
      expect(got).toBe(status);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'strict-transport-security': expect.stringContaining('max-age='),
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).not.toHaveProperty('x-powered-by');
      if (url.startsWith('/api/')) expect(headers['cache-control']).toMatch(/private|no-store/);
    },
  );
});
