import { once } from 'node:events';
import { connect } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusalList } from '../src/platform/refusal-list.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const sitePath = '/api/v1/sites/ucl-east-campus/work-orders/';
const json = { 'content-type': 'application/json' };

describe('errors', () => {
  test('N8: every error has the one body, as application/problem+json, with the code of the list', async () => {
    const { key } = world;
    const big = JSON.stringify({ title: 'x', description: 'y'.repeat(1_100_000) });
    const replies = {
      unauthenticated: await api.call('GET', path),
      validation_failed: await api.call('POST', path, { key, body: {} }),
      malformed_json: await api.call('POST', path, { key, payload: '{"title":', headers: json }),
      unsupported_version: await api.call('GET', path, { key, headers: { 'accept-version': '2.0.0' } }),
      cursor_invalid: await api.call('GET', `${path}?cursor=made-up`, { key }),
      work_order_not_found: await api.call('GET', `${path}/b2c3d4e5-6789-0abc-def1-234567890abc`, { key }),
      site_not_found: await api.call('GET', '/api/v1/sites/nowhere/work-orders/', { key }),
      route_not_found: await api.call('GET', '/api/v1/nothing', { key }),
      method_not_allowed: await api.call('PUT', path, { key, body: {} }),
      body_too_large: await api.call('POST', path, { key, payload: big, headers: json }),
      media_type_unsupported: await api.call('POST', path, {
        key,
        payload: 'a=b',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      malformed_request: await api.call('GET', `${path}/%E0%A4%A`, { key }),
      uri_too_long: await api.call('GET', `${path}/${'a'.repeat(300)}`, { key }),
    };
    for (const [code, reply] of Object.entries(replies)) {
      const { status, title } = refusalList[code as keyof typeof refusalList];
      const { detail } = reply.json;
      expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect({ ...reply.json, request_id: reply.headers['x-request-id'] }).toEqual({
        type: `http://127.0.0.1:3000/problems/${code}`,
        title,
        status,
        detail,
        instance: expect.stringMatching(/^\//),
        error: code,
        statusCode: status,
        message: detail,
        request_id: reply.json.request_id,
        errors: reply.json.errors,
      });
      expect(reply.status).toBe(status);
      expect(detail).toMatch(/\S/);
    }
  });

  test('405 names in Allow what the path has', async () => {
    expect((await api.call('PUT', path, { key: world.key })).headers.allow).toBe('GET, HEAD, POST');
    const member = `${sitePath}b2c3d4e5-6789-0abc-def1-234567890abc/`;
    expect((await api.call('POST', member, { key: world.key, body: {} })).headers.allow).toBe(
      'DELETE, GET, HEAD, PATCH',
    );
    expect((await api.call('DELETE', '/api/v1/assets')).headers.allow).toBe('GET, HEAD, POST');
  });

  test('an unknown path is 404 whatever its body is, and without a key', async () => {
    const reply = await api.call('POST', '/nowhere', { payload: 'a', headers: { 'content-type': 'text/plain' } });
    expect(reply).toMatchObject({ status: 404, json: { error: 'route_not_found' } });
  });

  test('a wrong body names every wrong part by its pointer', async () => {
    const body = { priority: 'x', metadata: 7, 'a/b~c': 1, due_date: 5, assigned_to: 'me' };
    const { json } = await api.call('POST', path, { key: world.key, body });
    const found = Object.fromEntries(
      json.errors.map((error: { pointer: string; code: string }) => [error.pointer, error.code]),
    );
    expect(found).toEqual({
      '/title': 'required',
      '/priority': 'invalid',
      '/metadata': 'invalid_type',
      '/a~1b~0c': 'unknown',
      '/due_date': 'invalid_type',
      '/assigned_to': 'invalid',
    });
    expect(json.errors.find(({ pointer }: { pointer: string }) => pointer === '/due_date').message).toBe(
      'has the wrong type',
    );
  });

  test('every kind of error has a page at its type', async () => {
    const { json } = await api.call('GET', '/problems');
    expect(json.data.map((kind: { error: string }) => kind.error)).toEqual(Object.keys(refusalList));
    for (const { type, error } of json.data) {
      const page = await api.call('GET', new URL(type).pathname);
      expect(page.json.data.error).toBe(error);
    }
    for (const name of ['nothing', 'constructor'])
      expect((await api.call('GET', `/problems/${name}`)).status).toBe(404);
  });

  test('what is not HTTP is answered with the one body too', async () => {
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(address).port) });
    socket.end('GET / HTTP/1.1\r\nHost: a\r\nbad header line\r\n\r\n');
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      answer += piece;
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\nContent-Type: application\/problem\+json/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      error: 'malformed_request',
      statusCode: 400,
    });
  });

  test('a short, plain X-Request-Id of the client is kept; any other is replaced', async () => {
    const kept = await api.call('GET', path, { headers: { 'x-request-id': 'abc-1' } });
    expect([kept.headers['x-request-id'], kept.json.request_id]).toEqual(['abc-1', 'abc-1']);
    for (const id of ['a b', 'x'.repeat(65), '<script>']) {
      expect((await api.call('GET', path, { headers: { 'x-request-id': id } })).headers['x-request-id']).toMatch(
        /^[0-9a-f-]{36}$/,
      );
    }
  });
});

