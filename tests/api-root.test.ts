import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiVersions } from '../src/api/versions.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

const old = {
  name: '0.9.0',
  releasedOn: '2025-01-01',
  stage: 'stable',
  leaving: { deprecatedAt: new Date('2026-01-01T00:00:00Z'), endsAt: new Date('2030-06-01T00:00:00Z') },
  changes: [{ kind: 'removed', text: 'What nobody used.' }],
} as const;

let api: TestApi;
let world: World;
let nowMs = Date.now();
beforeAll(async () => {
  api = await startTestApi({ versions: [...apiVersions, old], now: () => new Date(nowMs) });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const version = { 'accept-version': '1.0.0' };
const call = (method: string, url: string, body?: unknown, headers: Record<string, string> = version) =>
  api.call(method, url, { key: world.key, headers, ...(body === undefined ? {} : { body }) });

describe('the mount at the root', () => {
  test('N2: Accept-Version is mandatory there, and one that nobody knows is refused', async () => {
    const without = await call('GET', '/people', undefined, {});
    expect([without.status, without.json.error]).toEqual([400, 'version_required']);
    const unknown = await call('GET', '/people', undefined, { 'accept-version': '2.0.0' });
    expect([unknown.status, unknown.json.error]).toEqual([400, 'unsupported_version']);
    for (const name of ['1.0.0', '1.0', '1']) {
      const { status, headers } = await call('GET', '/people', undefined, { 'accept-version': name });
      expect([status, headers['content-version']]).toEqual([200, '1.0.0']);
    }
    expect((await call('GET', '/api/v1/users', undefined, {})).status).toBe(200);
  });

  test('N3: people have integer numbers, which do for an id', async () => {
    const { json, status } = await call('GET', '/people?sort=number');
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(['values', 'nextCursor']);
    const numbers = json.values.map(({ number }: { number: number }) => number);
    expect(numbers).toEqual(numbers.toSorted((one: number, other: number) => one - other));
    expect(numbers.every(Number.isInteger)).toBe(true);
    const [first] = json.values;
    const byNumber = await call('GET', `/people/${first.number}`);
    expect(byNumber.json).toEqual(first);
    expect(byNumber.headers.etag).toBeDefined();
    expect((await call('GET', `/people/${first.id}`)).json).toEqual(first);
  });

  test('N3, N4: PATCH changes what is given, and null unsets', async () => {
    const made = await call('POST', '/people', {
      username: 'kim',
      email: 'kim@betacit.com',
      role: 'technician',
      phone: '12',
    });
    expect(made.status).toBe(201);
    expect(made.headers.location).toBe(`http://127.0.0.1:3000/people/${made.json.id}`);
    const { number } = made.json;
    const renamed = await call('PATCH', `/people/${number}`, { name: 'My updated name' });
    expect(renamed.json).toMatchObject({ number, name: 'My updated name', phone: '12', username: 'kim' });
    expect((await call('PATCH', `/people/${number}`, { phone: null })).json.phone).toBeNull();
    const next = await call('POST', '/people', { username: 'lee', email: 'lee@betacit.com', role: 'viewer' });
    expect(next.json.number).toBe(number + 1);
    expect((await call('DELETE', `/people/${next.json.number}`)).status).toBe(204);
    expect((await call('GET', `/people/${next.json.number}`)).status).toBe(404);
  });

  test('N5: nextCursor leads from page to page, and is null on the last one', async () => {
    const all = (await call('GET', '/people?limit=200')).json.values;
    const seen: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json }: { json: { values: unknown[]; nextCursor: string | null } } = await call(
        'GET',
        `/people?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      expect(json.values.length).toBeLessThanOrEqual(2);
      seen.push(...json.values);
      cursor = json.nextCursor;
    }
    expect(seen).toEqual(all);
    expect(seen.length).toBeGreaterThan(2);
  });

  test('N8: a refusal has a code, a statusCode and a message; a number of another tenant is nobody', async () => {
    const other = await makeWorld(api.database);
    const { json: theirs } = await api.call('GET', '/people?sort=-number', { key: other.key, headers: version });
    expect(theirs.values.length).toBeGreaterThan(0);
    for (const id of ['4711', '99999999999', '0', theirs.values[0].id]) {
      const { status, json } = await call('GET', `/people/${id}`);
      if (status === 400) expect(json.errors[0].pointer).toBe('/id');
      else expect([status, json.error, json.statusCode]).toEqual([404, 'user_not_found', 404]);
      expect(json.message).toBeTypeOf('string');
    }
    const unknown = await api.call('GET', '/people', { headers: version });
    expect([unknown.status, unknown.json.error]).toEqual([401, 'unauthenticated']);
    const wrong = await call('PUT', '/people');
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
  });
});

describe('versions', () => {
  test('one on its way out is answered with when it went and when it ends, and after that it is refused', async () => {
    const asked = { 'accept-version': '0.9' };
    const { status, headers } = await call('GET', '/people', undefined, asked);
    expect([status, headers['content-version']]).toEqual([200, '0.9.0']);
    expect(headers.deprecation).toBe(`@${Date.parse('2026-01-01T00:00:00Z') / 1_000}`);
    expect(headers.sunset).toBe('Sat, 01 Jun 2030 00:00:00 GMT');
    expect((await call('GET', '/people')).headers.sunset).toBeUndefined();
    const before = nowMs;
    nowMs = Date.parse('2030-06-01T00:00:00Z');
    const late = await call('GET', '/api/v1/work-orders', undefined, asked);
    nowMs = before;
    expect([late.status, late.json.error]).toEqual([400, 'unsupported_version']);
  });

  test('N10: who reads the document or the changelog learns that the version is in beta', async () => {
    const { info } = api.app.swagger() as { info: { description: string } };
    expect(info.description).toContain('in beta');
    expect((await api.call('GET', '/changelog')).json.data[0]).toMatchObject({ version: '1.0.0', stage: 'beta' });
  });

  test('the changelog tells of each, to everybody', async () => {
    const { status, json } = await api.call('GET', '/changelog');
    expect(status).toBe(200);
    expect(json.data.map(({ version: name, status: state }: Record<string, string>) => [name, state])).toEqual([
      ['1.0.0', 'current'],
      ['0.9.0', 'deprecated'],
    ]);
    expect(json.data[1]).toMatchObject({ ends_at: '2030-06-01T00:00:00Z', changes: [{ kind: 'removed' }] });
    expect((await api.call('GET', '/version')).json.api_versions).toEqual(['1.0.0', '0.9.0']);
  });
});

describe('the links of calendars and QR codes', () => {
  const id = 'b2c3d4e5-6789-0abc-def1-234567890abc';

  test.each([
    ['work-orders', 'Work order'],
    ['assets', 'Equipment'],
  ])(
    'R21: /%s/{id} is a plain page for whoever comes, which tells what the link tells and how to ask the API',
    async (collection, words) => {
      const { status, headers, text } = await api.call('GET', `/${collection}/${id}`);
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(text).toContain(`<title>${words} ${id}</title>`);
      expect(text).toContain(`http://127.0.0.1:3000/api/v1/${collection}/${id}`);
      expect(text).not.toContain('<script');
      for (const other of ['x', '%3Cscript%3E', `${id}0`]) {
        const { status: refused, json } = await api.call('GET', `/${collection}/${other}`);
        expect([other, refused, json.error]).toEqual([other, 404, 'route_not_found']);
      }
    },
  );

  test('lead to the pages of an installation that has its own', async () => {
    const pages = {
      workOrder: 'https://app.example.com/#/work/{id}?from=calendar',
      asset: 'https://app.example.com/a/{id}',
    };
    const own = await api.restart({ pages });
    for (const [path, place] of [
      [`/work-orders/${id}`, `https://app.example.com/#/work/${id}?from=calendar`],
      [`/assets/${id}/`, `https://app.example.com/a/${id}`],
    ] as const) {
      const { status, headers } = await own.call('GET', path);
      expect([status, headers.location]).toEqual([302, place]);
    }
    expect((await own.call('GET', '/assets/..%2F..')).status).toBe(404);
    await own.app.close();
  });

  test('the link that a calendar has is one of them', async () => {
    const { json } = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
    const { text } = await api.call('GET', '/api/v1/calendar.ics', { key: world.key });
    const [link = ''] = text.replace(/\r\n[ \t]/g, '').match(/(?<=URL;VALUE=URI:).*work-orders.*/) ?? [];
    expect(link).toBe(`http://127.0.0.1:3000/work-orders/${json.data.id}`);
    expect((await api.call('GET', new URL(link).pathname)).status).toBe(200);
  });
});