describe('versions', () => {
  test.each(['1', '1.0', '1.0.0'])('N2: Accept-Version %s is answered with Content-Version 1.0.0', async (version) => {
    const reply = await api.call('GET', path, { key: world.key, headers: { 'accept-version': version } });
    expect([reply.status, reply.headers['content-version']]).toEqual([200, '1.0.0']);
  });

  test('N2: an unknown version is 400 also on writes, which then write nothing', async () => {
    const headers = { 'accept-version': '9' };
    const reply = await api.call('POST', path, { key: world.key, body: { title: 'never' }, headers });
    expect(reply).toMatchObject({ status: 400, json: { error: 'unsupported_version' } });
    const { json } = await api.call('GET', path, { key: world.key });
    expect(JSON.stringify(json)).not.toContain('never');
  });
});

describe('pages', () => {
  const titles = (reply: { json: { data: { title: string }[] } }) => reply.json.data.map(({ title }) => title);

  test('R7 R8 N5: cursor and offset walk the same list, each item once, the last page without a cursor', async () => {
    const { key, seen: all } = await makeTenantWith(7);
    for (const limit of [1, 2, 3, 7, 8]) {
      const seen: string[] = [];
      let query = `limit=${limit}`;
      for (let pages = 0; pages < 10; pages += 1) {
        const reply = await api.call('GET', `${path}?${query}`, { key });
        expect(reply.json).toMatchObject({ total: 7, limit, offset: seen.length });
        seen.push(...titles(reply));
        if (reply.json.nextCursor === null) break;
        query = `limit=${limit}&cursor=${reply.json.nextCursor}`;
      }
      expect(seen).toEqual(all);
    }
    expect(titles(await api.call('GET', `${path}?limit=3&offset=5`, { key }))).toEqual(all.slice(5));
    expect(titles(await api.call('GET', `${path}?offset=999999999`, { key }))).toEqual([]);
  });

  test('behind a cursor nothing is repeated or left out when new items come in between', async () => {
    const { key, seen: all } = await makeTenantWith(4);
    const first = await api.call('GET', `${path}?limit=2`, { key });
    await api.call('POST', path, { key, body: { title: 'new' } });
    const second = await api.call('GET', `${path}?limit=2&cursor=${first.json.nextCursor}`, { key });
    expect([...titles(first), ...titles(second)]).toEqual(all);
  });

  test.each([
    [0, 'the same microsecond'],
    [1, 'the same millisecond, microseconds apart'],
  ])('items that were created %i µs apart, in %s, are all seen, in order', async (apart) => {
    const { key, tenantId, seen } = await makeTenantWith(5);
    const createdAt = sql<Date>`${now}::timestamptz + number * ${apart} * interval '1 microsecond'`;
    const { db } = api.database;
    await db.updateTable('work_order').set({ created_at: createdAt }).where('tenant_id', '=', tenantId).execute();
    const found: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 5; pages += 1) {
      const reply = await api.call('GET', `${path}?limit=1${cursor}`, { key });
      found.push(...titles(reply));
      cursor = `&cursor=${reply.json.nextCursor}`;
    }
    // Ids of version 7 rise with time, so they keep the order where instants do not tell.
    expect(found).toEqual(seen);
  });

  test('cursor and offset together are 400', async () => {
    const { key } = await makeTenantWith(2);
    const { json } = await api.call('GET', `${path}?limit=1`, { key });
    for (const offset of [0, 1]) {
      const reply = await api.call('GET', `${path}?cursor=${json.nextCursor}&offset=${offset}`, { key });
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer: '/cursor', code: 'conflict' }] } });
    }
  });

  test('a cursor opens only the list, the filter and the tenant it was made for, and cannot be made up', async () => {
    const { key } = await makeTenantWith(2);
    const other = await makeTenantWith(2);
    const cursor = (await api.call('GET', `${path}?limit=1`, { key })).json.nextCursor;
    const [payload = '', mac = ''] = cursor.split('.');
    const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace(/2026/, '2027')).toString(
      'base64url',
    );
    const refused = [
      api.call('GET', `${path}?limit=1&status=open&cursor=${cursor}`, { key }),
      api.call('GET', `${path}?cursor=${cursor}`, { key: other.key }),
      api.call('GET', `/api/v1/assets?cursor=${cursor}`, { key }),
      api.call('GET', `${sitePath}?cursor=${cursor}`, { key }),
      api.call('GET', `${path}?cursor=${forged}.${mac}`, { key }),
      api.call('GET', `${path}?cursor=${payload}`, { key }),
      api.call('GET', `${path}?cursor=${payload}.${mac}.x`, { key }),
      api.call('GET', `${path}?cursor=`, { key }),
    ];
    for (const reply of await Promise.all(refused)) {
      expect(reply).toMatchObject({ status: 400, json: { error: 'cursor_invalid' } });
    }
    expect((await api.call('GET', `${path}?limit=5&cursor=${cursor}`, { key })).status).toBe(200);
  });
});

describe('conditional requests', () => {
  test('If-Match: the present ETag lets a change through, a former one is 412, and * always does', async () => {
    const { key } = world;
    const { json, headers } = await api.call('POST', path, { key, body: { title: 'x' } });
    const one = `${path}/${json.data.id}`;
    expect((await api.call('GET', one, { key })).headers.etag).toBe(headers.etag);
    const etag = String(headers.etag);
    const change = (ifMatch: string) =>
      api.call('PATCH', one, { key, body: { title: 'y' }, headers: { 'if-match': ifMatch } });
    const changed = await change(etag);
    expect(changed.status).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
    const refused = await change(etag);
    expect(refused).toMatchObject({ status: 412, json: { error: 'precondition_failed' } });
    expect(refused.headers.etag).toBe(changed.headers.etag);
    expect((await change(`W/${changed.headers.etag}`)).status).toBe(412);
    expect((await change(`"other", ${changed.headers.etag}`)).status).toBe(200);
    expect((await change('*')).status).toBe(200);
    expect((await api.call('DELETE', one, { key, headers: { 'if-match': etag } })).status).toBe(412);
    expect((await api.call('DELETE', one, { key, headers: { 'if-match': '*' } })).status).toBe(204);
  });

  test('of twenty changes with one ETag at once, one wins and the others are 412', async () => {
    const { key } = world;
    const { json, headers } = await api.call('POST', path, { key, body: { title: 'x' } });
    const send = (_: unknown, index: number) =>
      api.call('PATCH', `${path}/${json.data.id}`, {
        key,
        body: { title: `y${index}` },
        headers: { 'if-match': String(headers.etag) },
      });
    const statuses = (await Promise.all(Array.from({ length: 20 }, send))).map((reply) => reply.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
  });

  test('If-None-Match with the present ETag is 304 without a body', async () => {
    const { key } = world;
    for (const one of [`/api/v1/assets/${world.ahuId}`, '/api/v1/sites/plant']) {
      const { headers } = await api.call('GET', one, { key });
      const again = await api.call('GET', one, { key, headers: { 'if-none-match': `W/${headers.etag}` } });
      expect([again.status, again.text, again.headers.etag]).toEqual([304, '', headers.etag]);
      expect((await api.call('GET', one, { key, headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    }
  });
});

async function makeTenantWith(count: number) {
  const { key, tenantId } = await makeWorld(api.database);
  const seen: string[] = [];
  for (let index = 0; index < count; index += 1) {
    now = new Date(now.getTime() + 1000);
    await api.call('POST', path, { key, body: { title: `number ${index}` } });
    seen.unshift(`number ${index}`);
  }
  return { key, tenantId, seen };
}
